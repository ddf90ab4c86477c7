//! What the server says.
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ids::{ConsultationId, InvitationId, LegId, MessageId, OfferId, RecordId, RequestId, SessionId, WarningId},
    private::{ChatText, PersonName, Sdp, Token},
    time::Timestamp,
    words::{
        Channel, ConsultationState, DeviceState, EndReason, Grade, InvitationClosed, LegState, OfferClosed, Part,
        PracticeArea, Presence, QuestionChange, ReportCause, Role, RouteMode, SessionState, SlotKind,
    },
};

/// One message of the server with its place in the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServerFrame {
    /// Rises by one with each message of a connection and its resumptions; 0 for `pong` and for what precedes `welcome`, which are never replayed.
    #[ts(type = "number")]
    pub seq: u64,
    /// What is said.
    #[serde(flatten)]
    pub message: ServerMessage,
}

/// Everything the server says, one variant per message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// Answers `hello`: who the client is and all that is going on for it.
    Welcome(Welcome),
    /// Answers `resume`: what was missed follows, in order.
    Resumed {
        /// The attempt that was accepted.
        #[ts(type = "number")]
        epoch: u64,
    },
    /// Answers `ping`.
    Pong {},
    /// The request with this id is done; its effects were said before this.
    Done {
        /// The request's id.
        reply_to: RequestId,
    },
    /// A request was refused; nothing changed.
    Error {
        /// The request's id, when one could be read.
        reply_to: Option<RequestId>,
        /// Stable, for programs.
        code: ErrorCode,
        /// One English sentence a developer can act on; pages say their own words for the code.
        message: String,
        /// With `overloaded` and `unavailable`: seconds after which to come back, and then at a random moment of the next second.
        retry_after: Option<u32>,
    },
    /// A lawyer's own presence changed.
    Presence {
        /// What it is now.
        presence: Presence,
        /// Rings missed in a row; two make a break.
        missed_rings: u8,
    },
    /// A citizen's consultation changed.
    Consultation(ConsultationView),
    /// A citizen's place in the queue changed.
    Queue(QueueView),
    /// A desk is rung.
    Offered(OfferView),
    /// A desk's offer is over.
    OfferClosed {
        /// Which one.
        offer: OfferId,
        /// Why.
        reason: OfferClosed,
    },
    /// A session began or changed; always the whole of it.
    Session(SessionView),
    /// Answers `joinMedia`.
    MediaAnswer {
        /// The attempt it answers.
        attempt: u32,
        /// The answer.
        answer: Sdp,
    },
    /// Who is in which receive slot; always all slots that are in use.
    Slots {
        /// The slots in use.
        slots: Vec<SlotView>,
    },
    /// The client's transport is gone or stands on the wrong worker: join again with a new offer, the seat is kept.
    MediaLost {},
    /// A lawyer is invited into a session as a third party; the asker has agreed.
    Invited(InvitedView),
    /// An invitation is over: to the asker, to who invited, and to who was invited.
    InvitationClosed {
        /// Which one.
        invitation: InvitationId,
        /// Why.
        reason: InvitationClosed,
    },
    /// A chat line, also back to its sender.
    Chat {
        /// Which session.
        session: SessionId,
        /// The sender's id of the line.
        message: MessageId,
        /// Its number in the session, from 1.
        number: u32,
        /// Who wrote it.
        from: LegId,
        /// The line.
        text: ChatText,
        /// When the server received it.
        at: Timestamp,
    },
    /// What the other side is writing, while it is written; its next `chat` ends the line. After `welcome` also one's own
    /// unfinished line.
    Typed {
        /// Which session.
        session: SessionId,
        /// Who writes.
        from: LegId,
        /// So many characters (Unicode scalar values) of the line stay as they are.
        keep: u32,
        /// What follows them.
        text: ChatText,
    },
    /// The other side has read the chat up to this line.
    ChatRead {
        /// Which session.
        session: SessionId,
        /// Who has read.
        by: LegId,
        /// The number of the last line read.
        up_to: u32,
    },
    /// A session is over.
    SessionEnded {
        /// Which session.
        session: SessionId,
        /// Which matter.
        consultation: ConsultationId,
        /// Why.
        reason: EndReason,
        /// Seconds in which both legs' media arrived.
        two_way_s: u32,
        /// For the lawyer: the outcome is awaited.
        outcome_due: bool,
    },
    /// The service record of a session is sealed.
    RecordSealed {
        /// Which session.
        session: SessionId,
        /// Readable at `GET /api/records/{id}` by its lawyer and by supervisors.
        record: RecordId,
    },
    /// The citizen's stars are kept.
    Rated {
        /// Which matter.
        consultation: ConsultationId,
        /// 1..=5.
        stars: u8,
    },
    /// A text question is open to this lawyer, or something in it is new: read it by HTTP.
    Question {
        /// Which one.
        question: ConsultationId,
        /// What is new.
        change: QuestionChange,
    },
    /// The office has looked at a report and warns this client; said after each `welcome` until it is acknowledged by HTTP.
    Warned {
        /// Which one.
        warning: WarningId,
        /// Of what.
        cause: ReportCause,
        /// When the office decided.
        at: Timestamp,
    },
    /// The office has blocked this citizen, or has lifted the block; said at once, and after each `welcome` while it lasts.
    Blocked {
        /// Until when; `null`: not any more.
        until: Option<Timestamp>,
    },
    /// The server is about to stop: running calls go on, new ones are refused.
    Draining {},
}

