//! Firms that join as a whole, and the administrators that are bound to them.
use serde::Serialize;
use sqlx::any::AnyRow;
use yunfa_signaling::{ids::StaffId, private::PersonName, time::Timestamp, words::Role};

use super::{
    AuditNote, StorageError, Store, audit,
    invitations::{self, NewInvitation},
    lawyers::AccountState,
    row::{Columns, statements},
};
use crate::domain::people::{FirmState, Subject};

/// Firms one bureau may have.
pub const MAX_FIRMS: i64 = 1000;

statements! {
    FIRMS = "SELECT f.id AS id, f.name, f.state, f.created_at, (SELECT COUNT(*) FROM lawyers l WHERE l.firm = f.id AND l.qualification <> 'REMOVED') AS lawyers, \
        (SELECT COUNT(*) FROM lawyers l WHERE l.firm = f.id AND l.qualification IN ('ACTIVE', 'WARNED', 'REINSTATED')) AS serving \
        FROM firms f WHERE f.id = $1 OR $1 = '' ORDER BY f.name, f.id LIMIT $2";
    COUNT_FIRMS = "SELECT COUNT(*) AS n FROM firms";
    FIRM_NAMED = "SELECT id FROM firms WHERE name = $1";
    ADD_FIRM = "INSERT INTO firms (id, name, state, created_at) VALUES ($1, $2, 'APPLYING', $3)";
    SETTLE = "UPDATE firms SET state = 'SETTLED' WHERE id = $1 AND state = 'APPLYING'";
    ADMINS = "SELECT s.id AS id, s.name, s.firm, a.user_name, a.disabled_at, \
        (SELECT COUNT(*) FROM invitations i WHERE i.staff = s.id AND i.used_at IS NULL AND i.expires_at > $2) AS invitations \
        FROM staff s LEFT JOIN accounts a ON a.staff = s.id WHERE s.role = 'FIRM_ADMIN' AND (s.firm = $1 OR $1 = '') ORDER BY s.created_at, s.id LIMIT $3";
    ADD_ADMIN = "INSERT INTO staff (id, name, role, firm, created_at) VALUES ($1, $2, 'FIRM_ADMIN', $3, $4)";
    FIRM_OF = "SELECT id, firm FROM staff WHERE id = $1";
    CLOSE_ACCOUNT = "UPDATE accounts SET disabled_at = COALESCE(disabled_at, $2) WHERE staff = $1";
}

/// A firm as the office sees one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmRow {
    /// Which.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its joining stands.
    pub state: FirmState,
    /// Its people, without those who were removed.
    pub lawyers: u32,
    /// Those of them who may answer.
    pub serving: u32,
    /// Who keeps its people's entries up.
    pub admins: Vec<FirmAdminRow>,
    /// Since when on the books.
    pub created_at: Timestamp,
}

/// A firm's administrator.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmAdminRow {
    /// Who.
    pub id: StaffId,
    /// The person's name.
    pub name: PersonName,
    /// Where the login stands.
    pub account: AccountState,
    #[serde(skip)]
    firm: Option<String>,
}

/// What came of adding a firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmAdded {
    /// It is on the books.
    Done,
    /// There is one of that name.
    NameTaken,
    /// There are as many as there may be.
    TooMany,
}

