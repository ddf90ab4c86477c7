//! What a matter is opened with, and what may happen to it.
use std::collections::BTreeSet;

use crate::{
    ids::{
        AreaCode, CitizenId, ConsultationId, InvitationId, LawyerId, LegId, OfferId, RecordId, RequestId, SessionId,
    },
    message::ClientMessage,
    private::PersonName,
    words::{Channel, DeviceClass, Grade, IdentityMode, Part, PracticeArea, Role, RouteMode, Tier},
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
    /// The lawyer the asker chose.
    pub lawyer: Option<LawyerId>,
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

impl Party {
    /// The role in which this party speaks.
    pub const fn role(self) -> Role {
        match self {
            Self::Citizen => Role::Citizen,
            Self::Lawyer(_) => Role::Lawyer,
        }
    }
}

/// That a consultation goes on with a matter that was over before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The matter: the id of its first consultation.
    pub matter: ConsultationId,
    /// Services of the matter before this consultation.
    pub services: u32,
    /// The matter has its stars: there are no others.
    pub rated: bool,
    /// How grave the matter is.
    pub grade: Grade,
}

/// What is known of a matter besides what was asked: how grave it and its incident are, and who has a conflict in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How grave.
    pub grade: Grade,
    /// Lawyers who must not be rung for it.
    pub barred: BTreeSet<LawyerId>,
}

impl Default for Known {
    fn default() -> Self {
        Self { grade: Grade::Normal, barred: BTreeSet::new() }
    }
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
    /// A lawyer wants a third party in the session (`inviteThird`). The shell answers as it does to `Said`.
    Invite {
        /// Who invites.
        from: LawyerId,
        /// The request's id: said twice, done once.
        request: RequestId,
        /// Which session.
        session: SessionId,
        /// Freshly minted; the leg will have the same id.
        invitation: InvitationId,
        /// Whom; the duty book knows that this lawyer may serve and is free.
        lawyer: LawyerId,
        /// The name that is shown.
        name: PersonName,
        /// As what.
        part: Part,
    },
    /// The asker comes back with a matter; said before anybody is rung.
    Continues(Continuation),
    /// More is known of the matter: whoever is barred rings no more and is not rung again, and its rank in the queue is its grade's.
    /// Nobody who was barred is let in again: that counts from the next matter on.
    Known(Known),
    /// The duty book rings a desk for this matter (`duty::Output::Ring`).
    Ring {
        /// The search for which it rings: one that came to its end before the ring arrived is over.
        search: u32,
        /// Freshly minted.
        offer: OfferId,
        /// Whose desk.
        lawyer: LawyerId,
        /// The name the asker will see.
        name: PersonName,
        /// Alone or beside others.
        mode: RouteMode,
        /// How far the search has widened.
        tier: Tier,
    },
    /// The duty book looks for a lawyer in this way now (`duty::Output::Routed`).
    Routed {
        /// How.
        mode: RouteMode,
    },
    /// This lawyer may not be rung any more (`duty::Output::StopRing`).
    Withdraw {
        /// Who.
        lawyer: LawyerId,
    },
    /// The duty book says where this matter stands (`duty::Output::Place`).
    Place {
        /// 1 is next.
        place: u32,
        /// Lawyers on duty who may be rung for it, free or not.
        on_duty: u32,
        /// Those of them who are occupied and will be rung when they are free.
        occupied: u32,
        /// What it may expect to wait, in seconds.
        expected_s: Option<u32>,
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
    /// A supervisor ends this session; why is kept by the office.
    SupervisorEnds {
        /// Which session.
        session: SessionId,
    },
    /// The office has blocked the asker: who waits waits no longer; a session that runs goes on.
    AskerBlocked,
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

impl MediaFact {
    /// Whether media can be counted on after this.
    pub(crate) const fn is_up(self) -> bool {
        match self {
            Self::Connected | Self::FirstMedia | Self::Resumed => true,
            Self::Interrupted | Self::Lost => false,
        }
    }
}
