//! What lets somebody in for a while: tokens, tickets, codes by SMS, and the count of failed logins.
use subtle::ConstantTimeEq;
use yunfa_signaling::{
    ids::{CitizenId, LawyerId, StaffId},
    time::Timestamp,
    words::Role,
};

use super::{
    StorageError, Store,
    error::is_taken,
    keys::Realm,
    row::{Columns, statements},
};
use crate::domain::people::{Subject, words};

/// Wrong codes after which a new one must be asked for.
pub const SMS_TRIES: i64 = 5;

statements! {
    INSERT_TOKEN = "INSERT INTO tokens (hash, kind, door, subject_kind, subject, created_at, expires_at, beside) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// The role of staff is read now, not when the token was made: who was moved has the new rights at once. An account
    /// that was closed opens nothing.
    TOKEN = "SELECT t.subject AS id, t.kind, t.door, t.subject_kind, t.subject, t.expires_at, t.beside, s.role AS role FROM tokens t \
        LEFT JOIN staff s ON t.subject_kind = 'STAFF' AND s.id = t.subject \
        LEFT JOIN accounts a ON (t.subject_kind = 'STAFF' AND a.staff = t.subject) OR (t.subject_kind = 'LAWYER' AND a.lawyer = t.subject) \
        WHERE t.hash = $1 AND t.expires_at > $2 AND t.revoked_at IS NULL AND a.disabled_at IS NULL";
    REVOKE_TOKEN = "UPDATE tokens SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL";
    EXTEND_TOKEN = "UPDATE tokens SET expires_at = $2 WHERE hash = $1 AND revoked_at IS NULL AND expires_at < $2";
    REVOKE_ALL = "UPDATE tokens SET revoked_at = $2 WHERE subject = $1 AND revoked_at IS NULL";
    INSERT_FAILURE = "INSERT INTO login_attempts (id, subject_ref, at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    COUNT_FAILURES = "SELECT COUNT(*) AS n FROM login_attempts WHERE subject_ref = $1 AND at > $2";
    FORGET_FAILURES = "DELETE FROM login_attempts WHERE subject_ref = $1";
    PUT_CODE = "INSERT INTO sms_codes (citizen, phone_ref, code_ref, tries, created_at, expires_at) VALUES ($1, $2, $3, 0, $4, $5) \
        ON CONFLICT (citizen) DO UPDATE SET phone_ref = excluded.phone_ref, code_ref = excluded.code_ref, tries = 0, \
        created_at = excluded.created_at, expires_at = excluded.expires_at";
    TRY_CODE = "UPDATE sms_codes SET tries = tries + 1 WHERE citizen = $1 AND phone_ref = $2 AND expires_at > $3 AND tries < $4 \
        RETURNING citizen AS id, code_ref, tries";
    DROP_CODE = "DELETE FROM sms_codes WHERE citizen = $1";
    PURGE_TOKENS = "DELETE FROM tokens WHERE expires_at < $1";
    PURGE_CODES = "DELETE FROM sms_codes WHERE expires_at < $1";
    PURGE_INVITATIONS = "DELETE FROM invitations WHERE expires_at < $1";
    PURGE_FAILURES = "DELETE FROM login_attempts WHERE at < $1";
}

words! {
    /// How a token travels.
    TokenKind {
        /// In a cookie of a page.
        Cookie = "COOKIE",
        /// In the `Authorization` header of a program.
        Bearer = "BEARER",
        /// In the first message of one socket; used once.
        Ticket = "TICKET",
    }

    /// By which page its owner came in.
    Door {
        /// `/`.
        Citizen = "CITIZEN",
        /// `/lawyer/`.
        Lawyer = "LAWYER",
        /// `/office/`.
        Office = "OFFICE",
    }
}

