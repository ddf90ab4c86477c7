//! Reports of one side about the other: kept sealed, listed for the office without a word of the talk, decided once.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId, SessionId, WarningId},
    time::Timestamp,
    words::{Channel, PracticeArea, ReportCause, Role, SessionState},
};

use super::{
    AuditNote, StorageError, Store, audit,
    keys::{Place, Sealed},
    people,
    qualifications::{self, Undecided},
    restraints,
    row::{Columns, statements},
    sessions::{Cursor, LawyerRef, Page},
};
use crate::domain::{
    people::Lawyer,
    report::{self, About, MOST_OPEN, Refused, ReportState},
};

/// Where those that are decided begin in the order of the list: after every time of this millennium.
const DECIDED: i64 = 1 << 46;

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT r.id AS id, r.about, r.consultation, r.citizen, r.lawyer, l.name AS lawyer_name, r.cause, r.state, r.version, r.referred, r.place, \
             r.made_at, r.changed_at, z.alias, z.identity_mode, s.id AS session, s.state AS session_state, s.channel, \
             COALESCE(c.practice_area, q.practice_area) AS practice_area, COALESCE(c.area, q.area) AS area, v.name AS area_name, \
             b.until_at, b.lifted_at FROM reports r LEFT JOIN lawyers l ON l.id = r.lawyer LEFT JOIN citizens z ON z.id = r.citizen \
             LEFT JOIN sessions s ON s.id = r.source LEFT JOIN consultations c ON c.id = r.consultation LEFT JOIN questions q ON q.id = r.consultation \
             LEFT JOIN areas v ON v.code = COALESCE(c.area, q.area) LEFT JOIN blocks b ON b.report = r.id WHERE ",
            $where
        )
    };
}

statements! {
    SESSION = "SELECT s.id AS id, s.consultation, s.lawyer, c.citizen, s.created_at, s.ended_at FROM sessions s \
        JOIN consultations c ON c.id = s.consultation WHERE s.id = $1";
    OPEN_ONES = "SELECT COUNT(*) AS n FROM reports WHERE state = 'OPEN' AND about = $1 AND \
        ((about = 'LAWYER' AND citizen = $2) OR (about = 'CITIZEN' AND lawyer = $2))";
    INSERT = "INSERT INTO reports (id, about, consultation, source, citizen, lawyer, cause, text_sealed, state, version, referred, place, made_at, changed_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'OPEN', 1, 0, $9, $9, $9) ON CONFLICT (source, about, citizen, lawyer) DO NOTHING";
    LIST = select!("(r.state = $1 OR $1 = '') AND r.referred >= $2 AND (r.place > $3 OR (r.place = $3 AND r.id > $4)) ORDER BY r.place, r.id LIMIT $5");
    ONE = select!("r.id = $1");
    TEXT = "SELECT id, text_sealed FROM reports WHERE id = $1";
    STEPS = "SELECT t.report AS id, t.number, t.to_state, t.reason_sealed, h.name AS actor_name, t.at FROM report_steps t \
        LEFT JOIN staff h ON h.id = t.actor WHERE t.report = $1 ORDER BY t.number";
    STEP = "UPDATE reports SET state = $3, version = version + 1, referred = $4, place = $5, changed_at = $6 WHERE id = $1 AND version = $2";
    WRITE_STEP = "INSERT INTO report_steps (report, number, from_state, to_state, reason_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

/// A session as far as a report of it needs it.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// Of which consultation.
    pub consultation: ConsultationId,
    /// Who asked.
    pub citizen: CitizenId,
    /// Who answered, when somebody has.
    pub lawyer: Option<LawyerId>,
    /// Its last sign of life that is known.
    pub last: Timestamp,
}

/// A report on its way to the store.
#[derive(Clone)]
pub struct NewReport {
    /// Minted by the caller.
    pub id: String,
    /// Who is reported; the other one reports.
    pub about: About,
    /// Of which consultation or text question.
    pub consultation: ConsultationId,
    /// The session, or the text question.
    pub source: String,
    /// The asker.
    pub citizen: CitizenId,
    /// The lawyer.
    pub lawyer: LawyerId,
    /// Of what.
    pub cause: ReportCause,
    /// In the reporter's words, without numbers that name somebody; may be empty.
    pub text: String,
}

