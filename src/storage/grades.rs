//! Grades of matters with their history, incident tags, and escalations; every step with its audit entry.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, ConsultationId},
    time::Timestamp,
    words::{Grade, PracticeArea},
};

use super::{
    AuditNote, StorageError, Store, audit,
    error::is_taken,
    keys::{Place, Sealed},
    matters::derived,
    row::{Columns, statements},
};
use crate::domain::grading::{EscalationAct, EscalationState, Facts, GradeBy, WAVE_MS, by_rules, is_grave};

/// Rows of one list at most.
const MOST: i64 = 500;
/// Matters that the rules look at in one round: more than a county asks in a day.
const ROUND: i64 = 2000;

macro_rules! escalation {
    ($where:literal) => {
        concat!(
            "SELECT e.id AS id, e.matter, e.state, e.version, e.flagged_at, e.changed_at, e.closed_at, m.grade, m.practice_area, m.area, \
             v.name AS area_name, t.name AS tag_name, t.people FROM escalations e JOIN matters m ON m.id = e.matter LEFT JOIN areas v ON v.code = m.area \
             LEFT JOIN incident_tags t ON t.id = m.tag WHERE ",
            $where
        )
    };
}

statements! {
    SET = "UPDATE matters SET grade = $3, changed_at = $4 WHERE id = $1 AND grade = $2";
    COUNT = "SELECT COUNT(*) AS n FROM grade_steps WHERE matter = $1";
    WRITE = "INSERT INTO grade_steps (matter, number, from_grade, to_grade, set_by, reason_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    STEPS = "SELECT g.matter AS id, g.number, g.to_grade, g.set_by, g.reason_sealed, g.at, COALESCE(h.name, l.name) AS actor_name FROM grade_steps g \
        LEFT JOIN staff h ON h.id = g.actor LEFT JOIN lawyers l ON l.id = g.actor WHERE g.matter = $1 ORDER BY g.number";
    /// What the rules look at, of every matter that was asked or moved lately and is not grave yet.
    FACTS = "SELECT m.id AS id, m.grade, (SELECT COUNT(*) FROM matters x WHERE x.area = m.area AND x.practice_area = m.practice_area \
        AND x.opened_at > $1) AS alike, COALESCE(t.people, 0) AS people, (SELECT COUNT(*) FROM matters y WHERE y.tag = m.tag) AS linked, \
        (SELECT MAX(s.outcome) FROM sessions s WHERE s.consultation = m.latest AND s.outcome IS NOT NULL) AS outcome \
        FROM matters m LEFT JOIN incident_tags t ON t.id = m.tag WHERE m.changed_at > $1 AND m.grade IN ('NORMAL', 'ATTENTION') \
        ORDER BY m.changed_at DESC LIMIT $2";
    OPEN_ONE = "SELECT id FROM escalations WHERE matter = $1 AND closed_at IS NULL";
    COUNT_ESCALATIONS = "SELECT COUNT(*) AS n FROM escalations WHERE matter = $1";
    FLAG = "INSERT INTO escalations (id, matter, state, version, flagged_at, changed_at) VALUES ($1, $2, 'FLAGGED', 1, $3, $3)";
    OPEN_LIST = escalation!("e.closed_at IS NULL ORDER BY e.flagged_at, e.id LIMIT $1");
    CLOSED_LIST = escalation!("e.closed_at IS NOT NULL ORDER BY e.closed_at DESC, e.id LIMIT $1");
    ONE = escalation!("e.id = $1");
    STEP = "UPDATE escalations SET state = $3, version = version + 1, changed_at = $4, closed_at = COALESCE(closed_at, $5) WHERE id = $1 AND version = $2";
    WRITE_STEP = "INSERT INTO escalation_steps (escalation, number, act, to_state, note_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    ESCALATION_STEPS = "SELECT t.escalation AS id, t.number, t.act, t.to_state, t.note_sealed, t.at, h.name AS actor_name FROM escalation_steps t \
        LEFT JOIN staff h ON h.id = t.actor WHERE t.escalation = $1 ORDER BY t.number";
    ADD_TAG = "INSERT INTO incident_tags (id, name, people, created_by, created_at) VALUES ($1, $2, $3, $4, $5)";
    COUNT_PEOPLE = "UPDATE incident_tags SET people = $2 WHERE id = $1";
    TOUCH = "UPDATE matters SET changed_at = $2 WHERE tag = $1";
    TAGS = "SELECT t.id AS id, t.name, t.people, t.created_at, (SELECT COUNT(*) FROM matters m WHERE m.tag = t.id) AS matters FROM incident_tags t \
        ORDER BY t.created_at DESC, t.id LIMIT $1";
    HAS_TAG = "SELECT id FROM incident_tags WHERE id = $1";
    SET_TAG = "UPDATE matters SET tag = $2, changed_at = $3 WHERE id = $1";
}

