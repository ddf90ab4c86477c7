//! What the office holds against somebody: warnings until they are read, blocks until they end or are lifted.
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    ids::{CitizenId, WarningId},
    time::Timestamp,
    words::ReportCause,
};

use super::{
    AuditNote, StorageError, Store, audit,
    row::{Columns, statements},
};
use crate::domain::{
    people::Subject,
    report::{Restraint, Warning},
};

/// Warnings that somebody is told of at once.
const MOST_WARNINGS: i64 = 8;
/// People who are told at once that they share a blocked telephone or device; others hear it when they come.
const MOST_CONCERNED: i64 = 100;

statements! {
    WARN = "INSERT INTO warnings (id, report, person, cause, at) VALUES ($1, $2, $3, $4, $5)";
    WARNINGS = "SELECT id, cause, at FROM warnings WHERE person = $1 AND acknowledged_at IS NULL ORDER BY at, id LIMIT $2";
    COUNT_WARNINGS = "SELECT COUNT(*) AS n, COUNT(acknowledged_at) AS done FROM warnings WHERE person = $1";
    ACKNOWLEDGE = "UPDATE warnings SET acknowledged_at = $3 WHERE id = $1 AND person = $2 AND acknowledged_at IS NULL";
    WARNING = "SELECT id FROM warnings WHERE id = $1 AND person = $2";
    BLOCK = "INSERT INTO blocks (report, citizen, phone_ref, device_ref, from_at, until_at) \
        SELECT CAST($1 AS TEXT), c.id, c.phone_ref, c.device_ref, CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM citizens c WHERE c.id = $2";
    LIFT = "UPDATE blocks SET lifted_at = $2 WHERE report = $1 AND lifted_at IS NULL";
    BLOCKS = "SELECT c.id AS id, COUNT(*) AS n, COUNT(b.lifted_at) AS lifted, MAX(CASE WHEN b.lifted_at IS NULL THEN b.until_at END) AS until_at \
        FROM citizens c JOIN blocks b ON b.citizen = c.id OR b.phone_ref = c.phone_ref OR b.device_ref = c.device_ref WHERE c.id = $1 GROUP BY c.id";
    CONCERNED = "SELECT c.id AS id FROM blocks b JOIN citizens c ON c.id = b.citizen OR c.phone_ref = b.phone_ref OR c.device_ref = b.device_ref \
        WHERE b.report = $1 ORDER BY c.id LIMIT $2";
}

impl Store {
    /// What the office holds against a citizen or a lawyer; against its own people nothing is held here.
    pub async fn restraint(&self, person: Subject) -> Result<Restraint, StorageError> {
        let id = person.id();
        let row = sqlx::query(COUNT_WARNINGS).bind(&id).fetch_one(self.read()).await?;
        let of = Columns::of("warnings", &row);
        let mut restraint =
            Restraint { version: u64::from(of.count("n")?) + u64::from(of.count("done")?), ..Restraint::default() };
        if of.int("n")? > of.int("done")? {
            let rows = sqlx::query(WARNINGS).bind(&id).bind(MOST_WARNINGS).fetch_all(self.read()).await?;
            for row in &rows {
                let of = Columns::of("warnings", row);
                restraint.warnings.push(Warning {
                    id: of.parsed("id")?,
                    cause: of.parsed("cause")?,
                    at: of.time("at")?,
                });
            }
        }
        if let (Subject::Citizen(_), Some(row)) =
            (person, sqlx::query(BLOCKS).bind(&id).fetch_optional(self.read()).await?)
        {
            let of = Columns::of("blocks", &row);
            restraint.version += u64::from(of.count("n")?) + u64::from(of.count("lifted")?);
            restraint.until = of.opt_time("until_at")?;
        }
        Ok(restraint)
    }

    /// The person has read a warning; said twice it is done once. `false` when it is none of theirs.
    pub async fn acknowledge(&self, warning: &str, person: Subject, now: Timestamp) -> Result<bool, StorageError> {
        let id = person.id();
        let mut tx = self.begin().await?;
        let query = sqlx::query(ACKNOWLEDGE).bind(warning).bind(&id).bind(now.0);
        if query.execute(&mut *tx).await?.rows_affected() == 1 {
            let note = AuditNote {
                actor: &id,
                action: "warning.read",
                object_kind: "warning",
                object: warning,
                hash: Default::default(),
            };
            audit::append(&mut tx, &note, now).await?;
            tx.commit().await?;
            return Ok(true);
        }
        Ok(sqlx::query(WARNING).bind(warning).bind(&id).fetch_optional(&mut *tx).await?.is_some())
    }

    /// Whom a block concerns: the blocked, and those with the same telephone or device.
    pub async fn concerned(&self, report: &str) -> Result<Vec<CitizenId>, StorageError> {
        let rows = sqlx::query(CONCERNED).bind(report).bind(MOST_CONCERNED).fetch_all(self.read()).await?;
        rows.iter().map(|row| Columns::of("citizens", row).parsed("id")).collect()
    }
}

/// Keeps a warning until it is read.
pub(super) async fn warn(
    tx: &mut Transaction<'static, Any>,
    (warning, report): (WarningId, &str),
    person: &str,
    cause: ReportCause,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = sqlx::query(WARN).bind(warning.to_string()).bind(report).bind(person);
    query.bind(cause.as_str()).bind(now.0).execute(&mut **tx).await?;
    Ok(())
}

/// Blocks the asker, and whoever has the same telephone or device.
pub(super) async fn block(
    tx: &mut Transaction<'static, Any>,
    report: &str,
    citizen: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<(), StorageError> {
    let query = sqlx::query(BLOCK).bind(report).bind(citizen).bind(now.0).bind(until.0);
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Lifts a block.
pub(super) async fn lift(tx: &mut Transaction<'static, Any>, report: &str, now: Timestamp) -> Result<(), StorageError> {
    sqlx::query(LIFT).bind(report).bind(now.0).execute(&mut **tx).await?;
    Ok(())
}
