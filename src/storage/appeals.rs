//! Appeals: a lawyer's objection to stars, the votes on it, and what they make of the stars; each with its audit entry.
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
    error::is_taken,
    keys::{Place, Sealed},
    matters::{derived, stars},
    row::{Columns, statements},
    sessions::LawyerRef,
};
use crate::domain::{
    appeal::{self, AppealState, Refused, Vote},
    follow_up::{About, Hand},
    rating::Stars,
};

/// Appeals of one list at most.
const MOST: i64 = 500;

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT p.id AS id, p.matter, p.consultation, p.lawyer, l.name AS lawyer_name, p.stars, p.state, p.reason_sealed, p.filed_at, \
             m.practice_area, m.area, v.name AS area_name, \
             (SELECT COUNT(*) FROM appeal_votes x WHERE x.appeal = p.id) AS votes, \
             (SELECT COUNT(*) FROM appeal_votes x WHERE x.appeal = p.id AND x.actor = $2) AS mine \
             FROM appeals p JOIN matters m ON m.id = p.matter LEFT JOIN areas v ON v.code = m.area LEFT JOIN lawyers l ON l.id = p.lawyer WHERE ",
            $where
        )
    };
}

statements! {
    RATING = "SELECT m.id AS id, g.consultation, g.stars FROM matters m JOIN ratings g ON g.consultation = m.rating \
        WHERE m.id = $1 AND m.lawyer = $2 AND g.voided_at IS NULL AND g.amended_at IS NULL AND g.rated_at >= $3";
    FILE = "INSERT INTO appeals (id, matter, consultation, lawyer, stars, state, reason_sealed, filed_at, changed_at) \
        VALUES ($1, $2, $3, $4, $5, 'FILED', $6, $7, $7)";
    LIST = select!("(p.state IN ('FILED', 'HEARD', 'SPLIT') OR $1 = 'all') ORDER BY p.filed_at, p.id LIMIT $3");
    ONE = select!("p.id = $1");
    VOTES = "SELECT appeal AS id, actor, uphold FROM appeal_votes WHERE appeal = $1 ORDER BY at, actor";
    /// Also where two vote at once only one of them finds the state as it was.
    MOVE = "UPDATE appeals SET state = $3, changed_at = $4 WHERE id = $1 AND state = $2 \
        AND (SELECT COUNT(*) FROM appeal_votes x WHERE x.appeal = $1) = $5";
    VOTE = "INSERT INTO appeal_votes (appeal, actor, uphold, reason_sealed, at) VALUES ($1, $2, $3, $4, $5)";
    VOID = "UPDATE ratings SET voided_at = $2 WHERE consultation = $1 AND voided_at IS NULL";
}

/// One appeal as the office sees it. What the others voted is not shown while it is open.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppealRow {
    /// Which one.
    pub id: String,
    /// Of which matter.
    pub matter: ConsultationId,
    /// Who objects.
    pub lawyer: LawyerRef,
    /// To how many stars.
    pub stars: Option<Stars>,
    /// Where it stands.
    pub state: AppealState,
    /// The lawyer's words.
    pub reason: String,
    /// When.
    pub filed_at: Timestamp,
    /// What the matter is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// How many have voted.
    pub votes: u32,
    /// The reader is one of them.
    pub mine: bool,
}

/// Why an appeal was not filed, or a vote not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHeard {
    /// There is no such thing, or not for this lawyer.
    NoSuch,
    /// There are no stars to object to (any more), or that was done before.
    NotNow,
    /// Somebody else voted in the same moment.
    Stale,
    /// The machine refused.
    Refused(Refused),
}

