//! Follow-ups and the complaints that open them: one open per matter, every step with its audit entry.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, ConsultationId, LawyerId},
    time::Timestamp,
    words::PracticeArea,
};

use super::{
    AuditNote, StorageError, Store, audit,
    keys::{Place, Sealed},
    matters::{self, derived, stars},
    question_matters,
    row::{Columns, statements},
    sessions::LawyerRef,
};
use crate::domain::{
    follow_up::{
        self, About, ComplaintCause, FollowUpAct, FollowUpCause, FollowUpResult, FollowUpState, Hand, Refused, Said,
    },
    matter::{MatterEvent, MatterState},
    rating::Stars,
};

/// Follow-ups of one list at most: more than a county's office can owe at once.
const MOST: i64 = 500;
/// Complaints of one matter at most.
pub const MOST_COMPLAINTS: i64 = 5;

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT f.id AS id, f.matter, f.lawyer, l.name AS lawyer_name, f.cause, f.state, f.version, f.handler, h.name AS handler_name, f.tries, \
             f.result, f.opened_at, f.changed_at, f.closed_at, m.practice_area, m.area, v.name AS area_name, z.alias, z.identity_mode, \
             g.stars, g.amended_stars FROM follow_ups f JOIN matters m ON m.id = f.matter LEFT JOIN areas v ON v.code = m.area \
             LEFT JOIN lawyers l ON l.id = f.lawyer LEFT JOIN staff h ON h.id = f.handler LEFT JOIN citizens z ON z.id = m.citizen \
             LEFT JOIN ratings g ON g.consultation = m.rating WHERE ",
            $where
        )
    };
}

statements! {
    OPEN_ONE = "SELECT id FROM follow_ups WHERE matter = $1 AND closed_at IS NULL";
    COUNT = "SELECT COUNT(*) AS n FROM follow_ups WHERE matter = $1";
    INSERT = "INSERT INTO follow_ups (id, matter, lawyer, cause, state, version, tries, opened_at, changed_at) VALUES ($1, $2, $3, $4, 'OPEN', 1, 0, $5, $5)";
    POINT = "UPDATE matters SET follow_up = $2 WHERE id = $1";
    OWED = select!("f.closed_at IS NULL ORDER BY f.opened_at, f.id LIMIT $1");
    DONE = select!("f.closed_at IS NOT NULL ORDER BY f.closed_at DESC, f.id LIMIT $1");
    ONE = select!("f.id = $1");
    STEPS = "SELECT t.follow_up AS id, t.number, t.act, t.to_state, t.note_sealed, t.actor, h.name AS actor_name, t.at FROM follow_up_steps t \
        LEFT JOIN staff h ON h.id = t.actor WHERE t.follow_up = $1 ORDER BY t.number";
    COMPLAINTS = "SELECT id, cause, text_sealed, at FROM complaints WHERE matter = $1 ORDER BY at, id";
    COUNT_COMPLAINTS = "SELECT COUNT(*) AS n FROM complaints WHERE matter = $1";
    COMPLAIN = "INSERT INTO complaints (id, matter, follow_up, cause, text_sealed, at) VALUES ($1, $2, $3, $4, $5, $6)";
    STEP = "UPDATE follow_ups SET state = $3, version = version + 1, handler = COALESCE($4, handler), tries = tries + $5, result = COALESCE($6, result), \
        changed_at = $7, closed_at = COALESCE(closed_at, $8) WHERE id = $1 AND version = $2";
    WRITE_STEP = "INSERT INTO follow_up_steps (follow_up, number, act, from_state, to_state, note_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    MATTER = "SELECT id, state, lawyer FROM matters WHERE id = $1";
}

/// One follow-up as the work list shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowUpRow {
    /// Which one.
    pub id: String,
    /// Of which matter.
    pub matter: ConsultationId,
    /// Whom it is about.
    pub lawyer: Option<LawyerRef>,
    /// Why it was opened.
    pub cause: FollowUpCause,
    /// Where it stands.
    pub state: FollowUpState,
    /// Rises with every step.
    pub version: i64,
    /// Who has taken it: an id, and the name.
    pub handler: Option<String>,
    /// The name.
    pub handler_name: Option<String>,
    /// Tries to reach the asker.
    pub tries: u32,
    /// What came of it.
    pub result: Option<FollowUpResult>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// What the matter is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// What the asker is called here.
    pub alias: Option<String>,
    /// How the asker is known.
    pub identity_mode: Option<String>,
    /// The stars as given.
    pub stars: Option<Stars>,
    /// The stars as given anew.
    pub amended_stars: Option<Stars>,
}

/// One step that was taken.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// What was done.
    pub act: FollowUpAct,
    /// Where that led.
    pub to: FollowUpState,
    /// What was said or found.
    pub note: String,
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One complaint.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComplaintView {
    /// Of what.
    pub cause: ComplaintCause,
    /// In the asker's words.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// Why a step was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There is no such follow-up.
    NoSuchFollowUp,
    /// Somebody else took a step in between.
    Stale,
    /// The machine refused.
    Refused(Refused),
}

