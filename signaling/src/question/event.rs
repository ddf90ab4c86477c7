//! What happened to a question, as it is kept: a question is what its events make of it, before a restart and after.
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AnswerId, AreaCode, CitizenId, ConsultationId, LawyerId, MessageId},
    time::Timestamp,
    words::{ConsultationState, DeclineReason, DeviceClass, IdentityMode, Outcome, PracticeArea, Tier},
};

/// What was promised and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Promise {
    /// A first answer within ten minutes.
    FirstAnswer,
    /// Three answers within ten minutes.
    ThreeAnswers,
}

/// Why a lawyer holds a slot no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Freed {
    /// Nothing was written in time (`SLOT_EXPIRED`).
    Expired,
    /// The lawyer gave it back.
    Released,
    /// The lawyer may not serve any more.
    Withdrawn,
    /// The question takes no answers any more.
    Over,
}

/// A question as it is asked, with everything that was looked up or agreed before. The text itself is kept apart, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Who asks.
    pub citizen: CitizenId,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// The asker's village, town or county.
    pub area: AreaCode,
    /// How the asker is known.
    pub identity_mode: IdentityMode,
    /// The consent text that was shown.
    pub consent_version: String,
    /// The QR or campaign code of the entry.
    pub entry_source: Option<String>,
    /// What the asker's client runs on.
    pub device: DeviceClass,
    /// Characters of the question.
    pub chars: u32,
}

/// One thing that happened; none of them holds a word that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// It was asked.
    Asked(Box<Asked>),
    /// It stands elsewhere.
    StateChanged {
        /// Where it stood.
        from: ConsultationState,
        /// Where it stands.
        to: ConsultationState,
    },
    /// More lawyers may answer.
    Widened {
        /// The widest tier that is open.
        tier: Tier,
    },
    /// A lawyer holds a slot (`SLOT_CLAIMED`).
    Claimed {
        /// Who.
        lawyer: LawyerId,
        /// Of which tier.
        tier: Tier,
    },
    /// The lawyer is writing: the slot is held on.
    Renewed {
        /// Who.
        lawyer: LawyerId,
    },
    /// A slot is free again.
    Freed {
        /// Whose it was.
        lawyer: LawyerId,
        /// Why.
        why: Freed,
    },
    /// A lawyer will not answer it.
    Declined {
        /// Who.
        lawyer: LawyerId,
        /// Why.
        reason: DeclineReason,
    },
    /// A valid answer.
    Answered {
        /// Which one.
        answer: AnswerId,
        /// By whom.
        lawyer: LawyerId,
        /// 1 is the first.
        rank: u32,
        /// Its characters.
        chars: u32,
        /// When its slot was claimed.
        claimed_at: Timestamp,
        /// From the asking.
        latency_ms: u64,
        /// What comes of it.
        outcome: Outcome,
        /// The asker was told of legal aid.
        legal_aid_prompted: bool,
    },
    /// An answer has a further version.
    Amended {
        /// Which one.
        answer: AnswerId,
        /// By whom.
        lawyer: LawyerId,
        /// From 2.
        version: u32,
        /// Its characters.
        chars: u32,
    },
    /// The asker asks on.
    FollowedUp {
        /// Which text.
        text: MessageId,
        /// From 1.
        number: u32,
        /// Its characters.
        chars: u32,
    },
    /// A lawyer replies to a follow-up.
    Replied {
        /// Which text.
        text: MessageId,
        /// By whom.
        lawyer: LawyerId,
        /// To which follow-up.
        number: u32,
        /// Its characters.
        chars: u32,
    },
    /// A promise was not kept.
    Late {
        /// Which one.
        promise: Promise,
    },
    /// It takes no further answers, whatever there is.
    GaveUp {},
    /// Whoever may answer was reminded.
    Reminded {
        /// From 1, anew with each follow-up.
        number: u32,
    },
    /// It is over: closed by the asker or by silence, or taken back before the first answer.
    Ended {
        /// By the asker.
        by_asker: bool,
    },
    /// A follow-up opened it again.
    Reopened {},
}

impl Event {
    /// The event's name: its `name`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked(_) => "asked",
            Self::StateChanged { .. } => "stateChanged",
            Self::Widened { .. } => "widened",
            Self::Claimed { .. } => "claimed",
            Self::Renewed { .. } => "renewed",
            Self::Freed { .. } => "freed",
            Self::Declined { .. } => "declined",
            Self::Answered { .. } => "answered",
            Self::Amended { .. } => "amended",
            Self::FollowedUp { .. } => "followedUp",
            Self::Replied { .. } => "replied",
            Self::Late { .. } => "late",
            Self::GaveUp {} => "gaveUp",
            Self::Reminded { .. } => "reminded",
            Self::Ended { .. } => "ended",
            Self::Reopened {} => "reopened",
        }
    }
}

/// One event with its place and time: the store takes each version once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose.
    pub question: ConsultationId,
    /// 1, 2, 3 … without gaps.
    pub version: u64,
    /// When, by the clock on the wall.
    pub at: Timestamp,
    /// When, in microseconds since the process began.
    pub mono_us: u64,
    /// What.
    pub event: Event,
}
