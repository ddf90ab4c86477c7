//! Text questions: their events with what follows of them, what was written, their lists. An answer is kept together with its sealed record.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId},
    question::{Event, Question, Step},
    time::Timestamp,
    words::{ConsultationState, Outcome, PracticeArea, Tier},
};

use super::{
    AuditNote, StorageError, Store, audit,
    keys::{Place, Sealed, hex},
    nodes::Lease,
    question_matters, records,
    row::{Columns, statements},
    sessions::{Cursor, LawyerRef, Page},
};
use crate::domain::{
    answer::{Given, answer_record},
    calendar::Calendar,
    people::words,
    service_record::{ClosedBy, Closing},
};

statements! {
    INSERT_QUESTION = "INSERT INTO questions (id, version, state, tier, citizen, practice_area, area, answers, claimed, pending, created_at, changed_at) \
        VALUES ($1, 0, 'OPEN', 'LOCAL_AREA', $2, $3, $4, 0, 0, 0, $5, $5) ON CONFLICT (id) DO NOTHING";
    /// The compare-and-set that keeps the versions of a question without gaps.
    ADVANCE_QUESTION = "UPDATE questions SET version = $3, state = $4, tier = $5, answers = $6, claimed = $7, pending = $8, changed_at = $9 \
        WHERE id = $1 AND version = $2";
    FIRST_ANSWER = "UPDATE questions SET first_answer_at = COALESCE(first_answer_at, $2) WHERE id = $1";
    THIRD_ANSWER = "UPDATE questions SET third_answer_at = $2 WHERE id = $1";
    INSERT_STEP = "INSERT INTO question_events (question, version, name, at, mono_us, body) VALUES ($1, $2, $3, $4, $5, $6)";
    STEPS = "SELECT question AS id, version, at, mono_us, body FROM question_events WHERE question = $1 ORDER BY version";
    LIVE = "SELECT id FROM questions WHERE state IN ('OPEN', 'MATCHING', 'ASSIGNED', 'IN_SERVICE', 'ANSWERED') AND id > $1 ORDER BY id LIMIT $2";
    USED = "SELECT id, citizen FROM questions WHERE id = $1 UNION ALL SELECT id, citizen FROM consultations WHERE id = $1";
    INSERT_TEXT = "INSERT INTO question_texts (question, id, version, kind, number, lawyer, at, chars, text_sealed) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    TEXTS = "SELECT t.id AS id, t.version, t.kind, t.number, t.lawyer, l.name AS lawyer_name, t.at, t.text_sealed, a.rank, a.outcome \
        FROM question_texts t LEFT JOIN lawyers l ON l.id = t.lawyer LEFT JOIN question_answers a ON a.question = t.question AND a.id = t.id \
        WHERE t.question = $1 ORDER BY t.at, t.number, t.version, t.id";
    TEXT_OWNER = "SELECT id, lawyer FROM question_texts WHERE question = $1 AND id = $2 AND version = 1";
    INSERT_ANSWER = "INSERT INTO question_answers (question, id, lawyer, rank, at, chars, outcome, legal_aid_prompted) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    ASKER_REF = "SELECT id, ref FROM citizens WHERE id = $1";
    QUESTION = "SELECT q.id AS id, q.version, q.state, q.tier, q.citizen, q.practice_area, q.area, v.name AS area_name, q.answers, q.claimed, q.pending, \
        q.created_at, q.changed_at, q.first_answer_at, q.third_answer_at FROM questions q LEFT JOIN areas v ON v.code = q.area WHERE q.id = $1";
    QUESTIONS = "SELECT q.id AS id, q.version, q.state, q.tier, q.citizen, q.practice_area, q.area, v.name AS area_name, q.answers, q.claimed, q.pending, \
        q.created_at, q.changed_at, q.first_answer_at, q.third_answer_at FROM questions q LEFT JOIN areas v ON v.code = q.area \
        WHERE (q.citizen = $1 OR $1 = '') AND ($2 = '' OR EXISTS (SELECT 1 FROM question_answers a WHERE a.question = q.id AND a.lawyer = $2)) \
        AND (q.created_at < $3 OR (q.created_at = $3 AND q.id < $4)) ORDER BY q.created_at DESC, q.id DESC LIMIT $5";
    WRITTEN = "SELECT id, kind, number, lawyer, text_sealed FROM question_texts WHERE question = $1 AND id = $2 AND version = 1";
    ANSWERED_BY = "SELECT question AS id FROM question_answers WHERE question = $1 AND lawyer = $2";
}

