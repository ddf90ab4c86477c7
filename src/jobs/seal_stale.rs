//! The reaper: ends and seals what a crash left open, from the last durable checkpoint.
use tracing::{error, info};
use yunfa_signaling::{
    ids::{ConsultationId, SessionId},
    milestone::{Event, Milestone},
    time::Timestamp,
};

use crate::{
    crash_point::crash_point,
    domain::{
        abandoned::{Ending, ending},
        calendar::Calendar,
        evidence::Evidence,
        service_record::{ClosedBy, Closing},
    },
    storage::{Closed, Lease, SealOrder, StorageError, Store},
};

/// Matters looked up at once.
const PAGE: u32 = 100;
/// Evidence is checkpointed at least this often, so a crash loses no more.
const CHECKPOINT_S: u32 = 5;

/// What the reaper has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Matters brought to an end.
    pub ended: u32,
    /// Records sealed.
    pub sealed: u32,
}

/// Ends every matter whose node is gone. Each is one transaction: its missing events, its record, audit entry and outbox
/// row. Another reaper at the same work, or a second run, finds nothing left to do.
pub async fn seal_stale(
    store: &Store,
    lease: &Lease,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Reaped, StorageError> {
    let mut reaped = Reaped::default();
    let mut after = None;
    loop {
        let page = store.orphans(lease, after, PAGE, now).await?;
        let Some(last) = page.last() else { return Ok(reaped) };
        after = Some(*last);
        for consultation in page {
            crash_point("start-reaping");
            match reap(store, lease, calendar, consultation, now).await {
                Ok(Some(sealed)) => {
                    reaped.ended += 1;
                    reaped.sealed += u32::from(sealed);
                }
                Ok(None) => {}
                Err(error @ (StorageError::Fenced { .. } | StorageError::Unavailable(_))) => return Err(error),
                // One matter that cannot be ended must not keep the others open.
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, consultation.id = ?consultation, "a matter cannot be ended");
                }
            }
        }
    }
}

/// Ends one matter; `None` when there was nothing to do, else whether a record was sealed.
async fn reap(
    store: &Store,
    lease: &Lease,
    calendar: &Calendar,
    consultation: ConsultationId,
    now: Timestamp,
) -> Result<Option<bool>, StorageError> {
    let milestones = store.events(consultation).await?;
    let evidence = match last_session(&milestones) {
        Some(session) => store.evidence(session).await?,
        None => None,
    };
    let Ending { events, seal } = ending(&milestones, evidence.as_ref(), now);
    if events.is_empty() && seal.is_none() {
        return Ok(None);
    }
    let order = seal.map(|session| SealOrder { session, closing: closing(evidence.as_ref(), now) });
    match store.close_and_seal(lease, &events, order, calendar).await {
        // Another reaper did the same at the same moment.
        Ok(Closed { events: 0, sealed: false }) => Ok(None),
        Ok(Closed { sealed, .. }) => {
            info!(consultation.id = ?consultation, sealed, "ended a matter that nobody held any more");
            Ok(Some(sealed))
        }
        // Another reaper was first.
        Err(StorageError::OutOfOrder { .. } | StorageError::Conflict { .. } | StorageError::AlreadySealed(_)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn closing(evidence: Option<&Evidence>, now: Timestamp) -> Closing {
    // Evidence that was complete before the crash lacks nothing.
    let precision_s = if evidence.is_some_and(|seen| seen.complete) { 0 } else { CHECKPOINT_S };
    Closing { by: ClosedBy::Reaper, precision_s, at: now }
}

fn last_session(milestones: &[Milestone]) -> Option<SessionId> {
    milestones.iter().rev().find_map(|milestone| match &milestone.event {
        Event::Accepted { session, .. } | Event::SessionChanged { session, .. } => Some(*session),
        _ => None,
    })
}
