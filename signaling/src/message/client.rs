//! What a client may say.
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ids::{AreaCode, ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, RequestId, SessionId},
    private::{ChatText, Sdp, Token},
    words::{Channel, DeclineReason, DeviceClass, DeviceState, Outcome, Part, PracticeArea, ReferralType},
};

/// One message of a client with its own id; the server answers it with `done` or `error` carrying that id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClientFrame {
    /// Chosen by the client; the same id again is answered again but done once.
    pub id: RequestId,
    /// What is said.
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// Everything a client may say, one variant per message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// First message of a new connection, within 5 s.
    Hello {
        /// `PROTOCOL_VERSION`.
        version: u16,
        /// A single-use ticket of `POST /api/ws-ticket`, 30 s old at most.
        ticket: Token,
        /// What the client runs on.
        device: DeviceClass,
    },
    /// First message after a broken socket, within 60 s of the break.
    Resume {
        /// `PROTOCOL_VERSION`.
        version: u16,
        /// The token of `welcome`.
        resume_token: Token,
        /// The last `seq` the client has handled.
        last_seq: u64,
        /// Rises by one with each attempt; an attempt with a lower epoch than one seen is refused.
        epoch: u64,
    },
    /// Asks for a `pong`; a page says it every few seconds to notice a dead link.
    Ping {},
    /// A lawyer goes on duty, takes a break or goes off duty.
    SetPresence {
        /// Whether the desk may be rung.
        on_duty: bool,
        /// On duty but paused.
        on_break: bool,
        /// At a visit: not to be rung, but not away either.
        #[serde(default)]
        on_site: bool,
    },
    /// A citizen asks for a lawyer.
    RequestConsultation {
        /// Minted by the client; asking twice with one id is one consultation.
        consultation: ConsultationId,
        /// What it is about.
        practice_area: PracticeArea,
        /// The asker's village, town or county.
        area: AreaCode,
        /// How to talk.
        channel: Channel,
        /// The lawyer the asker chose, who rings alone first.
        #[serde(default)]
        lawyer: Option<LawyerId>,
    },
    /// A citizen stops waiting.
    CancelConsultation {
        /// Which one.
        consultation: ConsultationId,
    },
    /// A citizen whom nobody answered waits on, in the old place.
    KeepWaiting {
        /// Which one.
        consultation: ConsultationId,
    },
    /// A citizen does not wait in front of the page: whoever takes the matter calls back. The place is kept.
    CallMeBack {
        /// Which one.
        consultation: ConsultationId,
    },
    /// A citizen who is called back takes the call.
    AnswerCall {
        /// Which one.
        session: SessionId,
    },
    /// A desk has shown an offer.
    OfferDelivered {
        /// Which one.
        offer: OfferId,
    },
    /// A lawyer has an offer before the eyes: the desk is in front and was looked at.
    OfferSeen {
        /// Which one.
        offer: OfferId,
    },
    /// A lawyer takes an offer; exactly one wins.
    AcceptOffer {
        /// Which one.
        offer: OfferId,
    },
    /// A lawyer does not take an offer.
    DeclineOffer {
        /// Which one.
        offer: OfferId,
        /// Why.
        reason: DeclineReason,
    },
    /// Brings the session that another tab of this lawyer holds into this one.
    TakeOver {},
    /// Sets up the client's one transport: a citizen while waiting, a desk when it goes on duty, either after `mediaLost`.
    JoinMedia {
        /// Rises by one with each offer; an answer carries it back, a lower one than the last is ignored.
        attempt: u32,
        /// The offer: microphone, camera, receive slots.
        offer: Sdp,
    },
    /// Says whether microphone and camera send.
    SetDevices {
        /// The microphone.
        microphone: DeviceState,
        /// The camera.
        camera: DeviceState,
        /// The screen, while it is shared; clients that cannot share one do not say it.
        #[serde(default = "absent")]
        screen: DeviceState,
    },
    /// Goes on by text in the same session (no microphone, or its use was refused).
    FallBack {
        /// Which session.
        session: SessionId,
        /// The channel to go on with; never above the one agreed.
        channel: Channel,
    },
    /// Wants a greater channel in the same session: text → voice or video, voice → video. The other side has to agree.
    ProposeChannel {
        /// Which session.
        session: SessionId,
        /// The channel to go on with; above the present one.
        channel: Channel,
    },
    /// Answers a proposal, or takes one's own back.
    AnswerChannel {
        /// Which session.
        session: SessionId,
        /// The channel that was proposed.
        channel: Channel,
        /// Whether to go on with it.
        accept: bool,
    },
    /// A lawyer wants a third party in the session; the asker is asked first.
    InviteThird {
        /// Which session.
        session: SessionId,
        /// Who, of those who are on duty and free.
        lawyer: LawyerId,
        /// As what.
        part: Part,
    },
    /// The asker agrees to a third party or not, and may think better of it; who is invited comes or does not; the lawyer who
    /// invited may take it back.
    AnswerInvitation {
        /// Which one.
        invitation: InvitationId,
        /// Whether to go on with it.
        accept: bool,
    },
    /// The asker takes back the consent to a third party, or the lawyer does without it: it leaves at once.
    RemoveThird {
        /// Which session.
        session: SessionId,
        /// Whose leg.
        leg: LegId,
    },
    /// Sends a chat line.
    SendChat {
        /// Which session.
        session: SessionId,
        /// Minted by the client; sending twice with one id is one line.
        message: MessageId,
        /// At most `MAX_CHAT_CHARS` characters, not blank.
        text: ChatText,
    },
    /// Shows a line while it is being written: real-time text (RFC 8865, ITU-T T.140). `sendChat` ends the line.
    TypeText {
        /// Which session.
        session: SessionId,
        /// So many characters (Unicode scalar values) of the line stay as they are.
        keep: u32,
        /// What follows them; with them at most `MAX_CHAT_CHARS` characters.
        text: ChatText,
    },
    /// Says up to which line the chat was read.
    ReadChat {
        /// Which session.
        session: SessionId,
        /// The number of the last line read.
        up_to: u32,
    },
    /// Ends the session.
    HangUp {
        /// Which one.
        session: SessionId,
    },
    /// A lawyer writes what came of it.
    RecordOutcome {
        /// Which session.
        session: SessionId,
        /// The outcome code; never `MISSING`.
        outcome: Outcome,
        /// The asker was told of legal aid (法律援助法 Art. 23).
        legal_aid_prompted: bool,
        /// Where the asker was sent on to, beside advice; an outcome that is a referral says it itself.
        #[serde(default)]
        referral_type: Option<ReferralType>,
    },
    /// A citizen gives 1 to 5 stars, once per matter.
    Rate {
        /// Which matter.
        consultation: ConsultationId,
        /// 1..=5.
        stars: u8,
    },
}