words! {
    /// What a text is.
    TextKind {
        /// The question itself.
        Question = "QUESTION",
        /// An answer.
        Answer = "ANSWER",
        /// A further question of the asker.
        FollowUp = "FOLLOW_UP",
        /// What a lawyer says to that.
        Reply = "REPLY",
    }
}

/// A text on its way to the store, where it is sealed.
#[derive(Clone)]
pub struct NewText {
    /// Minted by the client; of the question itself, the question's id.
    pub id: String,
    /// From 1.
    pub version: u32,
    /// What it is.
    pub kind: TextKind,
    /// Rank of an answer, number of a follow-up, number of that which is replied to; 0 for the question.
    pub number: u32,
    /// By whom; nobody for the asker.
    pub lawyer: Option<LawyerId>,
    /// What was written.
    pub text: String,
}

impl std::fmt::Debug for NewText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewText({:?}, {} chars)", self.kind, self.text.chars().count())
    }
}

/// One version of a text, opened, for those who may read it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TextRow {
    /// Which.
    pub id: String,
    /// From 1; the highest is what counts.
    pub version: u32,
    /// What it is.
    pub kind: TextKind,
    /// Rank of an answer, number of a follow-up, number of that which is replied to.
    pub number: u32,
    /// By whom; nobody for the asker.
    pub lawyer: Option<LawyerRef>,
    /// When.
    pub at: Timestamp,
    /// What comes of it, of an answer.
    pub outcome: Option<Outcome>,
    /// What was written.
    pub text: String,
}

impl std::fmt::Debug for TextRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextRow({:?}, {} chars)", self.kind, self.text.chars().count())
    }
}

/// One question without a word of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuestionRow {
    /// Which.
    pub question: ConsultationId,
    /// Where it stands.
    pub state: ConsultationState,
    /// The widest tier that is open.
    pub tier: Tier,
    /// Who asks; not shown.
    #[serde(skip)]
    pub citizen: CitizenId,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// Valid answers.
    pub answers: u32,
    /// Slots that are held.
    pub claimed: u32,
    /// Follow-ups that wait for a reply.
    pub pending: u32,
    /// When it was asked.
    pub created_at: Timestamp,
    /// The last thing that happened.
    pub changed_at: Timestamp,
    /// When the first answer came.
    pub first_answer_at: Option<Timestamp>,
    /// When the third came.
    pub third_answer_at: Option<Timestamp>,
}

/// Whose questions are asked for.
#[derive(Clone, Copy, Debug)]
pub enum QuestionsOf {
    /// Those of an asker.
    Citizen(CitizenId),
    /// Those that a lawyer answered.
    Lawyer(LawyerId),
    /// All.
    Everybody,
}

/// What is written down at once.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The question after the steps.
    pub question: &'a Question,
    /// What happened.
    pub steps: &'a [Step],
    /// What was written.
    pub texts: &'a [NewText],
    /// Who did it; nobody for what happens by itself.
    pub actor: Option<&'a str>,
}

