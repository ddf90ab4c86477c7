//! Invitations: a code that the office hands over, with which a person sets name and password, once.
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    ids::{LawyerId, StaffId},
    private::PersonName,
    time::Timestamp,
    words::Role,
};

use super::{
    AuditNote, StorageError, Store, audit,
    error::is_taken,
    row::{Columns, statements},
};
use crate::domain::people::{Qualification, Subject};

statements! {
    PUT = "INSERT INTO invitations (hash, lawyer, staff, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    WITHDRAW = "UPDATE invitations SET used_at = $2 WHERE (lawyer = $1 OR staff = $1) AND used_at IS NULL";
    LOOK = "SELECT i.lawyer, i.staff, l.name AS lawyer_name, s.name AS staff_name, s.role, l.qualification, a.user_name, a.disabled_at \
        FROM invitations i LEFT JOIN lawyers l ON l.id = i.lawyer LEFT JOIN staff s ON s.id = i.staff \
        LEFT JOIN accounts a ON (a.lawyer = i.lawyer OR a.staff = i.staff) WHERE i.hash = $1 AND i.used_at IS NULL AND i.expires_at > $2";
    USE = "UPDATE invitations SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2";
    OPEN_ACCOUNT = "INSERT INTO accounts (id, user_name, lawyer, staff, password_hash, totp_last_step, created_at) VALUES ($1, $2, $3, $4, $5, -1, $6)";
    /// Whoever holds the office's code is the person: a second factor that was lost goes too.
    RENEW_ACCOUNT = "UPDATE accounts SET password_hash = $2, totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = -1 \
        WHERE (lawyer = $1 OR staff = $1) AND disabled_at IS NULL";
    REVOKE_TOKENS = "UPDATE tokens SET revoked_at = $2 WHERE subject = $1 AND revoked_at IS NULL";
}

/// An invitation to be kept; only the hash of its code is.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// SHA-256 of the code.
    pub hash: [u8; 32],
    /// Who is invited: a lawyer or a firm's administrator.
    pub subject: Subject,
    /// When it stops.
    pub expires_at: Timestamp,
}

/// Whom a code invites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// Who.
    pub subject: Subject,
    /// The person's name.
    pub name: PersonName,
    /// The name typed at login, of a person who has one already.
    pub user: Option<String>,
}

/// What came of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// There is a login now, under this name.
    Done {
        /// Whose.
        invited: Invited,
        /// The name to be typed.
        user: String,
    },
    /// The code is unknown, used or too old; which of them is not said.
    NoCode,
    /// Somebody else has that name; the code is still good.
    UserTaken,
}

impl Store {
    /// Invites a person; what was sent before is void.
    pub async fn invite(&self, invitation: &NewInvitation, actor: &str, now: Timestamp) -> Result<(), StorageError> {
        let object = invitation.subject.id();
        let mut tx = self.begin().await?;
        withdraw(&mut tx, &object, now).await?;
        put(&mut tx, invitation, now).await?;
        let note = AuditNote {
            actor,
            action: "account.invited",
            object_kind: kind(invitation.subject),
            object: &object,
            hash: [0; 32],
        };
        audit::append(&mut tx, &note, now).await?;
        Ok(tx.commit().await?)
    }

    /// Whom this code invites, while it is good.
    pub async fn invited(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Invited>, StorageError> {
        let row = sqlx::query(LOOK).bind(hash.to_vec()).bind(now.0).fetch_optional(self.read()).await?;
        row.as_ref().map(|row| invited(&Columns::of("invitations", row))).transpose().map(Option::flatten)
    }

    /// Opens the login, or gives an old one a new password, and uses the code up. Whoever was signed in is signed out.
    pub async fn activate(
        &self,
        hash: &[u8; 32],
        user: &str,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<Activated, StorageError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(LOOK).bind(hash.to_vec()).bind(now.0).fetch_optional(&mut *tx).await?;
        let found = row.as_ref().map(|row| invited(&Columns::of("invitations", row))).transpose()?.flatten();
        let Some(invited) = found else { return Ok(Activated::NoCode) };
        // Of two who use one code at once the second finds it used.
        if sqlx::query(USE).bind(hash.to_vec()).bind(now.0).execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Activated::NoCode);
        }
        let id = invited.subject.id();
        let user = match &invited.user {
            Some(known) => {
                sqlx::query(RENEW_ACCOUNT).bind(&id).bind(password_hash).execute(&mut *tx).await?;
                known.clone()
            }
            None => {
                let (lawyer, staff) = columns(invited.subject);
                let query = sqlx::query(OPEN_ACCOUNT).bind(&id).bind(user).bind(lawyer).bind(staff);
                match query.bind(password_hash).bind(now.0).execute(&mut *tx).await {
                    Err(error) if is_taken(&error) => return Ok(Activated::UserTaken),
                    done => done?,
                };
                user.to_owned()
            }
        };
        sqlx::query(REVOKE_TOKENS).bind(&id).bind(now.0).execute(&mut *tx).await?;
        let note = AuditNote {
            actor: &id,
            action: "account.activated",
            object_kind: kind(invited.subject),
            object: &id,
            hash: [0; 32],
        };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Activated::Done { invited, user })
    }
}

/// Keeps an invitation.
pub(super) async fn put(
    tx: &mut Transaction<'static, Any>,
    invitation: &NewInvitation,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (lawyer, staff) = columns(invitation.subject);
    let query = sqlx::query(PUT).bind(invitation.hash.to_vec()).bind(lawyer).bind(staff).bind(now.0);
    match query.bind(invitation.expires_at.0).execute(&mut **tx).await {
        Err(error) if is_taken(&error) => Err(StorageError::Duplicate("the invitation")),
        done => Ok(done.map(drop)?),
    }
}

/// Makes every invitation of somebody void.
pub(super) async fn withdraw(
    tx: &mut Transaction<'static, Any>,
    person: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    sqlx::query(WITHDRAW).bind(person).bind(now.0).execute(&mut **tx).await?;
    Ok(())
}

fn columns(subject: Subject) -> (Option<String>, Option<String>) {
    match subject {
        Subject::Lawyer(id) => (Some(id.to_string()), None),
        Subject::Staff(id, _) => (None, Some(id.to_string())),
        Subject::Citizen(_) => (None, None),
    }
}

const fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Lawyer(_) => "lawyer",
        Subject::Staff(..) => "staff",
        Subject::Citizen(_) => "citizen",
    }
}

/// Nobody whose login was closed, or who was removed, is let in by an old code.
fn invited(of: &Columns<'_>) -> Result<Option<Invited>, StorageError> {
    let lawyer: Option<LawyerId> = of.opt_parsed("lawyer")?;
    let staff: Option<StaffId> = of.opt_parsed("staff")?;
    let user = of.opt_text("user_name")?;
    if of.opt_time("disabled_at")?.is_some() {
        return Ok(None);
    }
    let (subject, name) = match (lawyer, staff) {
        (Some(lawyer), None) => {
            if !of.parsed::<Qualification>("qualification")?.may_sign_in() {
                return Ok(None);
            }
            (Subject::Lawyer(lawyer), of.text("lawyer_name")?)
        }
        (None, Some(staff)) => (Subject::Staff(staff, of.parsed::<Role>("role")?), of.text("staff_name")?),
        _ => return Err(of.wrong("lawyer", "an invitation is for one person")),
    };
    Ok(Some(Invited { subject, name: PersonName::new(name), user }))
}
