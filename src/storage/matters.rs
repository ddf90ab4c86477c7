//! Matters over the days: what their consultations make of them, stars given anew, and lists of them.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId},
    milestone::Event,
    time::Timestamp,
    words::{Channel, ConsultationState, Grade, PracticeArea},
};

use super::{
    AuditNote, StorageError, Store, audit, follow_ups,
    reopenings::{self, Intent},
    row::{Columns, statements},
    sessions::{Cursor, LawyerRef, Page},
};
use crate::domain::{
    appeal::AppealState,
    follow_up::{FollowUpCause, FollowUpState},
    matter::{MatterEvent, MatterKind, MatterState},
    rating::Stars,
};

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT m.id AS id, m.kind, m.state, m.grade, m.previous, m.tag, t.name AS tag_name, m.citizen, m.practice_area, m.area, v.name AS area_name, m.latest, m.opened_at, m.settled_at, \
             CASE WHEN m.kind = 'QUESTION' THEN m.id ELSE (SELECT MAX(y.question) FROM consultations y WHERE y.matter = m.id) END AS question, \
             c.channel, COALESCE(c.state, q.state) AS latest_state, s.ended_at, m.lawyer, l.name AS lawyer_name, g.stars, g.rated_at, g.amended_stars, g.amended_at, \
             g.voided_at, m.follow_up, f.state AS follow_up_state, f.closed_at AS follow_up_closed_at, p.id AS appeal, p.state AS appeal_state \
             FROM matters m LEFT JOIN consultations c ON c.id = m.latest LEFT JOIN questions q ON q.id = m.latest LEFT JOIN areas v ON v.code = m.area LEFT JOIN lawyers l ON l.id = m.lawyer \
             LEFT JOIN sessions s ON s.id = (SELECT MAX(x.id) FROM sessions x WHERE x.consultation = m.latest AND x.accepted_at = \
             (SELECT MAX(y.accepted_at) FROM sessions y WHERE y.consultation = m.latest)) \
             LEFT JOIN ratings g ON g.consultation = m.rating LEFT JOIN follow_ups f ON f.id = m.follow_up \
             LEFT JOIN appeals p ON p.consultation = m.rating LEFT JOIN incident_tags t ON t.id = m.tag WHERE ",
            $where
        )
    };
}

statements! {
    OPEN = "INSERT INTO matters (id, kind, citizen, state, practice_area, area, latest, opened_at, changed_at) \
        VALUES ($1, $2, $3, 'OPEN', $4, $5, $1, $6, $6) ON CONFLICT (id) DO NOTHING";
    BELONG = "UPDATE consultations SET matter = $2 WHERE id = $1";
    GO_ON = "UPDATE matters SET latest = $2 WHERE id = $1";
    /// What belongs to an incident goes on belonging to it.
    LINK = "UPDATE matters SET previous = $2, tag = (SELECT p.tag FROM matters p WHERE p.id = $2) WHERE id = $1";
    /// A call that goes on with a question is linked to it.
    WITH_QUESTION = "UPDATE consultations SET question = $2 WHERE id = $1 AND EXISTS (SELECT 1 FROM questions q WHERE q.id = $2)";
    OF = "SELECT m.id AS id, m.kind, m.state, m.latest, m.citizen, m.lawyer FROM matters m JOIN consultations c ON c.matter = m.id WHERE c.id = $1";
    STANDS = "SELECT id, state FROM matters WHERE id = $1";
    STEP = "UPDATE matters SET state = $3, changed_at = $4, settled_at = COALESCE($5, settled_at) WHERE id = $1 AND state = $2";
    SERVE = "UPDATE matters SET lawyer = $2 WHERE id = (SELECT c.matter FROM consultations c WHERE c.id = $1)";
    RATED = "UPDATE matters SET rating = $2 WHERE id = $1 AND rating IS NULL";
    STARS = "SELECT g.consultation AS id, g.stars FROM matters m JOIN ratings g ON g.consultation = m.rating WHERE m.id = $1";
    AMEND = "UPDATE ratings SET amended_stars = $2, amended_at = $3 WHERE consultation = (SELECT m.rating FROM matters m WHERE m.id = $1) \
        AND amended_at IS NULL AND voided_at IS NULL";
    SETTLE = "SELECT id FROM matters WHERE state = 'CLOSED' AND settled_at < $1 ORDER BY settled_at LIMIT 500";
    MATTERS = select!("(m.citizen = $1 OR $1 = '') AND ($2 = '' OR EXISTS (SELECT 1 FROM consultations e JOIN sessions z ON z.consultation = e.id \
        WHERE e.matter = m.id AND z.lawyer = $2) OR EXISTS (SELECT 1 FROM question_answers a WHERE a.question = m.id AND a.lawyer = $2)) AND (m.state = $3 OR $3 = '') AND (m.tag = $7 OR $7 = '') AND (m.opened_at < $4 OR (m.opened_at = $4 AND m.id < $5)) \
        ORDER BY m.opened_at DESC, m.id DESC LIMIT $6");
    MATTER = select!("m.id = $1");
    LAWYERS = "SELECT z.lawyer AS id FROM consultations e JOIN sessions z ON z.consultation = e.id WHERE e.matter = $1 AND z.lawyer IS NOT NULL \
        UNION SELECT a.lawyer AS id FROM question_answers a WHERE a.question = $1";
}