impl std::fmt::Debug for NewReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewReport({} about the {:?}, {} chars)", self.cause, self.about, self.text.chars().count())
    }
}

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is kept.
    Kept,
    /// The same person has reported it before.
    Already,
    /// So many of theirs wait already.
    TooMany,
}

/// One report as the office's list shows it: metadata, and who as far as the office may know.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// Which one.
    pub id: String,
    /// Who is reported.
    pub about: About,
    /// Of what.
    pub cause: ReportCause,
    /// Where it stands.
    pub state: ReportState,
    /// Rises with every decision.
    pub version: i64,
    /// Whether it was handed on to those who decide about qualifications.
    #[serde(skip)]
    pub referred: bool,
    /// Its place in the list.
    #[serde(skip)]
    pub place: i64,
    /// Of which consultation or text question.
    pub consultation: ConsultationId,
    /// Of which session; a text question has none.
    pub session: Option<SessionId>,
    /// Where that stands.
    pub session_state: Option<SessionState>,
    /// How the two talk, or talked last.
    pub channel: Option<Channel>,
    /// What it is about.
    pub practice_area: Option<PracticeArea>,
    /// From where.
    pub area: Option<AreaCode>,
    /// The same by name.
    pub area_name: Option<String>,
    /// The lawyer.
    pub lawyer: LawyerRef,
    /// The asker; not shown.
    #[serde(skip)]
    pub citizen: CitizenId,
    /// What the asker is called here.
    pub alias: Option<String>,
    /// How the asker is known.
    pub identity_mode: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When something was last decided.
    pub changed_at: Timestamp,
    /// Until when the asker is blocked, or would have been.
    pub until: Option<Timestamp>,
    /// When the block was lifted.
    pub lifted_at: Option<Timestamp>,
}

/// One decision that was taken.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportStep {
    /// Where it led.
    pub to: ReportState,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A decision on its way to the store.
#[derive(Clone, Copy, Debug)]
pub struct ReportDecision<'a> {
    /// Of which report.
    pub id: &'a str,
    /// As the caller saw it.
    pub version: i64,
    /// Where it is to stand.
    pub to: ReportState,
    /// Why.
    pub reason: &'a str,
    /// When a block ends.
    pub until: Timestamp,
    /// For a warning, minted by the caller.
    pub warning: WarningId,
    /// Who decides, by id.
    pub actor: &'a str,
    /// In which role.
    pub role: Role,
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct DecidedReport {
    /// The report as it stood before.
    pub row: ReportRow,
    /// The lawyer as now on the books, when the decision was a step of the qualification.
    pub lawyer: Option<Lawyer>,
}

/// Why a decision was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecided {
    /// There is no such report for this role.
    NoSuch,
    /// Somebody else decided in between.
    Stale,
    /// The rules refused it.
    Refused(Refused),
}

impl Store {
    /// The sides of a session.
    pub async fn sides(&self, session: SessionId) -> Result<Option<Sides>, StorageError> {
        let row = sqlx::query(SESSION).bind(session.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| {
            let of = Columns::of("sessions", &row);
            Ok(Sides {
                consultation: of.parsed("consultation")?,
                citizen: of.parsed("citizen")?,
                lawyer: of.opt_parsed("lawyer")?,
                last: of.opt_time("ended_at")?.unwrap_or(of.time("created_at")?),
            })
        })
        .transpose()
    }

