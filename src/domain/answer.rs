//! The service record of one valid answer to a text question. Pure: the same arguments give the same bytes.
use yunfa_signaling::{
    ids::{AnswerId, ConsultationId, RecordId, SessionId},
    question::Asked,
    time::Timestamp,
    words::{Channel, Outcome},
};

use super::{
    calendar::Calendar,
    service_record::{AnswerFacts, Closing, RouteMode, SCHEMA_VERSION, ServiceRecord, Snapshots},
};

/// A valid answer, as its question's events tell of it.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// To which question.
    pub question: ConsultationId,
    /// As it was asked.
    pub asked: &'a Asked,
    /// When.
    pub asked_at: Timestamp,
    /// Which answer.
    pub answer: AnswerId,
    /// When it was given.
    pub at: Timestamp,
    /// When its slot was claimed.
    pub claimed_at: Timestamp,
    /// 1 is the first.
    pub rank: u32,
    /// Its characters.
    pub chars: u32,
    /// From the asking.
    pub latency_ms: u64,
    /// What comes of it.
    pub outcome: Outcome,
    /// The asker was told of legal aid.
    pub legal_aid_prompted: bool,
    /// By which the text can be proved.
    pub content_hash: String,
}

/// The record of an answer. What a text has not, media and legs, is zero or empty.
pub fn answer_record(
    record_id: RecordId,
    given: &Given<'_>,
    snapshots: Snapshots,
    calendar: &Calendar,
    closing: Closing,
) -> ServiceRecord {
    let Given { asked, .. } = given;
    let business = calendar.at(given.at);
    let latency_s = u32::try_from(given.latency_ms / 1000).unwrap_or(u32::MAX);
    let waited = u64::try_from(given.claimed_at.ms_since(given.asked_at)).unwrap_or(0);
    ServiceRecord {
        schema_version: SCHEMA_VERSION,
        record_id,
        consultation_id: given.question,
        session_id: SessionId::new(given.answer.uuid()),
        follow_up_no: 0,
        citizen_ref: snapshots.citizen_ref,
        identity_mode: asked.identity_mode,
        consent_version: asked.consent_version.clone(),
        lawyer: snapshots.lawyer,
        area: asked.area.clone(),
        area_path: snapshots.area,
        entry_source: asked.entry_source.clone(),
        practice_area: asked.practice_area,
        channel: Channel::Text,
        channel_used: Channel::Text,
        outcome: given.outcome,
        legal_aid_prompted: given.legal_aid_prompted,
        referral_type: None,
        route_mode: RouteMode::RingAll,
        tier: None,
        call_back: false,
        created_at: given.asked_at,
        first_offer_at: None,
        offers_sent: 0,
        declines: 0,
        accepted_at: given.claimed_at,
        ring_latency_ms: 0,
        wait_ms: waited,
        service_start: given.at,
        service_end: given.at,
        wall_s: 0,
        ended_at: Some(given.at),
        end_reason: None,
        two_way_s: 0,
        two_way_audio_s: 0,
        two_way_video_s: 0,
        longest_silence_s: 0,
        silent_s: 0,
        both_talk_min_s: 0,
        citizen_messages: 1,
        citizen_chars: asked.chars,
        lawyer_messages: 1,
        lawyer_chars: given.chars,
        first_answer_latency_s: Some(latency_s),
        real_time_text: false,
        legs: vec![],
        interruptions: vec![],
        interruption_count: 0,
        off_hours: business.off_hours,
        holiday: business.holiday,
        make_up_workday: business.make_up_workday,
        local_date: business.date.to_string(),
        period: business.period,
        payable: given.outcome.is_payable(),
        closed_by: closing.by,
        precision_s: closing.precision_s,
        sealed_at: closing.at,
        answer: Some(AnswerFacts {
            answer_id: given.answer,
            question_at: given.asked_at,
            answer_at: given.at,
            answer_rank: given.rank,
            content_hash: given.content_hash.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::{
        ids::{CitizenId, LawyerId},
        words::{DeviceClass, IdentityMode, Pool, PracticeArea},
    };

    use super::*;
    use crate::domain::{
        people::{ProviderType, Qualification},
        service_record::{AreaPath, ClosedBy, LawyerSnapshot},
        testing::id,
    };

    /// 2026-03-15 20:00 in Shanghai, a Sunday.
    const SUNDAY: Timestamp = Timestamp(1_773_576_000_000);

    fn record(outcome: Outcome) -> ServiceRecord {
        let asked = Asked {
            citizen: CitizenId::new(id(1, 8)),
            practice_area: PracticeArea::Labour,
            area: "990121101201".parse().expect("a code"),
            identity_mode: IdentityMode::Guest,
            consent_version: "2026-11".to_owned(),
            entry_source: None,
            device: DeviceClass::Mobile,
            chars: 40,
        };
        let given = Given {
            question: ConsultationId::new(id(1, 1)),
            asked: &asked,
            asked_at: SUNDAY,
            answer: AnswerId::new(id(1, 2)),
            at: Timestamp(SUNDAY.0 + 480_900),
            claimed_at: Timestamp(SUNDAY.0 + 60_000),
            rank: 1,
            chars: 160,
            latency_ms: 480_900,
            outcome,
            legal_aid_prompted: true,
            content_hash: "00".to_owned(),
        };
        let lawyer = LawyerSnapshot {
            lawyer_id: LawyerId::new(id(1, 9)),
            provider_type: ProviderType::Lawyer,
            firm_id: None,
            pool: Pool::Local,
            public_office: false,
            licence_no: None,
            qualification: Qualification::Active,
        };
        let snapshots = Snapshots { lawyer, citizen_ref: "ref".to_owned(), area: AreaPath::default() };
        let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: given.at };
        answer_record(RecordId::new(id(1, 3)), &given, snapshots, &Calendar::default(), closing)
    }

    #[test]
    fn an_answer_counts_from_the_asking_and_on_its_own_day() {
        let record = record(Outcome::AdviceGiven);

        assert_eq!(record.first_answer_latency_s, Some(480));
        assert_eq!((record.lawyer_chars, record.wait_ms, record.channel), (160, 60_000, Channel::Text));
        assert_eq!((record.local_date.as_str(), record.period.as_str()), ("2026-03-15", "2026-03"));
        assert!(record.off_hours && record.payable && record.two_way_s == 0);
        assert_eq!(record.answer.map(|answer| answer.answer_rank), Some(1));
    }

    #[test]
    fn no_advice_is_not_paid() {
        assert!(!record(Outcome::OutOfScope).payable);
    }
}
