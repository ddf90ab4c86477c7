//! Duty floors: how many the bureau wants on duty at least, and the alarms there were; each with its audit entry.
use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    duty::{Alarm, FloorKey, FloorState},
    time::Timestamp,
    words::{Pool, PracticeArea},
};

use super::{
    AuditNote, StorageError, Store, audit,
    row::{Columns, statements},
};

/// Alarms that one list shows at most.
const MOST: i64 = 200;

statements! {
    SET = "INSERT INTO duty_floors (pool, practice_area, minimum, set_by, set_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (pool, practice_area) DO UPDATE SET minimum = excluded.minimum, set_by = excluded.set_by, set_at = excluded.set_at";
    DROP = "DELETE FROM duty_floors WHERE pool = $1 AND practice_area = $2";
    FLOORS = "SELECT f.pool AS id, f.pool, f.practice_area, f.minimum, f.set_at, h.name AS set_by_name FROM duty_floors f \
        LEFT JOIN staff h ON h.id = f.set_by ORDER BY f.pool, f.practice_area";
    OPEN = "SELECT id, pool, practice_area, minimum, least, began_at, ended_at FROM floor_alarms WHERE ended_at IS NULL";
    OPEN_ONE = "SELECT id, pool, practice_area, minimum, least, began_at, ended_at FROM floor_alarms WHERE pool = $1 AND practice_area = $2 \
        AND ended_at IS NULL";
    LATEST = "SELECT id, pool, practice_area, minimum, least, began_at, ended_at FROM floor_alarms ORDER BY began_at DESC, id LIMIT $1";
    BEGIN = "INSERT INTO floor_alarms (id, pool, practice_area, minimum, least, began_at) VALUES ($1, $2, $3, $4, $5, $6)";
    WORSE = "UPDATE floor_alarms SET least = $2, minimum = $3 WHERE id = $1";
    END = "UPDATE floor_alarms SET ended_at = $2 WHERE id = $1";
}

/// One floor as the office reads it.
#[derive(Clone, Debug)]
pub struct FloorRow {
    /// Of whom.
    pub key: FloorKey,
    /// So many at least.
    pub minimum: u32,
    /// Who said so.
    pub set_by: Option<String>,
    /// When.
    pub set_at: Timestamp,
}

/// One alarm, over or not.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmRow {
    /// Which.
    pub id: String,
    /// Of whose lawyers.
    pub pool: Pool,
    /// In which field; none: all of the pool.
    pub practice_area: Option<PracticeArea>,
    /// So many were wanted.
    pub minimum: u32,
    /// The fewest that there were.
    pub least: u32,
    /// Since when.
    pub began_at: Timestamp,
    /// Until when.
    pub ended_at: Option<Timestamp>,
}

impl Store {
    /// Sets a floor, or with 0 takes it away, with its audit entry.
    pub async fn set_floor(
        &self,
        key: FloorKey,
        minimum: u32,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (pool, area) = words(key);
        let mut tx = self.begin().await?;
        if minimum == 0 {
            sqlx::query(DROP).bind(pool).bind(area).execute(&mut *tx).await?;
        } else {
            let query = sqlx::query(SET).bind(pool).bind(area).bind(i64::from(minimum)).bind(actor).bind(now.0);
            query.execute(&mut *tx).await?;
        }
        let hash = Sha256::digest(format!("{pool}\n{area}\n{minimum}")).into();
        note(&mut tx, ("floor.set", "floor", &name(key)), actor, hash, now).await?;
        Ok(tx.commit().await?)
    }

    /// Every floor that is set.
    pub async fn floors(&self) -> Result<Vec<FloorRow>, StorageError> {
        let rows = sqlx::query(FLOORS).fetch_all(self.read()).await?;
        let floor = |row| {
            let of = Columns::of("duty_floors", row);
            Ok(FloorRow {
                key: key(&of)?,
                minimum: of.count("minimum")?,
                set_by: of.opt_text("set_by_name")?,
                set_at: of.time("set_at")?,
            })
        };
        rows.iter().map(floor).collect()
    }

    /// The alarms that are not over, as the duty book goes on with them.
    pub async fn open_alarms(&self) -> Result<BTreeMap<FloorKey, Alarm>, StorageError> {
        let rows = sqlx::query(OPEN).fetch_all(self.read()).await?;
        let open = |row| {
            let row: AlarmRow = alarm(row)?;
            Ok(((row.pool, row.practice_area), Alarm { since: row.began_at, least: row.least }))
        };
        rows.iter().map(open).collect()
    }

    /// The latest alarms, the newest first.
    pub async fn alarms(&self) -> Result<Vec<AlarmRow>, StorageError> {
        sqlx::query(LATEST).bind(MOST).fetch_all(self.read()).await?.iter().map(alarm).collect()
    }

    /// Keeps what the duty book says of a floor: an alarm that came, grew worse or went. The same twice is kept once.
    pub async fn keep_alarm(
        &self,
        id: &str,
        key: FloorKey,
        state: FloorState,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (pool, area) = words(key);
        let mut tx = self.begin().await?;
        let open = sqlx::query(OPEN_ONE).bind(pool).bind(area).fetch_optional(&mut *tx).await?;
        let open = open.as_ref().map(alarm).transpose()?;
        match (open, state.alarm) {
            (None, None) => return Ok(()),
            (None, Some(Alarm { since, least })) => {
                let query = sqlx::query(BEGIN).bind(id).bind(pool).bind(area).bind(i64::from(state.minimum));
                query.bind(i64::from(least)).bind(since.0).execute(&mut *tx).await?;
                note(&mut tx, ("floor.alarm-began", "floor-alarm", id), actor, [0; 32], now).await?;
            }
            (Some(open), Some(Alarm { least, .. })) => {
                let (least, minimum) = (i64::from(least), i64::from(state.minimum));
                sqlx::query(WORSE).bind(&open.id).bind(least).bind(minimum).execute(&mut *tx).await?;
            }
            (Some(open), None) => {
                sqlx::query(END).bind(&open.id).bind(now.0).execute(&mut *tx).await?;
                note(&mut tx, ("floor.alarm-ended", "floor-alarm", &open.id), actor, [0; 32], now).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// A floor's name in the audit log: `LOCAL`, `LOCAL/LABOUR`.
fn name(key: FloorKey) -> String {
    match words(key) {
        (pool, "") => pool.to_owned(),
        (pool, area) => format!("{pool}/{area}"),
    }
}

const fn words((pool, area): FloorKey) -> (&'static str, &'static str) {
    match area {
        Some(area) => (pool.as_str(), area.as_str()),
        None => (pool.as_str(), ""),
    }
}

fn key(of: &Columns<'_>) -> Result<FloorKey, StorageError> {
    let area = match of.text("practice_area")?.as_str() {
        "" => None,
        _ => Some(of.parsed("practice_area")?),
    };
    Ok((of.parsed("pool")?, area))
}

fn alarm(row: &AnyRow) -> Result<AlarmRow, StorageError> {
    let of = Columns::of("floor_alarms", row);
    let (pool, practice_area) = key(&of)?;
    Ok(AlarmRow {
        id: of.text("id")?,
        pool,
        practice_area,
        minimum: of.count("minimum")?,
        least: of.count("least")?,
        began_at: of.time("began_at")?,
        ended_at: of.opt_time("ended_at")?,
    })
}

async fn note(
    tx: &mut Transaction<'static, Any>,
    (action, object_kind, object): (&str, &str, &str),
    actor: &str,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<(), StorageError> {
    audit::append(tx, &AuditNote { actor, action, object_kind, object, hash }, now).await.map(drop)
}