    /// Keeps a report with its audit entry, once for each reporter, source and reported.
    pub async fn report(&self, new: &NewReport, now: Timestamp) -> Result<Reported, StorageError> {
        let NewReport { id, about, consultation, source, citizen, lawyer, cause, text } = new;
        let (citizen, lawyer) = (citizen.to_string(), lawyer.to_string());
        let reporter = match about {
            About::Citizen => &lawyer,
            About::Lawyer => &citizen,
        };
        let mut tx = self.begin().await?;
        let row = sqlx::query(OPEN_ONES).bind(about.as_str()).bind(reporter).fetch_one(&mut *tx).await?;
        if Columns::of("reports", &row).int("n")? >= MOST_OPEN {
            return Ok(Reported::TooMany);
        }
        let sealed = match text.is_empty() {
            true => None,
            false => Some(self.keys().seal_text(text_of(id), text)?.into_bytes()),
        };
        let query = sqlx::query(INSERT).bind(id).bind(about.as_str()).bind(consultation.to_string()).bind(source);
        let query = query.bind(&citizen).bind(&lawyer).bind(cause.as_str()).bind(sealed).bind(now.0);
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Reported::Already);
        }
        let hash = Sha256::digest(format!("{id}\n{}\n{cause}\n{text}", about.as_str())).into();
        let note = AuditNote { actor: reporter, action: "report.made", object_kind: "report", object: id, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Reported::Kept)
    }

    /// Reports, those that are open first and the oldest of them first; `referred` only those that were handed on.
    pub async fn reports(
        &self,
        (state, referred): (Option<ReportState>, bool),
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<ReportRow>, StorageError> {
        let from = Cursor::read(cursor);
        // What is no cursor of ours begins at the first row.
        let place = if from.at == i64::MAX { i64::MIN } else { from.at };
        let rows = sqlx::query(LIST)
            .bind(state.map_or("", ReportState::as_str))
            .bind(i64::from(referred))
            .bind(place)
            .bind(&from.id)
            .bind(Page::<ReportRow>::rows(limit))
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(report_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.place, id: row.id.clone() }))
    }

    /// One report.
    pub async fn one_report(&self, id: &str) -> Result<Option<ReportRow>, StorageError> {
        let row = sqlx::query(ONE).bind(id).fetch_optional(self.read()).await?;
        row.as_ref().map(report_row).transpose()
    }

    /// What the reporter wrote to the office.
    pub async fn report_text(&self, id: &str) -> Result<Option<String>, StorageError> {
        let Some(row) = sqlx::query(TEXT).bind(id).fetch_optional(self.read()).await? else { return Ok(None) };
        let sealed = Columns::of("reports", &row).opt_bytes("text_sealed")?;
        sealed.map(|bytes| Ok(self.keys().open_text(text_of(id), &Sealed::from_bytes(bytes))?)).transpose()
    }

    /// What was decided, in order.
    pub async fn report_steps(&self, id: &str) -> Result<Vec<ReportStep>, StorageError> {
        let rows = sqlx::query(STEPS).bind(id).fetch_all(self.read()).await?;
        let step = |row: &AnyRow| {
            let of = Columns::of("report_steps", row);
            let key = format!("{id}/{}", of.int("number")?);
            let sealed = Sealed::from_bytes(of.bytes("reason_sealed")?);
            let reason = self.keys().open_text(reason_of(&key), &sealed)?;
            Ok(ReportStep { to: of.parsed("to_state")?, reason, by: of.opt_text("actor_name")?, at: of.time("at")? })
        };
        rows.iter().map(step).collect()
    }

    /// Decides with all that follows and the audit entry, or says why not; then nothing has changed.
    pub async fn decide_report(
        &self,
        decision: ReportDecision<'_>,
        now: Timestamp,
    ) -> Result<Result<DecidedReport, NotDecided>, StorageError> {
        let ReportDecision { id, version, to, reason, until, warning, actor, role } = decision;
        let reason = reason.trim();
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(ONE).bind(id).fetch_optional(&mut *tx).await? else {
            return Ok(Err(NotDecided::NoSuch));
        };
        let row = report_row(&row)?;
        if role == Role::Dispatcher && !row.referred {
            return Ok(Err(NotDecided::NoSuch));
        }
        if row.version != version {
            return Ok(Err(NotDecided::Stale));
        }
        if let Err(refused) = report::decide(row.about, row.state, to, role, reason) {
            return Ok(Err(NotDecided::Refused(refused)));
        }
        let place = if to.is_open() { row.made_at.0 } else { DECIDED.saturating_sub(now.0) };
        let referred = i64::from(row.referred || to == ReportState::Referred);
        let step = sqlx::query(STEP).bind(id).bind(version).bind(to.as_str()).bind(referred).bind(place).bind(now.0);
        if step.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Err(NotDecided::Stale));
        }
        let sealed = self.keys().seal_text(reason_of(&format!("{id}/{version}")), reason)?;
        let (from, word) = (row.state.as_str(), to.as_str());
        let write = sqlx::query(WRITE_STEP).bind(id).bind(version).bind(from).bind(word).bind(sealed.into_bytes());
        write.bind(actor).bind(now.0).execute(&mut *tx).await?;
        // The reason may name people, so the log holds its hash.
        let ends = if to == ReportState::Blocked { until.0 } else { 0 };
        let hash = Sha256::digest(format!("{id}\n{from}\n{word}\n{ends}\n{reason}")).into();
        let action = format!("report.{}", word.to_ascii_lowercase());
        let note = AuditNote { actor, action: &action, object_kind: "report", object: id, hash };
        audit::append(&mut tx, &note, now).await?;

        let (citizen, mut lawyer) = (row.citizen.to_string(), None);
        match (row.about, to) {
            (About::Citizen, ReportState::Warned) => {
                restraints::warn(&mut tx, (warning, id), &citizen, row.cause, now).await?
            }
            (About::Citizen, ReportState::Blocked) => {
                restraints::block(&mut tx, id, &citizen, (now, until)).await?;
            }
            (About::Citizen, ReportState::Lifted) => restraints::lift(&mut tx, id, now).await?,
            (About::Lawyer, ReportState::Warned) => {
                restraints::warn(&mut tx, (warning, id), &row.lawyer.id.to_string(), row.cause, now).await?;
            }
            _ => {}
        }
        if let Some(to) = to.qualification(row.about) {
            let known = people::read_lawyer(&mut tx, row.lawyer.id).await?;
            // Who stands there already is not put there again; whoever decides knows it by the list of people.
            if known.as_ref().is_none_or(|known| known.qualification != to) {
                let step = qualifications::Decision { to, reason, actor, role };
                match qualifications::take(&mut tx, row.lawyer.id, step, now).await? {
                    Ok(()) => {}
                    Err(Undecided::Stale) => return Ok(Err(NotDecided::Stale)),
                    Err(Undecided::NoSuchLawyer | Undecided::Refused(_)) => {
                        return Ok(Err(NotDecided::Refused(Refused::NoSuchStep)));
                    }
                }
            }
            lawyer = people::read_lawyer(&mut tx, row.lawyer.id).await?;
        }
        tx.commit().await?;
        Ok(Ok(DecidedReport { row, lawyer }))
    }
}

