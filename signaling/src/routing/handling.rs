//! How long a matter keeps a lawyer, from those just handled, and what that means for who waits.
use std::{collections::VecDeque, time::Duration};

/// So many of the last count.
const REMEMBERED: usize = 50;
/// Fewer say nothing.
const ENOUGH: usize = 3;
/// An expectation is told in steps of this: it is one, not a timetable.
const STEP: Duration = Duration::from_secs(30);
/// Longer is not told as a number.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// The last handling times: from the acceptance until the lawyer was free again.
#[derive(Debug, Default)]
pub(crate) struct Handling {
    last: VecDeque<Duration>,
    sum: Duration,
}

impl Handling {
    /// A lawyer is free again.
    pub(crate) fn took(&mut self, time: Duration) {
        let time = time.min(LONGEST);
        self.sum += time;
        self.last.push_back(time);
        if self.last.len() > REMEMBERED
            && let Some(oldest) = self.last.pop_front()
        {
            self.sum = self.sum.saturating_sub(oldest);
        }
    }

    /// What who waits at this place may expect while all of these lawyers are occupied: one of them is free each
    /// mean handling time divided by their number. In whole seconds, rounded up to half minutes.
    pub(crate) fn expected_s(&self, place: u32, occupied: u32) -> Option<u32> {
        let count = u32::try_from(self.last.len()).ok()?;
        if self.last.len() < ENOUGH || occupied == 0 {
            return None;
        }
        let expected = (self.sum / count).saturating_mul(place) / occupied;
        let steps = expected.min(LONGEST).as_secs().div_ceil(STEP.as_secs()).max(1);
        u32::try_from(steps * STEP.as_secs()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_expected_from_too_few_and_the_newest_count() {
        let mut handling = Handling::default();
        for _ in 0..2 {
            handling.took(Duration::from_secs(3600));
        }
        assert_eq!(handling.expected_s(1, 1), None);

        for _ in 0..REMEMBERED {
            handling.took(Duration::from_secs(600));
        }

        assert_eq!(handling.expected_s(1, 1), Some(600));
        assert_eq!(handling.expected_s(3, 4), Some(450));
        assert_eq!(handling.expected_s(1, 100), Some(30), "never less than a step");
        assert_eq!(handling.expected_s(1, 0), None, "nobody is occupied: it rings, or nobody is there");
    }
}
