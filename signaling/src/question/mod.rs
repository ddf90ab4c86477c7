//! One text question from the asking to the close: a value that takes one input with `now` and queues what happened.
mod clocks;
mod event;
mod facts;

use std::{collections::VecDeque, time::Duration};

use self::facts::Facts;
pub use self::{
    clocks::{Clocks, MAX_LINES, MAX_PENDING, MAX_TEXT_CHARS, MAX_VERSIONS, MIN_ANSWER_CHARS, SLOTS},
    event::{Asked, Event, Freed, Promise, Step},
};
use crate::{
    error::{ProtocolError, SessionError},
    ids::{AnswerId, AreaCode, ConsultationId, LawyerId, MessageId},
    profile::Profile,
    time::{Instant, Now, Timestamp},
    words::{ConsultationState, DeclineReason, Outcome, Pool, PracticeArea, Tier},
};

/// What may happen to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A lawyer takes a slot; one who holds it goes on writing.
    Claim {
        /// Who.
        lawyer: LawyerId,
        /// As the bureau has them on its books.
        profile: Profile,
        /// Slots of other questions that this lawyer holds.
        holds: usize,
    },
    /// A lawyer gives a slot back.
    Release {
        /// Who.
        lawyer: LawyerId,
    },
    /// A lawyer will not answer this question.
    Decline {
        /// Who.
        lawyer: LawyerId,
        /// Why.
        reason: DeclineReason,
    },
    /// A lawyer answers. Whose slot has lapsed may still answer while another one is free.
    Answer {
        /// Who.
        lawyer: LawyerId,
        /// As the bureau has them on its books.
        profile: Profile,
        /// Minted by the client; sending twice with one id is one answer.
        answer: AnswerId,
        /// Its characters.
        chars: u32,
        /// What comes of it.
        outcome: Outcome,
        /// The asker was told of legal aid.
        legal_aid_prompted: bool,
    },
    /// A lawyer writes an answer anew; what was written stays.
    Amend {
        /// Who.
        lawyer: LawyerId,
        /// Which one.
        answer: AnswerId,
        /// The version that the lawyer has read.
        version: u32,
        /// Characters of the new one.
        chars: u32,
    },
    /// The asker asks on.
    FollowUp {
        /// Minted by the client.
        text: MessageId,
        /// Its characters.
        chars: u32,
    },
    /// A lawyer who answered replies to a follow-up.
    Reply {
        /// Who.
        lawyer: LawyerId,
        /// Minted by the client.
        text: MessageId,
        /// To which follow-up.
        number: u32,
        /// Its characters.
        chars: u32,
    },
    /// The asker is content, or takes the question back.
    Close,
    /// The bureau took the lawyer out.
    Withdraw {
        /// Whom.
        lawyer: LawyerId,
    },
    /// Something is due.
    Timeout,
}

/// One question. Feed one input with `now`, drain the steps, sleep until the next deadline.
#[derive(Clone, Debug)]
pub struct Question {
    id: ConsultationId,
    asked: Asked,
    asked_at: Timestamp,
    clocks: Clocks,
    /// A moment, and how old the question was in it: ages go on from there by the monotonic clock.
    since: Instant,
    age: Duration,
    facts: Facts,
    version: u64,
    out: VecDeque<Step>,
}

impl Question {
    /// Opens a question.
    pub fn ask(id: ConsultationId, asked: Asked, clocks: Clocks, now: Now) -> Self {
        let mut question = Self {
            id,
            asked: asked.clone(),
            asked_at: now.wall,
            clocks,
            since: now.mono,
            age: Duration::ZERO,
            facts: Facts::new(&clocks),
            version: 0,
            out: VecDeque::new(),
        };
        question.happened(Event::Asked(Box::new(asked)), now);
        question.settle(now);
        question
    }