/// A grade on its way to the store.
#[derive(Clone, Copy, Debug)]
pub struct NewGrade<'a> {
    /// Where it stood when it was decided.
    pub from: Grade,
    /// Where it is to stand.
    pub to: Grade,
    /// Who or what says so.
    pub by: GradeBy,
    /// Why.
    pub reason: &'a str,
    /// By whom, by id; the node for a rule.
    pub actor: &'a str,
}

/// One change of a grade.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GradeStep {
    /// To what.
    pub to: Grade,
    /// Who or what said so.
    pub by: GradeBy,
    /// Why.
    pub reason: String,
    /// The person's name; none of a rule.
    pub name: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One escalation as the office's list shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EscalationRow {
    /// Which one.
    pub id: String,
    /// Of which matter.
    pub matter: ConsultationId,
    /// Where it stands.
    pub state: EscalationState,
    /// Rises with every step.
    pub version: i64,
    /// When it was flagged.
    pub flagged_at: Timestamp,
    /// When it moved last.
    pub changed_at: Timestamp,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
    /// How grave the matter is now.
    pub grade: Grade,
    /// What the matter is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// The incident.
    pub tag_name: Option<String>,
    /// How many people it concerns.
    pub people: Option<i64>,
}

/// One step of an escalation.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EscalationStep {
    /// What was done.
    pub act: EscalationAct,
    /// Where that led.
    pub to: EscalationState,
    /// What was said, and to whom.
    pub note: String,
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One incident.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagRow {
    /// Which one.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many people it concerns, as far as is known.
    pub people: u32,
    /// How many matters point to it.
    pub matters: u32,
    /// Since when.
    pub created_at: Timestamp,
}

/// Why a step of an escalation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There is no such escalation.
    NoSuch,
    /// It does not follow.
    NoSuchStep,
    /// Somebody else was faster.
    Stale,
}