/// What `hello` is answered with: identity, how to resume, and a snapshot of everything that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The protocol version spoken.
    pub version: u16,
    /// Who the client is.
    pub role: Role,
    /// Its own name or alias.
    pub name: PersonName,
    /// For `resume`, until the next `welcome`.
    pub resume_token: Token,
    /// How long a broken socket may be resumed.
    #[ts(type = "number")]
    pub resume_seconds: u64,
    /// A lawyer's presence.
    pub presence: Option<Presence>,
    /// A citizen's running consultation.
    pub consultation: Option<ConsultationView>,
    /// The running session.
    pub session: Option<SessionView>,
    /// Offers that still ring.
    pub offers: Vec<OfferView>,
    /// A session that ended and awaits the lawyer's outcome.
    pub outcome_due: Option<SessionId>,
    /// The server's wall clock, so that a page can show times truthfully.
    pub now: Timestamp,
}

/// A consultation as its asker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ConsultationView {
    /// Which one.
    pub id: ConsultationId,
    /// Where it stands.
    pub state: ConsultationState,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// How to talk.
    pub channel: Channel,
    /// How a lawyer is looked for, while one is.
    pub route_mode: Option<RouteMode>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Desks that ring right now.
    pub ringing: u32,
    /// The lawyer whom the asker chose cannot take this matter, and will not be rung for it.
    #[serde(default)]
    pub chosen_cannot: bool,
    /// Nobody came: until when the asker may choose what to do. `UNSERVED` without it is final.
    pub choice_until: Option<Timestamp>,
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueueView {
    /// Whose.
    pub consultation: ConsultationId,
    /// 1 is next.
    pub place: u32,
    /// Lawyers on duty who may be rung, free or not.
    pub on_duty: u32,
    /// What is to be expected, in seconds, while all of them are occupied; from the last handling times.
    pub expected_s: Option<u32>,
    /// When the server gives up ringing, so that the page can show it.
    pub until: Timestamp,
}

/// An offer as a desk sees it: area, channel, locality; nothing about the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// Which one.
    pub id: OfferId,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// How to talk.
    pub channel: Channel,
    /// Alone or beside others: whether the asker chose this lawyer.
    pub route_mode: RouteMode,
    /// How grave the matter is.
    pub grade: Grade,
    /// The asker does not wait: whoever accepts calls back.
    pub call_back: bool,
    /// The name of the town or village.
    pub locality: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the ring stops by itself.
    pub expires_at: Timestamp,
}

