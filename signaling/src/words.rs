//! The vocabulary: closed lists that mean the same in Rust, SQL, JSON, logs and pages.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The text is not a word of that list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {list}")]
pub struct NotAWord {
    /// The list that was meant.
    pub list: &'static str,
    /// What stood there instead.
    pub found: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every word of the list, in the order in which it is written down.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands in JSON and SQL.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;

            fn from_str(text: &str) -> Result<Self, NotAWord> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(NotAWord { list: stringify!($name), found: text.to_owned() }),
                }
            }
        }
    )*};
}

words! {
    /// How a consultation is held.
    Channel {
        /// Typed messages only; no media.
        Text = "text",
        /// Audio both ways.
        Voice = "voice",
        /// Audio and camera both ways.
        Video = "video",
    }

    /// The twelve practice areas (业务板块); `Other` is a fall-back, not a section.
    PracticeArea {
        /// 婚姻家庭继承.
        Family = "FAMILY",
        /// 劳动社保.
        Labour = "LABOUR",
        /// 合同纠纷.
        Contract = "CONTRACT",
        /// 债权债务.
        Debt = "DEBT",
        /// 交通事故.
        Traffic = "TRAFFIC",
        /// 损害赔偿.
        Tort = "TORT",
        /// 土地建设、征地拆迁.
        Land = "LAND",
        /// 房屋产权、物业邻里.
        Housing = "HOUSING",
        /// 刑事.
        Criminal = "CRIMINAL",
        /// 行政与信访.
        Admin = "ADMIN",
        /// 医疗教育消费.
        MedEduConsumer = "MED_EDU_CONSUMER",
        /// 企业与知识产权.
        EnterpriseIp = "ENTERPRISE_IP",
        /// 其他.
        Other = "OTHER",
    }

    /// Which pool a lawyer belongs to (法律顾问团).
    Pool {
        /// The county's own.
        Local = "LOCAL",
        /// The nation-wide back-up.
        National = "NATIONAL",
    }

    /// How the asker is known (`identity_mode`).
    IdentityMode {
        /// A guest in one tap, known by a device-bound token.
        Guest = "GUEST",
        /// A phone number confirmed by a code.
        Phone = "PHONE",
        /// An ID card read at a kiosk.
        IdCard = "ID_CARD",
        /// A WeChat account.
        Wechat = "WECHAT",
        /// The asker refused to give identity data, and the record says so.
        Refused = "REFUSED",
    }

    /// Who acts: the roles of the policy table.
    Role {
        /// 群众.
        Citizen = "CITIZEN",
        /// 律师 and other providers.
        Lawyer = "LAWYER",
        /// 派单员.
        Dispatcher = "DISPATCHER",
        /// 财务复核.
        Finance = "FINANCE",
        /// 监督员.
        Supervisor = "SUPERVISOR",
        /// 律所管理员, of one firm.
        FirmAdmin = "FIRM_ADMIN",
    }

    /// Where a consultation (咨询事项) stands.
    ConsultationState {
        /// Created, not yet routed.
        Open = "OPEN",
        /// Waiting in the queue or ringing lawyers.
        Matching = "MATCHING",
        /// A lawyer accepted.
        Assigned = "ASSIGNED",
        /// The session is or was active.
        InService = "IN_SERVICE",
        /// The outcome code is in.
        Answered = "ANSWERED",
        /// Done, or silent for 72 h.
        Closed = "CLOSED",
        /// Nobody accepted in time. While the asker may still choose what to do it is not final.
        Unserved = "UNSERVED",
        /// The asker will be called back; the place in the queue is kept.
        OnHold = "ON_HOLD",
        /// The asker called it off before anybody accepted.
        Cancelled = "CANCELLED",
    }

    /// Where an offer (派单) stands.
    OfferState {
        /// Made, not yet acknowledged by the desk.
        Pending = "PENDING",
        /// The desk acknowledged it.
        Delivered = "DELIVERED",
        /// The lawyer took it and won.
        Accepted = "ACCEPTED",
        /// The lawyer declined, with a reason.
        Declined = "DECLINED",
        /// The ring timer ran out.
        Expired = "EXPIRED",
        /// Another lawyer was first ("taken").
        Revoked = "REVOKED",
        /// The asker left first.
        Cancelled = "CANCELLED",
    }

    /// Where a session (会话) stands.
    SessionState {
        /// The consultation asks for a lawyer; nobody is rung yet.
        Created = "CREATED",
        /// Lawyers are being rung.
        Ringing = "RINGING",
        /// Accepted; the transports are being connected.
        Connecting = "CONNECTING",
        /// Both legs are there.
        Active = "ACTIVE",
        /// A leg is missing; its seat is kept.
        Reconnecting = "RECONNECTING",
        /// Over; facts are being frozen and the outcome code is awaited.
        Ended = "ENDED",
        /// The record is sealed.
        Sealed = "SEALED",
        /// Nobody accepted in time.
        Missed = "MISSED",
        /// The asker left while it rang.
        Abandoned = "ABANDONED",
        /// Accepted, but no media within 15 s.
        Failed = "FAILED",
    }

    /// Where a leg (通话腿) stands.
    LegState {
        /// Has a seat, has not come yet.
        Invited = "INVITED",
        /// Its transport is being set up.
        Joining = "JOINING",
        /// There.
        Connected = "CONNECTED",
        /// Silent for 3 s or without a socket; the seat is kept 60 s.
        Interrupted = "INTERRUPTED",
        /// Left by itself.
        Left = "LEFT",
        /// Made to leave: ended by a supervisor with a reason, or a third party whom a side does not want there any longer.
        Kicked = "KICKED",
        /// Did not come back within 60 s.
        TimedOut = "TIMED_OUT",
    }

    /// Why a session ended.
    EndReason {
        /// The asker hung up.
        CitizenHungUp = "CITIZEN_HUNG_UP",
        /// The lawyer hung up.
        LawyerHungUp = "LAWYER_HUNG_UP",
        /// A leg was missing for longer than the grace time.
        ConnectionLost = "CONNECTION_LOST",
        /// The third party left; said to it alone, the session goes on.
        ThirdPartyLeft = "THIRD_PARTY_LEFT",
        /// A side does not want the third party there any longer; said to it alone, the session goes on.
        ThirdPartyRemoved = "THIRD_PARTY_REMOVED",
        /// No media within 15 s of the acceptance.
        NoMedia = "NO_MEDIA",
        /// The asker who was called back did not answer.
        NotAnswered = "NOT_ANSWERED",
        /// The asker left while it rang or waited.
        Abandoned = "ABANDONED",
        /// Nobody accepted in time.
        Missed = "MISSED",
        /// It ran longer than a session may (4 h).
        TooLong = "TOO_LONG",
        /// A supervisor ended it, with a reason.
        SupervisorEnded = "SUPERVISOR_ENDED",
        /// The office blocked the asker who waited.
        AskerBlocked = "ASKER_BLOCKED",
        /// The server drained or crashed.
        ServerStopped = "SERVER_STOPPED",
    }

    /// Whether a lawyer can be rung (presence).
    Presence {
        /// No desk is connected.
        Offline = "OFFLINE",
        /// A desk is connected, off duty.
        Online = "ONLINE",
        /// On duty and free.
        Available = "AVAILABLE",
        /// Being rung.
        Ringing = "RINGING",
        /// In a session.
        Busy = "BUSY",
        /// Writing the outcome, 120 s at most.
        WrapUp = "WRAP_UP",
        /// On duty but paused, by hand or after two missed rings in a row.
        Break = "BREAK",
        /// At a visit to a village or an office.
        OnSite = "ON_SITE",
    }

    /// How a lawyer is looked for (route mode).
    RouteMode {
        /// The lawyer whom the asker chose rings alone first.
        Direct = "DIRECT",
        /// Whoever is first of those who are rung, tier by tier (抢单).
        Broadcast = "BROADCAST",
        /// The adviser of the asker's village rings alone first.
        AutoVillage = "AUTO_VILLAGE",
        /// At a time that was agreed on.
        Appointment = "APPOINTMENT",
    }

    /// How far the search for a lawyer has widened.
    Tier {
        /// The county's lawyers of the practice area.
        LocalArea = "LOCAL_AREA",
        /// All lawyers of the county.
        LocalAny = "LOCAL_ANY",
        /// The national pool too.
        National = "NATIONAL",
    }

    /// Why a lawyer declined an offer.
    DeclineReason {
        /// Occupied by something else.
        Busy = "BUSY",
        /// The lawyer acts, or acted, for the other side (律师法 Art. 39).
        ConflictOfInterest = "CONFLICT_OF_INTEREST",
        /// Not the lawyer's field.
        OutOfField = "OUT_OF_FIELD",
        /// Another reason.
        Other = "OTHER",
    }

    /// Why an offer is closed for a desk.
    OfferClosed {
        /// Another lawyer was first.
        Taken = "taken",
        /// The asker left.
        Cancelled = "cancelled",
        /// The ring timer ran out.
        Expired = "expired",
        /// This lawyer declined it, here or in another tab.
        Declined = "declined",
        /// This lawyer accepted it in another tab.
        AcceptedElsewhere = "acceptedElsewhere",
        /// The bureau took the lawyer out of routing.
        Withdrawn = "withdrawn",
    }

    /// What came of a service (outcome code). `Missing` is the server's own, after 24 h without one.
    Outcome {
        /// Advice given.
        AdviceGiven = "ADVICE_GIVEN",
        /// Advice given in part, to be continued.
        AdvicePartial = "ADVICE_PARTIAL",
        /// Referred to legal aid.
        ReferLegalAid = "REFER_LEGAL_AID",
        /// Referred to mediation.
        ReferMediation = "REFER_MEDIATION",
        /// Referred to a notary.
        ReferNotary = "REFER_NOTARY",
        /// Referred to an agency.
        ReferAgency = "REFER_AGENCY",
        /// To be seen face to face.
        ReferOffline = "REFER_OFFLINE",
        /// The lawyer acts for the other side.
        ConflictOfInterest = "CONFLICT_OF_INTEREST",
        /// Not a legal question.
        OutOfScope = "OUT_OF_SCOPE",
        /// Broken off for a technical reason.
        Dropped = "DROPPED",
        /// The asker left.
        CitizenLeft = "CITIZEN_LEFT",
        /// Abuse.
        Abuse = "ABUSE",
        /// The same matter again.
        Duplicate = "DUPLICATE",
        /// A test.
        Test = "TEST",
        /// No outcome code within 24 h; not payable. Never said by a client.
        Missing = "MISSING",
    }

    /// Where an asker was sent on to (referral type).
    ReferralType {
        /// 法律援助.
        LegalAid = "LEGAL_AID",
        /// 人民调解.
        Mediation = "MEDIATION",
        /// 公证.
        Notary = "NOTARY",
        /// Another office or agency.
        Agency = "AGENCY",
        /// Face to face.
        Offline = "OFFLINE",
    }

    /// How grave a matter is (分级): from the third on the office is told.
    Grade {
        /// 一般.
        Normal = "NORMAL",
        /// 关注.
        Attention = "ATTENTION",
        /// 敏感.
        Sensitive = "SENSITIVE",
        /// 重大.
        Major = "MAJOR",
    }

    /// What one side reports of the other (举报).
    ReportCause {
        /// 辱骂、侮辱.
        Insult = "INSULT",
        /// 威胁、恐吓.
        Threat = "THREAT",
        /// 骚扰、低俗言行.
        Harassment = "HARASSMENT",
        /// 诈骗、索要钱财、私下揽案.
        Solicitation = "SOLICITATION",
        /// 恶意占用、反复捣乱.
        Disruption = "DISRUPTION",
        /// 违法信息.
        Illegal = "ILLEGAL",
        /// 侵犯隐私、偷录.
        Privacy = "PRIVACY",
        /// 其他.
        Other = "OTHER",
    }

    /// Whether a microphone or camera sends.
    DeviceState {
        /// It sends.
        On = "ON",
        /// Muted by its owner; RTP goes on (`track.enabled = false`).
        Off = "OFF",
        /// There is none, or its use was refused.
        Absent = "ABSENT",
    }

    /// What a receive slot shows.
    SlotKind {
        /// A microphone.
        Audio = "AUDIO",
        /// A camera.
        Video = "VIDEO",
        /// A shared screen.
        Screen = "SCREEN",
    }

    /// What a third party in a session is there as.
    Part {
        /// 另一位律师: a second lawyer.
        SecondLawyer = "SECOND_LAWYER",
        /// 协助人: helps the asker.
        Helper = "HELPER",
        /// 翻译: interprets, sign language too.
        Interpreter = "INTERPRETER",
        /// 监护人: of an asker who is a minor.
        Guardian = "GUARDIAN",
        /// 调解员.
        Mediator = "MEDIATOR",
    }

    /// Why an invitation is over.
    InvitationClosed {
        /// The third party is in the session.
        Joined = "joined",
        /// The asker does not want it.
        Refused = "refused",
        /// The lawyer thought better of it.
        Withdrawn = "withdrawn",
        /// The one who was invited does not come.
        Declined = "declined",
        /// Nobody answered in time.
        Lapsed = "lapsed",
        /// The session is over.
        Over = "over",
    }

    /// What is new about a text question.
    QuestionChange {
        /// A slot of it is free, and this lawyer may claim it.
        Open = "open",
        /// No slot is free any more.
        Taken = "taken",
        /// It waits for an answer or a reply of this lawyer, or of any.
        Reminder = "reminder",
        /// Something in it that this client may read: read it again.
        Changed = "changed",
    }

    /// What a client runs on (`device_class`).
    DeviceClass {
        /// A browser on a computer.
        Desktop = "DESKTOP",
        /// A phone or tablet.
        Mobile = "MOBILE",
        /// A kiosk.
        Kiosk = "KIOSK",
        /// A program.
        Web = "WEB",
    }
}

