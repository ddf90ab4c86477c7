//! Who the bureau has taken on: firms, lawyers with what they cover, the office, and their accounts.
use yunfa_signaling::{
    ids::{AreaCode, LawyerId, StaffId},
    private::PersonName,
    time::Timestamp,
    words::{Pool, PracticeArea, Role},
};

use super::{StorageError, Store, error::is_taken, row::statements};
use crate::domain::people::{ProviderType, Qualification};

statements! {
    ADD_FIRM = "INSERT INTO firms (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    ADD_LAWYER = "INSERT INTO lawyers (id, name, provider_type, firm, pool, public_office, licence_no, qualification, area, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
    COVER = "INSERT INTO lawyer_practice_areas (lawyer, practice_area) VALUES ($1, $2) ON CONFLICT (lawyer, practice_area) DO NOTHING";
    ADD_LAWYER_ACCOUNT = "INSERT INTO accounts (id, user_name, lawyer, password_hash, totp_last_step, created_at) \
        VALUES ($1, $2, $3, $4, -1, $5) ON CONFLICT (user_name) DO NOTHING";
    ADD_STAFF = "INSERT INTO staff (id, name, role, firm, created_at) VALUES ($1, $2, $3, $4, $5)";
    ADD_STAFF_ACCOUNT = "INSERT INTO accounts (id, user_name, staff, password_hash, totp_last_step, created_at) \
        VALUES ($1, $2, $3, $4, -1, $5)";
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

/// A new member of the office with an account.
#[derive(Clone, Debug)]
pub struct NewStaff {
    /// Minted by the caller.
    pub id: StaffId,
    /// The account's own id, minted by the caller.
    pub account: uuid::Uuid,
    /// The name typed at login.
    pub user: String,
    /// The person's name.
    pub name: PersonName,
    /// What the bureau lets them do.
    pub role: Role,
    /// The one firm of a `FIRM_ADMIN`.
    pub firm: Option<String>,
    /// The argon2 hash in PHC form.
    pub password_hash: String,
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

    /// Opens a lawyer's account, whose id is that of the lawyer; one of that name stays as it is, with its password.
    /// `false` when it was there.
    pub async fn add_lawyer_account(
        &self,
        lawyer: LawyerId,
        user: &str,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let id = lawyer.to_string();
        let query = sqlx::query(ADD_LAWYER_ACCOUNT).bind(&id).bind(user).bind(&id).bind(password_hash).bind(now.0);
        Ok(query.execute(self.write()).await?.rows_affected() == 1)
    }

    /// Takes on a member of the office with an account; [`StorageError::Duplicate`] when the user name is taken.
    pub async fn add_staff(&self, new: &NewStaff, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        sqlx::query(ADD_STAFF)
            .bind(new.id.to_string())
            .bind(new.name.expose())
            .bind(new.role.as_str())
            .bind(new.firm.as_deref())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        let added = sqlx::query(ADD_STAFF_ACCOUNT)
            .bind(new.account.to_string())
            .bind(&new.user)
            .bind(new.id.to_string())
            .bind(&new.password_hash)
            .bind(now.0)
            .execute(&mut *tx)
            .await;
        match added {
            Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the user")),
            added => added?,
        };
        Ok(tx.commit().await?)
    }

    /// Closes an account; its tokens open nothing from now on. `false` when there is none.
    pub async fn disable_account(&self, user: &str, now: Timestamp) -> Result<bool, StorageError> {
        Ok(sqlx::query(DISABLE).bind(user).bind(now.0).execute(self.write()).await?.rows_affected() == 1)
    }
}