/// A session as its participants see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Which one.
    pub id: SessionId,
    /// Its matter.
    pub consultation: ConsultationId,
    /// The asker is called back: while it is `CONNECTING` it rings there, until `answerCall`.
    pub call_back: bool,
    /// Where it stands.
    pub state: SessionState,
    /// How the two talk now.
    pub channel: Channel,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// The name of the asker's town or village.
    pub locality: String,
    /// The receiving client's own leg.
    pub you: LegId,
    /// Everyone, in order of joining.
    pub legs: Vec<LegView>,
    /// A third party who is invited and not there yet.
    pub invitation: Option<InvitationView>,
    /// When both were first there.
    pub active_since: Option<Timestamp>,
    /// While reconnecting: when the seat is given up.
    pub seat_until: Option<Timestamp>,
    /// A greater channel that a side wants.
    pub proposal: Option<ProposalView>,
    /// Chat lines so far.
    pub chat_lines: u32,
}

/// A greater channel that one side wants, or that both want and that is being set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    /// Whose wish it is.
    pub by: LegId,
    /// The channel that is wanted.
    pub channel: Channel,
    /// Both want it: transports are being set up, and the two go on by text until both are there.
    pub agreed: bool,
    /// When it lapses.
    pub until: Timestamp,
}

/// A third party who is to come, as those in the session see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// Which one; the leg will have the same id.
    pub id: InvitationId,
    /// The name that is shown.
    pub name: PersonName,
    /// As what.
    pub part: Part,
    /// The asker has agreed: it rings there. Until then the asker is asked.
    pub agreed: bool,
    /// When it lapses.
    pub until: Timestamp,
}

/// An invitation as who is invited sees it: nothing about the asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InvitedView {
    /// Which one.
    pub id: InvitationId,
    /// The name of the lawyer who invites.
    pub by: PersonName,
    /// As what.
    pub part: Part,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// How they talk now.
    pub channel: Channel,
    /// The name of the town or village.
    pub locality: String,
    /// When it lapses.
    pub until: Timestamp,
}

/// One participant as the others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LegView {
    /// Which leg.
    pub leg: LegId,
    /// Citizen or lawyer.
    pub role: Role,
    /// Of a third party: as what it is there.
    pub part: Option<Part>,
    /// A lawyer's name, a citizen's alias.
    pub name: PersonName,
    /// Where it stands.
    pub state: LegState,
    /// Whether it can be heard.
    pub microphone: DeviceState,
    /// Whether it can be seen.
    pub camera: DeviceState,
    /// `ON` while it shares its screen.
    pub screen: DeviceState,
}

/// What a receive slot shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SlotView {
    /// The `mid` of the client's receive slot (RFC 9143).
    pub mid: String,
    /// Microphone, camera or screen.
    pub kind: SlotKind,
    /// Whose.
    pub leg: LegId,
}

/// Why a request was refused: stable words, the same on the socket and in `problem+json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Not JSON, or not a message of this protocol.
    BadMessage,
    /// Longer than allowed.
    TooLarge,
    /// More of something than allowed.
    TooMany,
    /// Faster than allowed; wait and try again.
    RateLimited,
    /// The version is not spoken here.
    UnsupportedVersion,
    /// The ticket or token is unknown, used or too old.
    Unauthenticated,
    /// Not for this role, or not now.
    NotAllowed,
    /// The thing does not exist, or not for this client.
    NotFound,
    /// The client's stream cannot be resumed: say `hello`.
    ResumeLost,
    /// A newer attempt of this client was accepted.
    StaleEpoch,
    /// The citizen already has a running consultation.
    AlreadyWaiting,
    /// Another lawyer was first.
    Taken,
    /// This lawyer is not there, or not free, and cannot be invited.
    NotFree,
    /// The offer is over.
    OfferOver,
    /// The session or matter is over.
    Over,
    /// The input does not fit the state.
    Unexpected,
    /// The offer cannot be answered; the message says why.
    MediaRefused,
    /// The matter was rated before.
    AlreadyRated,
    /// The office has blocked this citizen; `blocked` says until when.
    Blocked,
    /// The server takes no new calls right now.
    Draining,
    /// More come at once than are let in; `retryAfter` says when to come back.
    Overloaded,
    /// The database is away or the disk is full: what begins now could not be kept.
    Unavailable,
    /// Something broke here; it was logged.
    Internal,
}

