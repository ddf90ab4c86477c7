//! Bugs planted between the machines and the county, to see that the model finds them. The machines know nothing of them.
use std::{
    collections::{BTreeSet, VecDeque},
    ops::Deref,
};

use yunfa_signaling::{
    consultation::{Consultation, Input, Party},
    duty::{self, Duty},
    error::SessionError,
    ids::LawyerId,
    message::{ClientMessage, ServerMessage},
    milestone::Event,
    output::{Hint, Output, RingOver},
    question::{self, Question},
    time::{Instant, Now},
    words::ConsultationState,
};

use crate::watch::Rule;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Whoever accepts second is not told that it is taken.
    TwoWinners,
    /// Who is to be called back sleeps until somebody happens to say something.
    NoDeadline,
    /// A page that is opened wakes a matter that is over.
    Undead,
    /// The book hears of a suspension only while the desk rings.
    SuspendedIsRung,
    /// The book takes a decline for a ring that was cut short.
    DeclinedIsRung,
    /// Chat lines go to every desk that was rung.
    ChatToAll,
    /// Who comes back to the queue comes as the last.
    LastInsteadOfFirst,
    /// The book frees the desk that has won.
    WinnerIsFree,
    /// Nobody counts the questions that a lawyer holds.
    HoldsUncounted,
    /// Durations are measured with the clock on the wall.
    WallForMono,
}

impl Plant {
    /// The rules that it breaks: one of them is found broken first.
    pub(crate) const fn breaks(self) -> &'static [Rule] {
        match self {
            Self::TwoWinners => &[Rule::OneWinner],
            Self::NoDeadline => &[Rule::Deadline],
            Self::Undead => &[Rule::OverIsOver],
            Self::SuspendedIsRung | Self::DeclinedIsRung => &[Rule::WhoMayBeRung],
            Self::ChatToAll => &[Rule::Content],
            Self::LastInsteadOfFirst => &[Rule::Order],
            Self::WinnerIsFree | Self::HoldsUncounted => &[Rule::Capacity],
            // Set forward it makes something happen, set back what is due does not.
            Self::WallForMono => &[Rule::Clock, Rule::Deadline, Rule::Reference],
        }
    }
}

/// A matter behind its bugs.
pub(crate) struct Matter {
    inner: Consultation,
    plant: Option<Plant>,
    rung: BTreeSet<LawyerId>,
    began: Now,
    out: VecDeque<Output>,
}

impl Deref for Matter {
    type Target = Consultation;

    fn deref(&self) -> &Consultation {
        &self.inner
    }
}

impl Matter {
    pub(crate) fn new(inner: Consultation, plant: Option<Plant>, now: Now) -> Self {
        Self { inner, plant, rung: BTreeSet::new(), began: now, out: VecDeque::new() }
    }

    pub(crate) fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        let now = match self.plant {
            Some(Plant::WallForMono) => {
                let passed = u64::try_from(now.wall.ms_since(self.began.wall)).unwrap_or(0);
                Now { mono: self.began.mono + std::time::Duration::from_millis(passed), wall: now.wall }
            }
            _ => now,
        };
        let wakes = self.plant == Some(Plant::Undead)
            && input == (Input::SocketBack { party: Party::Citizen })
            && self.inner.poll_timeout().is_none();
        let accepts = matches!(&input, Input::Said { message: ClientMessage::AcceptOffer { .. }, .. });
        let outcome = self.inner.handle(input, now);
        while let Some(output) = self.inner.poll_output() {
            self.heed(output);
        }
        if wakes {
            let (from, to) = (self.inner.state(), ConsultationState::Matching);
            self.out.push_back(Output::Milestone(yunfa_signaling::milestone::Milestone {
                consultation: self.inner.id(),
                version: self.inner.version() + 1,
                at: now.wall,
                mono_us: now.mono.micros(),
                event: Event::StateChanged { from, to },
            }));
        }
        match outcome {
            Err(SessionError::Taken) if accepts && self.plant == Some(Plant::TwoWinners) => Ok(()),
            outcome => outcome,
        }
    }

    fn heed(&mut self, output: Output) {
        match &output {
            Output::ToLawyer(lawyer, ServerMessage::Offered(_)) => {
                self.rung.insert(*lawyer);
            }
            Output::ToLawyer(with, chat @ ServerMessage::Chat { .. }) if self.plant == Some(Plant::ChatToAll) => {
                let others = self.rung.iter().filter(|lawyer| *lawyer != with);
                self.out.extend(others.map(|lawyer| Output::ToLawyer(*lawyer, chat.clone())));
            }
            _ => {}
        }
        self.out.push_back(output);
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        while let Some(output) = self.inner.poll_output() {
            self.heed(output);
        }
        self.out.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let sleeps = self.plant == Some(Plant::NoDeadline) && self.inner.state() == ConsultationState::OnHold;
        self.inner.poll_timeout().filter(|_| !sleeps)
    }
}

/// The duty book behind its bugs.
pub(crate) struct Book {
    inner: Duty,
    plant: Option<Plant>,
}

impl Deref for Book {
    type Target = Duty;

    fn deref(&self) -> &Duty {
        &self.inner
    }
}

impl Book {
    pub(crate) const fn new(inner: Duty, plant: Option<Plant>) -> Self {
        Self { inner, plant }
    }

    pub(crate) fn handle(&mut self, input: duty::Input, now: Now) -> Result<(), SessionError> {
        let Some(plant) = self.plant else { return self.inner.handle(input, now) };
        let input = match (plant, input) {
            (Plant::SuspendedIsRung, duty::Input::ProfileChanged { lawyer, profile }) => {
                if self.inner.presence(lawyer) != yunfa_signaling::words::Presence::Ringing {
                    return Ok(());
                }
                duty::Input::ProfileChanged { lawyer, profile }
            }
            (plant, duty::Input::Heard { consultation, hint }) => {
                duty::Input::Heard { consultation, hint: bend(plant, hint, now) }
            }
            (_, input) => input,
        };
        self.inner.handle(input, now)
    }

    pub(crate) fn poll_output(&mut self) -> Option<duty::Output> {
        self.inner.poll_output()
    }
}

fn bend(plant: Plant, hint: Hint, now: Now) -> Hint {
    match (plant, hint) {
        (Plant::DeclinedIsRung, Hint::RingOver { lawyer, how: RingOver::Declined }) => {
            Hint::RingOver { lawyer, how: RingOver::Cut }
        }
        (Plant::DeclinedIsRung, Hint::Seek(mut seek)) => {
            seek.barred.clear();
            Hint::Seek(seek)
        }
        (Plant::LastInsteadOfFirst, Hint::Seek(mut seek)) => {
            seek.asked = now.mono;
            Hint::Seek(seek)
        }
        (Plant::WinnerIsFree, Hint::Engaged { lawyer }) => Hint::RingOver { lawyer, how: RingOver::Cut },
        (_, hint) => hint,
    }
}

/// A question behind its bugs.
pub(crate) fn claims(
    question: &mut Question,
    plant: Option<Plant>,
    input: question::Input,
    now: Now,
) -> Result<(), SessionError> {
    let input = match (plant, input) {
        (Some(Plant::HoldsUncounted), question::Input::Claim { lawyer, profile, .. }) => {
            question::Input::Claim { lawyer, profile, holds: 0 }
        }
        (_, input) => input,
    };
    question.handle(input, now)
}
