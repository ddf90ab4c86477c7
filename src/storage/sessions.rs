//! Lists of sessions for the office and for a lawyer's own desk: metadata only, page by page.
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;
use yunfa_signaling::{
    ids::{AreaCode, ConsultationId, LawyerId, RecordId, SessionId},
    time::Timestamp,
    words::{Channel, EndReason, Outcome, PracticeArea, SessionState},
};

use super::{
    AuditNote, StorageError, Store, audit,
    row::{Columns, statements},
};

/// Rows of one page at most.
pub const MAX_PAGE: u32 = 200;

/// Sessions with what lists show of them.
macro_rules! sessions_where {
    ($where:literal) => {
        concat!(
            "SELECT s.id AS id, s.consultation, s.state, s.channel, c.practice_area, c.area, v.name AS area_name, s.lawyer, l.name AS lawyer_name, \
             s.created_at, s.started_at, s.ended_at, s.end_reason, s.outcome, p.two_way_s AS live_two_way_s, \
             r.id AS record, r.two_way_s AS sealed_two_way_s, r.outcome AS sealed_outcome \
             FROM sessions s JOIN consultations c ON c.id = s.consultation LEFT JOIN areas v ON v.code = c.area \
             LEFT JOIN lawyers l ON l.id = s.lawyer LEFT JOIN checkpoints p ON p.session = s.id LEFT JOIN service_records r ON r.source = s.id WHERE ",
            $where
        )
    };
}
pub(super) use sessions_where;

statements! {
    SESSIONS = sessions_where!("(s.lawyer = $1 OR $1 = '') AND (s.created_at < $2 OR (s.created_at = $2 AND s.id < $3)) \
        ORDER BY s.created_at DESC, s.id DESC LIMIT $4");
    INTERVENE = "INSERT INTO interventions (session, actor, reason, at) VALUES ($1, $2, $3, $4) ON CONFLICT (session) DO NOTHING";
}

/// Whose rows are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListFilter {
    /// Only this lawyer's; all when `None`.
    pub lawyer: Option<LawyerId>,
}

impl ListFilter {
    /// Empty for all, so that one text serves both questions.
    pub(super) fn lawyer_text(self) -> String {
        self.lawyer.map(|lawyer| lawyer.to_string()).unwrap_or_default()
    }
}

/// A lawyer as lists name one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LawyerRef {
    /// Who.
    pub id: LawyerId,
    /// The name today.
    pub name: String,
}

/// One session as the office sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    /// Which session.
    pub session: SessionId,
    /// Which matter.
    pub consultation: ConsultationId,
    /// Where it stands.
    pub state: SessionState,
    /// How the two talk, or talked last.
    pub channel: Channel,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The same by name.
    pub area_name: Option<String>,
    /// Who answered.
    pub lawyer: Option<LawyerRef>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When both were first there.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<EndReason>,
    /// Seconds in which media of both legs arrived: of the record, or of the last checkpoint while there is none.
    pub two_way_s: u32,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// Its sealed record.
    pub record: Option<RecordId>,
}

/// One page of a list, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask for next; `null` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// How many rows to read for a page of `limit`: one more, to know whether there is a next page.
    pub(super) fn rows(limit: u32) -> i64 {
        i64::from(limit.clamp(1, MAX_PAGE)) + 1
    }

    /// Cuts the page off and names the row after which the next one begins.
    pub(super) fn of(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> Cursor) -> Self {
        let wanted = limit.clamp(1, MAX_PAGE) as usize;
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = if more { items.last().map(|last| cursor(last).text()) } else { None };
        Self { items, next }
    }
}

/// The row after which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: i64,
    pub(super) id: String,
}

impl Cursor {
    /// Reads what a client sends back. What is no cursor of ours begins at the newest row: it can show nothing that the
    /// first page would not.
    pub(super) fn read(text: Option<&str>) -> Self {
        let read = || {
            let (at, id) = text?.split_once('.')?;
            Some(Self { at: at.parse().ok()?, id: uuid::Uuid::parse_str(id).ok()?.to_string() })
        };
        read().unwrap_or(Self { at: i64::MAX, id: String::new() })
    }

    fn text(&self) -> String {
        format!("{}.{}", self.at, self.id)
    }
}

impl Store {
    /// Sessions, the newest first, one page of at most `limit` (1 to [`MAX_PAGE`]).
    pub async fn sessions(
        &self,
        filter: ListFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<SessionRow>, StorageError> {
        let from = Cursor::read(cursor);
        let rows = sqlx::query(SESSIONS)
            .bind(filter.lawyer_text())
            .bind(from.at)
            .bind(&from.id)
            .bind(Page::<SessionRow>::rows(limit))
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(session_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.created_at.0, id: row.session.to_string() }))
    }

    /// Writes down who ends this session and why, before it is ended; the first word stays.
    pub async fn intervene(
        &self,
        session: SessionId,
        actor: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let object = session.to_string();
        let mut tx = self.begin().await?;
        let query = sqlx::query(INTERVENE).bind(&object).bind(actor).bind(reason).bind(now.0);
        if query.execute(&mut *tx).await?.rows_affected() == 1 {
            let hash = Sha256::digest(reason.as_bytes()).into();
            let note = AuditNote { actor, action: "session.ended", object_kind: "session", object: &object, hash };
            audit::append(&mut tx, &note, now).await?;
        }
        Ok(tx.commit().await?)
    }
}

pub(super) fn session_row(row: &AnyRow) -> Result<SessionRow, StorageError> {
    let of = Columns::of("sessions", row);
    let lawyer = of.opt_parsed::<LawyerId>("lawyer")?;
    let name = of.opt_text("lawyer_name")?.unwrap_or_default();
    let seconds = of.opt_int("sealed_two_way_s")?.or(of.opt_int("live_two_way_s")?).unwrap_or(0);
    Ok(SessionRow {
        session: of.parsed("id")?,
        consultation: of.parsed("consultation")?,
        state: of.parsed("state")?,
        channel: of.parsed("channel")?,
        practice_area: of.parsed("practice_area")?,
        area: of.parsed("area")?,
        area_name: of.opt_text("area_name")?,
        lawyer: lawyer.map(|id| LawyerRef { id, name }),
        created_at: of.time("created_at")?,
        started_at: of.opt_time("started_at")?,
        ended_at: of.opt_time("ended_at")?,
        end_reason: of.opt_parsed("end_reason")?,
        two_way_s: u32::try_from(seconds).map_err(|error| of.wrong("two_way_s", error))?,
        outcome: of.opt_parsed("sealed_outcome")?.or(of.opt_parsed("outcome")?),
        record: of.opt_parsed("record")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_begins_at_the_newest() {
        let cursor = Cursor { at: 7, id: "0192f3c4-5678-7abc-8def-0123456789ab".to_owned() };

        assert_eq!(Cursor::read(Some(&cursor.text())), cursor);
        for nonsense in ["", ".", "7", "7.x", "x.0192f3c4-5678-7abc-8def-0123456789ab", "7.' OR 1=1"] {
            assert_eq!(Cursor::read(Some(nonsense)).at, i64::MAX, "{nonsense}");
        }
    }
}
