//! Keeps the alarms of duty floors: what the duty book says of them goes into the log and into the store, late rather than never.
use std::{collections::BTreeMap, time::Duration};

use tokio::sync::mpsc;
use tracing::{info, warn};
use yunfa_signaling::duty::FloorKey;

use crate::{
    app::App,
    live::FloorTurned,
    storage::{StorageError, Store},
};

/// Turns that wait while the database is away: every floor there can be, some dozens of times.
pub const MAILBOX: usize = 1024;
/// Before the store is asked again that was away.
const AGAIN: Duration = Duration::from_secs(5);

/// The floors that are set, as the duty book wants them.
///
/// # Errors
/// When the store is away.
pub async fn minimums(store: &Store) -> Result<BTreeMap<FloorKey, u32>, StorageError> {
    Ok(store.floors().await?.into_iter().map(|floor| (floor.key, floor.minimum)).collect())
}

/// Keeps them until the server stops, in order.
pub async fn keep(app: &App, mut turned: mpsc::Receiver<FloorTurned>) {
    loop {
        let next = tokio::select! {
            next = turned.recv() => next,
            () = app.shutdown.stopping() => None,
        };
        let Some(next) = next else { return };
        tell(next);
        let id = app.clock.mint::<uuid::Uuid>().to_string();
        while let Err(cause) = write(app, &id, next).await {
            warn!(error = &cause as &dyn std::error::Error, "the alarm of a duty floor waits to be kept");
            if matches!(cause, StorageError::Fenced { .. }) {
                return;
            }
            tokio::select! {
                () = app.clock.sleep(AGAIN) => {}
                () = app.shutdown.stopping() => return,
            }
        }
    }
}

async fn write(app: &App, id: &str, FloorTurned { key, state, at }: FloorTurned) -> Result<(), StorageError> {
    app.recorder.hold().await?;
    app.store.keep_alarm(id, key, state, crate::app::NODE, at).await
}

/// For whoever watches the log: one line when it comes or grows worse, one when it is over.
fn tell(FloorTurned { key: (pool, area), state, .. }: FloorTurned) {
    let area = area.map_or("all", |area| area.as_str());
    let (pool, on_duty, minimum) = (pool.as_str(), state.on_duty, state.minimum);
    match state.alarm {
        Some(alarm) => {
            warn!(floor.pool = pool, floor.area = area, on_duty, minimum, least = alarm.least, "too few are on duty");
        }
        None => info!(floor.pool = pool, floor.area = area, on_duty, minimum, "enough are on duty again"),
    }
}
