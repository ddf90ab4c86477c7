//! The only reader of clocks; mints ids and rolls dice too.
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng, RngExt};
use tokio::sync::watch;
use uuid::Uuid;
use yunfa_signaling::{
    ids::{
        CitizenId, ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, RecordId, RequestId, SessionId,
        StaffId, WarningId,
    },
    time::{Instant, Now, Timestamp},
};

/// Time and chance for the whole process. Cheap to clone; all clones are one clock.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    /// The machine's clocks. Durations count from here.
    Machine { start: tokio::time::Instant },
    /// A clock that only moves when a test moves it.
    ByHand { mono: watch::Sender<Duration>, start: tokio::time::Instant, wall_ms: AtomicI64, minted: AtomicU64 },
}

/// An id that [`Clock::mint`] can make.
pub trait Minted {
    /// Wraps a fresh UUID v7.
    fn from_uuid(uuid: Uuid) -> Self;
}

macro_rules! minted {
    ($($name:ident)*) => {$(
        impl Minted for $name {
            fn from_uuid(uuid: Uuid) -> Self {
                Self::new(uuid)
            }
        }
    )*};
}

minted! { CitizenId LawyerId StaffId ConsultationId InvitationId OfferId SessionId LegId MessageId RequestId RecordId WarningId }

impl Minted for Uuid {
    fn from_uuid(uuid: Uuid) -> Self {
        uuid
    }
}

impl Clock {
    /// The machine's clocks. Made once, at the start of the process: [`Now::mono`] counts from here.
    #[expect(clippy::disallowed_methods, reason = "this is the clock; tokio's reading follows paused time in tests")]
    pub fn machine() -> Self {
        Self(Arc::new(Source::Machine { start: tokio::time::Instant::now() }))
    }

    /// A clock that stands at `wall` until [`Clock::advance`] moves it, for tests.
    #[expect(clippy::disallowed_methods, reason = "this is the clock; the origin of its monotonic readings")]
    pub fn by_hand(wall: Timestamp) -> Self {
        Self(Arc::new(Source::ByHand {
            mono: watch::Sender::new(Duration::ZERO),
            start: tokio::time::Instant::now(),
            wall_ms: AtomicI64::new(wall.0),
            minted: AtomicU64::new(0),
        }))
    }

    /// Both readings at once.
    pub fn now(&self) -> Now {
        Now { mono: Instant::since_start(self.elapsed()), wall: self.wall() }
    }

