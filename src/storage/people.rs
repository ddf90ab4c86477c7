//! People: citizens, lawyers, the office and their accounts.
use sqlx::{AnyConnection, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, LawyerId, StaffId},
    private::PersonName,
    time::Timestamp,
    words::{IdentityMode, PracticeArea, Role},
};

use super::{
    StorageError, Store,
    error::is_taken,
    keys::{Place, Realm, Sealed},
    row::{Columns, statements},
};
use crate::domain::people::{Citizen, Lawyer, Subject};

statements! {
    INSERT_CITIZEN = "INSERT INTO citizens (id, ref, alias, identity_mode, consent_version, consent_at, entry_source, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $6)";
    CITIZEN = "SELECT id, alias, identity_mode, consent_version, entry_source FROM citizens WHERE id = $1";
    SET_PHONE = "UPDATE citizens SET identity_mode = $2, phone_sealed = $3, phone_ref = $4, ref = $4 WHERE id = $1";
    PHONE = "SELECT id, phone_sealed FROM citizens WHERE id = $1";
    LAWYER = "SELECT id, name, pool, area, qualification FROM lawyers WHERE id = $1";
    LAWYERS = "SELECT id, name, pool, area, qualification FROM lawyers WHERE qualification IN ('ACTIVE', 'WARNED', 'REINSTATED') ORDER BY id";
    PRACTICE_AREAS = "SELECT lawyer AS id, practice_area FROM lawyer_practice_areas ORDER BY lawyer, practice_area";
    VILLAGES = "SELECT lawyer AS id, village FROM lawyer_villages ORDER BY lawyer, village";
    VILLAGES_OF = "SELECT lawyer AS id, village FROM lawyer_villages WHERE lawyer = $1 ORDER BY village";
    PRACTICE_AREAS_OF = "SELECT lawyer AS id, practice_area FROM lawyer_practice_areas WHERE lawyer = $1";
    STAFF = "SELECT id, name, role FROM staff WHERE id = $1";
    ACCOUNT = "SELECT a.id, a.user_name, a.lawyer, a.staff, s.role AS role, COALESCE(l.name, s.name) AS name, a.password_hash, \
        a.totp_sealed, a.totp_confirmed_at, a.disabled_at FROM accounts a LEFT JOIN staff s ON s.id = a.staff \
        LEFT JOIN lawyers l ON l.id = a.lawyer WHERE a.user_name = $1";
    ACCOUNT_OF = "SELECT a.id, a.user_name, a.lawyer, a.staff, s.role AS role, COALESCE(l.name, s.name) AS name, a.password_hash, \
        a.totp_sealed, a.totp_confirmed_at, a.disabled_at FROM accounts a LEFT JOIN staff s ON s.id = a.staff \
        LEFT JOIN lawyers l ON l.id = a.lawyer WHERE a.lawyer = $1 OR a.staff = $1";
    OFFER_TOTP = "UPDATE accounts SET totp_sealed = $2, totp_confirmed_at = NULL, totp_last_step = -1 WHERE id = $1 AND totp_confirmed_at IS NULL";
    CONFIRM_TOTP = "UPDATE accounts SET totp_confirmed_at = $3, totp_last_step = $2 \
        WHERE id = $1 AND totp_sealed IS NOT NULL AND totp_confirmed_at IS NULL";
    USE_TOTP_STEP = "UPDATE accounts SET totp_last_step = $2 WHERE id = $1 AND totp_confirmed_at IS NOT NULL AND totp_last_step < $2";
    REMOVE_TOTP = "UPDATE accounts SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = -1 WHERE id = $1 AND totp_confirmed_at IS NOT NULL";
    SET_PASSWORD = "UPDATE accounts SET password_hash = $2 WHERE id = $1";
}

/// A citizen who comes for the first time.
#[derive(Clone, Debug)]
pub struct NewCitizen {
    /// Minted by the caller.
    pub id: CitizenId,
    /// What lawyers will see.
    pub alias: PersonName,
    /// Guest or refused.
    pub identity_mode: IdentityMode,
    /// The consent text that was shown.
    pub consent_version: String,
    /// `?src=` of the entry.
    pub entry_source: Option<String>,
}

/// A login of a lawyer or of the office.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's own id, as it stands in the store.
    pub id: String,
    /// The name typed at login.
    pub user: String,
    /// Whose it is, with the role as it is now.
    pub subject: Subject,
    /// The person's name.
    pub name: PersonName,
    /// The argon2 hash in PHC form.
    pub password_hash: String,
    /// The second factor.
    pub totp: Totp,
    /// Closed by the bureau.
    pub disabled: bool,
}

/// Where an account stands with its second factor.
#[derive(Clone, PartialEq, Eq)]
pub enum Totp {
    /// Has none.
    Absent,
    /// A secret was shown, no code of it came yet.
    Offered(Vec<u8>),
    /// Must be given at every login.
    Confirmed(Vec<u8>),
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Offered(_) => "Offered(…)",
            Self::Confirmed(_) => "Confirmed(…)",
        })
    }
}

