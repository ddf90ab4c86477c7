//! What happened in a consultation, as it is kept: the events of which records are folded.
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AreaCode, CitizenId, ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, SessionId},
    time::Timestamp,
    words::{
        Channel, ConsultationState, DeclineReason, DeviceClass, EndReason, Grade, IdentityMode, InvitationClosed,
        LegState, OfferState, Outcome, Part, PracticeArea, ReferralType, Role, RouteMode, SessionState, Tier,
    },
};

/// One event of one consultation. `version` rises by one with each event of the consultation, without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Milestone {
    /// Whose event.
    pub consultation: ConsultationId,
    /// 1, 2, 3 …
    pub version: u64,
    /// When, on the wall.
    pub at: Timestamp,
    /// When, on the monotonic clock: microseconds since the process began, for durations.
    pub mono_us: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened; past tense, one variant per kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A citizen asked.
    Opened {
        /// Who.
        citizen: CitizenId,
        /// What about.
        practice_area: PracticeArea,
        /// From where.
        area: AreaCode,
        /// How to talk.
        channel: Channel,
        /// The lawyer the asker chose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lawyer: Option<LawyerId>,
        /// How the asker is known.
        identity_mode: IdentityMode,
        /// The consent text that was shown.
        consent_version: String,
        /// The QR or campaign code of the entry (`?src=`).
        entry_source: Option<String>,
        /// What the asker's client runs on.
        device: DeviceClass,
    },
    /// The asker came back with a matter.
    Continued {
        /// The matter: the id of its first consultation.
        matter: ConsultationId,
        /// Services of the matter before this consultation.
        services: u32,
        /// The matter has its stars.
        rated: bool,
        /// How grave it is.
        grade: Grade,
    },
    /// The consultation's state changed.
    StateChanged {
        /// From where.
        from: ConsultationState,
        /// To where.
        to: ConsultationState,
    },
    /// A lawyer was rung.
    OfferMade {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        lawyer: LawyerId,
        /// The round of ringing, from 1.
        round: u32,
        /// How many desks had been rung for this matter before, plus one; 0 where nobody counted yet.
        #[serde(default)]
        rank: u32,
        /// Alone or beside others.
        #[serde(default = "broadcast")]
        mode: RouteMode,
        /// How far the search had widened.
        #[serde(default = "local_area")]
        tier: Tier,
    },
    /// A lawyer is looked for in this way from now on.
    Routed {
        /// How.
        mode: RouteMode,
    },
    /// A rung lawyer had the offer before the eyes.
    OfferSeen {
        /// Which offer.
        offer: OfferId,
        /// Whose.
        lawyer: LawyerId,
        /// Milliseconds since it was made.
        latency_ms: u64,
    },
    /// An offer's state changed.
    OfferChanged {
        /// Which offer.
        offer: OfferId,
        /// Whose.
        lawyer: LawyerId,
        /// To where.
        to: OfferState,
        /// Milliseconds since it was made.
        latency_ms: u64,
        /// Why it was declined.
        reason: Option<DeclineReason>,
    },
    /// A lawyer won and a session began.
    Accepted {
        /// By which offer.
        offer: OfferId,
        /// Who.
        lawyer: LawyerId,
        /// The session.
        session: SessionId,
        /// Milliseconds from the offer to the acceptance.
        ring_latency_ms: u64,
        /// Milliseconds from the question to the acceptance.
        wait_ms: u64,
    },
    /// The session's state changed.
    SessionChanged {
        /// Which session.
        session: SessionId,
        /// From where.
        from: SessionState,
        /// To where.
        to: SessionState,
    },
    /// A leg's state changed.
    LegChanged {
        /// Which session.
        session: SessionId,
        /// Which leg.
        leg: LegId,
        /// Citizen or lawyer.
        role: Role,
        /// From where.
        from: LegState,
        /// To where.
        to: LegState,
    },
    /// The channel of the session changed (voice or video fell back).
    ChannelChanged {
        /// Which session.
        session: SessionId,
        /// To what.
        to: Channel,
    },
    /// A lawyer wants a third party in the session; its leg has the id of the invitation.
    ThirdInvited {
        /// Which session.
        session: SessionId,
        /// Which invitation.
        invitation: InvitationId,
        /// Whom.
        lawyer: LawyerId,
        /// As what.
        part: Part,
    },
    /// The asker agreed to this third party, whose name and part were shown.
    ThirdConsented {
        /// Which session.
        session: SessionId,
        /// Which invitation.
        invitation: InvitationId,
    },
    /// An invitation is over.
    ThirdClosed {
        /// Which session.
        session: SessionId,
        /// Which invitation.
        invitation: InvitationId,
        /// Whose.
        lawyer: LawyerId,
        /// Why.
        reason: InvitationClosed,
    },
    /// A third party was made to leave: the asker took the consent back, or the lawyer did without it.
    ThirdRemoved {
        /// Which session.
        session: SessionId,
        /// Which invitation.
        invitation: InvitationId,
        /// By whom.
        by: Role,
    },
    /// A chat line was said; its content is kept elsewhere, sealed.
    ChatSaid {
        /// Which session.
        session: SessionId,
        /// Which line.
        message: MessageId,
        /// Its number, from 1.
        number: u32,
        /// By whom.
        from: LegId,
        /// Citizen or lawyer.
        role: Role,
        /// How many characters.
        chars: u32,
    },
    /// Characters of a leg were shown while they were typed (real-time text); with the first of them, each line and the end.
    TypedLive {
        /// Which session.
        session: SessionId,
        /// By whom.
        from: LegId,
        /// Citizen or lawyer.
        role: Role,
        /// How many characters since the last such event.
        chars: u32,
    },
    /// The session ended.
    SessionEnded {
        /// Which session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// The lawyer wrote the outcome, or 24 h passed without one.
    OutcomeRecorded {
        /// Which session.
        session: SessionId,
        /// What came of it.
        outcome: Outcome,
        /// The asker was told of legal aid.
        legal_aid_prompted: bool,
        /// Where the asker was sent on to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        referral_type: Option<ReferralType>,
    },
    /// The asker rated the matter.
    Rated {
        /// 1..=5.
        stars: u8,
    },
}

/// What an offer was before there were others.
const fn broadcast() -> RouteMode {
    RouteMode::Broadcast
}

const fn local_area() -> Tier {
    Tier::LocalArea
}

impl Event {
    /// The event's name as it stands in the store.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Continued { .. } => "continued",
            Self::StateChanged { .. } => "stateChanged",
            Self::OfferMade { .. } => "offerMade",
            Self::Routed { .. } => "routed",
            Self::OfferSeen { .. } => "offerSeen",
            Self::OfferChanged { .. } => "offerChanged",
            Self::Accepted { .. } => "accepted",
            Self::SessionChanged { .. } => "sessionChanged",
            Self::LegChanged { .. } => "legChanged",
            Self::ChannelChanged { .. } => "channelChanged",
            Self::ThirdInvited { .. } => "thirdInvited",
            Self::ThirdConsented { .. } => "thirdConsented",
            Self::ThirdClosed { .. } => "thirdClosed",
            Self::ThirdRemoved { .. } => "thirdRemoved",
            Self::ChatSaid { .. } => "chatSaid",
            Self::TypedLive { .. } => "typedLive",
            Self::SessionEnded { .. } => "sessionEnded",
            Self::OutcomeRecorded { .. } => "outcomeRecorded",
            Self::Rated { .. } => "rated",
        }
    }
}