impl Store {
    /// Every firm, or the one that is named, in order of name.
    pub async fn firms(&self, only: Option<&str>, now: Timestamp) -> Result<Vec<FirmRow>, StorageError> {
        let only = only.unwrap_or_default();
        let rows = sqlx::query(FIRMS).bind(only).bind(MAX_FIRMS).fetch_all(self.read()).await?;
        let admins = sqlx::query(ADMINS).bind(only).bind(now.0).bind(4 * MAX_FIRMS).fetch_all(self.read()).await?;
        let admins = admins.iter().map(admin_row).collect::<Result<Vec<_>, _>>()?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("firms", row);
                let id = of.text("id")?;
                let own = |admin: &&FirmAdminRow| admin.firm.as_ref() == Some(&id);
                Ok(FirmRow {
                    name: of.text("name")?,
                    state: of.parsed("state")?,
                    lawyers: of.count("lawyers")?,
                    serving: of.count("serving")?,
                    admins: admins.iter().filter(own).cloned().collect(),
                    created_at: of.time("created_at")?,
                    id,
                })
            })
            .collect()
    }

    /// The id of the firm with this name.
    pub async fn firm_named(&self, name: &str) -> Result<Option<String>, StorageError> {
        let row = sqlx::query(FIRM_NAMED).bind(name).fetch_optional(self.read()).await?;
        row.map(|row| Columns::of("firms", &row).text("id")).transpose()
    }

    /// Writes down a firm that applies.
    pub async fn firm_applies(
        &self,
        id: &str,
        name: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<FirmAdded, StorageError> {
        let mut tx = self.begin().await?;
        if sqlx::query(FIRM_NAMED).bind(name).fetch_optional(&mut *tx).await?.is_some() {
            return Ok(FirmAdded::NameTaken);
        }
        let count = sqlx::query(COUNT_FIRMS).fetch_one(&mut *tx).await?;
        if Columns::of("firms", &count).int("n")? >= MAX_FIRMS {
            return Ok(FirmAdded::TooMany);
        }
        sqlx::query(ADD_FIRM).bind(id).bind(name).bind(now.0).execute(&mut *tx).await?;
        let note = AuditNote { actor, action: "firm.added", object_kind: "firm", object: id, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(FirmAdded::Done)
    }

    /// A firm has joined; `false` when it had, or when there is none.
    pub async fn settle_firm(&self, id: &str, actor: &str, now: Timestamp) -> Result<bool, StorageError> {
        let mut tx = self.begin().await?;
        if sqlx::query(SETTLE).bind(id).execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let note = AuditNote { actor, action: "firm.settled", object_kind: "firm", object: id, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Writes down an administrator of a firm, with the invitation that opens the login.
    pub async fn add_firm_admin(
        &self,
        firm: &str,
        (id, name): (StaffId, &PersonName),
        invitation: &NewInvitation,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        let object = id.to_string();
        sqlx::query(ADD_ADMIN).bind(&object).bind(name.expose()).bind(firm).bind(now.0).execute(&mut *tx).await?;
        invitations::put(&mut tx, invitation, now).await?;
        let note =
            AuditNote { actor, action: "firm-admin.added", object_kind: "staff", object: &object, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        Ok(tx.commit().await?)
    }

    /// Closes the login of a firm's administrator, and every invitation to it. `false` when there is no such one.
    pub async fn close_firm_admin(&self, id: StaffId, actor: &str, now: Timestamp) -> Result<bool, StorageError> {
        let object = id.to_string();
        let mut tx = self.begin().await?;
        let row = sqlx::query(FIRM_OF).bind(&object).fetch_optional(&mut *tx).await?;
        if row.map(|row| Columns::of("staff", &row).opt_text("firm")).transpose()?.flatten().is_none() {
            return Ok(false);
        }
        invitations::withdraw(&mut tx, &object, now).await?;
        sqlx::query(CLOSE_ACCOUNT).bind(&object).bind(now.0).execute(&mut *tx).await?;
        let note =
            AuditNote { actor, action: "firm-admin.closed", object_kind: "staff", object: &object, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The firm whose people this member of the office sees; none for the bureau's own.
    pub async fn firm_of(&self, subject: Subject) -> Result<Option<String>, StorageError> {
        let Subject::Staff(id, Role::FirmAdmin) = subject else { return Ok(None) };
        let row = sqlx::query(FIRM_OF).bind(id.to_string()).fetch_optional(self.read()).await?;
        Ok(row.map(|row| Columns::of("staff", &row).opt_text("firm")).transpose()?.flatten())
    }
}

fn admin_row(row: &AnyRow) -> Result<FirmAdminRow, StorageError> {
    let of = Columns::of("staff", row);
    let has_account = of.opt_text("user_name")?.is_some();
    let account = match (has_account, of.opt_time("disabled_at")?, of.int("invitations")?) {
        (_, Some(_), _) => AccountState::Closed,
        (_, None, 1..) => AccountState::Invited,
        (true, None, _) => AccountState::Active,
        (false, None, _) => AccountState::None,
    };
    Ok(FirmAdminRow {
        id: of.parsed("id")?,
        name: PersonName::new(of.text("name")?),
        account,
        firm: of.opt_text("firm")?,
    })
}