/// A token to be kept; only its hash ([`token_hash`](super::keys::token_hash)) is.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// How it travels.
    pub kind: TokenKind,
    /// By which page its owner came in.
    pub door: Door,
    /// Whose it is.
    pub subject: Subject,
    /// The lawyer who is signed in in the same browser.
    pub beside: Option<LawyerId>,
    /// When it stops.
    pub expires_at: Timestamp,
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOwner {
    /// Whose it is, with the role as it is now.
    pub subject: Subject,
    /// How it travels.
    pub kind: TokenKind,
    /// By which page its owner came in.
    pub door: Door,
    /// The lawyer who was signed in in the same browser.
    pub beside: Option<LawyerId>,
    /// When it stops.
    pub expires_at: Timestamp,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeCheck {
    /// It is the one; it is used up.
    Right,
    /// It is not, and so many tries are left.
    Wrong {
        /// Tries left.
        left: u32,
    },
    /// No code of this number is open: none was sent, it is too old, or it was tried too often.
    NoCode,
}

/// Whose failed logins are counted.
#[derive(Clone, Copy, Debug)]
pub enum LoginSubject<'a> {
    /// An account, by the name that was typed, whether there is one or not.
    Account(&'a str),
    /// A network address.
    Address(&'a str),
}

impl Store {
    /// Keeps a token.
    pub async fn add_token(&self, new: &NewToken, now: Timestamp) -> Result<(), StorageError> {
        let done = sqlx::query(INSERT_TOKEN)
            .bind(new.hash.to_vec())
            .bind(new.kind.as_str())
            .bind(new.door.as_str())
            .bind(subject_kind(new.subject))
            .bind(new.subject.id())
            .bind(now.0)
            .bind(new.expires_at.0)
            .bind(new.beside.map(|lawyer| lawyer.to_string()))
            .execute(self.write())
            .await;
        match done {
            Err(error) if is_taken(&error) => Err(StorageError::Duplicate("the token")),
            done => Ok(done.map(drop)?),
        }
    }

    /// Whose token this is; `None` when it is unknown, too old, revoked, used, or its account was closed.
    pub async fn token(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<TokenOwner>, StorageError> {
        let row = sqlx::query(TOKEN).bind(hash.to_vec()).bind(now.0).fetch_optional(self.read()).await?;
        let Some(row) = row else { return Ok(None) };
        let of = Columns::of("tokens", &row);
        let subject = match of.text("subject_kind")?.as_str() {
            "CITIZEN" => Subject::Citizen(of.parsed::<CitizenId>("subject")?),
            "LAWYER" => Subject::Lawyer(of.parsed::<LawyerId>("subject")?),
            "STAFF" => match of.opt_parsed::<Role>("role")? {
                Some(role) => Subject::Staff(of.parsed::<StaffId>("subject")?, role),
                // Whoever left the office has no row and no rights.
                None => return Ok(None),
            },
            other => return Err(of.wrong("subject_kind", format!("`{other}` is nobody"))),
        };
        Ok(Some(TokenOwner {
            subject,
            kind: of.parsed("kind")?,
            door: of.parsed("door")?,
            beside: of.opt_parsed("beside")?,
            expires_at: of.time("expires_at")?,
        }))
    }

    /// Uses a ticket up: of any number of callers at once exactly one gets its owner.
    pub async fn take_ticket(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<TokenOwner>, StorageError> {
        match self.token(hash, now).await? {
            Some(owner) if owner.kind == TokenKind::Ticket && self.revoke_token(hash, now).await? => Ok(Some(owner)),
            _ => Ok(None),
        }
    }

    /// Revokes a token; `false` when there is none to revoke.
    pub async fn revoke_token(&self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError> {
        let done = sqlx::query(REVOKE_TOKEN).bind(hash.to_vec()).bind(now.0).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets a token live longer; `false` when it is revoked, or lives longer already.
    pub async fn extend_token(&self, hash: &[u8; 32], expires_at: Timestamp) -> Result<bool, StorageError> {
        let done = sqlx::query(EXTEND_TOKEN).bind(hash.to_vec()).bind(expires_at.0).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Revokes every token of somebody and says how many there were.
    pub async fn revoke_all(&self, subject: Subject, now: Timestamp) -> Result<u64, StorageError> {
        let done = sqlx::query(REVOKE_ALL).bind(subject.id()).bind(now.0).execute(self.write()).await?;
        Ok(done.rows_affected())
    }

    /// Counts one failed login. `id` is minted by the caller and makes the count one even when it is written twice.
    pub async fn add_login_failure(
        &self,
        id: uuid::Uuid,
        who: LoginSubject<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(INSERT_FAILURE).bind(id.to_string()).bind(self.login_ref(who)).bind(now.0);
        query.execute(self.write()).await?;
        Ok(())
    }

    /// Failed logins since `since`.
    pub async fn login_failures(&self, who: LoginSubject<'_>, since: Timestamp) -> Result<u32, StorageError> {
        let row = sqlx::query(COUNT_FAILURES).bind(self.login_ref(who)).bind(since.0).fetch_one(self.read()).await?;
        Columns::of("login_attempts", &row).count("n")
    }

    /// Forgets the failures of an account whose owner has come in.
    pub async fn forget_login_failures(&self, who: LoginSubject<'_>) -> Result<(), StorageError> {
        sqlx::query(FORGET_FAILURES).bind(self.login_ref(who)).execute(self.write()).await?;
        Ok(())
    }

    /// Keeps the code that was sent to `phone`; an earlier one of this citizen is void.
    pub async fn put_sms_code(
        &self,
        citizen: CitizenId,
        phone: &str,
        code: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(PUT_CODE)
            .bind(citizen.to_string())
            .bind(self.keys().reference(Realm::Phone, phone))
            .bind(self.code_ref(citizen, phone, code))
            .bind(now.0)
            .bind(expires_at.0)
            .execute(self.write())
            .await?;
        Ok(())
    }

    /// Tries a code. Each try is counted before it is compared, so that trying in parallel gives no more tries.
    pub async fn try_sms_code(
        &self,
        citizen: CitizenId,
        phone: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<CodeCheck, StorageError> {
        let row = sqlx::query(TRY_CODE)
            .bind(citizen.to_string())
            .bind(self.keys().reference(Realm::Phone, phone))
            .bind(now.0)
            .bind(SMS_TRIES)
            .fetch_optional(self.write())
            .await?;
        let Some(row) = row else { return Ok(CodeCheck::NoCode) };
        let of = Columns::of("sms_codes", &row);
        let right = of.text("code_ref")?;
        if !bool::from(right.as_bytes().ct_eq(self.code_ref(citizen, phone, code).as_bytes())) {
            let left = u32::try_from(SMS_TRIES - of.int("tries")?).unwrap_or(0);
            return Ok(CodeCheck::Wrong { left });
        }
        sqlx::query(DROP_CODE).bind(citizen.to_string()).execute(self.write()).await?;
        Ok(CodeCheck::Right)
    }

    /// Deletes tokens, codes and invitations that expired before `before`, and failures older than that; says how many rows went.
    pub async fn purge_credentials(&self, before: Timestamp) -> Result<u64, StorageError> {
        let mut gone = 0;
        for statement in [PURGE_TOKENS, PURGE_CODES, PURGE_INVITATIONS, PURGE_FAILURES] {
            gone += sqlx::query(statement).bind(before.0).execute(self.write()).await?.rows_affected();
        }
        Ok(gone)
    }

    fn login_ref(&self, who: LoginSubject<'_>) -> String {
        match who {
            LoginSubject::Account(user) => self.keys().reference(Realm::Account, user),
            LoginSubject::Address(address) => self.keys().reference(Realm::Address, address),
        }
    }

    fn code_ref(&self, citizen: CitizenId, phone: &str, code: &str) -> String {
        self.keys().reference(Realm::Code, &format!("{citizen}/{phone}/{code}"))
    }
}

const fn subject_kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Citizen(_) => "CITIZEN",
        Subject::Lawyer(_) => "LAWYER",
        Subject::Staff(..) => "STAFF",
    }
}