    /// The date, as UTC milliseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn wall(&self) -> Timestamp {
        match &*self.0 {
            Source::Machine { .. } => {
                let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
            }
            Source::ByHand { wall_ms, .. } => Timestamp(wall_ms.load(Ordering::Acquire)),
        }
    }

    /// Time since the clock was made.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn elapsed(&self) -> Duration {
        match &*self.0 {
            Source::Machine { start } => tokio::time::Instant::now() - *start,
            Source::ByHand { mono, .. } => *mono.borrow(),
        }
    }

    /// The reading of the media plane's clock in this process's count; what lies before the start is zero.
    pub fn instant_of(&self, at: std::time::Instant) -> Instant {
        let (Source::Machine { start } | Source::ByHand { start, .. }) = &*self.0;
        Instant::since_start(at.saturating_duration_since(start.into_std()))
    }

    /// The reading of tokio's timers at `deadline`. Timers do not follow a clock made [`by_hand`](Self::by_hand):
    /// what such a test shall wake waits with [`sleep_until`](Self::sleep_until).
    pub fn deadline(&self, deadline: Instant) -> tokio::time::Instant {
        let (Source::Machine { start } | Source::ByHand { start, .. }) = &*self.0;
        *start + deadline.since(Instant::default())
    }

    /// Sleeps until the clock reads `deadline`; returns at once when it already does.
    pub async fn sleep_until(&self, deadline: Instant) {
        let due = deadline.since(Instant::default());
        match &*self.0 {
            Source::Machine { start } => tokio::time::sleep_until(*start + due).await,
            Source::ByHand { mono, .. } => {
                // The sender lives in `self`, so waiting can only end by the clock being moved.
                let _ = mono.subscribe().wait_for(|elapsed| *elapsed >= due).await;
            }
        }
    }

    /// Sleeps for `pause`.
    pub async fn sleep(&self, pause: Duration) {
        self.sleep_until(self.now().mono + pause).await;
    }

    /// Mints an id: UUID v7 (RFC 9562 section 5.7), the milliseconds of the wall and 74 random bits.
    pub fn mint<I: Minted>(&self) -> I {
        let ms = u64::try_from(self.wall().0).unwrap_or(0);
        let random = match &*self.0 {
            Source::Machine { .. } => self.dice(),
            Source::ByHand { minted, .. } => {
                // Counted instead of rolled: ids of a test are the same in every run and sort in the order of minting.
                let mut bytes = [0; 10];
                bytes[2..].copy_from_slice(&minted.fetch_add(1, Ordering::AcqRel).to_be_bytes());
                bytes
            }
        };
        I::from_uuid(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }

    /// Rolls `N` bytes fit for tokens and keys; real dice on every clock, because secrets are never predictable.
    #[expect(clippy::disallowed_methods, reason = "these are the dice: a CSPRNG seeded by the system")]
    pub fn dice<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `bound`, every one as likely as the other; 0 when `bound` is 0.
    #[expect(clippy::disallowed_methods, reason = "these are the dice: a CSPRNG seeded by the system")]
    pub fn below(&self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { rand::rng().random_range(0..bound) }
    }

    /// Moves a clock made [`by_hand`](Self::by_hand): both readings go on by `step` and who sleeps until then wakes.
    ///
    /// # Panics
    /// On a machine's clock.
    pub fn advance(&self, step: Duration) {
        let Source::ByHand { mono, wall_ms, .. } = &*self.0 else { panic!("only a clock made by hand can be moved") };
        wall_ms.fetch_add(i64::try_from(step.as_millis()).unwrap_or(i64::MAX), Ordering::AcqRel);
        mono.send_modify(|elapsed| *elapsed += step);
    }

    /// Sets the wall of a clock made [`by_hand`](Self::by_hand), as an administrator or NTP would; `mono` does not move.
    ///
    /// # Panics
    /// On a machine's clock.
    pub fn set_wall(&self, wall: Timestamp) {
        let Source::ByHand { wall_ms, .. } = &*self.0 else { panic!("only a clock made by hand can be set") };
        wall_ms.store(wall.0, Ordering::Release);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Source::Machine { .. } => "Clock(machine)",
            Source::ByHand { .. } => "Clock(by hand)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YEAR: Timestamp = Timestamp(1_767_225_600_000);

    #[test]
    fn a_clock_by_hand_moves_only_when_it_is_moved() {
        let clock = Clock::by_hand(NEW_YEAR);
        let before = clock.now();

        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_millis(1500));

        assert_eq!(clock.now(), before.after(Duration::from_millis(1500)));
    }

    #[test]
    fn setting_the_wall_does_not_move_durations() {
        let clock = Clock::by_hand(NEW_YEAR);
        let before = clock.now();

        clock.set_wall(Timestamp(0));

        assert_eq!(clock.now().mono, before.mono);
        assert_eq!(clock.wall(), Timestamp(0));
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_past_its_deadline() {
        let clock = Clock::by_hand(NEW_YEAR);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;

        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));

        sleeper.await.expect("the sleeper ends");
    }

    #[test]
    fn ids_are_version_seven_and_sort_by_time() {
        let clock = Clock::by_hand(NEW_YEAR);
        let first: SessionId = clock.mint();
        let second: SessionId = clock.mint();
        clock.advance(Duration::from_millis(1));
        let third: SessionId = clock.mint();

        assert!(first < second && second < third);
        assert_eq!(first.uuid().get_version_num(), 7);
    }

    #[test]
    fn the_machine_mints_no_id_twice() {
        let clock = Clock::machine();

        let ids: std::collections::BTreeSet<Uuid> = (0..1000).map(|_| clock.mint()).collect();

        assert_eq!(ids.len(), 1000);
    }
}
