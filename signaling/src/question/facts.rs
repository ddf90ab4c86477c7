//! What the events of a question come to: the same fold while it lives and when it is taken up again.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    clocks::{Clocks, SLOTS},
    event::{Event, Freed, Promise},
};
use crate::{
    ids::{AnswerId, LawyerId, MessageId},
    time::Timestamp,
    words::{ConsultationState, Tier},
};

/// A slot that a lawyer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) claimed: Duration,
    pub(super) claimed_at: Timestamp,
    renewed: Duration,
}

impl Slot {
    /// When it is free again.
    pub(super) fn until(self, clocks: &Clocks) -> Duration {
        (self.renewed + clocks.claim).min(self.claimed + clocks.longest_claim)
    }
}

/// A valid answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: AnswerId,
    pub(super) lawyer: LawyerId,
    pub(super) version: u32,
}

/// Ages count from the asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) state: ConsultationState,
    pub(super) tier: Tier,
    pub(super) slots: BTreeMap<LawyerId, Slot>,
    pub(super) answers: Vec<Answer>,
    pub(super) declined: BTreeSet<LawyerId>,
    pub(super) follow_ups: u32,
    /// Follow-ups without a reply.
    pub(super) pending: BTreeSet<u32>,
    /// Follow-ups and replies, so that one sent twice is one.
    pub(super) lines: BTreeSet<MessageId>,
    pub(super) late: BTreeSet<Promise>,
    pub(super) reminded: u32,
    pub(super) next_reminder: Duration,
    gave_up: bool,
    ended: Option<ConsultationState>,
    /// The last word of anybody.
    pub(super) last_word: Duration,
    pub(super) ended_at: Duration,
}

impl Facts {
    pub(super) fn new(clocks: &Clocks) -> Self {
        Self {
            state: ConsultationState::Open,
            tier: Tier::LocalArea,
            slots: BTreeMap::new(),
            answers: vec![],
            declined: BTreeSet::new(),
            follow_ups: 0,
            pending: BTreeSet::new(),
            lines: BTreeSet::new(),
            late: BTreeSet::new(),
            reminded: 0,
            next_reminder: clocks.remind,
            gave_up: false,
            ended: None,
            last_word: Duration::ZERO,
            ended_at: Duration::ZERO,
        }
    }

    /// Takes note of one event that happened at this age.
    pub(super) fn apply(&mut self, event: &Event, age: Duration, at: Timestamp, clocks: &Clocks) {
        match event {
            Event::Asked(_) => {}
            Event::StateChanged { to, .. } => self.state = *to,
            Event::Widened { tier } => self.tier = *tier,
            Event::Claimed { lawyer, .. } => {
                self.slots.insert(*lawyer, Slot { claimed: age, claimed_at: at, renewed: age });
            }
            Event::Renewed { lawyer } => {
                if let Some(slot) = self.slots.get_mut(lawyer) {
                    slot.renewed = age;
                }
            }
            Event::Freed { lawyer, .. } => {
                self.slots.remove(lawyer);
            }
            Event::Declined { lawyer, .. } => {
                self.declined.insert(*lawyer);
            }
            Event::Amended { answer, version, .. } => {
                self.last_word = age;
                if let Some(known) = self.answers.iter_mut().find(|known| known.id == *answer) {
                    known.version = *version;
                }
            }
            Event::Answered { answer, lawyer, .. } => {
                self.slots.remove(lawyer);
                self.answers.push(Answer { id: *answer, lawyer: *lawyer, version: 1 });
                self.last_word = age;
            }
            Event::FollowedUp { text, number, .. } => {
                self.lines.insert(*text);
                self.follow_ups = *number;
                self.pending.insert(*number);
                self.last_word = age;
                if self.is_complete() {
                    (self.reminded, self.next_reminder) = (0, age + clocks.remind);
                }
            }
            Event::Replied { text, number, .. } => {
                self.lines.insert(*text);
                self.pending.remove(number);
                self.last_word = age;
            }
            Event::Late { promise } => {
                self.late.insert(*promise);
            }
            Event::GaveUp {} => self.gave_up = true,
            Event::Reminded { number } => {
                self.reminded = *number;
                self.next_reminder = age + if *number < 2 { clocks.remind } else { clocks.remind_later };
            }
            Event::Ended { .. } => {
                let state =
                    if self.answers.is_empty() { ConsultationState::Cancelled } else { ConsultationState::Closed };
                (self.ended, self.ended_at) = (Some(state), age);
            }
            Event::Reopened {} => self.ended = None,
        }
    }