/// Whose matters are asked for.
#[derive(Clone, Debug, Default)]
pub struct MatterFilter {
    /// Only this citizen's.
    pub citizen: Option<CitizenId>,
    /// Only those in which this lawyer answered.
    pub lawyer: Option<LawyerId>,
    /// Only those that stand here.
    pub state: Option<MatterState>,
    /// Only those of this incident.
    pub incident: Option<String>,
}

/// The stars of a matter, as given and as they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RatingView {
    /// As they were given.
    pub stars: Stars,
    /// When.
    pub rated_at: Timestamp,
    /// As they were given anew after a follow-up; these count.
    pub amended_stars: Option<Stars>,
    /// When.
    pub amended_at: Option<Timestamp>,
    /// When two persons took them back; from then on they count nowhere.
    pub voided_at: Option<Timestamp>,
}

/// Something of a matter that has a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part<S> {
    /// Which.
    pub id: String,
    /// Where it stands.
    pub state: S,
}

/// An incident as matters name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentRef {
    /// Which one.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One matter as lists show it: metadata only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatterRow {
    /// Which one.
    pub matter: ConsultationId,
    /// What began it.
    pub kind: MatterKind,
    /// Where it stands.
    pub state: MatterState,
    /// Whose it is; said to nobody.
    #[serde(skip)]
    pub citizen: CitizenId,
    /// How grave it is.
    pub grade: Grade,
    /// The incident to which it belongs.
    pub incident: Option<IncidentRef>,
    /// The older matter to which the asker came back with it.
    pub previous: Option<ConsultationId>,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// The text question that began it, or with which it goes on.
    pub question: Option<ConsultationId>,
    /// Its newest consultation, or the question itself.
    pub latest: ConsultationId,
    /// How to talk in it.
    pub channel: Option<Channel>,
    /// Where that consultation stands.
    pub latest_state: Option<ConsultationState>,
    /// When its session ended.
    pub ended_at: Option<Timestamp>,
    /// Who answered last.
    pub lawyer: Option<LawyerRef>,
    /// When it was first asked.
    pub opened_at: Timestamp,
    /// When it was last over.
    pub settled_at: Option<Timestamp>,
    /// Its stars.
    pub rating: Option<RatingView>,
    /// Its latest follow-up.
    pub follow_up: Option<Part<FollowUpState>>,
    /// When that was closed.
    #[serde(skip)]
    pub follow_up_closed_at: Option<Timestamp>,
    /// The lawyer's objection to the stars.
    pub appeal: Option<Part<AppealState>>,
}

