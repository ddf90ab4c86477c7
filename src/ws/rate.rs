//! How much one client may say: a token bucket.
use std::time::Duration;

use yunfa_signaling::time::Instant;

/// Messages a client may say per second, all kinds together. A person types, taps and drags far below this.
const PER_SECOND: u32 = 20;
/// Messages it may say at once after a silence.
const BURST: u32 = 60;

/// A token bucket in thousandths of a message, so that slow filling is not rounded away.
#[derive(Debug)]
pub(super) struct Bucket {
    thousandths: u32,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(now: Instant) -> Self {
        Self { thousandths: BURST * 1000, filled: now }
    }

    /// Takes one message out; false when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = u32::try_from(now.since(self.filled).as_millis()).unwrap_or(u32::MAX);
        if passed > 0 {
            self.thousandths = self.thousandths.saturating_add(passed.saturating_mul(PER_SECOND)).min(BURST * 1000);
            self.filled = self.filled + Duration::from_millis(passed.into());
        }
        let allowed = self.thousandths >= 1000;
        if allowed {
            self.thousandths -= 1000;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_burst_and_then_goes_on_at_the_rate() {
        let start = Instant::default();
        let mut bucket = Bucket::new(start);

        let at_once = (0..100).filter(|_| bucket.take(start)).count();
        let in_ten_seconds = (1..=10_000).filter(|ms| bucket.take(start + Duration::from_millis(*ms))).count();

        assert_eq!((at_once, in_ten_seconds), (60, 200));
    }
}