fn report_row(row: &AnyRow) -> Result<ReportRow, StorageError> {
    let of = Columns::of("reports", row);
    Ok(ReportRow {
        id: of.text("id")?,
        about: of.parsed("about")?,
        cause: of.parsed("cause")?,
        state: of.parsed("state")?,
        version: of.int("version")?,
        referred: of.flag("referred")?,
        place: of.int("place")?,
        consultation: of.parsed("consultation")?,
        session: of.opt_parsed("session")?,
        session_state: of.opt_parsed("session_state")?,
        channel: of.opt_parsed("channel")?,
        practice_area: of.opt_parsed("practice_area")?,
        area: of.opt_parsed("area")?,
        area_name: of.opt_text("area_name")?,
        lawyer: LawyerRef { id: of.parsed("lawyer")?, name: of.opt_text("lawyer_name")?.unwrap_or_default() },
        citizen: of.parsed("citizen")?,
        alias: of.opt_text("alias")?,
        identity_mode: of.opt_text("identity_mode")?,
        made_at: of.time("made_at")?,
        changed_at: of.time("changed_at")?,
        until: of.opt_time("until_at")?,
        lifted_at: of.opt_time("lifted_at")?,
    })
}

const fn text_of(row: &str) -> Place<'_> {
    Place { table: "reports", row, column: "text_sealed" }
}

const fn reason_of(row: &str) -> Place<'_> {
    Place { table: "report_steps", row, column: "reason_sealed" }
}