/// A step on its way to the store.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Of which follow-up.
    pub id: &'a str,
    /// As the caller saw it.
    pub version: i64,
    /// What is done.
    pub said: Said<'a>,
    /// By whose hand.
    pub hand: &'a Hand,
    /// By whom, by id.
    pub actor: &'a str,
}

/// What came of a complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complained {
    /// It is kept, and this follow-up deals with it.
    Kept(String),
    /// There is nothing to complain of yet, or any more.
    NotNow,
    /// Enough was said.
    TooMany,
}

impl Store {
    /// What the office owes, the oldest first; or, with `closed`, what it has done, the newest first.
    pub async fn follow_ups(&self, closed: bool) -> Result<Vec<FollowUpRow>, StorageError> {
        let query = if closed { sqlx::query(DONE) } else { sqlx::query(OWED) };
        let rows = query.bind(MOST).fetch_all(self.read()).await?;
        rows.iter().map(follow_up_row).collect()
    }

    /// One follow-up.
    pub async fn follow_up(&self, id: &str) -> Result<Option<FollowUpRow>, StorageError> {
        let row = sqlx::query(ONE).bind(id).fetch_optional(self.read()).await?;
        row.as_ref().map(follow_up_row).transpose()
    }

    /// Its steps, in order.
    pub async fn follow_up_steps(&self, id: &str) -> Result<Vec<StepView>, StorageError> {
        let rows = sqlx::query(STEPS).bind(id).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("follow_up_steps", row);
                let key = format!("{id}/{}", of.int("number")?);
                let sealed = Sealed::from_bytes(of.bytes("note_sealed")?);
                Ok(StepView {
                    act: of.parsed("act")?,
                    to: of.parsed("to_state")?,
                    note: self.keys().open_text(note_of(&key), &sealed)?,
                    by: of.opt_text("actor_name")?,
                    at: of.time("at")?,
                })
            })
            .collect()
    }

    /// The complaints of a matter, in order; for its asker and for the office.
    pub async fn complaints(&self, matter: ConsultationId) -> Result<Vec<ComplaintView>, StorageError> {
        let rows = sqlx::query(COMPLAINTS).bind(matter.to_string()).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("complaints", row);
                let sealed = Sealed::from_bytes(of.bytes("text_sealed")?);
                let text = self.keys().open_text(complaint_of(&of.text("id")?), &sealed)?;
                Ok(ComplaintView { cause: of.parsed("cause")?, text, at: of.time("at")? })
            })
            .collect()
    }

    /// Keeps a complaint, and opens a follow-up unless one is open. `id` was minted by the caller.
    pub async fn complain(
        &self,
        id: &str,
        matter: ConsultationId,
        (cause, text): (ComplaintCause, &str),
        actor: &str,
        now: Timestamp,
    ) -> Result<Complained, StorageError> {
        let matter = matter.to_string();
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(MATTER).bind(&matter).fetch_optional(&mut *tx).await? else {
            return Ok(Complained::NotNow);
        };
        let of = Columns::of("matters", &row);
        let (state, lawyer): (MatterState, _) = (of.parsed("state")?, of.opt_parsed("lawyer")?);
        if !state.may_be_complained_of() {
            return Ok(Complained::NotNow);
        }
        let said = sqlx::query(COUNT_COMPLAINTS).bind(&matter).fetch_one(&mut *tx).await?;
        if Columns::of("complaints", &said).int("n")? >= MOST_COMPLAINTS {
            return Ok(Complained::TooMany);
        }
        let follow_up = open(&mut tx, &matter, lawyer, (FollowUpCause::Complaint, actor), now).await?;
        let sealed = self.keys().seal_text(complaint_of(id), text)?;
        let query = sqlx::query(COMPLAIN).bind(id).bind(&matter).bind(&follow_up).bind(cause.as_str());
        query.bind(sealed.into_bytes()).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{id}\n{}\n{text}", cause.as_str())).into();
        let note = AuditNote { actor, action: "complaint.made", object_kind: "matter", object: &matter, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Complained::Kept(follow_up))
    }

    /// Takes a step with its audit entry, or says why not.
    pub async fn step_follow_up(
        &self,
        step: Step<'_>,
        now: Timestamp,
    ) -> Result<Result<FollowUpState, NotTaken>, StorageError> {
        let Step { id, version, said, hand, actor } = step;
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(ONE).bind(id).fetch_optional(&mut *tx).await? else {
            return Ok(Err(NotTaken::NoSuchFollowUp));
        };
        let found = follow_up_row(&row)?;
        let about = found.lawyer.as_ref().map(|lawyer| About { lawyer: lawyer.id, name: lawyer.name.clone() });
        let to = match follow_up::step((found.state, found.tries), said, hand, about.as_ref()) {
            Ok(to) => to,
            Err(refused) => return Ok(Err(NotTaken::Refused(refused))),
        };
        // The stars of a question are about everybody who answered it.
        let answered = question_matters::answerers(&mut tx, &found.matter.to_string()).await?;
        if answered.iter().any(|about| follow_up::is_same_person(hand, about)) {
            return Ok(Err(NotTaken::Refused(Refused::SamePerson)));
        }
        let takes = (said.act == FollowUpAct::Take).then_some(actor);
        let is_try = matches!(said.act, FollowUpAct::NoAnswer | FollowUpAct::Reached);
        let moved = sqlx::query(STEP)
            .bind(id)
            .bind(version)
            .bind(to.as_str())
            .bind(takes)
            .bind(i64::from(is_try))
            .bind(said.result.map(FollowUpResult::as_str))
            .bind(now.0)
            .bind((to == FollowUpState::Closed).then_some(now.0))
            .execute(&mut *tx)
            .await?;
        if found.version != version || moved.rows_affected() == 0 {
            return Ok(Err(NotTaken::Stale));
        }
        let note = said.note.trim();
        let sealed = self.keys().seal_text(note_of(&format!("{id}/{version}")), note)?;
        let (act, from) = (said.act.as_str(), found.state.as_str());
        let query = sqlx::query(WRITE_STEP).bind(id).bind(version).bind(act).bind(from).bind(to.as_str());
        query.bind(sealed.into_bytes()).bind(actor).bind(now.0).execute(&mut *tx).await?;
        // The note may name people, so the log holds its hash.
        let hash = Sha256::digest(format!("{id}\n{act}\n{from}\n{}\n{note}", to.as_str())).into();
        let action = format!("follow-up.{}", act.to_ascii_lowercase().replace('_', "-"));
        let entry = AuditNote { actor, action: &action, object_kind: "follow-up", object: id, hash };
        audit::append(&mut tx, &entry, now).await?;
        if to == FollowUpState::Closed {
            matters::step(&mut tx, &found.matter.to_string(), MatterEvent::FollowedUp, now).await?;
        }
        tx.commit().await?;
        Ok(Ok(to))
    }
}

