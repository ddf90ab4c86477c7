//! Lawyers as the office keeps them: lists, one in full, taking on, changing; and all of them as routing and citizens need them.
use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    private::PersonName,
    time::Timestamp,
    words::{Pool, PracticeArea},
};

use super::{
    StorageError, Store, entries,
    row::{Columns, statements},
    sessions::{Cursor, Page},
};
use crate::domain::{
    import::people::{Entry, Known},
    people::{Language, LicenceNo, ProviderType, Qualification, words},
};

/// What every list of lawyers reads, whatever it asks for.
macro_rules! lawyers_where {
    ($($rest:literal)+) => {
        concat!(
            "SELECT l.id AS id, l.name, l.provider_type, l.firm, f.name AS firm_name, l.pool, l.qualification, l.languages, l.public_office, \
             l.licence_no, l.area, l.version, l.created_at, a.user_name, a.disabled_at, \
             (SELECT string_agg(p.practice_area, ' ') FROM lawyer_practice_areas p WHERE p.lawyer = l.id) AS practice_areas, \
             (SELECT string_agg(v.village, ' ') FROM lawyer_villages v WHERE v.lawyer = l.id) AS villages, \
             (SELECT COUNT(*) FROM invitations i WHERE i.lawyer = l.id AND i.used_at IS NULL AND i.expires_at > $1) AS invitations \
             FROM lawyers l LEFT JOIN firms f ON f.id = l.firm LEFT JOIN accounts a ON a.lawyer = l.id WHERE ",
            $($rest),+
        )
    };
}

statements! {
    ROWS = lawyers_where!(
        "(l.firm = $2 OR $2 = '') AND (l.qualification = $3 OR $3 = '') AND ($4 = '' OR l.name LIKE $4 ESCAPE '!' OR l.licence_no = $5) \
         AND (l.created_at < $6 OR (l.created_at = $6 AND l.id < $7)) ORDER BY l.created_at DESC, l.id DESC LIMIT $8"
    );
    ONE = lawyers_where!("l.id = $2");
    SERVING = lawyers_where!("l.qualification IN ('ACTIVE', 'WARNED', 'REINSTATED') ORDER BY l.id");
    LICENSED = lawyers_where!("l.licence_no IS NOT NULL AND l.qualification <> 'REMOVED' ORDER BY l.id");
    STEPS = "SELECT q.lawyer AS id, q.from_state, q.to_state, q.reason, q.at, s.name FROM qualification_steps q LEFT JOIN staff s ON s.id = q.actor \
        WHERE q.lawyer = $1 ORDER BY q.number DESC LIMIT 100";
}

words! {
    /// Where somebody's login stands.
    AccountState {
        /// None, and no invitation that is good.
        None = "NONE",
        /// An invitation is out.
        Invited = "INVITED",
        /// There is one.
        Active = "ACTIVE",
        /// It was closed.
        Closed = "CLOSED",
    }
}

/// A firm as lists name one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirmRef {
    /// Which.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A lawyer as the office sees one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LawyerRow {
    /// Who.
    pub id: LawyerId,
    /// The name citizens see.
    pub name: PersonName,
    /// What kind of provider.
    pub provider_type: ProviderType,
    /// Of which firm.
    pub firm: Option<FirmRef>,
    /// Local or national.
    pub pool: Pool,
    /// Where the qualification stands.
    pub qualification: Qualification,
    /// What is answered.
    pub practice_areas: Vec<PracticeArea>,
    /// What is spoken.
    pub languages: Vec<Language>,
    /// Holds public office.
    pub public_office: bool,
    /// The licence.
    pub licence_no: Option<LicenceNo>,
    /// At home where.
    pub area: Option<AreaCode>,
    /// Whose adviser.
    pub villages: Vec<AreaCode>,
    /// Rises with every change.
    pub version: i64,
    /// Where the login stands.
    pub account: AccountState,
    /// The name typed at login.
    pub user: Option<String>,
    /// Since when on the books.
    pub created_at: Timestamp,
}

impl LawyerRow {
    /// The part that is written down by hand or by table.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            licence: self.licence_no.clone(),
            provider_type: self.provider_type,
            areas: self.practice_areas.clone(),
            languages: self.languages.clone(),
            pool: self.pool,
            public_office: self.public_office,
            home: self.area.clone(),
            villages: self.villages.clone(),
        }
    }
}

/// One step of a qualification, as the office reads it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRow {
    /// From where.
    pub from: Qualification,
    /// To where.
    pub to: Qualification,
    /// Why.
    pub reason: String,
    /// The name of whoever took it; `null` when that person has left the office.
    pub by: Option<PersonName>,
    /// When.
    pub at: Timestamp,
}

/// Which lawyers are asked for.
#[derive(Clone, Debug, Default)]
pub struct LawyerFilter {
    /// Only this firm's.
    pub firm: Option<String>,
    /// Only where the qualification stands here.
    pub qualification: Option<Qualification>,
    /// A piece of the name, or the whole licence number.
    pub text: Option<String>,
}

/// What came of writing something down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is kept.
    Done,
    /// Somebody else changed it first, or it is gone.
    Stale,
    /// The licence is somebody else's.
    LicenceTaken,
}