const fn absent() -> DeviceState {
    DeviceState::Absent
}

impl ClientMessage {
    /// The message's name on the wire: its `type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Resume { .. } => "resume",
            Self::Ping {} => "ping",
            Self::SetPresence { .. } => "setPresence",
            Self::RequestConsultation { .. } => "requestConsultation",
            Self::CancelConsultation { .. } => "cancelConsultation",
            Self::KeepWaiting { .. } => "keepWaiting",
            Self::CallMeBack { .. } => "callMeBack",
            Self::AnswerCall { .. } => "answerCall",
            Self::OfferDelivered { .. } => "offerDelivered",
            Self::OfferSeen { .. } => "offerSeen",
            Self::AcceptOffer { .. } => "acceptOffer",
            Self::DeclineOffer { .. } => "declineOffer",
            Self::TakeOver {} => "takeOver",
            Self::JoinMedia { .. } => "joinMedia",
            Self::SetDevices { .. } => "setDevices",
            Self::FallBack { .. } => "fallBack",
            Self::ProposeChannel { .. } => "proposeChannel",
            Self::AnswerChannel { .. } => "answerChannel",
            Self::InviteThird { .. } => "inviteThird",
            Self::AnswerInvitation { .. } => "answerInvitation",
            Self::RemoveThird { .. } => "removeThird",
            Self::SendChat { .. } => "sendChat",
            Self::TypeText { .. } => "typeText",
            Self::ReadChat { .. } => "readChat",
            Self::HangUp { .. } => "hangUp",
            Self::RecordOutcome { .. } => "recordOutcome",
            Self::Rate { .. } => "rate",
        }
    }
}
