//! Work that runs again and again: idempotent, safe to run twice, by one node or by several.
mod grade;
mod purge;
mod seal_stale;
mod settle;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::Clock,
    domain::calendar::Calendar,
    recorder::Recorder,
    storage::{Lease, StorageError, Store},
};
pub use grade::grade;
pub use purge::purge;
pub use seal_stale::{Reaped, seal_stale};
pub use settle::settle;

/// How often the lease is renewed: three attempts fit into it.
const RENEW: Duration = Duration::from_secs(5);
/// How often the reaper looks, counted in renewals: every minute.
const REAP_EVERY: u32 = 12;
/// How often matters are archived, counted in renewals: every ten minutes.
const SETTLE_EVERY: u32 = 120;
/// How often old credentials are purged, counted in renewals: every hour.
const PURGE_EVERY: u32 = 720;

/// What jobs work with.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// The store.
    pub store: Store,
    /// This node's lease.
    pub lease: Lease,
    /// The clock.
    pub clock: Clock,
    /// Holidays and make-up workdays.
    pub calendar: Calendar,
}

impl Jobs {
    /// What must be done before the first call is taken: whatever the last run left open is ended and sealed.
    pub async fn at_start(&self) -> Result<Reaped, StorageError> {
        seal_stale(&self.store, &self.lease, &self.calendar, self.clock.wall()).await
    }

    /// Runs until `stop`; fences the recorder when another node took this one's lease.
    pub async fn run(self, stop: CancellationToken, recorder: Recorder) {
        let mut round = 0_u32;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(RENEW) => {}
            }
            round = round.wrapping_add(1);
            match self.store.renew_lease(&self.lease, self.clock.wall()).await {
                Ok(()) => recorder.renewed(),
                Err(StorageError::Fenced { epoch }) => {
                    error!(epoch, "this node's lease was taken over");
                    recorder.fenced().cancel();
                    return;
                }
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "the lease could not be renewed");
                    recorder.doubt();
                    continue;
                }
            }
            self.round(round).await;
        }
    }

    async fn round(&self, round: u32) {
        if round.is_multiple_of(REAP_EVERY) {
            match seal_stale(&self.store, &self.lease, &self.calendar, self.clock.wall()).await {
                Ok(Reaped { ended: 0, .. }) => {}
                Ok(reaped) => info!(reaped.ended, reaped.sealed, "ended what nobody held any more"),
                Err(error) => warn!(error = &error as &dyn std::error::Error, "the reaper could not finish"),
            }
        }
        if round.is_multiple_of(REAP_EVERY) {
            match grade(&self.store, &self.lease, self.clock.wall()).await {
                Ok(0) => {}
                Ok(raised) => info!(raised, "graded matters by rule"),
                Err(error) => warn!(error = &error as &dyn std::error::Error, "matters could not be graded by rule"),
            }
        }
        if round.is_multiple_of(SETTLE_EVERY) {
            match settle(&self.store, self.clock.wall()).await {
                Ok(0) => {}
                Ok(settled) => info!(settled, "archived matters of which nothing more was heard"),
                Err(error) => warn!(error = &error as &dyn std::error::Error, "matters could not be archived"),
            }
        }
        if round.is_multiple_of(PURGE_EVERY) {
            match purge(&self.store, self.clock.wall()).await {
                Ok(0) => {}
                Ok(gone) => info!(gone, "purged old tokens, codes and counts"),
                Err(error) => warn!(error = &error as &dyn std::error::Error, "the purge could not finish"),
            }
        }
    }
}