    /// It takes no further answers.
    pub(super) fn is_complete(&self) -> bool {
        self.gave_up || self.ended.is_some() || self.answers.len() >= SLOTS
    }

    /// It may end, or has ended, with nothing more to come.
    pub(super) const fn is_over(&self) -> bool {
        self.ended.is_some() || (self.gave_up && self.answers.is_empty())
    }

    /// Slots that somebody may claim.
    pub(super) fn free(&self) -> usize {
        if self.is_complete() { 0 } else { SLOTS.saturating_sub(self.answers.len() + self.slots.len()) }
    }

    pub(super) fn has_answered(&self, lawyer: LawyerId) -> bool {
        self.answers.iter().any(|answer| answer.lawyer == lawyer)
    }

    /// Where it stands by everything above.
    pub(super) fn stands(&self) -> ConsultationState {
        match self.ended {
            Some(ended) => ended,
            None if self.is_complete() && self.answers.is_empty() => ConsultationState::Unserved,
            None if self.is_complete() && self.pending.is_empty() => ConsultationState::Answered,
            None if !self.answers.is_empty() => ConsultationState::InService,
            None if !self.slots.is_empty() => ConsultationState::Assigned,
            None => ConsultationState::Matching,
        }
    }

    /// The next thing that happens by itself, and at which age.
    pub(super) fn next(&self, clocks: &Clocks) -> Option<(Duration, Due)> {
        if self.is_over() {
            return None;
        }
        let mut dues: Vec<(Duration, Due)> =
            self.slots.iter().map(|(lawyer, slot)| (slot.until(clocks), Due::Lapse(*lawyer))).collect();
        if self.is_complete() {
            dues.push((self.last_word + clocks.close, Due::Close));
        } else {
            dues.push((clocks.give_up, Due::GiveUp));
            match self.tier {
                Tier::LocalArea => dues.push((clocks.local_any, Due::Widen(Tier::LocalAny))),
                Tier::LocalAny => dues.push((clocks.national, Due::Widen(Tier::National))),
                Tier::National => {}
            }
            if self.answers.is_empty() && !self.late.contains(&Promise::FirstAnswer) {
                dues.push((clocks.first, Due::Late(Promise::FirstAnswer)));
            }
            if !self.late.contains(&Promise::ThreeAnswers) {
                dues.push((clocks.three, Due::Late(Promise::ThreeAnswers)));
            }
        }
        if self.free() > 0 || !self.pending.is_empty() {
            dues.push((self.next_reminder, Due::Remind));
        }
        dues.into_iter().min()
    }
}

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Lapse(LawyerId),
    Widen(Tier),
    Late(Promise),
    GiveUp,
    Remind,
    Close,
}

impl Due {
    /// The event it makes.
    pub(super) const fn event(self, reminded: u32) -> Event {
        match self {
            Self::Lapse(lawyer) => Event::Freed { lawyer, why: Freed::Expired },
            Self::Widen(tier) => Event::Widened { tier },
            Self::Late(promise) => Event::Late { promise },
            Self::GiveUp => Event::GaveUp {},
            Self::Remind => Event::Reminded { number: reminded + 1 },
            Self::Close => Event::Ended { by_asker: false },
        }
    }
}
