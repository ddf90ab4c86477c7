//! What the last process left waiting goes on in this one: outcomes, seals and stars of sessions that are over, call backs.
use tracing::{info, warn};
use yunfa_signaling::{
    consultation::{Again, Consultation, Input, SessionIds},
    milestone::Milestone,
    timers::Timers,
};

use crate::{
    clock::Clock,
    jobs::Jobs,
    live::{Holder, Live},
    recorder::Recorder,
    storage::{StorageError, Store},
};

/// Matters taken up at once.
const PAGE: u32 = 100;

/// Takes up what is over or on hold, ends and seals what a crash cut off, and takes that up too. Before the doors open, so that the
/// first page of its people finds it.
///
/// # Errors
/// When the store is away.
pub async fn take_over(jobs: &Jobs, live: &Live, recorder: &Recorder, timers: Timers) -> Result<(), StorageError> {
    // First what is over: how long it may wait is the settings' to say, not the reaper's.
    let waiting = take_up(jobs, live, recorder, timers).await?;
    jobs.at_start().await?;
    let cut_off = take_up(jobs, live, recorder, timers).await?;
    if waiting + cut_off > 0 {
        info!("{} consultations of the last run still wait for an outcome, stars or a call back", waiting + cut_off);
    }
    Ok(())
}

/// Takes up every matter whose session is over, or whose asker is to be called back, and whose node is gone.
async fn take_up(jobs: &Jobs, live: &Live, recorder: &Recorder, timers: Timers) -> Result<usize, StorageError> {
    let Jobs { store, lease, clock, .. } = jobs;
    let (mut after, mut taken) = (None, 0);
    loop {
        let histories = store.adopt(lease, after, PAGE, clock.wall()).await?;
        let Some(last) = histories.last().and_then(|history| history.first()) else { break };
        after = Some(last.consultation);
        for history in histories {
            let over = Consultation::resume(&history, timers, clock.now());
            let matter = match over {
                Some(over) => Some(over),
                None => on_hold(store, live, clock, &history, timers).await?,
            };
            match matter {
                Some(matter) => {
                    let people = people(store, &matter).await?;
                    live.resume(matter, people).await;
                    taken += 1;
                }
                // The store and the machine disagree about where it stands; the reaper decides.
                None => {
                    let Some(first) = history.first() else { continue };
                    warn!(consultation.id = ?first.consultation, "a matter cannot be taken up");
                    recorder.leave_open(first.consultation).await;
                }
            }
        }
    }
    Ok(taken)
}

/// A matter whose asker is to be called back, if it is one and the asker is still known.
async fn on_hold(
    store: &Store,
    live: &Live,
    clock: &Clock,
    history: &[Milestone],
    timers: Timers,
) -> Result<Option<Consultation>, StorageError> {
    let Some((citizen, area)) = Consultation::on_hold(history) else { return Ok(None) };
    let Some(citizen) = store.citizen(citizen).await? else { return Ok(None) };
    let again = Again {
        alias: citizen.alias,
        locality: live.locality(&area).unwrap_or_default(),
        sessions: std::array::from_fn(|_| SessionIds {
            session: clock.mint(),
            citizen: clock.mint(),
            lawyer: clock.mint(),
        }),
    };
    let Some(mut matter) = Consultation::resume_on_hold(history, again, timers, clock.now()) else { return Ok(None) };
    let known = store.known(matter.id(), matter.opening().citizen, clock.wall()).await?;
    if let Err(refused) = matter.handle(Input::Known(known), clock.now()) {
        warn!(consultation.id = ?matter.id(), "what is known of a matter is refused: {refused}");
    }
    Ok(Some(matter))
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