impl ServerMessage {
    /// Every message's name, in the order of the enum.
    pub const NAMES: &'static [&'static str] = &[
        "welcome",
        "resumed",
        "pong",
        "done",
        "error",
        "presence",
        "consultation",
        "queue",
        "offered",
        "offerClosed",
        "session",
        "mediaAnswer",
        "slots",
        "mediaLost",
        "invited",
        "invitationClosed",
        "chat",
        "typed",
        "chatRead",
        "sessionEnded",
        "recordSealed",
        "rated",
        "question",
        "warned",
        "blocked",
        "draining",
    ];

    /// A refusal without a time at which to try again.
    pub fn refusal(reply_to: Option<RequestId>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error { reply_to, code, message: message.into(), retry_after: None }
    }

    /// The message's name on the wire: its `type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Resumed { .. } => "resumed",
            Self::Pong {} => "pong",
            Self::Done { .. } => "done",
            Self::Error { .. } => "error",
            Self::Presence { .. } => "presence",
            Self::Consultation(_) => "consultation",
            Self::Queue(_) => "queue",
            Self::Offered(_) => "offered",
            Self::OfferClosed { .. } => "offerClosed",
            Self::Session(_) => "session",
            Self::MediaAnswer { .. } => "mediaAnswer",
            Self::Slots { .. } => "slots",
            Self::MediaLost {} => "mediaLost",
            Self::Invited(_) => "invited",
            Self::InvitationClosed { .. } => "invitationClosed",
            Self::Chat { .. } => "chat",
            Self::Typed { .. } => "typed",
            Self::ChatRead { .. } => "chatRead",
            Self::SessionEnded { .. } => "sessionEnded",
            Self::RecordSealed { .. } => "recordSealed",
            Self::Rated { .. } => "rated",
            Self::Question { .. } => "question",
            Self::Warned { .. } => "warned",
            Self::Blocked { .. } => "blocked",
            Self::Draining {} => "draining",
        }
    }
}

impl ErrorCode {
    /// Every code, in the order of the enum.
    pub const ALL: &'static [Self] = &[
        Self::BadMessage,
        Self::TooLarge,
        Self::TooMany,
        Self::RateLimited,
        Self::UnsupportedVersion,
        Self::Unauthenticated,
        Self::NotAllowed,
        Self::NotFound,
        Self::ResumeLost,
        Self::StaleEpoch,
        Self::AlreadyWaiting,
        Self::Taken,
        Self::NotFree,
        Self::OfferOver,
        Self::Over,
        Self::Unexpected,
        Self::MediaRefused,
        Self::AlreadyRated,
        Self::Blocked,
        Self::Draining,
        Self::Overloaded,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad-message",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::RateLimited => "rate-limited",
            Self::UnsupportedVersion => "unsupported-version",
            Self::Unauthenticated => "unauthenticated",
            Self::NotAllowed => "not-allowed",
            Self::NotFound => "not-found",
            Self::ResumeLost => "resume-lost",
            Self::StaleEpoch => "stale-epoch",
            Self::AlreadyWaiting => "already-waiting",
            Self::Taken => "taken",
            Self::NotFree => "not-free",
            Self::OfferOver => "offer-over",
            Self::Over => "over",
            Self::Unexpected => "unexpected",
            Self::MediaRefused => "media-refused",
            Self::AlreadyRated => "already-rated",
            Self::Blocked => "blocked",
            Self::Draining => "draining",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}
