//! What the last process left waiting goes on in this one: outcomes, seals and stars of sessions that are over.
use tracing::{info, warn};
use yunfa_signaling::{consultation::Consultation, timers::Timers};

use crate::{
    clock::Clock,
    live::{Holder, Live},
    recorder::Recorder,
    storage::{Lease, StorageError, Store},
};

/// Matters taken up at once.
const PAGE: u32 = 100;

/// Takes up every matter whose session is over and whose node is gone. Before the doors open, so that the first page of
/// its people finds it.
///
/// # Errors
/// When the store is away.
pub async fn take_up(
    store: &Store,
    lease: &Lease,
    (live, recorder): (&Live, &Recorder),
    timers: Timers,
    clock: &Clock,
) -> Result<usize, StorageError> {
    let (mut after, mut taken) = (None, 0);
    loop {
        let histories = store.adopt(lease, after, PAGE, clock.wall()).await?;
        let Some(last) = histories.last().and_then(|history| history.first()) else { break };
        after = Some(last.consultation);
        for history in histories {
            match Consultation::resume(&history, timers, clock.now()) {
                Some(matter) => {
                    let people = people(store, &matter).await?;
                    live.resume(matter, people).await;
                    taken += 1;
                }
                // The store and the machine disagree about where it stands; the reaper decides.
                None => {
                    let Some(first) = history.first() else { continue };
                    warn!(consultation.id = ?first.consultation, "a matter that was over cannot be taken up");
                    recorder.leave_open(first.consultation).await;
                }
            }
        }
    }
    if taken > 0 {
        info!("{taken} consultations of the last run still wait for an outcome or stars");
    }
    Ok(taken)
}

/// The asker and the lawyer of a matter; who is no longer known is left out.
async fn people(store: &Store, matter: &Consultation) -> Result<Vec<Holder>, StorageError> {
    let asker = store.citizen(matter.opening().citizen).await?.map(Holder::Citizen);
    let lawyer = match matter.answered_by() {
        Some((lawyer, _)) => store.lawyer(lawyer).await?.map(Holder::Lawyer),
        None => None,
    };
    Ok(asker.into_iter().chain(lawyer).collect())
}
