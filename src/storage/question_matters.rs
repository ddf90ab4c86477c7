//! Text questions as matters: what their steps make of the matter, the asker's stars, and the calls that go on with them.
use sha2::{Digest as _, Sha256};
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    ids::ConsultationId,
    question::{Event, Question, Step},
    time::Timestamp,
    words::ConsultationState,
};

use super::{
    AuditNote, StorageError, Store, audit, follow_ups,
    matters::{self, NewMatter, settle_if_rated, step},
    questions::content_hash,
    row::{Columns, statements},
    sessions::{SessionRow, session_row, sessions_where},
};
use crate::domain::{
    follow_up::{About, FollowUpCause},
    matter::{MatterEvent, MatterKind},
    rating::Stars,
};

/// Calls of one question that are shown.
const MOST: i64 = 100;

statements! {
    SERVE = "UPDATE matters SET lawyer = $2 WHERE id = $1";
    /// The question is the newest of its matter again, after a call.
    BACK = "UPDATE matters SET latest = $1 WHERE id = $1";
    NEWEST = "SELECT id FROM matters WHERE id = $1 AND latest = $1";
    RATED = "UPDATE matters SET rating = $1 WHERE id = $1 AND kind = 'QUESTION' AND rating IS NULL \
        AND state IN ('ANSWERED', 'REOPENED', 'CLOSED', 'FOLLOW_UP')";
    RATE = "INSERT INTO ratings (consultation, stars, rated_at, lawyer_connected) VALUES ($1, $2, $3, 0)";
    WHOSE = "SELECT id, citizen, lawyer FROM matters WHERE id = $1";
    CALLS = sessions_where!("c.question = $1 ORDER BY s.created_at, s.id LIMIT $2");
    ANSWERERS = "SELECT l.id AS id, l.name FROM question_answers a JOIN lawyers l ON l.id = a.lawyer WHERE a.question = $1 ORDER BY a.rank";
    LINK = "UPDATE consultations SET question = $2 WHERE id = $1 AND (question IS NULL OR question = $2) \
        AND EXISTS (SELECT 1 FROM questions q WHERE q.id = $2 AND q.citizen = consultations.citizen)";
    /// A call that was asked before it was said what it goes on with is a matter of its own, which points there.
    POINT = "UPDATE matters SET previous = $2 WHERE id = $1 AND previous IS NULL AND $1 <> $2";
}

impl Store {
    /// Keeps the stars of a question; `false` when its matter has stars already, or cannot have any now.
    pub async fn rate_question(
        &self,
        question: ConsultationId,
        stars: Stars,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let id = question.to_string();
        let mut tx = self.begin().await?;
        if sqlx::query(RATED).bind(&id).execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(RATE).bind(&id).bind(i64::from(u8::from(stars))).bind(now.0).execute(&mut *tx).await?;
        let row = sqlx::query(WHOSE).bind(&id).fetch_one(&mut *tx).await?;
        let of = Columns::of("matters", &row);
        let (citizen, lawyer) = (of.text("citizen")?, of.opt_parsed("lawyer")?);
        let hash = Sha256::digest(format!("{id}\n{}", u8::from(stars))).into();
        let note = AuditNote { actor: &citizen, action: "rating.given", object_kind: "matter", object: &id, hash };
        audit::append(&mut tx, &note, now).await?;
        if stars.needs_follow_up() {
            follow_ups::open(&mut tx, &id, lawyer, (FollowUpCause::Stars, &citizen), now).await?;
        } else {
            step(&mut tx, &id, MatterEvent::Settled, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The calls that went on with a question, in order.
    pub async fn calls_of_question(&self, question: ConsultationId) -> Result<Vec<SessionRow>, StorageError> {
        let rows = sqlx::query(CALLS).bind(question.to_string()).bind(MOST).fetch_all(self.read()).await?;
        rows.iter().map(session_row).collect()
    }

    /// Notes that a call goes on with a question of the same asker; anything else changes nothing.
    pub async fn link_call(
        &self,
        call: ConsultationId,
        question: ConsultationId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let (call, question) = (call.to_string(), question.to_string());
        let mut tx = self.begin().await?;
        let linked = sqlx::query(LINK).bind(&call).bind(&question).execute(&mut *tx).await?.rows_affected() == 1;
        if linked {
            sqlx::query(POINT).bind(&call).bind(&question).execute(&mut *tx).await?;
            let hash = content_hash(&question, &call);
            let note = AuditNote { actor, action: "question.called", object_kind: "question", object: &question, hash };
            audit::append(&mut tx, &note, now).await?;
        }
        tx.commit().await?;
        Ok(linked)
    }
}

/// What a step of a question makes of its matter.
pub(super) async fn follow(
    tx: &mut Transaction<'static, Any>,
    question: &Question,
    taken: &Step,
) -> Result<(), StorageError> {
    let (id, at) = (question.id().to_string(), taken.at);
    match &taken.event {
        Event::Asked(asked) => {
            let (kind, citizen) = (MatterKind::Question, asked.citizen.to_string());
            let practice_area = asked.practice_area;
            let new = NewMatter { id: &id, kind, citizen: &citizen, practice_area, area: &asked.area };
            matters::open(tx, new, at).await
        }
        Event::Answered { lawyer, .. } => {
            sqlx::query(SERVE).bind(&id).bind(lawyer.to_string()).execute(&mut **tx).await?;
            newest(tx, &id, MatterEvent::Answered, at).await
        }
        Event::FollowedUp { .. } => {
            sqlx::query(BACK).bind(&id).execute(&mut **tx).await?;
            step(tx, &id, MatterEvent::Reopened, at).await.map(drop)
        }
        Event::Replied { .. } => newest(tx, &id, MatterEvent::Answered, at).await,
        Event::StateChanged { to: ConsultationState::Closed, .. } => {
            newest(tx, &id, MatterEvent::Closed, at).await?;
            settle_if_rated(tx, &id, at).await
        }
        Event::StateChanged { to: ConsultationState::Unserved, .. } => {
            newest(tx, &id, MatterEvent::NotServed, at).await
        }
        Event::StateChanged { to: ConsultationState::Cancelled, .. } => {
            newest(tx, &id, MatterEvent::CalledOff, at).await
        }
        _ => Ok(()),
    }
}

/// Moves the matter of a question while nothing newer, a call, belongs to it.
async fn newest(
    tx: &mut Transaction<'static, Any>,
    question: &str,
    event: MatterEvent,
    at: Timestamp,
) -> Result<(), StorageError> {
    if sqlx::query(NEWEST).bind(question).fetch_optional(&mut **tx).await?.is_some() {
        step(tx, question, event, at).await?;
    }
    Ok(())
}

/// Everybody who answered a question: its stars are about all of them.
pub(super) async fn answerers(tx: &mut Transaction<'static, Any>, matter: &str) -> Result<Vec<About>, StorageError> {
    let rows = sqlx::query(ANSWERERS).bind(matter).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            let of = Columns::of("lawyers", row);
            Ok(About { lawyer: of.parsed("id")?, name: of.text("name")? })
        })
        .collect()
}
