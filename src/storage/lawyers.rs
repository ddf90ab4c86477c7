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
    AuditNote, StorageError, Store, audit,
    error::is_taken,
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
    INSERT = "INSERT INTO lawyers (id, name, provider_type, firm, pool, public_office, licence_no, qualification, area, languages, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    CHANGE = "UPDATE lawyers SET name = $2, provider_type = $3, pool = $4, public_office = $5, licence_no = $6, area = $7, languages = $8, \
        version = version + 1 WHERE id = $1 AND (version = $9 OR $9 = -1) AND qualification <> 'REMOVED'";
    UNCOVER = "DELETE FROM lawyer_practice_areas WHERE lawyer = $1";
    /// All areas in one statement: a firm of thousands is brought in within a request.
    COVER = "INSERT INTO lawyer_practice_areas (lawyer, practice_area) SELECT CAST($1 AS TEXT), x.word FROM (SELECT CAST($2 AS TEXT) AS word \
        UNION ALL SELECT CAST($3 AS TEXT) UNION ALL SELECT CAST($4 AS TEXT) UNION ALL SELECT CAST($5 AS TEXT) UNION ALL SELECT CAST($6 AS TEXT) \
        UNION ALL SELECT CAST($7 AS TEXT) UNION ALL SELECT CAST($8 AS TEXT) UNION ALL SELECT CAST($9 AS TEXT) UNION ALL SELECT CAST($10 AS TEXT) \
        UNION ALL SELECT CAST($11 AS TEXT) UNION ALL SELECT CAST($12 AS TEXT) UNION ALL SELECT CAST($13 AS TEXT) UNION ALL SELECT CAST($14 AS TEXT)) x \
        WHERE x.word <> ''";
    LEAVE_VILLAGES = "DELETE FROM lawyer_villages WHERE lawyer = $1";
    ADVISE = "INSERT INTO lawyer_villages (lawyer, village) VALUES ($1, $2)";
    STEPS = "SELECT q.lawyer AS id, q.from_state, q.to_state, q.reason, q.at, s.name FROM qualification_steps q LEFT JOIN staff s ON s.id = q.actor \
        WHERE q.lawyer = $1 ORDER BY q.number DESC LIMIT 100";
}

/// Practice areas that the statement above takes.
const MOST_AREAS: usize = 13;

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
        match insert(&mut tx, id, firm, entry, now).await {
            Err(StorageError::Duplicate(_)) => return Ok(Written::LicenceTaken),
            done => done?,
        }
        note(&mut tx, "lawyer.added", id, actor, now).await?;
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
        match change(&mut tx, id, Some(version), entry).await {
            Ok(true) => {}
            Ok(false) => return Ok(Written::Stale),
            Err(StorageError::Duplicate(_)) => return Ok(Written::LicenceTaken),
            Err(error) => return Err(error),
        }
        note(&mut tx, "lawyer.changed", id, actor, now).await?;
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

/// Writes a new person down, as having applied.
pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    firm: Option<&str>,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), StorageError> {
    let done = sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(entry.name.expose())
        .bind(entry.provider_type.as_str())
        .bind(firm)
        .bind(entry.pool.as_str())
        .bind(i64::from(entry.public_office))
        .bind(entry.licence.as_ref().map(LicenceNo::expose))
        .bind(Qualification::Applied.as_str())
        .bind(entry.home.as_ref().map(AreaCode::as_str))
        .bind(languages(entry))
        .bind(now.0)
        .execute(&mut **tx)
        .await;
    match done {
        Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the licence")),
        done => done?,
    };
    spread(tx, id, entry).await
}

/// Writes over what is known of a person; `false` when that is not what it was, or the person is gone.
pub(super) async fn change(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    version: Option<i64>,
    entry: &Entry,
) -> Result<bool, StorageError> {
    let text = id.to_string();
    let done = sqlx::query(CHANGE)
        .bind(&text)
        .bind(entry.name.expose())
        .bind(entry.provider_type.as_str())
        .bind(entry.pool.as_str())
        .bind(i64::from(entry.public_office))
        .bind(entry.licence.as_ref().map(LicenceNo::expose))
        .bind(entry.home.as_ref().map(AreaCode::as_str))
        .bind(languages(entry))
        .bind(version.unwrap_or(-1))
        .execute(&mut **tx)
        .await;
    let changed = match done {
        Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the licence")),
        done => done?.rows_affected() == 1,
    };
    if changed {
        for statement in [UNCOVER, LEAVE_VILLAGES] {
            sqlx::query(statement).bind(&text).execute(&mut **tx).await?;
        }
        spread(tx, id, entry).await?;
    }
    Ok(changed)
}

/// Writes down what a person answers and whose adviser they are.
async fn spread(tx: &mut Transaction<'static, Any>, id: LawyerId, entry: &Entry) -> Result<(), StorageError> {
    let text = id.to_string();
    let mut cover = sqlx::query(COVER).bind(&text);
    for n in 0..MOST_AREAS {
        cover = cover.bind(entry.areas.get(n).map_or("", |area| area.as_str()));
    }
    cover.execute(&mut **tx).await?;
    for village in &entry.villages {
        advise(tx, id, village.as_str()).await?;
    }
    Ok(())
}

/// Makes a lawyer the adviser of one more village.
pub(super) async fn advise(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    village: &str,
) -> Result<(), StorageError> {
    sqlx::query(ADVISE).bind(id.to_string()).bind(village).execute(&mut **tx).await?;
    Ok(())
}

pub(super) async fn note(
    tx: &mut Transaction<'static, Any>,
    action: &str,
    id: LawyerId,
    actor: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let object = id.to_string();
    let note = AuditNote { actor, action, object_kind: "lawyer", object: &object, hash: [0; 32] };
    audit::append(tx, &note, now).await.map(drop)
}

fn languages(entry: &Entry) -> String {
    entry.languages.iter().map(|language| language.as_str()).collect::<Vec<_>>().join(" ")
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

    #[test]
    fn one_statement_takes_every_practice_area() {
        assert_eq!(PracticeArea::ALL.len(), MOST_AREAS);
    }
}