    /// Takes a question up again from its events, in order: what has passed meanwhile counts. `None` when they are not
    /// those of a question.
    pub fn resume(history: &[Step], clocks: Clocks, now: Now) -> Option<Self> {
        let first = history.first()?;
        let Event::Asked(asked) = &first.event else { return None };
        let (mut facts, mut age) = (Facts::new(&clocks), Duration::ZERO);
        for step in history {
            // A clock that was set back makes nothing happen before what it followed.
            age = age.max(between(first.at, step.at));
            facts.apply(&step.event, age, step.at, &clocks);
        }
        Some(Self {
            id: first.question,
            asked: (**asked).clone(),
            asked_at: first.at,
            clocks,
            since: now.mono,
            age: age.max(between(first.at, now.wall)),
            facts,
            version: history.last()?.version,
            out: VecDeque::new(),
        })
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        while let Some((due, what)) = self.facts.next(&self.clocks)
            && due <= self.age_at(now.mono)
        {
            self.happened(what.event(self.facts.reminded), now);
            self.settle(now);
        }
        let taken = match input {
            Input::Claim { lawyer, profile, holds } => self.claim(lawyer, &profile, holds, now),
            Input::Release { lawyer } => self.free(lawyer, Freed::Released, now),
            Input::Withdraw { lawyer } => self.free(lawyer, Freed::Withdrawn, now).or(Ok(())),
            Input::Decline { lawyer, reason } => self.decline(lawyer, reason, now),
            Input::Answer { lawyer, profile, answer, chars, outcome, legal_aid_prompted } => {
                self.answer(lawyer, &profile, answer, (chars, outcome, legal_aid_prompted), now)
            }
            Input::Amend { lawyer, answer, version, chars } => self.amend(lawyer, answer, version, chars, now),
            Input::FollowUp { text, chars } => self.follow_up(text, chars, now),
            Input::Reply { lawyer, text, number, chars } => self.reply(lawyer, text, number, chars, now),
            Input::Close => self.close(now),
            Input::Timeout => Ok(()),
        };
        self.settle(now);
        taken
    }

    /// The next thing that happened.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.out.pop_front()
    }

    /// When `Input::Timeout` is due; `None` once nothing happens by itself any more.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (due, _) = self.facts.next(&self.clocks)?;
        Some(self.since + due.saturating_sub(self.age))
    }

    /// Which question this is.
    pub const fn id(&self) -> ConsultationId {
        self.id
    }

    /// As it was asked.
    pub const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// When it was asked.
    pub const fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Where it stands.
    pub const fn state(&self) -> ConsultationState {
        self.facts.state
    }

    /// The widest tier that is open.
    pub const fn tier(&self) -> Tier {
        self.facts.tier
    }

    /// How many events it has had.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Valid answers so far.
    pub fn answered(&self) -> usize {
        self.facts.answers.len()
    }

    /// Slots that are held.
    pub fn claimed(&self) -> usize {
        self.facts.slots.len()
    }

    /// Slots that are free.
    pub fn free_slots(&self) -> usize {
        self.facts.free()
    }

    /// Follow-ups that wait for a reply.
    pub fn pending(&self) -> usize {
        self.facts.pending.len()
    }

    /// Until when this lawyer holds a slot.
    pub fn held_until(&self, lawyer: LawyerId) -> Option<Timestamp> {
        self.facts.slots.get(&lawyer).map(|slot| after(self.asked_at, slot.until(&self.clocks)))
    }

    /// Who holds slots.
    pub fn holders(&self) -> impl Iterator<Item = LawyerId> + '_ {
        self.facts.slots.keys().copied()
    }

    /// Who has answered, in order.
    pub fn answerers(&self) -> impl Iterator<Item = LawyerId> + '_ {
        self.facts.answers.iter().map(|answer| answer.lawyer)
    }

    /// Whether this lawyer may read what was written: holds a slot, or has answered.
    pub fn may_read(&self, lawyer: LawyerId) -> bool {
        self.facts.slots.contains_key(&lawyer) || self.facts.has_answered(lawyer)
    }

    /// Whether a slot is free that this lawyer may claim.
    pub fn is_open_to(&self, lawyer: LawyerId, profile: &Profile) -> bool {
        self.facts.free() > 0 && self.may_claim(lawyer, profile).is_ok()
    }

    /// Nothing happens any more, by itself or otherwise.
    pub fn is_final(&self) -> bool {
        matches!(self.facts.state, ConsultationState::Unserved | ConsultationState::Cancelled)
    }
}

