//! The yearly calendar: days off and weekends that are worked; every change with its audit entry.
use std::collections::BTreeMap;

use jiff::civil::Date;
use sha2::{Digest, Sha256};
use sqlx::{Any, Executor, Transaction};
use yunfa_signaling::time::Timestamp;

use super::{
    AuditNote, StorageError, Store, audit,
    imports::Import,
    row::{Columns, statements},
};
use crate::domain::{
    calendar::{Day, Days},
    import::{Report, calendar, sheet::SheetError},
};

statements! {
    DAYS = "SELECT date AS id, kind, name FROM calendar_days ORDER BY date";
    SET = "INSERT INTO calendar_days (date, kind, name, set_by, set_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (date) DO UPDATE SET kind = excluded.kind, name = excluded.name, set_by = excluded.set_by, set_at = excluded.set_at";
    DROP = "DELETE FROM calendar_days WHERE date = $1";
}

impl Store {
    /// Every day of the table.
    pub async fn calendar(&self) -> Result<BTreeMap<Date, Day>, StorageError> {
        days(self.read()).await
    }

    /// The same, as deadlines are counted with it.
    pub async fn calendar_days(&self) -> Result<Days, StorageError> {
        Ok(Days::of(self.calendar().await?.into_values()))
    }

    /// Sets a day.
    pub async fn set_day(&self, day: &Day, actor: &str, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        set(&mut tx, day, actor, now).await?;
        let hash = Sha256::digest(format!("{}\n{}\n{}", day.date, day.kind.as_str(), day.name)).into();
        note(&mut tx, ("calendar.day-set", &day.date.to_string()), actor, hash, now).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a day out: it goes by its weekday. `false` when it was not there.
    pub async fn drop_day(&self, date: Date, actor: &str, now: Timestamp) -> Result<bool, StorageError> {
        let mut tx = self.begin().await?;
        if sqlx::query(DROP).bind(date.to_string()).execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        note(&mut tx, ("calendar.day-dropped", &date.to_string()), actor, [0; 32], now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Brings in a calendar: all good lines at once, and the same table again changes nothing.
    pub async fn import_calendar(
        &self,
        import: Import<'_>,
        now: Timestamp,
    ) -> Result<Result<Report, SheetError>, StorageError> {
        if !import.apply {
            let known = self.calendar().await?;
            return Ok(calendar::plan(import.bytes, &known).map(|plan| plan.report));
        }
        let mut tx = self.begin().await?;
        let known = days(&mut *tx).await?;
        let plan = match calendar::plan(import.bytes, &known) {
            Ok(plan) => plan,
            Err(refused) => return Ok(Err(refused)),
        };
        for day in &plan.set {
            set(&mut tx, day, import.actor, now).await?;
        }
        let hash = Sha256::digest(import.bytes).into();
        note(&mut tx, ("calendar.imported", ""), import.actor, hash, now).await?;
        tx.commit().await?;
        Ok(Ok(Report { applied: true, ..plan.report }))
    }
}

async fn days<'e>(connection: impl Executor<'e, Database = Any>) -> Result<BTreeMap<Date, Day>, StorageError> {
    let rows = sqlx::query(DAYS).fetch_all(connection).await?;
    let day = |row| {
        let of = Columns::of("calendar_days", row);
        let date = of.parsed("id")?;
        Ok((date, Day { date, kind: of.parsed("kind")?, name: of.text("name")? }))
    };
    rows.iter().map(day).collect()
}

async fn set(tx: &mut Transaction<'static, Any>, day: &Day, actor: &str, now: Timestamp) -> Result<(), StorageError> {
    let query = sqlx::query(SET).bind(day.date.to_string()).bind(day.kind.as_str()).bind(&day.name);
    query.bind(actor).bind(now.0).execute(&mut **tx).await?;
    Ok(())
}

async fn note(
    tx: &mut Transaction<'static, Any>,
    (action, object): (&str, &str),
    actor: &str,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<(), StorageError> {
    audit::append(tx, &AuditNote { actor, action, object_kind: "calendar", object, hash }, now).await.map(drop)
}