impl Outcome {
    /// Whether a lawyer may say it; `Missing` is the server's own word.
    pub const fn can_be_said(self) -> bool {
        !matches!(self, Self::Missing)
    }

    /// Whether a service with this outcome may be paid (domain rule: the six advice and referral codes and `REFER_OFFLINE`).
    pub const fn is_payable(self) -> bool {
        matches!(
            self,
            Self::AdviceGiven
                | Self::AdvicePartial
                | Self::ReferLegalAid
                | Self::ReferMediation
                | Self::ReferNotary
                | Self::ReferAgency
                | Self::ReferOffline
        )
    }

    /// Where an outcome of its own sends the asker on to.
    pub const fn referral(self) -> Option<ReferralType> {
        match self {
            Self::ReferLegalAid => Some(ReferralType::LegalAid),
            Self::ReferMediation => Some(ReferralType::Mediation),
            Self::ReferNotary => Some(ReferralType::Notary),
            Self::ReferAgency => Some(ReferralType::Agency),
            Self::ReferOffline => Some(ReferralType::Offline),
            _ => None,
        }
    }

    /// Whether this referral may be said beside the outcome: advice may go with any, a referral is what it is, and the
    /// rest sends nobody anywhere.
    pub fn goes_with(self, referral: Option<ReferralType>) -> bool {
        match (self, referral) {
            (_, None) | (Self::AdviceGiven | Self::AdvicePartial, _) => true,
            (_, Some(_)) => self.referral() == referral,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for area in PracticeArea::ALL {
            assert_eq!(area.as_str().parse(), Ok(*area));
            assert_eq!(serde_json::to_value(area).expect("json"), area.as_str());
        }
        assert_eq!(PracticeArea::ALL.len(), 13);
    }

    #[test]
    fn only_advice_and_referrals_are_payable() {
        assert_eq!(Outcome::ALL.iter().filter(|outcome| outcome.is_payable()).count(), 7);
        assert!(!Outcome::Missing.can_be_said());
    }

    #[test]
    fn advice_goes_with_any_referral_a_referral_with_its_own_and_the_rest_with_none() {
        let fitting =
            |outcome: Outcome| ReferralType::ALL.iter().filter(|referral| outcome.goes_with(Some(**referral))).count();

        assert!(Outcome::ALL.iter().all(|outcome| outcome.goes_with(None)));
        assert_eq!((fitting(Outcome::AdviceGiven), fitting(Outcome::AdvicePartial)), (5, 5));
        assert_eq!((fitting(Outcome::ReferNotary), fitting(Outcome::Abuse)), (1, 0));
        assert_eq!(Outcome::ALL.iter().filter_map(|outcome| outcome.referral()).count(), ReferralType::ALL.len());
    }
}
