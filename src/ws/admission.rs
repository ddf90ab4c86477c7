//! How many sockets may greet per second: after a restart or a cut line everybody comes at once.
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use yunfa_signaling::time::Instant;

/// How much may come at once after a silence, as a time at the rate: a crowd's first second costs nobody anything.
const BURST: Duration = Duration::from_secs(1);
/// Nobody is told to stay away for longer: a stream is kept for as long.
const LONGEST: Duration = Duration::from_secs(60);

/// A bucket that lets so many in per second, and tells the others when there will be room for them.
#[derive(Debug)]
pub(super) struct Admission {
    /// What one greeting takes of the time.
    each: Duration,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Until when the time is taken by those who were let in.
    taken: Instant,
    /// Until when the time is promised to those who were sent away.
    promised: Instant,
}

impl Admission {
    /// Nobody has come yet.
    pub(super) fn new(per_second: u32) -> Self {
        Self { each: Duration::from_secs(1) / per_second.max(1), book: Mutex::default() }
    }

    /// Lets one in.
    ///
    /// # Errors
    /// In how many seconds to come back: one more for every second's worth of others who were sent away before.
    pub(super) fn enter(&self, now: Instant) -> Result<(), u32> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = book.taken.max(now) + self.each;
        if taken.since(now) <= BURST {
            book.taken = taken;
            return Ok(());
        }
        book.promised = (book.promised.max(now) + self.each).min(now + LONGEST);
        let wait = book.promised.since(now);
        Err(u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::since_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_second_of_greetings_may_come_at_once_and_then_so_many_per_second() {
        let admission = Admission::new(100);

        let at_once = (0..500).filter(|_| admission.enter(at(5_000)).is_ok()).count();
        let in_ten_seconds = (5_001..=15_000).filter(|ms| admission.enter(at(*ms)).is_ok()).count();

        assert_eq!((at_once, in_ten_seconds), (100, 1000));
    }

    #[test]
    fn the_later_one_comes_the_later_one_is_told_to_come_back() {
        let admission = Admission::new(100);

        let told: Vec<u32> = (0..500).filter_map(|_| admission.enter(at(0)).err()).collect();
        let mut per_second = BTreeMap::<u32, u32>::new();
        told.iter().for_each(|wait| *per_second.entry(*wait).or_default() += 1);

        assert!(told.is_sorted());
        assert_eq!(per_second, BTreeMap::from([(1, 100), (2, 100), (3, 100), (4, 100)]));
    }

    #[test]
    fn who_comes_when_told_is_let_in() {
        let admission = Admission::new(100);
        let mut coming: BTreeMap<(u64, u32), u32> = (0..500).map(|who| ((0, who), 0)).collect();
        let mut tries = BTreeMap::<u32, u32>::new();

        // A fixed spread over the second after the one that was told.
        while let Some(((ms, who), tried)) = coming.pop_first() {
            match admission.enter(at(ms)) {
                Ok(()) => *tries.entry(tried).or_default() += 1,
                Err(wait) => {
                    let within = u64::from(who * 617 % 1000);
                    coming.insert((ms + u64::from(wait) * 1000 + within, who), tried + 1);
                }
            }
            assert!(ms < 10_000, "{who} still waits after {ms} ms");
        }

        assert!(tries.keys().all(|tried| *tried <= 2), "{tries:?}");
        assert_eq!(tries.values().sum::<u32>(), 500);
    }

    #[test]
    fn nobody_is_told_to_stay_away_for_longer_than_a_stream_is_kept() {
        let admission = Admission::new(1);

        let longest = (0..1000).filter_map(|_| admission.enter(at(0)).err()).max();

        assert_eq!(longest, Some(60));
    }
}