/// Opens a follow-up of a matter, unless one is open; its id.
pub(super) async fn open(
    tx: &mut Transaction<'static, Any>,
    matter: &str,
    lawyer: Option<LawyerId>,
    (cause, actor): (FollowUpCause, &str),
    at: Timestamp,
) -> Result<String, StorageError> {
    if let Some(row) = sqlx::query(OPEN_ONE).bind(matter).fetch_optional(&mut **tx).await? {
        return Columns::of("follow_ups", &row).text("id");
    }
    let count = sqlx::query(COUNT).bind(matter).fetch_one(&mut **tx).await?;
    let number = Columns::of("follow_ups", &count).int("n")?;
    let id = derived(&format!("follow-up/{matter}/{number}"), at);
    let query = sqlx::query(INSERT).bind(&id).bind(matter).bind(lawyer.map(|lawyer| lawyer.to_string()));
    query.bind(cause.as_str()).bind(at.0).execute(&mut **tx).await?;
    sqlx::query(POINT).bind(matter).bind(&id).execute(&mut **tx).await?;
    matters::step(tx, matter, MatterEvent::Dissatisfied, at).await?;
    let hash = Sha256::digest(format!("{id}\n{}", cause.as_str())).into();
    let note = AuditNote { actor, action: "follow-up.opened", object_kind: "follow-up", object: &id, hash };
    audit::append(tx, &note, at).await?;
    Ok(id)
}

fn follow_up_row(row: &AnyRow) -> Result<FollowUpRow, StorageError> {
    let of = Columns::of("follow_ups", row);
    let lawyer = of.opt_parsed::<LawyerId>("lawyer")?;
    let name = of.opt_text("lawyer_name")?.unwrap_or_default();
    Ok(FollowUpRow {
        id: of.text("id")?,
        matter: of.parsed("matter")?,
        lawyer: lawyer.map(|id| LawyerRef { id, name }),
        cause: of.parsed("cause")?,
        state: of.parsed("state")?,
        version: of.int("version")?,
        handler: of.opt_text("handler")?,
        handler_name: of.opt_text("handler_name")?,
        tries: of.count("tries")?,
        result: of.opt_parsed("result")?,
        opened_at: of.time("opened_at")?,
        closed_at: of.opt_time("closed_at")?,
        practice_area: of.parsed("practice_area")?,
        area: of.parsed("area")?,
        area_name: of.opt_text("area_name")?,
        alias: of.opt_text("alias")?,
        identity_mode: of.opt_text("identity_mode")?,
        stars: stars(&of, "stars")?,
        amended_stars: stars(&of, "amended_stars")?,
    })
}

const fn note_of(row: &str) -> Place<'_> {
    Place { table: "follow_up_steps", row, column: "note_sealed" }
}

const fn complaint_of(row: &str) -> Place<'_> {
    Place { table: "complaints", row, column: "text_sealed" }
}
