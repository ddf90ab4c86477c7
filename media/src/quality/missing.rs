//! The gaps of a source: what is asked for again, how often, and when it is given up.
use std::{
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

/// Gaps that are remembered. More at once is an outage, after which a keyframe is cheaper than repair.
const MAX_MISSING: usize = 128;
/// Asks for one packet.
const MAX_TRIES: u8 = 10;
/// How long a packet is worth asking for; later its picture has been given up.
const MAX_AGE: Duration = Duration::from_secs(1);
/// What is only out of order comes within this time.
const REORDER: Duration = Duration::from_millis(10);
/// Asks for one packet are at least this far apart, however short the round trip.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// One packet that has not come.
#[derive(Clone, Copy, Debug)]
struct Gap {
    index: u64,
    since: Instant,
    next: Instant,
    tries: u8,
}

/// The packets that have not come, rising.
#[derive(Debug, Default)]
pub(super) struct Missing {
    gaps: VecDeque<Gap>,
    given_up: bool,
}

impl Missing {
    /// These were skipped by a packet that came at `at`.
    pub(super) fn gap(&mut self, skipped: Range<u64>, at: Instant) {
        if skipped.end - skipped.start > MAX_MISSING as u64 {
            self.gaps.clear();
            self.given_up = true;
            return;
        }
        for index in skipped {
            if self.gaps.len() == MAX_MISSING {
                self.gaps.pop_front();
                self.given_up = true;
            }
            self.gaps.push_back(Gap { index, since: at, next: at + REORDER, tries: 0 });
        }
    }

    /// This one came after all.
    pub(super) fn found(&mut self, index: u64) {
        if let Ok(at) = self.gaps.binary_search_by_key(&index, |gap| gap.index) {
            self.gaps.remove(at);
        }
    }

    /// Puts into `out` what to ask for now.
    pub(super) fn due(&mut self, now: Instant, round_trip: Duration, out: &mut Vec<u16>) {
        out.clear();
        let pause = round_trip.max(MIN_PAUSE);
        let before = self.gaps.len();
        self.gaps.retain_mut(|gap| {
            if gap.next > now {
                return true;
            }
            if gap.tries == MAX_TRIES || now.saturating_duration_since(gap.since) > MAX_AGE {
                return false;
            }
            gap.tries += 1;
            gap.next = now + pause;
            out.push(gap.index as u16);
            true
        });
        self.given_up |= self.gaps.len() < before;
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.gaps.iter().map(|gap| gap.next).min()
    }

    /// How many may still come: a source that is never asked again keeps its gaps, but not the hope.
    pub(super) fn young(&self, now: Instant) -> usize {
        self.gaps.iter().filter(|gap| now.saturating_duration_since(gap.since) <= MAX_AGE).count()
    }

    /// Whether one was given up since the last call.
    pub(super) fn take_given_up(&mut self) -> bool {
        std::mem::take(&mut self.given_up)
    }
}