/// The moves.
impl Question {
    fn claim(&mut self, lawyer: LawyerId, profile: &Profile, holds: usize, now: Now) -> Result<(), SessionError> {
        if self.facts.slots.contains_key(&lawyer) {
            // Whoever may not serve any more has lost the slot by `Withdraw`.
            self.happened(Event::Renewed { lawyer }, now);
            return Ok(());
        }
        if self.facts.is_over() {
            return Err(SessionError::Over);
        }
        let tier = self.may_claim(lawyer, profile)?;
        if self.facts.free() == 0 {
            return Err(SessionError::Taken);
        }
        if holds >= self.clocks.held_per_lawyer {
            return Err(SessionError::TooMany("questions held at once"));
        }
        self.happened(Event::Claimed { lawyer, tier }, now);
        Ok(())
    }

    /// The tier of a lawyer who may claim a slot, were one free.
    fn may_claim(&self, lawyer: LawyerId, profile: &Profile) -> Result<Tier, SessionError> {
        let tier = tier_of(profile, self.asked.practice_area, &self.asked.area);
        let barred = self.facts.declined.contains(&lawyer) || self.facts.has_answered(lawyer);
        if !profile.may_serve || barred || tier > self.facts.tier { Err(SessionError::NotAllowed) } else { Ok(tier) }
    }

    fn free(&mut self, lawyer: LawyerId, why: Freed, now: Now) -> Result<(), SessionError> {
        if !self.facts.slots.contains_key(&lawyer) {
            return Err(SessionError::NotFound);
        }
        self.happened(Event::Freed { lawyer, why }, now);
        Ok(())
    }

    fn decline(&mut self, lawyer: LawyerId, reason: DeclineReason, now: Now) -> Result<(), SessionError> {
        if self.facts.is_over() {
            return Err(SessionError::Over);
        }
        if self.facts.has_answered(lawyer) {
            return Err(SessionError::NotAllowed);
        }
        if self.facts.declined.contains(&lawyer) {
            return Ok(());
        }
        self.happened(Event::Declined { lawyer, reason }, now);
        self.free(lawyer, Freed::Released, now).or(Ok(()))
    }

    fn answer(
        &mut self,
        lawyer: LawyerId,
        profile: &Profile,
        answer: AnswerId,
        (chars, outcome, legal_aid_prompted): (u32, Outcome, bool),
        now: Now,
    ) -> Result<(), SessionError> {
        if self.facts.answers.iter().any(|known| known.id == answer && known.lawyer == lawyer) {
            return Ok(());
        }
        if self.facts.is_over() {
            return Err(SessionError::Over);
        }
        if chars < MIN_ANSWER_CHARS {
            return Err(ProtocolError::BadField { field: "text", rule: "has 20 characters at least" }.into());
        }
        if !outcome.can_be_said() {
            return Err(ProtocolError::BadField { field: "outcome", rule: "is not for clients" }.into());
        }
        if !profile.may_serve {
            return Err(SessionError::NotAllowed);
        }
        if !self.facts.slots.contains_key(&lawyer) {
            // The slot has lapsed while the answer was written: it is as good in another one.
            let tier = self.may_claim(lawyer, profile)?;
            if self.facts.free() == 0 {
                return Err(SessionError::Taken);
            }
            self.happened(Event::Claimed { lawyer, tier }, now);
        }
        let claimed_at = self.facts.slots.get(&lawyer).map_or(now.wall, |slot| slot.claimed_at);
        let rank = u32::try_from(self.facts.answers.len() + 1).unwrap_or(u32::MAX);
        let latency_ms = u64::try_from(self.age_at(now.mono).as_millis()).unwrap_or(u64::MAX);
        let event =
            Event::Answered { answer, lawyer, rank, chars, claimed_at, latency_ms, outcome, legal_aid_prompted };
        self.happened(event, now);
        Ok(())
    }

