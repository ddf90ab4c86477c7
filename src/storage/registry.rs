//! Who the bureau has taken on: firms, lawyers with what they cover, the office, and their accounts.
use yunfa_signaling::{
    ids::{AreaCode, LawyerId, StaffId},
    time::Timestamp,
    words::{PracticeArea, Role},
};

use super::{StorageError, Store, row::statements};
use crate::domain::people::{Pool, ProviderType, Qualification, Subject};

statements! {
    ADD_FIRM = "INSERT INTO firms (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    ADD_LAWYER = "INSERT INTO lawyers (id, name, provider_type, firm, pool, public_office, licence_no, qualification, area, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
    COVER = "INSERT INTO lawyer_practice_areas (lawyer, practice_area) VALUES ($1, $2) ON CONFLICT (lawyer, practice_area) DO NOTHING";
    ADD_STAFF = "INSERT INTO staff (id, name, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    ADD_ACCOUNT = "INSERT INTO accounts (id, user_name, lawyer, staff, password_hash, totp_last_step, created_at) \
        VALUES ($1, $2, $3, $4, $5, -1, $6) ON CONFLICT (user_name) DO NOTHING";
    DISABLE = "UPDATE accounts SET disabled_at = COALESCE(disabled_at, $2) WHERE user_name = $1";
}

/// A firm (律师事务所).
#[derive(Clone, Debug)]
pub struct NewFirm<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A lawyer.
#[derive(Clone, Debug)]
pub struct NewLawyer<'a> {
    /// Who.
    pub id: LawyerId,
    /// The name citizens see.
    pub name: &'a str,
    /// What kind of provider.
    pub provider_type: ProviderType,
    /// The firm.
    pub firm: Option<&'a str>,
    /// Local or national.
    pub pool: Pool,
    /// Holds public office.
    pub public_office: bool,
    /// The licence.
    pub licence_no: Option<&'a str>,
    /// Where the qualification stands.
    pub qualification: Qualification,
    /// Where the lawyer is at home.
    pub area: Option<&'a AreaCode>,
    /// What the lawyer answers.
    pub practice_areas: &'a [PracticeArea],
}

/// An account; its id is that of its owner, who has one.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// The name typed at login.
    pub user: &'a str,
    /// Whose it is.
    pub subject: Subject,
    /// The argon2 hash in PHC form.
    pub password_hash: &'a str,
}

impl Store {
    /// Takes on a firm; one that is there stays as it is.
    pub async fn add_firm(&self, firm: &NewFirm<'_>, now: Timestamp) -> Result<(), StorageError> {
        sqlx::query(ADD_FIRM).bind(firm.id).bind(firm.name).bind(now.0).execute(self.write()).await?;
        Ok(())
    }

    /// Takes on a lawyer; one that is there stays as it is. `false` when it was there.
    pub async fn add_lawyer(&self, new: &NewLawyer<'_>, now: Timestamp) -> Result<bool, StorageError> {
        let id = new.id.to_string();
        let mut tx = self.begin().await?;
        let added = sqlx::query(ADD_LAWYER)
            .bind(&id)
            .bind(new.name)
            .bind(new.provider_type.as_str())
            .bind(new.firm)
            .bind(new.pool.as_str())
            .bind(i64::from(new.public_office))
            .bind(new.licence_no)
            .bind(new.qualification.as_str())
            .bind(new.area.map(AreaCode::as_str))
            .bind(now.0)
            .execute(&mut *tx)
            .await?
            .rows_affected()
            == 1;
        if added {
            for area in new.practice_areas {
                sqlx::query(COVER).bind(&id).bind(area.as_str()).execute(&mut *tx).await?;
            }
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Takes on a member of the office; one that is there stays as it is.
    pub async fn add_staff_member(
        &self,
        id: StaffId,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(ADD_STAFF).bind(id.to_string()).bind(name).bind(role.as_str()).bind(now.0);
        query.execute(self.write()).await?;
        Ok(())
    }

    /// Opens an account; one of that name stays as it is, with its password. `false` when it was there.
    pub async fn add_account(&self, new: &NewAccount<'_>, now: Timestamp) -> Result<bool, StorageError> {
        let id = new.subject.id();
        let (lawyer, staff) = match new.subject {
            Subject::Lawyer(_) => (Some(&id), None),
            Subject::Staff(..) => (None, Some(&id)),
            Subject::Citizen(_) => {
                return Err(StorageError::inconsistent("accounts", new.user, "citizens have no account"));
            }
        };
        let done = sqlx::query(ADD_ACCOUNT)
            .bind(&id)
            .bind(new.user)
            .bind(lawyer)
            .bind(staff)
            .bind(new.password_hash)
            .bind(now.0)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Closes an account; its tokens open nothing from now on. `false` when there is none.
    pub async fn disable_account(&self, user: &str, now: Timestamp) -> Result<bool, StorageError> {
        Ok(sqlx::query(DISABLE).bind(user).bind(now.0).execute(self.write()).await?.rows_affected() == 1)
    }
}