impl Store {
    /// Keeps a new citizen.
    pub async fn add_citizen(&self, new: &NewCitizen, now: Timestamp) -> Result<(), StorageError> {
        let id = new.id.to_string();
        let done = sqlx::query(INSERT_CITIZEN)
            .bind(&id)
            .bind(self.keys().reference(Realm::Citizen, &id))
            .bind(new.alias.expose())
            .bind(new.identity_mode.as_str())
            .bind(&new.consent_version)
            .bind(now.0)
            .bind(new.entry_source.as_deref())
            .execute(self.write())
            .await;
        match done {
            Err(error) if is_taken(&error) => Err(StorageError::Duplicate("the citizen")),
            done => Ok(done.map(drop)?),
        }
    }

    /// The citizen, when there is one.
    pub async fn citizen(&self, id: CitizenId) -> Result<Option<Citizen>, StorageError> {
        let row = sqlx::query(CITIZEN).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| {
            let of = Columns::of("citizens", &row);
            Ok(Citizen {
                id: of.parsed("id")?,
                alias: PersonName::new(of.text("alias")?),
                identity_mode: of.parsed("identity_mode")?,
                consent_version: of.text("consent_version")?,
                entry_source: of.opt_text("entry_source")?,
                beside_lawyer: false,
            })
        })
        .transpose()
    }

    /// Keeps a confirmed telephone number, sealed; from now on the citizen is known by it.
    pub async fn set_phone(&self, id: CitizenId, phone: &str) -> Result<bool, StorageError> {
        let row = id.to_string();
        let sealed = self.keys().seal_text(phone_of(&row), phone)?;
        let done = sqlx::query(SET_PHONE)
            .bind(&row)
            .bind(IdentityMode::Phone.as_str())
            .bind(sealed.into_bytes())
            .bind(self.keys().reference(Realm::Phone, phone))
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The citizen's own telephone number, opened; for a call-back, never for a list.
    pub async fn phone(&self, id: CitizenId) -> Result<Option<String>, StorageError> {
        let row = id.to_string();
        let Some(found) = sqlx::query(PHONE).bind(&row).fetch_optional(self.read()).await? else { return Ok(None) };
        let sealed = Columns::of("citizens", &found).opt_bytes("phone_sealed")?;
        Ok(sealed.map(|sealed| self.keys().open_text(phone_of(&row), &Sealed::from_bytes(sealed))).transpose()?)
    }

    /// The lawyer with what is covered, when there is one.
    pub async fn lawyer(&self, id: LawyerId) -> Result<Option<Lawyer>, StorageError> {
        let mut connection = self.read().acquire().await?;
        read_lawyer(&mut connection, id).await
    }

    /// Every lawyer who may answer, with what is covered, in order of id.
    pub async fn lawyers(&self) -> Result<Vec<Lawyer>, StorageError> {
        let rows = sqlx::query(LAWYERS).fetch_all(self.read()).await?;
        let mut lawyers = rows.iter().map(lawyer).collect::<Result<Vec<_>, _>>()?;
        // Both lists are in order of id.
        for row in sqlx::query(PRACTICE_AREAS).fetch_all(self.read()).await? {
            let id: LawyerId = Columns::of("lawyer_practice_areas", &row).parsed("id")?;
            if let Ok(at) = lawyers.binary_search_by_key(&id, |lawyer| lawyer.id) {
                lawyers[at].practice_areas.push(practice_area(&row)?);
            }
        }
        for row in sqlx::query(VILLAGES).fetch_all(self.read()).await? {
            let id: LawyerId = Columns::of("lawyer_villages", &row).parsed("id")?;
            if let Ok(at) = lawyers.binary_search_by_key(&id, |lawyer| lawyer.id) {
                lawyers[at].villages.push(village(&row)?);
            }
        }
        for lawyer in &mut lawyers {
            lawyer.practice_areas.sort();
        }
        Ok(lawyers)
    }

    /// The name and role of a member of the office.
    pub async fn staff(&self, id: StaffId) -> Result<Option<(PersonName, Role)>, StorageError> {
        let row = sqlx::query(STAFF).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| {
            let of = Columns::of("staff", &row);
            Ok((PersonName::new(of.text("name")?), of.parsed("role")?))
        })
        .transpose()
    }

    /// The account of a user name.
    pub async fn account(&self, user: &str) -> Result<Option<Account>, StorageError> {
        let row = sqlx::query(ACCOUNT).bind(user).fetch_optional(self.read()).await?;
        row.map(|row| self.read_account(&row)).transpose()
    }

    /// The account of a lawyer or a member of the office; a citizen has none.
    pub async fn account_of(&self, subject: Subject) -> Result<Option<Account>, StorageError> {
        let row = sqlx::query(ACCOUNT_OF).bind(subject.id()).fetch_optional(self.read()).await?;
        row.map(|row| self.read_account(&row)).transpose()
    }

    /// Keeps a new second factor that is not confirmed yet, sealed. `false` when one is confirmed already.
    pub async fn offer_totp(&self, account: &str, secret: &[u8]) -> Result<bool, StorageError> {
        let sealed = self.keys().seal(totp_of(account), secret)?;
        let done = sqlx::query(OFFER_TOTP).bind(account).bind(sealed.into_bytes()).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Confirms the offered second factor with the time step (RFC 6238) of its first right code.
    pub async fn confirm_totp(&self, account: &str, step: i64, now: Timestamp) -> Result<bool, StorageError> {
        let done = sqlx::query(CONFIRM_TOTP).bind(account).bind(step).bind(now.0).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Uses up a time step, so that a code that was seen cannot be said again (RFC 6238 section 5.2). `false` when it is used.
    pub async fn use_totp_step(&self, account: &str, step: i64) -> Result<bool, StorageError> {
        let done = sqlx::query(USE_TOTP_STEP).bind(account).bind(step).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a confirmed second factor away. `false` when there is none.
    pub async fn remove_totp(&self, account: &str) -> Result<bool, StorageError> {
        let done = sqlx::query(REMOVE_TOTP).bind(account).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Replaces a password's hash.
    pub async fn set_password(&self, account: &str, password_hash: &str) -> Result<bool, StorageError> {
        let done = sqlx::query(SET_PASSWORD).bind(account).bind(password_hash).execute(self.write()).await?;
        Ok(done.rows_affected() == 1)
    }

    fn read_account(&self, row: &AnyRow) -> Result<Account, StorageError> {
        let of = Columns::of("accounts", row);
        let id = of.text("id")?;
        let subject = match (of.opt_parsed("lawyer")?, of.opt_parsed::<StaffId>("staff")?, of.opt_parsed("role")?) {
            (Some(lawyer), None, _) => Subject::Lawyer(lawyer),
            (None, Some(staff), Some(role)) => Subject::Staff(staff, role),
            _ => return Err(of.wrong("lawyer", "an account belongs to one person")),
        };
        let secret = of.opt_bytes("totp_sealed")?;
        let secret = secret.map(|sealed| self.keys().open(totp_of(&id), &Sealed::from_bytes(sealed))).transpose()?;
        let totp = match (secret, of.opt_time("totp_confirmed_at")?) {
            (None, _) => Totp::Absent,
            (Some(secret), None) => Totp::Offered(secret.to_vec()),
            (Some(secret), Some(_)) => Totp::Confirmed(secret.to_vec()),
        };
        Ok(Account {
            user: of.text("user_name")?,
            name: PersonName::new(of.text("name")?),
            password_hash: of.text("password_hash")?,
            disabled: of.opt_time("disabled_at")?.is_some(),
            id,
            subject,
            totp,
        })
    }
}

/// The lawyer as this connection sees one, also in the middle of a transaction.
pub(super) async fn read_lawyer(connection: &mut AnyConnection, id: LawyerId) -> Result<Option<Lawyer>, StorageError> {
    let text = id.to_string();
    let Some(row) = sqlx::query(LAWYER).bind(&text).fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let mut lawyer = lawyer(&row)?;
    let areas = sqlx::query(PRACTICE_AREAS_OF).bind(&text).fetch_all(&mut *connection).await?;
    lawyer.practice_areas = areas.iter().map(practice_area).collect::<Result<_, _>>()?;
    lawyer.practice_areas.sort();
    let villages = sqlx::query(VILLAGES_OF).bind(&text).fetch_all(&mut *connection).await?;
    lawyer.villages = villages.iter().map(village).collect::<Result<_, _>>()?;
    Ok(Some(lawyer))
}

fn lawyer(row: &AnyRow) -> Result<Lawyer, StorageError> {
    let of = Columns::of("lawyers", row);
    Ok(Lawyer {
        id: of.parsed("id")?,
        name: PersonName::new(of.text("name")?),
        pool: of.parsed("pool")?,
        practice_areas: vec![],
        area: of.opt_parsed("area")?,
        villages: vec![],
        qualification: of.parsed("qualification")?,
    })
}

fn village(row: &AnyRow) -> Result<AreaCode, StorageError> {
    Columns::of("lawyer_villages", row).parsed("village")
}

fn practice_area(row: &AnyRow) -> Result<PracticeArea, StorageError> {
    Columns::of("lawyer_practice_areas", row).parsed("practice_area")
}

const fn phone_of(row: &str) -> Place<'_> {
    Place { table: "citizens", row, column: "phone_sealed" }
}

const fn totp_of(row: &str) -> Place<'_> {
    Place { table: "accounts", row, column: "totp_sealed" }
}