impl Store {
    /// Lawyers, the newest first, one page of at most `limit`.
    pub async fn lawyer_rows(
        &self,
        filter: &LawyerFilter,
        cursor: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<LawyerRow>, StorageError> {
        let from = Cursor::read(cursor);
        let text = filter.text.as_deref().unwrap_or_default().trim();
        let rows = sqlx::query(ROWS)
            .bind(now.0)
            .bind(filter.firm.as_deref().unwrap_or_default())
            .bind(filter.qualification.map_or("", Qualification::as_str))
            .bind(if text.is_empty() { String::new() } else { format!("%{}%", escaped(text)) })
            .bind(text.to_ascii_uppercase())
            .bind(from.at)
            .bind(&from.id)
            .bind(Page::<LawyerRow>::rows(limit))
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(lawyer_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.created_at.0, id: row.id.to_string() }))
    }

    /// One lawyer as the office sees one.
    pub async fn lawyer_row(&self, id: LawyerId, now: Timestamp) -> Result<Option<LawyerRow>, StorageError> {
        let row = sqlx::query(ONE).bind(now.0).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(lawyer_row).transpose()
    }

    /// Everybody who may answer, in order of id.
    pub async fn serving(&self, now: Timestamp) -> Result<Vec<LawyerRow>, StorageError> {
        let rows = sqlx::query(SERVING).bind(now.0).fetch_all(self.read()).await?;
        rows.iter().map(lawyer_row).collect()
    }

    /// The steps of a qualification, the newest first.
    pub async fn qualification_steps(&self, id: LawyerId) -> Result<Vec<StepRow>, StorageError> {
        let rows = sqlx::query(STEPS).bind(id.to_string()).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("qualification_steps", row);
                Ok(StepRow {
                    from: of.parsed("from_state")?,
                    to: of.parsed("to_state")?,
                    reason: of.text("reason")?,
                    by: of.opt_text("name")?.map(PersonName::new),
                    at: of.time("at")?,
                })
            })
            .collect()
    }

    /// Takes on one person who has applied.
    pub async fn take_on(
        &self,
        id: LawyerId,
        firm: Option<&str>,
        entry: &Entry,
        actor: &str,
        now: Timestamp,
    ) -> Result<Written, StorageError> {
        let mut tx = self.begin().await?;
        match entries::insert(&mut tx, id, firm, entry, now).await {
            Err(StorageError::Duplicate(_)) => return Ok(Written::LicenceTaken),
            done => done?,
        }
        entries::note(&mut tx, "lawyer.added", id, actor, now).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Changes what is written down of somebody, if nobody else did since `version`.
    pub async fn change_lawyer(
        &self,
        id: LawyerId,
        version: i64,
        entry: &Entry,
        actor: &str,
        now: Timestamp,
    ) -> Result<Written, StorageError> {
        let mut tx = self.begin().await?;
        match entries::change(&mut tx, id, Some(version), entry).await {
            Ok(true) => {}
            Ok(false) => return Ok(Written::Stale),
            Err(StorageError::Duplicate(_)) => return Ok(Written::LicenceTaken),
            Err(error) => return Err(error),
        }
        entries::note(&mut tx, "lawyer.changed", id, actor, now).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Everybody who has a licence, by it.
    pub(super) async fn licensed(
        &self,
        tx: Option<&mut Transaction<'static, Any>>,
        now: Timestamp,
    ) -> Result<BTreeMap<LicenceNo, Known>, StorageError> {
        let query = sqlx::query(LICENSED).bind(now.0);
        let rows = match tx {
            Some(tx) => query.fetch_all(&mut **tx).await?,
            None => query.fetch_all(self.read()).await?,
        };
        let mut known = BTreeMap::new();
        for row in &rows {
            let row = lawyer_row(row)?;
            if let Some(licence) = row.licence_no.clone() {
                let entry = row.entry().in_order();
                known.insert(licence, Known { id: row.id, firm: row.firm.map(|firm| firm.id), entry });
            }
        }
        Ok(known)
    }
}

/// A text in which nothing stands for anything else in a `LIKE`.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|char| matches!(char, '%' | '_' | '!').then_some('!').into_iter().chain([char])).collect()
}

fn lawyer_row(row: &AnyRow) -> Result<LawyerRow, StorageError> {
    let of = Columns::of("lawyers", row);
    let firm = of.opt_text("firm")?;
    let firm_name = of.opt_text("firm_name")?.unwrap_or_default();
    let user = of.opt_text("user_name")?;
    let account = match (&user, of.opt_time("disabled_at")?, of.int("invitations")?) {
        (_, Some(_), _) => AccountState::Closed,
        (_, None, 1..) => AccountState::Invited,
        (Some(_), None, _) => AccountState::Active,
        (None, None, _) => AccountState::None,
    };
    Ok(LawyerRow {
        id: of.parsed("id")?,
        name: PersonName::new(of.text("name")?),
        provider_type: of.parsed("provider_type")?,
        firm: firm.map(|id| FirmRef { id, name: firm_name }),
        pool: of.parsed("pool")?,
        qualification: of.parsed("qualification")?,
        practice_areas: of.words("practice_areas")?,
        languages: of.words("languages")?,
        public_office: of.flag("public_office")?,
        licence_no: of.opt_parsed("licence_no")?,
        area: of.opt_parsed("area")?,
        villages: of.words("villages")?,
        version: of.int("version")?,
        account,
        user,
        created_at: of.time("created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_meant_literally() {
        assert_eq!(escaped("100%_好!"), "100!%!_好!!");
    }
}