impl Store {
    /// Matters, the newest first, one page of at most `limit`.
    pub async fn matters(
        &self,
        filter: &MatterFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<MatterRow>, StorageError> {
        let from = Cursor::read(cursor);
        let rows = sqlx::query(MATTERS)
            .bind(filter.citizen.map(|id| id.to_string()).unwrap_or_default())
            .bind(filter.lawyer.map(|id| id.to_string()).unwrap_or_default())
            .bind(filter.state.map_or("", MatterState::as_str))
            .bind(from.at)
            .bind(&from.id)
            .bind(Page::<MatterRow>::rows(limit))
            .bind(filter.incident.as_deref().unwrap_or_default())
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(matter_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.opened_at.0, id: row.matter.to_string() }))
    }

    /// One matter.
    pub async fn matter(&self, id: ConsultationId) -> Result<Option<MatterRow>, StorageError> {
        let row = sqlx::query(MATTER).bind(id.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(matter_row).transpose()
    }

    /// Who has answered in a matter.
    pub async fn lawyers_of_matter(&self, id: ConsultationId) -> Result<Vec<LawyerId>, StorageError> {
        let rows = sqlx::query(LAWYERS).bind(id.to_string()).fetch_all(self.read()).await?;
        rows.iter().map(|row| Columns::of("sessions", row).parsed("id")).collect()
    }

    /// Keeps the stars that the asker gives anew after a follow-up; `false` when that was done before, or they were taken back.
    pub async fn amend_rating(
        &self,
        matter: ConsultationId,
        stars: Stars,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let id = matter.to_string();
        let mut tx = self.begin().await?;
        let amended = sqlx::query(AMEND).bind(&id).bind(i64::from(u8::from(stars))).bind(now.0);
        if amended.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let hash = Sha256::digest(format!("{id}\n{}", u8::from(stars))).into();
        let note = AuditNote { actor, action: "rating.amended", object_kind: "matter", object: &id, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Archives what was closed before `until` and of which nothing more was heard; how many. Safe to run twice.
    pub async fn settle_matters(&self, until: Timestamp, now: Timestamp) -> Result<u32, StorageError> {
        let mut settled = 0;
        loop {
            let mut tx = self.begin().await?;
            let rows = sqlx::query(SETTLE).bind(until.0).fetch_all(&mut *tx).await?;
            let mut moved = 0;
            for row in &rows {
                let id = Columns::of("matters", row).text("id")?;
                moved += u32::from(step(&mut tx, &id, MatterEvent::Settled, now).await?);
            }
            tx.commit().await?;
            settled += moved;
            if moved == 0 {
                return Ok(settled);
            }
        }
    }
}

/// A new matter on its way to the store.
pub(super) struct NewMatter<'a> {
    pub(super) id: &'a str,
    pub(super) kind: MatterKind,
    pub(super) citizen: &'a str,
    pub(super) practice_area: PracticeArea,
    pub(super) area: &'a AreaCode,
}

/// Opens a matter; one that is there stays as it is.
pub(super) async fn open(
    tx: &mut Transaction<'static, Any>,
    new: NewMatter<'_>,
    at: Timestamp,
) -> Result<(), StorageError> {
    let query = sqlx::query(OPEN).bind(new.id).bind(new.kind.as_str()).bind(new.citizen);
    query.bind(new.practice_area.as_str()).bind(new.area.as_str()).bind(at.0).execute(&mut **tx).await?;
    Ok(())
}

/// What an event of a consultation makes of its matter.
pub(super) async fn follow(
    tx: &mut Transaction<'static, Any>,
    consultation: &str,
    at: Timestamp,
    event: &Event,
) -> Result<(), StorageError> {
    match event {
        Event::Opened { citizen, practice_area, area, .. } => {
            let (kind, citizen) = (MatterKind::Consultation, citizen.to_string());
            let intent = reopenings::find(tx, consultation, &citizen, at).await?;
            if let Some(Intent { matter, linked: false }) = &intent
                && goes_on(tx, consultation, matter, at).await?
            {
                sqlx::query(BELONG).bind(consultation).bind(matter).execute(&mut **tx).await?;
                sqlx::query(GO_ON).bind(matter).bind(consultation).execute(&mut **tx).await?;
                return Ok(());
            }
            let new = NewMatter { id: consultation, kind, citizen: &citizen, practice_area: *practice_area, area };
            open(tx, new, at).await?;
            sqlx::query(BELONG).bind(consultation).bind(consultation).execute(&mut **tx).await?;
            if let Some(Intent { matter, .. }) = &intent {
                sqlx::query(LINK).bind(consultation).bind(matter).execute(&mut **tx).await?;
            }
            Ok(())
        }
        Event::Accepted { lawyer, .. } => {
            sqlx::query(SERVE).bind(consultation).bind(lawyer.to_string()).execute(&mut **tx).await?;
            Ok(())
        }
        Event::OutcomeRecorded { outcome, .. } if outcome.can_be_said() => {
            latest(tx, consultation, MatterEvent::Answered, at).await
        }
        Event::StateChanged { to: ConsultationState::Closed, .. } => {
            latest(tx, consultation, MatterEvent::Closed, at).await
        }
        Event::StateChanged { to: ConsultationState::Unserved, .. } => {
            latest(tx, consultation, MatterEvent::NotServed, at).await
        }
        Event::StateChanged { to: ConsultationState::Cancelled, .. } => {
            latest(tx, consultation, MatterEvent::CalledOff, at).await
        }
        Event::Rated { stars } => rated(tx, consultation, *stars, at).await,
        _ => Ok(()),
    }
}

/// Whether what is asked now goes on with this matter: it was over, or is a question, which goes on beside its calls.
async fn goes_on(
    tx: &mut Transaction<'static, Any>,
    consultation: &str,
    matter: &str,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let reopened = step(tx, matter, MatterEvent::Reopened, at).await?;
    let linked = sqlx::query(WITH_QUESTION).bind(consultation).bind(matter).execute(&mut **tx).await?;
    Ok(reopened || linked.rows_affected() == 1)
}

/// The matter of a consultation as this transaction sees it.
struct Standing {
    id: String,
    kind: MatterKind,
    latest: String,
    citizen: String,
    lawyer: Option<LawyerId>,
}

async fn matter_of(tx: &mut Transaction<'static, Any>, consultation: &str) -> Result<Option<Standing>, StorageError> {
    let row = sqlx::query(OF).bind(consultation).fetch_optional(&mut **tx).await?;
    row.map(|row| {
        let of = Columns::of("matters", &row);
        Ok(Standing {
            id: of.text("id")?,
            kind: of.parsed("kind")?,
            latest: of.text("latest")?,
            citizen: of.text("citizen")?,
            lawyer: of.opt_parsed("lawyer")?,
        })
    })
    .transpose()
}

/// Moves a matter by what became of its newest consultation; what becomes of an older one moves it no more.
async fn latest(
    tx: &mut Transaction<'static, Any>,
    consultation: &str,
    event: MatterEvent,
    at: Timestamp,
) -> Result<(), StorageError> {
    let Some(matter) = matter_of(tx, consultation).await?.filter(|matter| matter.latest == consultation) else {
        return Ok(());
    };
    let event = match (matter.kind, event) {
        // A call about a question that came to nothing leaves it as it was: answered.
        (MatterKind::Question, MatterEvent::NotServed | MatterEvent::CalledOff) => MatterEvent::Answered,
        (_, event) => event,
    };
    step(tx, &matter.id, event, at).await?;
    if event == MatterEvent::Closed { settle_if_rated(tx, &matter.id, at).await } else { Ok(()) }
}

/// Rated well, and closed: nothing more is waited for.
pub(super) async fn settle_if_rated(
    tx: &mut Transaction<'static, Any>,
    matter: &str,
    at: Timestamp,
) -> Result<(), StorageError> {
    if sqlx::query(STARS).bind(matter).fetch_optional(&mut **tx).await?.is_some() {
        step(tx, matter, MatterEvent::Settled, at).await?;
    }
    Ok(())
}

async fn rated(
    tx: &mut Transaction<'static, Any>,
    consultation: &str,
    stars: u8,
    at: Timestamp,
) -> Result<(), StorageError> {
    let Some(matter) = matter_of(tx, consultation).await? else { return Ok(()) };
    let first = sqlx::query(RATED).bind(&matter.id).bind(consultation).execute(&mut **tx).await?;
    if first.rows_affected() == 0 {
        // Only the first stars of a matter count.
        return Ok(());
    }
    let stars = Stars::try_from(stars).map_err(|error| StorageError::inconsistent("ratings", consultation, error))?;
    let actor = &matter.citizen;
    let note = AuditNote { actor, action: "rating.given", object_kind: "matter", object: &matter.id, hash: [0; 32] };
    audit::append(tx, &note, at).await?;
    if stars.needs_follow_up() {
        follow_ups::open(tx, &matter.id, matter.lawyer, (FollowUpCause::Stars, actor), at).await?;
    }
    Ok(())
}

/// Moves a matter; `false` when the event changes nothing where it stands.
pub(super) async fn step(
    tx: &mut Transaction<'static, Any>,
    matter: &str,
    event: MatterEvent,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let settled = matches!(event, MatterEvent::Answered | MatterEvent::Closed | MatterEvent::FollowedUp);
    let settled = settled.then_some(at.0);
    // Somebody else may move it between the look and the step; it is looked at again, and not for ever.
    for _ in 0..3 {
        let row = sqlx::query(STANDS).bind(matter).fetch_optional(&mut **tx).await?;
        let Some(row) = row else { return Ok(false) };
        let from: MatterState = Columns::of("matters", &row).parsed("state")?;
        let Some(to) = from.after(event) else { return Ok(false) };
        let moved = sqlx::query(STEP).bind(matter).bind(from.as_str()).bind(to.as_str()).bind(at.0).bind(settled);
        if moved.execute(&mut **tx).await?.rows_affected() == 1 {
            return Ok(true);
        }
    }
    Err(StorageError::inconsistent("matters", matter, "it moves all the time"))
}

/// An id that follows from what it is of, so that the same thing written twice is one: UUID v7 (RFC 9562 section 5.7) of
/// its moment, its random bits taken from the hash of `what`.
pub(super) fn derived(what: &str, at: Timestamp) -> String {
    let hash = Sha256::digest(what);
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.0).unwrap_or(0), &random).into_uuid().to_string()
}

