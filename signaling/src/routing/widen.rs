//! How the search for a lawyer widens with time: a few of the field, all of the field, all of the county, the nation.
use std::time::Duration;

use crate::{
    time::Instant,
    timers::Timers,
    words::{Channel, Tier},
};

/// How wide the search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The widest tier that is open.
    pub(crate) tier: Tier,
    /// All desks of that tier are rung, not only the first few.
    pub(crate) everyone: bool,
    /// When it is wider.
    pub(crate) next: Option<Instant>,
}

/// How wide the search is that began at `since`.
pub(crate) fn step(since: Instant, channel: Channel, timers: &Timers, now: Instant) -> Step {
    let passed = now - since;
    let (local_any, national) = timers.tiers_for(channel);
    let batch = timers.batch_for(channel);
    let (tier, began, ends) = if passed < local_any {
        (Tier::LocalArea, Duration::ZERO, Some(local_any))
    } else if passed < national {
        (Tier::LocalAny, local_any, Some(national))
    } else {
        (Tier::National, national, None)
    };
    let everyone = passed >= began + batch;
    let next = if everyone { ends } else { Some(ends.unwrap_or(Duration::MAX).min(began + batch)) };
    Step { tier, everyone, next: next.map(|next| since + next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reaches_the_county_after_15_s_and_the_nation_after_30() {
        let since = Instant::since_start(Duration::from_secs(1000));
        let at = |seconds| since + Duration::from_secs(seconds);
        let found = |seconds| step(since, Channel::Voice, &Timers::default(), at(seconds));

        let expected = [
            (0, Tier::LocalArea, false, Some(5)),
            (5, Tier::LocalArea, true, Some(15)),
            (15, Tier::LocalAny, false, Some(20)),
            (20, Tier::LocalAny, true, Some(30)),
            (30, Tier::National, false, Some(35)),
            (35, Tier::National, true, None),
            (3600, Tier::National, true, None),
        ];
        for (seconds, tier, everyone, next) in expected {
            assert_eq!(found(seconds), Step { tier, everyone, next: next.map(at) }, "after {seconds} s");
        }
    }

    #[test]
    fn a_text_question_has_its_own_clock() {
        let tiers = [0, 180, 360].map(|seconds| {
            let at = Instant::START + Duration::from_secs(seconds);
            step(Instant::START, Channel::Text, &Timers::default(), at).tier
        });

        assert_eq!(tiers, [Tier::LocalArea, Tier::LocalAny, Tier::National]);
    }
}
