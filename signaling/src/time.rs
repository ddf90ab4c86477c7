//! Time as an argument: a monotonic instant for durations, a wall clock for dates.
use std::{
    ops::{Add, Sub},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The two readings that every core takes as its last argument. Durations come from `mono`, dates from `wall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Never goes back, never jumps.
    pub mono: Instant,
    /// What a clock on the wall says; may be set, so nothing is measured with it.
    pub wall: Timestamp,
}

impl Now {
    /// The same clocks `later` from now.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        let ms = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
        Self { mono: self.mono + later, wall: Timestamp(self.wall.0.saturating_add(ms)) }
    }
}

/// Microseconds since the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The instant at which the process began.
    pub const START: Self = Self(0);

    /// The instant `elapsed` after the process began.
    pub fn since_start(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Microseconds since the process began, as events carry them.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// UTC milliseconds since 1970, as in the store and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds from `earlier` to this, negative when the wall clock was set back.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_instant_is_zero_later_not_a_panic() {
        let start = Instant::since_start(Duration::from_secs(5));
        let later = start + Duration::from_millis(3);

        assert_eq!(later - start, Duration::from_millis(3));
        assert_eq!(start - later, Duration::ZERO);
    }
}