impl Store {
    /// Writes steps, texts, audit entries and the sealed records of new answers in one transaction of `lease`.
    pub async fn keep_question(&self, lease: &Lease, kept: Kept<'_>, calendar: &Calendar) -> Result<(), StorageError> {
        let Kept { question, steps, texts, actor } = kept;
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Ok(()) };
        let (id, asked) = (question.id().to_string(), question.asked());
        let mut tx = self.begin_as(lease).await?;
        if first.version == 1 {
            sqlx::query(INSERT_QUESTION)
                .bind(&id)
                .bind(asked.citizen.to_string())
                .bind(asked.practice_area.as_str())
                .bind(asked.area.as_str())
                .bind(first.at.0)
                .execute(&mut *tx)
                .await?;
        }
        let number = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let advanced = sqlx::query(ADVANCE_QUESTION)
            .bind(&id)
            .bind(number(first.version) - 1)
            .bind(number(last.version))
            .bind(question.state().as_str())
            .bind(question.tier().as_str())
            .bind(count(question.answered()))
            .bind(count(question.claimed()))
            .bind(count(question.pending()))
            .bind(last.at.0)
            .execute(&mut *tx)
            .await?;
        if advanced.rows_affected() != 1 {
            return Err(StorageError::OutOfOrder { consultation: question.id(), version: first.version });
        }
        for text in texts {
            self.put_text(&mut tx, &id, text, last.at).await?;
        }
        for step in steps {
            let body = serde_json::to_string(&step.event).expect("events are always JSON");
            sqlx::query(INSERT_STEP)
                .bind(&id)
                .bind(number(step.version))
                .bind(step.event.name())
                .bind(step.at.0)
                .bind(i64::try_from(step.mono_us).unwrap_or(i64::MAX))
                .bind(&body)
                .execute(&mut *tx)
                .await?;
            if let Some(action) = action(&step.event) {
                let hash = texts.first().map(|text| content_hash(&text.id, &text.text)).unwrap_or_default();
                let actor = actor.unwrap_or(&lease.node);
                let note = AuditNote { actor, action, object_kind: "question", object: &id, hash };
                audit::append(&mut tx, &note, step.at).await?;
            }
            question_matters::follow(&mut tx, question, step).await?;
            if let Event::Answered { .. } = step.event {
                self.keep_answer(&mut tx, lease, (question, step), texts, calendar).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// An answer with its sealed record.
    async fn keep_answer(
        &self,
        tx: &mut Transaction<'static, Any>,
        lease: &Lease,
        (question, step): (&Question, &Step),
        texts: &[NewText],
        calendar: &Calendar,
    ) -> Result<(), StorageError> {
        let Event::Answered { answer, lawyer, rank, chars, claimed_at, latency_ms, outcome, legal_aid_prompted } =
            step.event
        else {
            return Ok(());
        };
        let (id, asked) = (question.id().to_string(), question.asked());
        sqlx::query(INSERT_ANSWER)
            .bind(&id)
            .bind(answer.to_string())
            .bind(lawyer.to_string())
            .bind(i64::from(rank))
            .bind(step.at.0)
            .bind(i64::from(chars))
            .bind(outcome.as_str())
            .bind(i64::from(legal_aid_prompted))
            .execute(&mut **tx)
            .await?;
        sqlx::query(FIRST_ANSWER).bind(&id).bind(step.at.0).execute(&mut **tx).await?;
        if rank == 3 {
            sqlx::query(THIRD_ANSWER).bind(&id).bind(step.at.0).execute(&mut **tx).await?;
        }
        let citizen = sqlx::query(ASKER_REF).bind(asked.citizen.to_string()).fetch_optional(&mut **tx).await?;
        // An asker who was erased leaves no reference behind.
        let citizen_ref = citizen.map(|row| Columns::of("citizens", &row).text("ref")).transpose()?.unwrap_or_default();
        let snapshots = records::snapshots_of(tx, lawyer, citizen_ref, asked.area.as_str()).await?;
        let text = texts.iter().find(|text| text.id == answer.to_string());
        let given = Given {
            question: question.id(),
            asked,
            asked_at: question.asked_at(),
            answer,
            at: step.at,
            claimed_at,
            rank,
            chars,
            latency_ms,
            outcome,
            legal_aid_prompted,
            content_hash: text.map(|text| hex(&content_hash(&text.id, &text.text))).unwrap_or_default(),
        };
        let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: step.at };
        let record =
            answer_record(records::answer_record_id(answer, lawyer, claimed_at), &given, snapshots, calendar, closing);
        records::insert(tx, lease, &record, lawyer).await
    }

    async fn put_text(
        &self,
        tx: &mut Transaction<'static, Any>,
        question: &str,
        text: &NewText,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        let key = text_key(question, &text.id, text.version);
        let sealed = self.keys().seal_text(text_of(&key), &text.text)?;
        sqlx::query(INSERT_TEXT)
            .bind(question)
            .bind(&text.id)
            .bind(i64::from(text.version))
            .bind(text.kind.as_str())
            .bind(i64::from(text.number))
            .bind(text.lawyer.map(|lawyer| lawyer.to_string()))
            .bind(at.0)
            .bind(i64::try_from(text.text.chars().count()).unwrap_or(i64::MAX))
            .bind(sealed.into_bytes())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// The events of a question, in order; none when there is no such question.
    pub async fn question_steps(&self, question: ConsultationId) -> Result<Vec<Step>, StorageError> {
        let rows = sqlx::query(STEPS).bind(question.to_string()).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("question_events", row);
                Ok(Step {
                    question: of.parsed("id")?,
                    version: u64::try_from(of.int("version")?).map_err(|error| of.wrong("version", error))?,
                    at: of.time("at")?,
                    mono_us: u64::try_from(of.int("mono_us")?).map_err(|error| of.wrong("mono_us", error))?,
                    event: of.json("body")?,
                })
            })
            .collect()
    }

