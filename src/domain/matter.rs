//! A matter (一事) over the days, as a machine: answered, closed, followed up, archived, opened again.
//!
//! What somebody waits for in seconds is a consultation's (`signaling`); a matter is what its consultations make together.
use yunfa_signaling::time::Timestamp;

use super::people::words;

/// How long a matter that is over can be opened again; later it is a new matter that points to it.
pub const REOPENS_MS: i64 = 30 * DAY_MS;
/// How long a closed matter that was not rated waits for a complaint before it is archived.
pub const SETTLES_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;

words! {
    /// Where a matter stands.
    MatterState {
        /// Asked, and not answered yet.
        Open = "OPEN",
        /// The outcome is in; stars are awaited.
        Answered = "ANSWERED",
        /// Done, or silent for 72 h.
        Closed = "CLOSED",
        /// The asker was not content, and the office owes an answer.
        FollowUp = "FOLLOW_UP",
        /// Over.
        Archived = "ARCHIVED",
        /// Over once, and asked again.
        Reopened = "REOPENED",
        /// Nobody could be found.
        Unserved = "UNSERVED",
        /// Called off before anybody answered.
        Cancelled = "CANCELLED",
    }

    /// What coming back to a matter makes.
    Return {
        /// The matter goes on, its lawyer first.
        SameMatter = "SAME",
        /// A new matter that points to it.
        LinkedMatter = "LINKED",
    }

    /// What kind of asking began it.
    MatterKind {
        /// A call or a live text.
        Consultation = "CONSULTATION",
        /// A question in writing.
        Question = "QUESTION",
    }
}

/// What happens to a matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatterEvent {
    /// The outcome of its consultation was written.
    Answered,
    /// Its consultation is over: rated, or silent for 72 h.
    Closed,
    /// Nobody could be found.
    NotServed,
    /// The asker called it off.
    CalledOff,
    /// Two stars or fewer, or a complaint.
    Dissatisfied,
    /// The office has closed the follow-up.
    FollowedUp,
    /// Rated well, or nothing more was heard of it.
    Settled,
    /// The asker comes back with it.
    Reopened,
}

impl MatterEvent {
    /// Every event.
    pub const ALL: &'static [Self] = &[
        Self::Answered,
        Self::Closed,
        Self::NotServed,
        Self::CalledOff,
        Self::Dissatisfied,
        Self::FollowedUp,
        Self::Settled,
        Self::Reopened,
    ];
}

impl MatterState {
    /// Where an event leads; `None` when it changes nothing here.
    pub const fn after(self, event: MatterEvent) -> Option<Self> {
        Some(match (self, event) {
            (Self::Open | Self::Reopened, MatterEvent::Answered) => Self::Answered,
            // Also without an outcome: a lawyer who never wrote one does not keep the matter open.
            (Self::Open | Self::Reopened | Self::Answered, MatterEvent::Closed) => Self::Closed,
            (Self::Open, MatterEvent::NotServed) => Self::Unserved,
            (Self::Open, MatterEvent::CalledOff) => Self::Cancelled,
            // What was answered before stays answered, also when nobody could be found the second time.
            (Self::Reopened, MatterEvent::NotServed | MatterEvent::CalledOff) => Self::Archived,
            (
                Self::Open | Self::Reopened | Self::Answered | Self::Closed | Self::Archived,
                MatterEvent::Dissatisfied,
            ) => Self::FollowUp,
            (Self::FollowUp, MatterEvent::FollowedUp) => Self::Archived,
            (Self::Closed, MatterEvent::Settled) => Self::Archived,
            (Self::Answered | Self::Closed | Self::Archived, MatterEvent::Reopened) => Self::Reopened,
            _ => return None,
        })
    }

    /// Whether the asker may complain of it.
    pub const fn may_be_complained_of(self) -> bool {
        self.after(MatterEvent::Dissatisfied).is_some() && !matches!(self, Self::Open | Self::Reopened)
            || matches!(self, Self::FollowUp)
    }
}

/// What coming back to a matter makes that was last over at `settled`; `None` while it is not over.
pub fn come_back(state: MatterState, settled: Option<Timestamp>, now: Timestamp) -> Option<Return> {
    state.after(MatterEvent::Reopened)?;
    Some(match settled {
        Some(settled) if now.ms_since(settled) > REOPENS_MS => Return::LinkedMatter,
        _ => Return::SameMatter,
    })
}

#[cfg(test)]
mod tests {
    use MatterEvent as Event;
    use MatterState::{Answered, Archived, Cancelled, Closed, FollowUp, Open, Reopened, Unserved};

    use super::*;

    #[test]
    fn every_edge_of_the_machine_is_one_of_these() {
        let mut edges = vec![];
        for from in MatterState::ALL {
            for event in Event::ALL {
                edges.extend(from.after(*event).map(|to| (*from, *event, to)));
            }
        }
        edges.sort();

        let mut expected = vec![
            (Open, Event::Answered, Answered),
            (Open, Event::Closed, Closed),
            (Open, Event::NotServed, Unserved),
            (Open, Event::CalledOff, Cancelled),
            (Open, Event::Dissatisfied, FollowUp),
            (Answered, Event::Closed, Closed),
            (Answered, Event::Dissatisfied, FollowUp),
            (Answered, Event::Reopened, Reopened),
            (Closed, Event::Dissatisfied, FollowUp),
            (Closed, Event::Settled, Archived),
            (Closed, Event::Reopened, Reopened),
            (FollowUp, Event::FollowedUp, Archived),
            (Archived, Event::Dissatisfied, FollowUp),
            (Archived, Event::Reopened, Reopened),
            (Reopened, Event::Answered, Answered),
            (Reopened, Event::Closed, Closed),
            (Reopened, Event::NotServed, Archived),
            (Reopened, Event::CalledOff, Archived),
            (Reopened, Event::Dissatisfied, FollowUp),
        ];
        expected.sort();
        assert_eq!(edges, expected);
    }

    #[test]
    fn who_comes_back_within_thirty_days_goes_on_and_later_begins_anew() {
        let settled = Some(Timestamp(0));
        let back = |days: i64, ms: i64| come_back(Archived, settled, Timestamp(days * DAY_MS + ms));

        assert_eq!((back(0, 1), back(30, 0)), (Some(Return::SameMatter), Some(Return::SameMatter)));
        assert_eq!(back(30, 1), Some(Return::LinkedMatter));
        for state in [Open, Reopened, FollowUp, Unserved, Cancelled] {
            assert_eq!(come_back(state, settled, Timestamp(1)), None, "{state:?}");
        }
    }

    #[test]
    fn a_complaint_needs_something_that_was_answered() {
        let states: Vec<_> = MatterState::ALL.iter().filter(|state| state.may_be_complained_of()).collect();

        assert_eq!(states, [&Answered, &Closed, &FollowUp, &Archived]);
    }
}