impl Store {
    /// Files a lawyer's objection to the stars of a matter that were given since `since`.
    pub async fn appeal(
        &self,
        matter: ConsultationId,
        lawyer: LawyerId,
        reason: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Result<String, NotHeard>, StorageError> {
        let (matter, lawyer) = (matter.to_string(), lawyer.to_string());
        let reason = reason.trim();
        let mut tx = self.begin().await?;
        let row = sqlx::query(RATING).bind(&matter).bind(&lawyer).bind(since.0).fetch_optional(&mut *tx).await?;
        let Some(row) = row else { return Ok(Err(NotHeard::NotNow)) };
        let of = Columns::of("ratings", &row);
        let (consultation, given) = (of.text("consultation")?, of.int("stars")?);
        let id = derived(&format!("appeal/{consultation}"), now);
        let sealed = self.keys().seal_text(reason_of(&id), reason)?;
        let query = sqlx::query(FILE).bind(&id).bind(&matter).bind(&consultation).bind(&lawyer).bind(given);
        match query.bind(sealed.into_bytes()).bind(now.0).execute(&mut *tx).await {
            Err(error) if is_taken(&error) => return Ok(Err(NotHeard::NotNow)),
            done => done?,
        };
        let hash = Sha256::digest(format!("{id}\n{reason}")).into();
        let note = AuditNote { actor: &lawyer, action: "appeal.filed", object_kind: "appeal", object: &id, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Ok(id))
    }

    /// Appeals as this reader sees them, the oldest first: those that are open, or all.
    pub async fn appeals(&self, all: bool, reader: &str) -> Result<Vec<AppealRow>, StorageError> {
        let which = if all { "all" } else { "" };
        let rows = sqlx::query(LIST).bind(which).bind(reader).bind(MOST).fetch_all(self.read()).await?;
        rows.iter().map(|row| self.appeal_row(row)).collect()
    }

    /// Takes a vote; the one that decides takes the stars back or leaves them for good.
    pub async fn vote(
        &self,
        id: &str,
        (actor, uphold, reason): (&str, bool, &str),
        hand: &Hand,
        now: Timestamp,
    ) -> Result<Result<AppealState, NotHeard>, StorageError> {
        let reason = reason.trim();
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(ONE).bind(id).bind(actor).fetch_optional(&mut *tx).await? else {
            return Ok(Err(NotHeard::NoSuch));
        };
        let found = self.appeal_row(&row)?;
        let consultation = Columns::of("appeals", &row).text("consultation")?;
        let votes = votes(&mut tx, id).await?;
        let about = About { lawyer: found.lawyer.id, name: found.lawyer.name };
        let to = match appeal::vote(&votes, (actor, uphold, reason), hand, &about) {
            Ok(to) => to,
            Err(refused) => return Ok(Err(NotHeard::Refused(refused))),
        };
        let before = i64::try_from(votes.len()).unwrap_or(i64::MAX);
        let moved = sqlx::query(MOVE).bind(id).bind(found.state.as_str()).bind(to.as_str()).bind(now.0).bind(before);
        if moved.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Err(NotHeard::Stale));
        }
        let sealed = self.keys().seal_text(vote_of(&format!("{id}/{actor}")), reason)?;
        let query = sqlx::query(VOTE).bind(id).bind(actor).bind(i64::from(uphold));
        query.bind(sealed.into_bytes()).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{id}\n{uphold}\n{reason}")).into();
        let note = AuditNote { actor, action: "appeal.voted", object_kind: "appeal", object: id, hash };
        audit::append(&mut tx, &note, now).await?;
        if to.is_decided() {
            let upheld = to == AppealState::Upheld;
            if upheld {
                sqlx::query(VOID).bind(&consultation).bind(now.0).execute(&mut *tx).await?;
            }
            let action = if upheld { "rating.voided" } else { "appeal.rejected" };
            let note = AuditNote { actor, action, object_kind: "appeal", object: id, hash: [0; 32] };
            audit::append(&mut tx, &note, now).await?;
        }
        tx.commit().await?;
        Ok(Ok(to))
    }

    fn appeal_row(&self, row: &AnyRow) -> Result<AppealRow, StorageError> {
        let of = Columns::of("appeals", row);
        let id = of.text("id")?;
        let sealed = Sealed::from_bytes(of.bytes("reason_sealed")?);
        let lawyer = LawyerRef { id: of.parsed("lawyer")?, name: of.opt_text("lawyer_name")?.unwrap_or_default() };
        Ok(AppealRow {
            matter: of.parsed("matter")?,
            lawyer,
            stars: stars(&of, "stars")?,
            state: of.parsed("state")?,
            reason: self.keys().open_text(reason_of(&id), &sealed)?,
            filed_at: of.time("filed_at")?,
            practice_area: of.parsed("practice_area")?,
            area: of.parsed("area")?,
            area_name: of.opt_text("area_name")?,
            votes: of.count("votes")?,
            mine: of.flag("mine")?,
            id,
        })
    }
}

async fn votes(tx: &mut Transaction<'static, Any>, appeal: &str) -> Result<Vec<Vote>, StorageError> {
    let rows = sqlx::query(VOTES).bind(appeal).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|row| {
            let of = Columns::of("appeal_votes", row);
            Ok(Vote { actor: of.text("actor")?, uphold: of.flag("uphold")? })
        })
        .collect()
}

const fn reason_of(row: &str) -> Place<'_> {
    Place { table: "appeals", row, column: "reason_sealed" }
}

const fn vote_of(row: &str) -> Place<'_> {
    Place { table: "appeal_votes", row, column: "reason_sealed" }
}
