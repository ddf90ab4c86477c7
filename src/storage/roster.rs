//! The duty roster: planned shifts, and in how many of their minutes somebody was there.
use serde::Serialize;
use sqlx::{Any, Executor, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    time::Timestamp,
    words::Pool,
};

use super::{
    AuditNote, StorageError, Store, audit,
    row::{Columns, statements},
    sessions::LawyerRef,
};
use crate::domain::roster::{Attendance, OnShift, Shift, in_local};

/// Shifts that one look at the roster shows at most: a week of two hundred lawyers, four shifts a day.
pub const MAX_SHIFTS: i64 = 6000;

statements! {
    SHIFTS = "SELECT s.id AS id, s.lawyer, l.name AS lawyer_name, s.pool, s.area, v.name AS area_name, s.starts_at, s.ends_at, s.observed_min, \
        s.present_min FROM shifts s LEFT JOIN lawyers l ON l.id = s.lawyer LEFT JOIN areas v ON v.code = s.area \
        WHERE s.starts_at < $2 AND s.ends_at > $1 AND (l.firm = $3 OR $3 = '') AND (s.lawyer = $4 OR $4 = '') \
        ORDER BY s.starts_at, s.id LIMIT $5";
    PLANNED = "SELECT id, lawyer, pool, area, starts_at, ends_at FROM shifts WHERE starts_at < $2 AND ends_at > $1";
    SHIFT = "SELECT id, lawyer, pool, area, starts_at, ends_at FROM shifts WHERE id = $1";
    INSERT_SHIFT = "INSERT INTO shifts (id, lawyer, pool, area, starts_at, ends_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    MOVE_SHIFT = "UPDATE shifts SET starts_at = $2, ends_at = $3, area = $4 WHERE id = $1 AND starts_at > $5";
    DROP_SHIFT = "DELETE FROM shifts WHERE id = $1 AND starts_at > $2";
    OVERLAPS = "SELECT COUNT(*) AS n FROM shifts WHERE lawyer = $1 AND starts_at < $3 AND ends_at > $2 AND id <> $4";
    RUNNING = "SELECT id, lawyer, pool, area, starts_at, ends_at FROM shifts WHERE starts_at <= $1 AND ends_at > $1 ORDER BY id";
    OBSERVE = "UPDATE shifts SET observed_min = observed_min + 1, present_min = present_min + $2 WHERE id = $1";
    NO_SHOWS = "SELECT COUNT(*) AS n FROM shifts WHERE lawyer = $1 AND ends_at > $2 AND ends_at <= $3 AND present_min = 0 \
        AND observed_min * 2 >= (ends_at - starts_at) / 60000";
}

/// One shift as pages show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShiftRow {
    /// Which.
    pub id: String,
    /// Whose, if one lawyer's.
    pub lawyer: Option<LawyerRef>,
    /// Whose, if a pool's.
    pub pool: Option<Pool>,
    /// For where.
    pub area: Option<AreaCode>,
    /// The same by name.
    pub area_name: Option<String>,
    /// Local time, `2026-11-23T09:00`.
    pub from: String,
    /// Local time.
    pub to: String,
    /// What was seen of it.
    pub attendance: &'static str,
    /// It has begun, so it is not changed any more.
    pub begun: bool,
}

/// What came of planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// It is kept.
    Done,
    /// The lawyer has another shift at that time.
    Overlap,
    /// It has begun, so it stays as it was.
    Begun,
    /// There is no such shift.
    NoSuchShift,
}

impl Store {
    /// The shifts that touch this stretch of time; of one firm's people or of one lawyer only where those are named.
    pub async fn shifts(
        &self,
        (from, to): (Timestamp, Timestamp),
        firm: Option<&str>,
        lawyer: Option<LawyerId>,
        now: Timestamp,
    ) -> Result<Vec<ShiftRow>, StorageError> {
        let rows = sqlx::query(SHIFTS)
            .bind(from.0)
            .bind(to.0)
            .bind(firm.unwrap_or_default())
            .bind(lawyer.map(|lawyer| lawyer.to_string()).unwrap_or_default())
            .bind(MAX_SHIFTS)
            .fetch_all(self.read())
            .await?;
        rows.iter().map(|row| shift_row(row, now)).collect()
    }

    /// Plans one shift.
    pub async fn plan_shift(
        &self,
        id: &str,
        shift: &Shift,
        actor: &str,
        now: Timestamp,
    ) -> Result<Planned, StorageError> {
        let mut tx = self.begin().await?;
        if overlaps(&mut tx, id, shift).await? {
            return Ok(Planned::Overlap);
        }
        insert(&mut tx, id, shift, now).await?;
        note(&mut tx, "shift.planned", id, actor, now).await?;
        tx.commit().await?;
        Ok(Planned::Done)
    }

