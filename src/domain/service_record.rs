//! The service record (服务记录): folded from events and evidence of one session, then sealed and never changed.
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    ids::{AnswerId, AreaCode, ConsultationId, LawyerId, LegId, RecordId, SessionId},
    time::Timestamp,
    words::{
        Channel, DeviceClass, EndReason, IdentityMode, LegState, Outcome, Part, Pool, PracticeArea, ReferralType, Role,
        Tier,
    },
};

use super::{
    evidence::LegTransport,
    people::{ProviderType, Qualification, words},
};

pub use super::fold::{FoldError, fold};

/// Rises when a field changes its meaning; older records keep the number under which they were sealed.
pub const SCHEMA_VERSION: u32 = 1;

words! {
    /// Who closed the record.
    ClosedBy {
        /// The node that held the session, in order.
        Owner = "OWNER",
        /// The reaper, for a session that a crash left open or that never got an outcome.
        Reaper = "REAPER",
    }

    /// How the lawyer was found.
    RouteMode {
        /// Every free lawyer of the practice area was rung; the first to accept won. Records from before there were tiers.
        RingAll = "RING_ALL",
        /// The asker chose the lawyer, who rang alone.
        Direct = "DIRECT",
        /// As the adviser of the asker's village.
        AutoVillage = "AUTO_VILLAGE",
        /// Tier by tier; the first to accept won.
        Broadcast = "BROADCAST",
        /// At a time that was agreed on.
        Appointment = "APPOINTMENT",
    }
}

/// The lawyer as the store knew one when the session was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LawyerSnapshot {
    /// Who.
    pub lawyer_id: LawyerId,
    /// What kind of provider.
    pub provider_type: ProviderType,
    /// The firm, when there is one.
    pub firm_id: Option<String>,
    /// Local or national.
    pub pool: Pool,
    /// Holds public office, and so is not paid.
    pub public_office: bool,
    /// The licence.
    pub licence_no: Option<String>,
    /// Where the qualification stood.
    pub qualification: Qualification,
}

/// The asker's place, level by level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AreaPath {
    /// 县.
    pub county: Option<AreaCode>,
    /// 镇.
    pub town: Option<AreaCode>,
    /// 村.
    pub village: Option<AreaCode>,
}

/// What the fold cannot see in the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// Who answered.
    pub lawyer: LawyerSnapshot,
    /// The asker's keyed reference.
    pub citizen_ref: String,
    /// The asker's place.
    pub area: AreaPath,
}

/// How a record is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// By whom.
    pub by: ClosedBy,
    /// How many seconds may be missing; never too many.
    pub precision_s: u32,
    /// When.
    pub at: Timestamp,
}

/// One leg's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegRecord {
    /// Which leg.
    pub leg_id: LegId,
    /// Citizen or lawyer.
    pub role: Role,
    /// Of a third party: who, as what, and by which consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third: Option<ThirdRecord>,
    /// What the asker's client runs on.
    pub device_class: Option<DeviceClass>,
    /// When it got its seat.
    pub invited_at: Option<Timestamp>,
    /// When it came.
    pub joined_at: Option<Timestamp>,
    /// When it was first there.
    pub connected_at: Option<Timestamp>,
    /// When ICE and DTLS were first up.
    pub transport_up_at: Option<Timestamp>,
    /// When the first second with media began.
    pub first_rtp_at: Option<Timestamp>,
    /// When the last second with media ended.
    pub last_rtp_at: Option<Timestamp>,
    /// When it left.
    pub left_at: Option<Timestamp>,
    /// How it left: `LEFT`, `KICKED` or `TIMED_OUT`.
    pub leave_reason: Option<LegState>,
    /// How it was reached, as last known.
    pub transport: Option<LegTransport>,
    /// Transports it had, one after the other.
    pub transports: u32,
    /// Seconds with authenticated audio.
    pub audio_alive_s: u32,
    /// Seconds with authenticated video.
    pub video_alive_s: u32,
    /// Seconds with voice.
    pub talk_s: u32,
    /// How often it began to talk.
    pub talk_turns: u32,
    /// Characters it typed in real-time text.
    #[serde(default)]
    pub real_time_chars: u32,
    /// RTP packets from it.
    pub packets_in: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// RTP packets to it.
    pub packets_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Packets of it that never arrived.
    pub lost_in: u64,
    /// Packets to it that it reported lost.
    pub lost_out: u64,
    /// `lostIn` of a thousand.
    pub loss_permille: u32,
    /// Median jitter, as the upper bound of its bucket.
    pub jitter_ms_p50: Option<u32>,
    /// Jitter that 95 % of the seconds did not exceed.
    pub jitter_ms_p95: Option<u32>,
    /// Median round trip.
    pub rtt_ms_p50: Option<u32>,
    /// Round trip that 95 % of the seconds did not exceed.
    pub rtt_ms_p95: Option<u32>,
    /// Retransmissions sent to it.
    pub rtx_out: u64,
    /// Keyframes asked of it.
    pub keyframe_requests: u64,
    /// Packets that failed authentication.
    pub auth_failures: u64,
    /// Silences of 3 s or more.
    pub silences: u32,
}