impl Store {
    /// Sets a grade with its reason and its audit entry; a grave one is flagged for the office. `false` when the grade is not what it was.
    pub async fn set_grade(
        &self,
        matter: ConsultationId,
        new: NewGrade<'_>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let id = matter.to_string();
        let reason = new.reason.trim();
        let mut tx = self.begin().await?;
        let (from, to) = (new.from.as_str(), new.to.as_str());
        let set = sqlx::query(SET).bind(&id).bind(from).bind(to).bind(now.0).execute(&mut *tx).await?;
        if set.rows_affected() == 0 {
            return Ok(false);
        }
        let count = sqlx::query(COUNT).bind(&id).fetch_one(&mut *tx).await?;
        let number = Columns::of("grade_steps", &count).int("n")? + 1;
        let sealed = self.keys().seal_text(reason_of(&format!("{id}/{number}")), reason)?;
        let query = sqlx::query(WRITE).bind(&id).bind(number).bind(from).bind(to).bind(new.by.as_str());
        query.bind(sealed.into_bytes()).bind(new.actor).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{id}\n{from}\n{to}\n{}\n{reason}", new.by.as_str())).into();
        let note = AuditNote { actor: new.actor, action: "matter.graded", object_kind: "matter", object: &id, hash };
        audit::append(&mut tx, &note, now).await?;
        if is_grave(new.to) {
            flag(&mut tx, &id, new.actor, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The changes of a matter's grade, in order.
    pub async fn grade_steps(&self, matter: ConsultationId) -> Result<Vec<GradeStep>, StorageError> {
        let id = matter.to_string();
        let rows = sqlx::query(STEPS).bind(&id).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("grade_steps", row);
                let sealed = Sealed::from_bytes(of.bytes("reason_sealed")?);
                Ok(GradeStep {
                    to: of.parsed("to_grade")?,
                    by: of.parsed("set_by")?,
                    reason: self.keys().open_text(reason_of(&format!("{id}/{}", of.int("number")?)), &sealed)?,
                    name: of.opt_text("actor_name")?,
                    at: of.time("at")?,
                })
            })
            .collect()
    }

    /// Raises what the rules find graver than it is graded; how many. A second run finds nothing left to do.
    pub async fn grade_by_rules(&self, actor: &str, now: Timestamp) -> Result<u32, StorageError> {
        let since = now.0.saturating_sub(WAVE_MS);
        let rows = sqlx::query(FACTS).bind(since).bind(ROUND).fetch_all(self.read()).await?;
        let mut raised = 0;
        for row in &rows {
            let of = Columns::of("matters", row);
            let (matter, from): (ConsultationId, Grade) = (of.parsed("id")?, of.parsed("grade")?);
            let facts = Facts {
                outcome: of.opt_parsed("outcome")?,
                alike: of.count("alike")?,
                people: of.count("people")?,
                linked: of.count("linked")?,
            };
            let Some((to, by)) = by_rules(facts).filter(|(to, _)| *to > from) else { continue };
            let reason = format!("alike {}, people {}, linked {}", facts.alike, facts.people, facts.linked);
            let new = NewGrade { from, to, by, reason: &reason, actor };
            raised += u32::from(self.set_grade(matter, new, now).await?);
        }
        Ok(raised)
    }

    /// Escalations that are open, the oldest first; or, with `closed`, those that are over, the newest first.
    pub async fn escalations(&self, closed: bool) -> Result<Vec<EscalationRow>, StorageError> {
        let query = if closed { sqlx::query(CLOSED_LIST) } else { sqlx::query(OPEN_LIST) };
        query.bind(MOST).fetch_all(self.read()).await?.iter().map(escalation_row).collect()
    }

    /// One escalation.
    pub async fn escalation(&self, id: &str) -> Result<Option<EscalationRow>, StorageError> {
        let row = sqlx::query(ONE).bind(id).fetch_optional(self.read()).await?;
        row.as_ref().map(escalation_row).transpose()
    }

    /// Its steps, in order.
    pub async fn escalation_steps(&self, id: &str) -> Result<Vec<EscalationStep>, StorageError> {
        let rows = sqlx::query(ESCALATION_STEPS).bind(id).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("escalation_steps", row);
                let sealed = Sealed::from_bytes(of.bytes("note_sealed")?);
                Ok(EscalationStep {
                    act: of.parsed("act")?,
                    to: of.parsed("to_state")?,
                    note: self.keys().open_text(note_of(&format!("{id}/{}", of.int("number")?)), &sealed)?,
                    by: of.opt_text("actor_name")?,
                    at: of.time("at")?,
                })
            })
            .collect()
    }

    /// Takes a step of an escalation with its audit entry, or says why not.
    pub async fn step_escalation(
        &self,
        (id, version): (&str, i64),
        (act, note): (EscalationAct, &str),
        actor: &str,
        now: Timestamp,
    ) -> Result<Result<EscalationState, NotTaken>, StorageError> {
        let note = note.trim();
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(ONE).bind(id).fetch_optional(&mut *tx).await? else {
            return Ok(Err(NotTaken::NoSuch));
        };
        let found = escalation_row(&row)?;
        let Some(to) = found.state.after(act) else { return Ok(Err(NotTaken::NoSuchStep)) };
        let over = to.is_over().then_some(now.0);
        let moved = sqlx::query(STEP).bind(id).bind(version).bind(to.as_str()).bind(now.0).bind(over);
        if moved.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Err(NotTaken::Stale));
        }
        let sealed = self.keys().seal_text(note_of(&format!("{id}/{version}")), note)?;
        let query = sqlx::query(WRITE_STEP).bind(id).bind(version).bind(act.as_str()).bind(to.as_str());
        query.bind(sealed.into_bytes()).bind(actor).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{id}\n{}\n{}\n{note}", act.as_str(), to.as_str())).into();
        let action = format!("escalation.{}", act.as_str().to_ascii_lowercase());
        let entry = AuditNote { actor, action: &action, object_kind: "escalation", object: id, hash };
        audit::append(&mut tx, &entry, now).await?;
        tx.commit().await?;
        Ok(Ok(to))
    }

    /// Names an incident; [`StorageError::Duplicate`] when there is one of this name.
    pub async fn add_tag(
        &self,
        id: &str,
        (name, people): (&str, u32),
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        let query = sqlx::query(ADD_TAG).bind(id).bind(name).bind(i64::from(people)).bind(actor).bind(now.0);
        match query.execute(&mut *tx).await {
            Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the incident")),
            done => done?,
        };
        let note = AuditNote { actor, action: "incident.named", object_kind: "incident", object: id, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        Ok(tx.commit().await?)
    }

    /// Says how many people an incident concerns; `false` when there is none.
    pub async fn count_people(&self, id: &str, people: u32, actor: &str, now: Timestamp) -> Result<bool, StorageError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(COUNT_PEOPLE).bind(id).bind(i64::from(people)).execute(&mut *tx).await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        // The rules look at what moved lately.
        sqlx::query(TOUCH).bind(id).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{id}\n{people}")).into();
        let note = AuditNote { actor, action: "incident.counted", object_kind: "incident", object: id, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Incidents, the newest first.
    pub async fn tags(&self) -> Result<Vec<TagRow>, StorageError> {
        let rows = sqlx::query(TAGS).bind(MOST).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("incident_tags", row);
                Ok(TagRow {
                    id: of.text("id")?,
                    name: of.text("name")?,
                    people: of.count("people")?,
                    matters: of.count("matters")?,
                    created_at: of.time("created_at")?,
                })
            })
            .collect()
    }

    /// Links a matter to an incident, or to none; `false` when there is no such incident or matter.
    pub async fn set_tag(
        &self,
        matter: ConsultationId,
        tag: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let id = matter.to_string();
        let mut tx = self.begin().await?;
        if let Some(tag) = tag
            && sqlx::query(HAS_TAG).bind(tag).fetch_optional(&mut *tx).await?.is_none()
        {
            return Ok(false);
        }
        if sqlx::query(SET_TAG).bind(&id).bind(tag).bind(now.0).execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        // Its siblings are one more now.
        if let Some(tag) = tag {
            sqlx::query(TOUCH).bind(tag).bind(now.0).execute(&mut *tx).await?;
        }
        let hash = Sha256::digest(format!("{id}\n{}", tag.unwrap_or_default())).into();
        let note = AuditNote { actor, action: "matter.tagged", object_kind: "matter", object: &id, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Flags a matter for the office, unless it is flagged.
async fn flag(
    tx: &mut Transaction<'static, Any>,
    matter: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    if sqlx::query(OPEN_ONE).bind(matter).fetch_optional(&mut **tx).await?.is_some() {
        return Ok(());
    }
    let count = sqlx::query(COUNT_ESCALATIONS).bind(matter).fetch_one(&mut **tx).await?;
    let number = Columns::of("escalations", &count).int("n")?;
    let id = derived(&format!("escalation/{matter}/{number}"), now);
    sqlx::query(FLAG).bind(&id).bind(matter).bind(now.0).execute(&mut **tx).await?;
    let action = "escalation.flagged";
    let note = AuditNote { actor, action, object_kind: "escalation", object: &id, hash: [0; 32] };
    audit::append(tx, &note, now).await.map(drop)
}

fn escalation_row(row: &AnyRow) -> Result<EscalationRow, StorageError> {
    let of = Columns::of("escalations", row);
    Ok(EscalationRow {
        id: of.text("id")?,
        matter: of.parsed("matter")?,
        state: of.parsed("state")?,
        version: of.int("version")?,
        flagged_at: of.time("flagged_at")?,
        changed_at: of.time("changed_at")?,
        closed_at: of.opt_time("closed_at")?,
        grade: of.parsed("grade")?,
        practice_area: of.parsed("practice_area")?,
        area: of.parsed("area")?,
        area_name: of.opt_text("area_name")?,
        tag_name: of.opt_text("tag_name")?,
        people: of.opt_int("people")?,
    })
}

const fn reason_of(row: &str) -> Place<'_> {
    Place { table: "grade_steps", row, column: "reason_sealed" }
}

const fn note_of(row: &str) -> Place<'_> {
    Place { table: "escalation_steps", row, column: "note_sealed" }
}
