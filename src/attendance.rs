//! Looks once a minute whether whoever is on the duty roster is there, and counts what it saw.
use std::{collections::BTreeSet, time::Duration};

use yunfa_signaling::words::Pool;

use crate::{
    app::App,
    domain::roster::{OnShift, is_there},
    storage::StorageError,
};

/// How often it looks: the counts of the roster are minutes.
const EVERY: Duration = Duration::from_secs(60);

/// Looks until the server stops. A minute in which the database is away is one that nobody saw.
pub async fn watch(app: &App) {
    loop {
        tokio::select! {
            () = app.clock.sleep(EVERY) => {}
            () = app.shutdown.stopping() => return,
        }
        if let Err(error) = look(app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the duty roster could not be looked at");
        }
    }
}

/// One look.
///
/// # Errors
/// When the store cannot be asked or told, or this node may not write any more.
pub async fn look(app: &App) -> Result<(), StorageError> {
    let shifts = app.store.running_shifts(app.clock.wall()).await?;
    if shifts.is_empty() {
        return Ok(());
    }
    let presences = app.live.presences().await;
    let there: BTreeSet<_> =
        presences.into_iter().filter(|(_, presence)| is_there(*presence)).map(|(id, _)| id).collect();
    let pools: BTreeSet<Pool> = match shifts.iter().any(|(_, shift)| matches!(shift.who, OnShift::Pool(_))) {
        true => {
            let serving = app.store.lawyers().await?;
            serving.into_iter().filter(|lawyer| there.contains(&lawyer.id)).map(|lawyer| lawyer.pool).collect()
        }
        false => BTreeSet::new(),
    };
    let is_kept = |who| match who {
        OnShift::Lawyer(lawyer) => there.contains(&lawyer),
        OnShift::Pool(pool) => pools.contains(&pool),
    };
    let seen: Vec<_> = shifts.into_iter().map(|(id, shift)| (id, is_kept(shift.who))).collect();
    app.recorder.hold().await?;
    app.store.observe_shifts(&seen).await
}