    /// Questions in which something happens by itself, after this one, in order of id.
    pub async fn live_questions(
        &self,
        after: Option<ConsultationId>,
        limit: u32,
    ) -> Result<Vec<ConsultationId>, StorageError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = sqlx::query(LIVE).bind(after).bind(i64::from(limit)).fetch_all(self.read()).await?;
        rows.iter().map(|row| Columns::of("questions", row).parsed("id")).collect()
    }

    /// Whose matter of this id it is, if there ever was one: ids are minted by clients, and a used one is not used again.
    pub async fn matter_owner(&self, id: ConsultationId) -> Result<Option<CitizenId>, StorageError> {
        let row = sqlx::query(USED).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| Columns::of("questions", &row).parsed("citizen")).transpose()
    }

    /// One question without a word of it.
    pub async fn question(&self, id: ConsultationId) -> Result<Option<QuestionRow>, StorageError> {
        let row = sqlx::query(QUESTION).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(question_row).transpose()
    }

    /// Questions, the newest first, one page of at most `limit`.
    pub async fn questions(
        &self,
        of: QuestionsOf,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<QuestionRow>, StorageError> {
        let from = Cursor::read(cursor);
        let (citizen, lawyer) = match of {
            QuestionsOf::Citizen(id) => (id.to_string(), String::new()),
            QuestionsOf::Lawyer(id) => (String::new(), id.to_string()),
            QuestionsOf::Everybody => (String::new(), String::new()),
        };
        let rows = sqlx::query(QUESTIONS)
            .bind(citizen)
            .bind(lawyer)
            .bind(from.at)
            .bind(&from.id)
            .bind(Page::<QuestionRow>::rows(limit))
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(question_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.created_at.0, id: row.question.to_string() }))
    }

    /// Whether this lawyer answered this question.
    pub async fn has_answered(&self, question: ConsultationId, lawyer: LawyerId) -> Result<bool, StorageError> {
        let query = sqlx::query(ANSWERED_BY).bind(question.to_string()).bind(lawyer.to_string());
        Ok(query.fetch_optional(self.read()).await?.is_some())
    }

    /// Everything that was written, opened, every version, in order; for those only who may read it.
    pub async fn question_texts(&self, question: ConsultationId) -> Result<Vec<TextRow>, StorageError> {
        let id = question.to_string();
        let rows = sqlx::query(TEXTS).bind(&id).fetch_all(self.read()).await?;
        rows.iter().map(|row| self.text_row(&id, row)).collect()
    }

    fn text_row(&self, question: &str, row: &AnyRow) -> Result<TextRow, StorageError> {
        let of = Columns::of("question_texts", row);
        let (id, version) = (of.text("id")?, of.count("version")?);
        let sealed = Sealed::from_bytes(of.bytes("text_sealed")?);
        let text = self.keys().open_text(text_of(&text_key(question, &id, version)), &sealed)?;
        let name = of.opt_text("lawyer_name")?.unwrap_or_default();
        Ok(TextRow {
            id,
            version,
            kind: of.parsed("kind")?,
            number: of.count("number")?,
            lawyer: of.opt_parsed("lawyer")?.map(|id| LawyerRef { id, name }),
            at: of.time("at")?,
            outcome: of.opt_parsed("outcome")?,
            text,
        })
    }

    /// Whether a text of this id is there and says something else: ids are minted by clients, and mean one thing.
    pub async fn is_written_otherwise(&self, question: ConsultationId, new: &NewText) -> Result<bool, StorageError> {
        let id = question.to_string();
        let row = sqlx::query(WRITTEN).bind(&id).bind(&new.id).fetch_optional(self.read()).await?;
        let Some(row) = row else { return Ok(false) };
        let of = Columns::of("question_texts", &row);
        let sealed = Sealed::from_bytes(of.bytes("text_sealed")?);
        let text = self.keys().open_text(text_of(&text_key(&id, &new.id, 1)), &sealed)?;
        let (kind, lawyer): (TextKind, Option<LawyerId>) = (of.parsed("kind")?, of.opt_parsed("lawyer")?);
        // The asker and whoever answers do not know their numbers beforehand; whoever replies says to what.
        let is_elsewhere = kind == TextKind::Reply && of.count("number")? != new.number;
        Ok(kind != new.kind || lawyer != new.lawyer || text != new.text || is_elsewhere)
    }

    /// Who wrote a text: `Some(None)` is the asker.
    pub async fn text_owner(
        &self,
        question: ConsultationId,
        text: &str,
    ) -> Result<Option<Option<LawyerId>>, StorageError> {
        let row = sqlx::query(TEXT_OWNER).bind(question.to_string()).bind(text).fetch_optional(self.read()).await?;
        row.map(|row| Columns::of("question_texts", &row).opt_parsed("lawyer")).transpose()
    }
}

