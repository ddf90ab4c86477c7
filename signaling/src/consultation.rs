//! One matter from the question to the rating: a value that takes one input with `now` and queues outputs.
use crate::{
    error::SessionError,
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId, LegId, OfferId, RecordId, RequestId, SessionId},
    message::{ClientMessage, ConsultationView, OfferView, QueueView, ServerMessage, SessionView},
    output::{Hint, Outbox, Output},
    private::PersonName,
    time::{Instant, Now},
    timers::Timers,
    words::{Channel, ConsultationState, DeviceClass, IdentityMode, PracticeArea},
};

/// How many sessions a matter may begin: after this many without media nobody else is rung.
pub const MAX_SESSIONS: usize = 3;

/// A matter as it is asked, with everything that was minted, looked up or agreed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Minted by the asker's client.
    pub consultation: ConsultationId,
    /// Who asks.
    pub citizen: CitizenId,
    /// What the lawyer sees instead of a name.
    pub alias: PersonName,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The name of that place, for desks.
    pub locality: String,
    /// How to talk.
    pub channel: Channel,
    /// How the asker is known.
    pub identity_mode: IdentityMode,
    /// The consent text that was shown.
    pub consent_version: String,
    /// The QR or campaign code of the entry.
    pub entry_source: Option<String>,
    /// What the asker's client runs on.
    pub device: DeviceClass,
    /// Freshly minted ids for the sessions this matter may begin.
    pub sessions: [SessionIds; MAX_SESSIONS],
}

/// Ids of one session and its two legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionIds {
    /// The session.
    pub session: SessionId,
    /// The asker's leg.
    pub citizen: LegId,
    /// The lawyer's leg.
    pub lawyer: LegId,
}

/// Who an input is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The asker.
    Citizen,
    /// A lawyer: rung, answering, or neither.
    Lawyer(LawyerId),
}

/// What may happen to a consultation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client said something. The shell answers `Ok` with `done` and `Err` with `error`.
    Said {
        /// Who.
        from: Party,
        /// The request's id: said twice, done once.
        request: RequestId,
        /// What.
        message: ClientMessage,
    },
    /// The duty book rings a desk for this matter (`duty::Output::Ring`).
    Ring {
        /// Freshly minted.
        offer: OfferId,
        /// Whose desk.
        lawyer: LawyerId,
        /// The name the asker will see.
        name: PersonName,
    },
    /// The duty book says where this matter stands (`duty::Output::Place`).
    Place {
        /// 1 is next.
        place: u32,
        /// Lawyers on duty who may be rung for it, free or not.
        on_duty: u32,
        /// Those of them who are occupied and will be rung when they are free.
        occupied: u32,
    },
    /// The asker's, or a lawyer's last, socket is gone.
    SocketLost {
        /// Whose.
        party: Party,
    },
    /// There is a socket again.
    SocketBack {
        /// Whose.
        party: Party,
    },
    /// The bridge saw something of a party's transport.
    Media {
        /// Whose.
        party: Party,
        /// What.
        fact: MediaFact,
    },
    /// The seconds of this session in which both legs' media arrived, so far.
    TwoWay {
        /// Which session.
        session: SessionId,
        /// How many.
        seconds: u32,
    },
    /// The recorder sealed a session's record.
    Sealed {
        /// Which session.
        session: SessionId,
        /// The record.
        record: RecordId,
    },
    /// The server stops.
    Stop,
    /// The deadline of `poll_timeout` has come.
    Timeout,
}

/// What the bridge saw of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFact {
    /// It is up, and the certificate is the one of the offer.
    Connected,
    /// The first authenticated packet arrived; says as much as `Connected`.
    FirstMedia,
    /// Nothing authenticated has arrived for 3 s.
    Interrupted,
    /// Packets arrive again.
    Resumed,
    /// It is gone; the client must join again.
    Lost,
}

/// One matter. Feed one input with `now`, drain the outputs, sleep until the next deadline.
#[derive(Debug)]
pub struct Consultation {
    opening: Opening,
    timers: Timers,
    state: ConsultationState,
    outbox: Outbox,
}

impl Consultation {
    /// Opens a matter and puts it into the queue.
    pub fn open(opening: Opening, timers: Timers, now: Now) -> Self {
        let mut outbox = Outbox::new(opening.consultation);
        outbox.hint(Hint::Seek { practice_area: opening.practice_area, asked: now.mono });
        Self { opening, timers, state: ConsultationState::Matching, outbox }
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        let _ = (input, now, self.timers);
        Err(SessionError::Unexpected)
    }

    /// The next order to the shell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// When `Input::Timeout` is due; `None` once the matter is final.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Which matter this is.
    pub const fn id(&self) -> ConsultationId {
        self.opening.consultation
    }

    /// Where it stands.
    pub const fn state(&self) -> ConsultationState {
        self.state
    }

    /// How many events it has had: the version that an acceptance compares and sets.
    pub const fn version(&self) -> u64 {
        self.outbox.version()
    }

    /// The matter as its asker sees it, for `welcome`.
    pub fn view(&self) -> ConsultationView {
        ConsultationView {
            id: self.opening.consultation,
            state: self.state,
            practice_area: self.opening.practice_area,
            channel: self.opening.channel,
            created_at: crate::time::Timestamp(0),
            ringing: 0,
        }
    }

    /// The asker's place in the queue while it waits, for `welcome`.
    pub fn queue_view(&self) -> Option<QueueView> {
        None
    }

    /// The running session as this party sees it, for `welcome`.
    pub fn session_view(&self, party: Party) -> Option<SessionView> {
        let _ = party;
        None
    }

    /// The offer that rings at this lawyer's desk, for `welcome`.
    pub fn offer_view(&self, lawyer: LawyerId) -> Option<OfferView> {
        let _ = lawyer;
        None
    }

    /// The session whose outcome this lawyer still owes, for `welcome`.
    pub fn outcome_due(&self, lawyer: LawyerId) -> Option<SessionId> {
        let _ = lawyer;
        None
    }

    /// The chat lines of the running session, oldest first, for a party that starts afresh after `welcome`.
    pub fn chat(&self, party: Party) -> Vec<ServerMessage> {
        let _ = party;
        Vec::new()
    }
}
