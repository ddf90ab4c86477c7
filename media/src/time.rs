//! Time as an argument.
use std::time::{Duration, Instant};

/// The two readings that the SFU takes as its last argument. Durations come from `mono`, dates from `wall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Never goes back.
    pub mono: Instant,
    /// UTC milliseconds since 1970.
    pub wall: i64,
}

impl Now {
    /// The same clocks `later` from now.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self {
            mono: self.mono + later,
            wall: self.wall.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}
