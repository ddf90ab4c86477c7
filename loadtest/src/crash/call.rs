//! One call of the `crash` scenario: what its two sides do until the server is gone, and what they saw.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, rngs::StdRng};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use yunfa_signaling::{
    ids::{AreaCode, RecordId, SessionId},
    words::{Channel, Outcome, PracticeArea},
};

use crate::{
    client::{Citizen, Lawyer},
    peer::Shape,
};

/// How often timers are looked at: as often as a voice sends.
const TICK: Duration = Duration::from_millis(20);
/// How long each step towards a running session may take.
const STEP: Duration = Duration::from_secs(20);
/// How long a call may wait for the others to begin.
const BEGIN: Duration = Duration::from_secs(300);
/// How long the end of a session may take to be told.
const END: Duration = Duration::from_secs(10);

/// What the two would do if the server let them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    talk: Duration,
    think: Duration,
}

impl Script {
    /// Hangs up and writes the outcome as soon as it is told to.
    pub(super) const AT_ONCE: Self = Self { talk: Duration::ZERO, think: Duration::ZERO };

    /// Some calls end before the server does, and some of these are sealed.
    pub(super) fn roll(dice: &mut StdRng) -> Self {
        Self {
            talk: Duration::from_millis(dice.random_range(1_000..20_000)),
            think: Duration::from_millis(dice.random_range(0..1_500)),
        }
    }
}

/// What was seen of one call.
#[derive(Debug)]
pub struct Seen {
    /// Its session.
    pub session: SessionId,
    /// Seconds in which both sides received something of the other.
    pub two_way_s: f64,
    /// Its end was told to the lawyer.
    pub ended: bool,
    /// The record that was said to be sealed.
    pub sealed: Option<RecordId>,
    /// How late the timers of this process were at most while the calls ran: by so much what was seen may be short.
    pub late_s: f64,
}

/// How late the timers of this process are, at most, in microseconds.
pub(super) type Lateness = Arc<AtomicU64>;

/// Notes how late timers are until it is dropped.
pub(super) async fn watch_timers(late: Lateness) {
    loop {
        let due = Instant::now() + TICK;
        sleep_until(due).await;
        late.fetch_max(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Brings one call to where both sides talk.
pub(super) async fn connect(
    citizen: &mut Citizen,
    lawyer: &mut Lawyer,
    area: AreaCode,
    channel: Channel,
    shape: Option<Shape>,
) -> anyhow::Result<SessionId> {
    citizen.ask(PracticeArea::Other, area, channel).await?;
    if let Some(shape) = shape {
        citizen.client.join_media(shape).await?;
    }
    let offer = lawyer.wait_for_offer(STEP).await?;
    anyhow::ensure!(lawyer.accept(offer).await?, "the offer was over");
    let (asker, desk) = tokio::join!(citizen.client.wait_until_active(STEP), lawyer.client.wait_until_active(STEP));
    asker?;
    Ok(desk?.id)
}

/// Plays the call to its end or to that of the server, which is no error here. The script begins when all calls have begun.
pub(super) async fn talk(
    mut citizen: Citizen,
    mut lawyer: Lawyer,
    session: SessionId,
    script: Script,
    mut all_talk: watch::Receiver<bool>,
    late: Lateness,
) -> Seen {
    let mut seen = Seen { session, two_way_s: 0.0, ended: false, sealed: None, late_s: 0.0 };
    let asker = async {
        tokio::select! {
            ended = citizen.client.stay(session, BEGIN) => ended?,
            // The sender gone means that the round is over; the server's end will be seen soon.
            _ = all_talk.wait_for(|all| *all) => {}
        }
        citizen.client.stay(session, script.talk).await?;
        citizen.client.hang_up(session).await
    };
    let desk = async {
        lawyer.client.wait_until_ended(session, BEGIN + script.talk + END).await?;
        seen.ended = true;
        tokio::time::sleep(script.think).await;
        seen.sealed = Some(lawyer.write_outcome(session, Outcome::AdviceGiven).await?);
        anyhow::Ok(())
    };
    // Both end with an error when the server is killed under them.
    let (_, _) = tokio::join!(asker, desk);
    let (received, other) = (citizen.client.take_received(), lawyer.client.take_received());
    seen.late_s = Duration::from_micros(late.load(Ordering::Relaxed)).as_secs_f64();
    seen.two_way_s = received.timeline.two_way_seconds(&other.timeline);
    // Sockets are gone already; media is closed so that nothing of this call outlives it.
    let _ = tokio::join!(citizen.client.leave(), lawyer.client.leave());
    seen
}
