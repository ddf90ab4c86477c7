//! What a consultation asks of the shell, in the order in which it is to be done.
use std::collections::{BTreeSet, VecDeque};

use crate::{
    ids::{AreaCode, ConsultationId, LawyerId, LegId, MessageId, SessionId},
    message::ServerMessage,
    milestone::{Event, Milestone},
    private::ChatText,
    time::{Instant, Now, Timestamp},
    words::{Channel, Grade, PracticeArea, Role},
};

/// One order to the shell. `Done` of a request is not among them: the shell says it after draining the outputs of a
/// `handle` that returned `Ok`, and `Error` with the code of a `handle` that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To the asker.
    ToCitizen(ServerMessage),
    /// To every tab of this lawyer.
    ToLawyer(LawyerId, ServerMessage),
    /// The asker is called back and may have no page open: to be told by other ways.
    CallAsker {
        /// When it stops ringing.
        until: Timestamp,
    },
    /// To the duty book: `duty::Input::Heard`.
    Duty(Hint),
    /// To the SFU, by way of the bridge.
    Media(MediaOrder),
    /// To the recorder: an event to append.
    Milestone(Milestone),
    /// To the recorder: a chat line to keep, sealed.
    Keep(ChatLine),
    /// To the recorder: the outcome is in and the facts are frozen, seal this session's record; answered by
    /// `consultation::Input::Sealed`.
    Seal {
        /// Whose record.
        session: SessionId,
        /// Of which lawyer.
        lawyer: LawyerId,
    },
    /// The matter is final: the asker's transport, if it is still up, is closed, and the task may end once it has done
    /// everything above.
    Done,
}

/// What the duty book must know of a consultation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It waits for a lawyer; after a failed session it takes its old place again.
    Seek(Seek),
    /// The asker is away (`true`) or back (`false`): nobody is newly rung for somebody who is not there.
    Hold {
        /// Away.
        away: bool,
    },
    /// One ring is over, the consultation goes on waiting.
    RingOver {
        /// Whose.
        lawyer: LawyerId,
        /// How.
        how: RingOver,
    },
    /// A lawyer has won: it left the queue, and all its other rings are over.
    Engaged {
        /// Who.
        lawyer: LawyerId,
    },
    /// The lawyer's session is over and the outcome awaited.
    Released {
        /// Who.
        lawyer: LawyerId,
    },
    /// The lawyer's session never began.
    Failed {
        /// Who.
        lawyer: LawyerId,
        /// It was the lawyer's side that was missing: counts as a missed ring, and this lawyer is not rung for this
        /// matter again.
        at_fault: bool,
    },
    /// The lawyer is in the session as a third party: occupied, and rung for nothing else.
    Joined {
        /// Who.
        lawyer: LawyerId,
    },
    /// The third party has left.
    Parted {
        /// Who.
        lawyer: LawyerId,
    },
    /// The outcome is written, or will not be awaited any longer.
    WrittenUp {
        /// By whom.
        lawyer: LawyerId,
    },
    /// It no longer waits: all its rings are over, through no fault of the lawyers.
    Leave,
}

/// Whom a matter needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Which search of this matter it is, from 1: rings of an earlier one that are still under way are refused.
    pub search: u32,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub place: AreaCode,
    /// How to talk.
    pub channel: Channel,
    /// The lawyer the asker chose.
    pub lawyer: Option<LawyerId>,
    /// When it was asked.
    pub asked: Instant,
    /// How grave it is: the queue is in this order, then in that of the asking.
    pub grade: Grade,
    /// The asker is away just now.
    pub away: bool,
    /// Lawyers who are not to be rung.
    pub barred: BTreeSet<LawyerId>,
}

/// How a ring ended for one lawyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingOver {
    /// Declined: not to be rung again for this consultation.
    Declined,
    /// Rang to its end: counts as missed.
    Missed,
    /// Cut short: counts for nothing.
    Cut,
}

/// What the bridge makes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaOrder {
    /// Put both warm transports into the session's room. The shell then says once for each of the two that is up
    /// `Input::Media { fact: Connected }`.
    ConnectLegs {
        /// The session.
        session: SessionId,
        /// The asker's leg.
        citizen: LegId,
        /// Who answers.
        lawyer: LawyerId,
        /// The lawyer's leg.
        lawyer_leg: LegId,
    },
    /// Put a third party's warm transport into the session's room. The shell then says `Input::Media { fact: Connected }`
    /// when it is up.
    ConnectThird {
        /// The session.
        session: SessionId,
        /// Who.
        lawyer: LawyerId,
    },
    /// The third party needs no media any longer: its transport goes back to its own room.
    ReleaseThird {
        /// The session.
        session: SessionId,
        /// Who.
        lawyer: LawyerId,
    },
    /// The session needs no media any longer: the desk's transport goes back to its own room. After a fall-back to
    /// text the asker's transport is closed; after a failed start it waits on (`asker_waits`).
    ReleaseLegs {
        /// The session.
        session: SessionId,
        /// Who answered.
        lawyer: LawyerId,
        /// The asker waits on for another lawyer: keep the transport warm.
        asker_waits: bool,
    },
}

/// One chat line as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatLine {
    /// In which matter.
    pub consultation: ConsultationId,
    /// In which session.
    pub session: SessionId,
    /// The sender's id of the line.
    pub message: MessageId,
    /// Its number in the session, from 1.
    pub number: u32,
    /// Who wrote it.
    pub from: LegId,
    /// Citizen or lawyer.
    pub role: Role,
    /// The line.
    pub text: ChatText,
    /// When the server received it.
    pub at: Timestamp,
}

/// The queue of outputs and the version of the matter: each event is one version.
#[derive(Debug)]
pub(crate) struct Outbox {
    consultation: ConsultationId,
    version: u64,
    queue: VecDeque<Output>,
}

impl Outbox {
    pub(crate) const fn new(consultation: ConsultationId) -> Self {
        Self::after(consultation, 0)
    }

    /// The next event follows this version.
    pub(crate) const fn after(consultation: ConsultationId, version: u64) -> Self {
        Self { consultation, version, queue: VecDeque::new() }
    }

    pub(crate) const fn consultation(&self) -> ConsultationId {
        self.consultation
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    pub(crate) fn tell_citizen(&mut self, message: ServerMessage) {
        self.push(Output::ToCitizen(message));
    }

    pub(crate) fn tell_lawyer(&mut self, lawyer: LawyerId, message: ServerMessage) {
        self.push(Output::ToLawyer(lawyer, message));
    }

    pub(crate) fn hint(&mut self, hint: Hint) {
        self.push(Output::Duty(hint));
    }

    /// Says this in place of a wish that nobody has heard yet, or, when there is none, besides.
    pub(crate) fn seek_anew(&mut self, seek: Seek) {
        let unheard = self.queue.iter_mut().rev().find_map(|output| match output {
            Output::Duty(Hint::Seek(unheard)) => Some(unheard),
            _ => None,
        });
        match unheard {
            Some(unheard) => *unheard = seek,
            None => self.hint(Hint::Seek(seek)),
        }
    }

    pub(crate) fn event(&mut self, event: Event, now: Now) {
        self.version += 1;
        self.push(Output::Milestone(Milestone {
            consultation: self.consultation,
            version: self.version,
            at: now.wall,
            mono_us: now.mono.micros(),
            event,
        }));
    }
}