/// Stars of a column; a row that cannot be is an error.
pub(super) fn stars(of: &Columns<'_>, column: &str) -> Result<Option<Stars>, StorageError> {
    let parse = |stars| u8::try_from(stars).ok().and_then(|stars| Stars::try_from(stars).ok());
    of.opt_int(column)?.map(|stars| parse(stars).ok_or_else(|| of.wrong(column, "no stars"))).transpose()
}

fn matter_row(row: &AnyRow) -> Result<MatterRow, StorageError> {
    let of = Columns::of("matters", row);
    let lawyer = of.opt_parsed::<LawyerId>("lawyer")?;
    let name = of.opt_text("lawyer_name")?.unwrap_or_default();
    let rating = match (stars(&of, "stars")?, of.opt_time("rated_at")?) {
        (Some(given), Some(rated_at)) => Some(RatingView {
            stars: given,
            rated_at,
            amended_stars: stars(&of, "amended_stars")?,
            amended_at: of.opt_time("amended_at")?,
            voided_at: of.opt_time("voided_at")?,
        }),
        _ => None,
    };
    Ok(MatterRow {
        matter: of.parsed("id")?,
        kind: of.parsed("kind")?,
        state: of.parsed("state")?,
        citizen: of.parsed("citizen")?,
        grade: of.parsed("grade")?,
        incident: of.opt_text("tag")?.zip(of.opt_text("tag_name")?).map(|(id, name)| IncidentRef { id, name }),
        previous: of.opt_parsed("previous")?,
        practice_area: of.parsed("practice_area")?,
        area: of.parsed("area")?,
        area_name: of.opt_text("area_name")?,
        question: of.opt_parsed("question")?,
        latest: of.parsed("latest")?,
        channel: of.opt_parsed("channel")?,
        latest_state: of.opt_parsed("latest_state")?,
        ended_at: of.opt_time("ended_at")?,
        lawyer: lawyer.map(|id| LawyerRef { id, name }),
        opened_at: of.time("opened_at")?,
        settled_at: of.opt_time("settled_at")?,
        rating,
        follow_up: part(&of, "follow_up", "follow_up_state")?,
        follow_up_closed_at: of.opt_time("follow_up_closed_at")?,
        appeal: part(&of, "appeal", "appeal_state")?,
    })
}

fn part<S>(of: &Columns<'_>, id: &str, state: &str) -> Result<Option<Part<S>>, StorageError>
where
    S: std::str::FromStr,
    S::Err: std::fmt::Display,
{
    Ok(of.opt_text(id)?.zip(of.opt_parsed(state)?).map(|(id, state)| Part { id, state }))
}