    /// Keeps a shift under this id, whatever else is planned; one that is there stays as it is.
    pub(super) async fn put_shift(&self, id: &str, shift: &Shift, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        if sqlx::query(SHIFT).bind(id).fetch_optional(&mut *tx).await?.is_none() {
            insert(&mut tx, id, shift, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives a shift that has not begun other times or another area; whose it is stays.
    pub async fn move_shift(
        &self,
        id: &str,
        (from, to): (Timestamp, Timestamp),
        area: Option<&AreaCode>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Planned, StorageError> {
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(SHIFT).bind(id).fetch_optional(&mut *tx).await? else {
            return Ok(Planned::NoSuchShift);
        };
        let moved = Shift { from, to, area: area.cloned(), ..shift(&row)? };
        if overlaps(&mut tx, id, &moved).await? {
            return Ok(Planned::Overlap);
        }
        let query =
            sqlx::query(MOVE_SHIFT).bind(id).bind(from.0).bind(to.0).bind(area.map(AreaCode::as_str)).bind(now.0);
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Planned::Begun);
        }
        note(&mut tx, "shift.moved", id, actor, now).await?;
        tx.commit().await?;
        Ok(Planned::Done)
    }

    /// Takes a shift that has not begun off the roster.
    pub async fn drop_shift(&self, id: &str, actor: &str, now: Timestamp) -> Result<Planned, StorageError> {
        let mut tx = self.begin().await?;
        if sqlx::query(DROP_SHIFT).bind(id).bind(now.0).execute(&mut *tx).await?.rows_affected() == 0 {
            let known = sqlx::query(SHIFT).bind(id).fetch_optional(&mut *tx).await?;
            return Ok(if known.is_some() { Planned::Begun } else { Planned::NoSuchShift });
        }
        note(&mut tx, "shift.dropped", id, actor, now).await?;
        tx.commit().await?;
        Ok(Planned::Done)
    }

    /// The shifts that run now, with their ids.
    pub async fn running_shifts(&self, now: Timestamp) -> Result<Vec<(String, Shift)>, StorageError> {
        let rows = sqlx::query(RUNNING).bind(now.0).fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok((Columns::of("shifts", row).text("id")?, shift(row)?))).collect()
    }

    /// Counts one minute of each of these shifts, and whether somebody was there.
    pub async fn observe_shifts(&self, seen: &[(String, bool)]) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        for (id, there) in seen {
            sqlx::query(OBSERVE).bind(id).bind(i64::from(*there)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// How many of a lawyer's shifts that ended between the two were never kept, though the server looked at half of them or more.
    pub async fn no_shows(&self, lawyer: LawyerId, since: Timestamp, until: Timestamp) -> Result<u32, StorageError> {
        let query = sqlx::query(NO_SHOWS).bind(lawyer.to_string()).bind(since.0).bind(until.0);
        Columns::of("shifts", &query.fetch_one(self.read()).await?).count("n")
    }
}

/// The shifts that touch a stretch of time, as plans are compared with them.
pub(super) async fn planned<'e>(
    connection: impl Executor<'e, Database = Any>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Shift>, StorageError> {
    let rows = sqlx::query(PLANNED).bind(from.0).bind(to.0).fetch_all(connection).await?;
    rows.iter().map(shift).collect()
}

pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    id: &str,
    shift: &Shift,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (lawyer, pool) = match shift.who {
        OnShift::Lawyer(lawyer) => (Some(lawyer.to_string()), None),
        OnShift::Pool(pool) => (None, Some(pool.as_str())),
    };
    sqlx::query(INSERT_SHIFT)
        .bind(id)
        .bind(lawyer)
        .bind(pool)
        .bind(shift.area.as_ref().map(AreaCode::as_str))
        .bind(shift.from.0)
        .bind(shift.to.0)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn overlaps(tx: &mut Transaction<'static, Any>, id: &str, shift: &Shift) -> Result<bool, StorageError> {
    let OnShift::Lawyer(lawyer) = shift.who else { return Ok(false) };
    let query = sqlx::query(OVERLAPS).bind(lawyer.to_string()).bind(shift.from.0).bind(shift.to.0).bind(id);
    Ok(Columns::of("shifts", &query.fetch_one(&mut **tx).await?).int("n")? > 0)
}

async fn note(
    tx: &mut Transaction<'static, Any>,
    action: &str,
    id: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let note = AuditNote { actor, action, object_kind: "shift", object: id, hash: [0; 32] };
    audit::append(tx, &note, now).await.map(drop)
}

fn shift(row: &AnyRow) -> Result<Shift, StorageError> {
    let of = Columns::of("shifts", row);
    let who = match (of.opt_parsed("lawyer")?, of.opt_parsed("pool")?) {
        (Some(lawyer), None) => OnShift::Lawyer(lawyer),
        (None, Some(pool)) => OnShift::Pool(pool),
        _ => return Err(of.wrong("lawyer", "a shift is of a lawyer or of a pool")),
    };
    Ok(Shift { who, area: of.opt_parsed("area")?, from: of.time("starts_at")?, to: of.time("ends_at")? })
}

fn shift_row(row: &AnyRow, now: Timestamp) -> Result<ShiftRow, StorageError> {
    let of = Columns::of("shifts", row);
    let shift = shift(row)?;
    let name = of.opt_text("lawyer_name")?.unwrap_or_default();
    let (lawyer, pool) = match shift.who {
        OnShift::Lawyer(id) => (Some(LawyerRef { id, name }), None),
        OnShift::Pool(pool) => (None, Some(pool)),
    };
    Ok(ShiftRow {
        id: of.text("id")?,
        lawyer,
        pool,
        area_name: of.opt_text("area_name")?,
        from: in_local(shift.from),
        to: in_local(shift.to),
        attendance: Attendance::of(&shift, of.count("observed_min")?, of.count("present_min")?, now).as_str(),
        begun: shift.from <= now,
        area: shift.area,
    })
}