    fn amend(
        &mut self,
        lawyer: LawyerId,
        answer: AnswerId,
        version: u32,
        chars: u32,
        now: Now,
    ) -> Result<(), SessionError> {
        let known = self.facts.answers.iter().find(|known| known.id == answer && known.lawyer == lawyer);
        let known = known.copied().ok_or(SessionError::NotFound)?;
        if self.facts.is_over() {
            return Err(SessionError::Over);
        }
        if chars < MIN_ANSWER_CHARS {
            return Err(ProtocolError::BadField { field: "text", rule: "has 20 characters at least" }.into());
        }
        if known.version != version {
            return Err(SessionError::Unexpected);
        }
        if version >= MAX_VERSIONS {
            return Err(SessionError::TooMany("versions"));
        }
        self.happened(Event::Amended { answer, lawyer, version: version + 1, chars }, now);
        Ok(())
    }

    fn follow_up(&mut self, text: MessageId, chars: u32, now: Now) -> Result<(), SessionError> {
        if self.facts.lines.contains(&text) {
            return Ok(());
        }
        if self.is_final() {
            return Err(SessionError::Over);
        }
        if self.facts.lines.len() >= MAX_LINES || self.facts.pending.len() >= MAX_PENDING {
            return Err(SessionError::TooMany("follow-ups"));
        }
        if self.facts.is_over() {
            if self.age_at(now.mono) >= self.facts.ended_at + self.clocks.reopen {
                return Err(SessionError::Over);
            }
            self.happened(Event::Reopened {}, now);
        }
        self.happened(Event::FollowedUp { text, number: self.facts.follow_ups + 1, chars }, now);
        Ok(())
    }

    fn reply(
        &mut self,
        lawyer: LawyerId,
        text: MessageId,
        number: u32,
        chars: u32,
        now: Now,
    ) -> Result<(), SessionError> {
        if !self.facts.has_answered(lawyer) {
            return Err(SessionError::NotFound);
        }
        if self.facts.lines.contains(&text) {
            return Ok(());
        }
        if self.facts.is_over() {
            return Err(SessionError::Over);
        }
        if number == 0 || number > self.facts.follow_ups {
            return Err(SessionError::NotFound);
        }
        if self.facts.lines.len() >= MAX_LINES {
            return Err(SessionError::TooMany("replies"));
        }
        self.happened(Event::Replied { text, lawyer, number, chars }, now);
        Ok(())
    }

    fn close(&mut self, now: Now) -> Result<(), SessionError> {
        if self.facts.is_over() {
            return Ok(());
        }
        self.happened(Event::Ended { by_asker: true }, now);
        Ok(())
    }

    fn age_at(&self, now: Instant) -> Duration {
        self.age + (now - self.since)
    }

    fn happened(&mut self, event: Event, now: Now) {
        let age = self.age_at(now.mono);
        self.facts.apply(&event, age, now.wall, &self.clocks);
        self.version += 1;
        let (question, version) = (self.id, self.version);
        self.out.push_back(Step { question, version, at: now.wall, mono_us: now.mono.micros(), event });
    }

    /// Draws what follows from what happened: slots of a question that takes no answers are free, and it stands where
    /// its facts say.
    fn settle(&mut self, now: Now) {
        while self.facts.is_complete()
            && let Some(lawyer) = self.facts.slots.keys().next().copied()
        {
            self.happened(Event::Freed { lawyer, why: Freed::Over }, now);
        }
        let (from, to) = (self.facts.state, self.facts.stands());
        if from != to {
            self.happened(Event::StateChanged { from, to }, now);
        }
    }
}

/// From when on a lawyer may answer a question of this field and place: the village's adviser with those of the field.
pub fn tier_of(profile: &Profile, practice_area: PracticeArea, area: &AreaCode) -> Tier {
    let of_the_field = practice_area == PracticeArea::Other || profile.areas.contains(&practice_area);
    match profile.pool {
        Pool::Local if of_the_field || profile.villages.contains(area) => Tier::LocalArea,
        Pool::Local => Tier::LocalAny,
        Pool::National => Tier::National,
    }
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(later.ms_since(earlier)).unwrap_or(0))
}

fn after(at: Timestamp, later: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
}