/// What a record says of a third party besides its leg. Its seconds are nobody's service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThirdRecord {
    /// Who.
    pub lawyer_id: LawyerId,
    /// As what.
    pub part: Part,
    /// When the asker agreed.
    pub consented_at: Option<Timestamp>,
    /// By whom it was made to leave: the asker took the consent back, or the lawyer did without it.
    pub removed_by: Option<Role>,
}

/// A time in which a leg was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interruption {
    /// Which leg.
    pub leg_id: LegId,
    /// Citizen or lawyer.
    pub role: Role,
    /// From when.
    pub from: Timestamp,
    /// Until when; `null` when it did not come back.
    pub to: Option<Timestamp>,
}

/// What a record of a text answer says besides (3.8, text).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerFacts {
    /// Which answer.
    pub answer_id: AnswerId,
    /// When it was asked.
    pub question_at: Timestamp,
    /// When it was answered.
    pub answer_at: Timestamp,
    /// 1 is the first valid answer.
    pub answer_rank: u32,
    /// SHA-256 of the answer's id, a line feed and the first version of the text: it stays when the text is deleted.
    pub content_hash: String,
}

/// The record. Its JSON, fields in this order, is what is hashed: integers and text only, no name and no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRecord {
    /// [`SCHEMA_VERSION`] of the day.
    pub schema_version: u32,
    /// Which record.
    pub record_id: RecordId,
    /// Which matter.
    pub consultation_id: ConsultationId,
    /// Which session; of a text answer, the answer's id.
    pub session_id: SessionId,
    /// 0 for the first service of a matter, rising.
    pub follow_up_no: u32,
    /// The asker's keyed reference.
    pub citizen_ref: String,
    /// How the asker was known.
    pub identity_mode: IdentityMode,
    /// The consent text that was shown.
    pub consent_version: String,
    /// Who answered, as known when the record was sealed.
    #[serde(flatten)]
    pub lawyer: LawyerSnapshot,
    /// The area that was named.
    pub area: AreaCode,
    /// The same, level by level.
    pub area_path: AreaPath,
    /// The QR or campaign code of the entry.
    pub entry_source: Option<String>,
    /// What it was about.
    pub practice_area: PracticeArea,
    /// The channel that was asked for.
    pub channel: Channel,
    /// The channel at the end.
    pub channel_used: Channel,
    /// What came of it.
    pub outcome: Outcome,
    /// The asker was told of legal aid.
    pub legal_aid_prompted: bool,
    /// Where the asker was sent on to; records from before it was asked say nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral_type: Option<ReferralType>,
    /// How the lawyer was found.
    pub route_mode: RouteMode,
    /// How far the search had widened when the lawyer was rung; records from before there were tiers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The lawyer called back.
    #[serde(default)]
    pub call_back: bool,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When the first lawyer was rung.
    pub first_offer_at: Option<Timestamp>,
    /// How many rings.
    pub offers_sent: u32,
    /// How many declined.
    pub declines: u32,
    /// When the lawyer accepted.
    pub accepted_at: Timestamp,
    /// From the ring to the acceptance.
    pub ring_latency_ms: u64,
    /// From the question to the acceptance.
    pub wait_ms: u64,
    /// When the first second began in which both legs were alive; the acceptance where there was none.
    pub service_start: Timestamp,
    /// When the last such second ended; by text, the end of the session or its last event.
    pub service_end: Timestamp,
    /// Between the two, rounded up.
    pub wall_s: u32,
    /// When the session ended, by its own events.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<EndReason>,
    /// Seconds in which media of both legs arrived.
    pub two_way_s: u32,
    /// Seconds in which audio of both legs arrived.
    pub two_way_audio_s: u32,
    /// Seconds in which video of both legs arrived.
    pub two_way_video_s: u32,
    /// The longest run of seconds in which nobody talked.
    pub longest_silence_s: u32,
    /// All seconds in which nobody talked.
    pub silent_s: u32,
    /// The smaller talk time of the two.
    pub both_talk_min_s: u32,
    /// Chat lines of the asker.
    pub citizen_messages: u32,
    /// Their characters.
    pub citizen_chars: u32,
    /// Chat lines of the lawyer.
    pub lawyer_messages: u32,
    /// Their characters.
    pub lawyer_chars: u32,
    /// From the question to the lawyer's first line.
    pub first_answer_latency_s: Option<u32>,
    /// Somebody wrote in real-time text: rules about talk spare such a session.
    #[serde(default)]
    pub real_time_text: bool,
    /// Everyone, the asker first.
    pub legs: Vec<LegRecord>,
    /// When a leg was missing.
    pub interruptions: Vec<Interruption>,
    /// Interruptions in all, also those that are not listed.
    pub interruption_count: u32,
    /// Outside office hours at the start of the service.
    pub off_hours: bool,
    /// On a holiday.
    pub holiday: bool,
    /// On a make-up workday.
    pub make_up_workday: bool,
    /// The date in Shanghai at the start of the service.
    pub local_date: String,
    /// Its month.
    pub period: String,
    /// The outcome may be paid, and there is evidence of a service.
    pub payable: bool,
    /// Who closed the record.
    pub closed_by: ClosedBy,
    /// How many seconds may be missing.
    pub precision_s: u32,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// Of a text answer; a record of a session has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerFacts>,
}