/// What of a question stands in the audit log.
const fn action(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Asked(_) => "question.asked",
        Event::Claimed { .. } => "question.claimed",
        Event::Freed { .. } => "question.freed",
        Event::Declined { .. } => "question.declined",
        Event::Answered { .. } => "question.answered",
        Event::Amended { .. } => "question.amended",
        Event::FollowedUp { .. } => "question.followed-up",
        Event::Replied { .. } => "question.replied",
        Event::GaveUp {} => "question.gave-up",
        Event::Ended { .. } => "question.ended",
        Event::Reopened {} => "question.reopened",
        Event::StateChanged { .. }
        | Event::Widened { .. }
        | Event::Renewed { .. }
        | Event::Late { .. }
        | Event::Reminded { .. } => return None,
    })
}

/// By which a text can be proved once it was deleted; with its id in it, so that equal texts do not look equal.
pub(super) fn content_hash(id: &str, text: &str) -> [u8; 32] {
    Sha256::digest(format!("{id}\n{text}")).into()
}

fn text_key(question: &str, id: &str, version: u32) -> String {
    format!("{question}/{id}/{version}")
}

const fn text_of(row: &str) -> Place<'_> {
    Place { table: "question_texts", row, column: "text_sealed" }
}

fn question_row(row: &AnyRow) -> Result<QuestionRow, StorageError> {
    let of = Columns::of("questions", row);
    Ok(QuestionRow {
        question: of.parsed("id")?,
        state: of.parsed("state")?,
        tier: of.parsed("tier")?,
        citizen: of.parsed("citizen")?,
        practice_area: of.parsed("practice_area")?,
        area: of.parsed("area")?,
        area_name: of.opt_text("area_name")?,
        answers: of.count("answers")?,
        claimed: of.count("claimed")?,
        pending: of.count("pending")?,
        created_at: of.time("created_at")?,
        changed_at: of.time("changed_at")?,
        first_answer_at: of.opt_time("first_answer_at")?,
        third_answer_at: of.opt_time("third_answer_at")?,
    })
}
