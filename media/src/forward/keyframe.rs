//! When a publisher is asked for a keyframe: coalesced over its receivers, throttled, and until one comes.
use std::time::{Duration, Instant};

/// Two requests to one source are at least this far apart. A keyframe costs as much as a second of video; what a
/// requests' flood would do to the other receivers is bounded by it.
pub const INTERVAL: Duration = Duration::from_millis(500);
/// Requests without an answer after which a source is left alone until somebody asks anew: its camera is off.
const MAX_TRIES: u8 = 20;
/// How often one receiver may ask in [`WINDOW`].
const MAX_ASKS: usize = 3;
/// The time over which a receiver's asks are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The requests to one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    last: Option<Instant>,
    tries: u8,
    wanted: bool,
}

impl Throttle {
    /// Somebody needs a keyframe. Tells whether the source must be asked now; otherwise [`Throttle::deadline`] says
    /// when.
    pub fn ask(&mut self, now: Instant) -> bool {
        if !self.wanted {
            (self.wanted, self.tries) = (true, 0);
        }
        self.due(now)
    }

    /// Tells at a deadline whether the source must be asked now, because nobody was answered yet.
    pub fn due(&mut self, now: Instant) -> bool {
        if !self.wanted || self.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return false;
        }
        if self.tries == MAX_TRIES {
            self.wanted = false;
            return false;
        }
        self.tries += 1;
        self.last = Some(now);
        true
    }

    /// A keyframe came: nobody waits any more.
    pub fn seen(&mut self) {
        self.wanted = false;
    }

    /// When [`Throttle::due`] should be asked again; `None` while nobody waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.last.filter(|_| self.wanted).map(|last| last + INTERVAL)
    }
}

/// What one receiver may ask: three keyframes in ten seconds, so that one on a bad network, or a hostile one, does not
/// make everybody else's picture coarse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance([Option<Instant>; MAX_ASKS]);

impl Allowance {
    /// Whether the receiver's ask counts; if it does, it is counted.
    pub fn take(&mut self, now: Instant) -> bool {
        let free = self.0.iter_mut().find(|at| at.is_none_or(|at| now.saturating_duration_since(at) >= WINDOW));
        free.map(|at| *at = Some(now)).is_some()
    }
}

#[cfg(test)]
mod tests;
