//! The fold: events and evidence of one session in, its service record out; the same arguments give the same bytes.
use std::collections::BTreeMap;

use yunfa_signaling::{
    ids::{AreaCode, LegId, OfferId, RecordId, SessionId},
    milestone::{Event, Milestone},
    time::Timestamp,
    words::{
        self, Channel, ConsultationState, DeviceClass, EndReason, IdentityMode, LegState, OfferState, Outcome,
        PracticeArea, ReferralType, Role, SessionState, Tier,
    },
};

use super::{
    calendar::Calendar,
    evidence::{Evidence, LegEvidence},
    service_record::{
        ClosedBy, Closing, Interruption, LegRecord, RouteMode, SCHEMA_VERSION, ServiceRecord, Snapshots, ThirdRecord,
    },
};

/// Interruptions kept one by one; beyond that they are only counted.
const MAX_INTERRUPTIONS: usize = 200;

/// The events do not make a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is no `opened`.
    #[error("the matter was never opened")]
    NeverOpened,
    /// There is no `accepted` for the session.
    #[error("nobody accepted the session")]
    NeverAccepted,
    /// The owner may not seal without an outcome.
    #[error("the outcome is not in")]
    NoOutcome,
}

/// What the events say of one session.
#[derive(Default)]
struct Story {
    opened: Option<Opened>,
    first_offer_at: Option<Timestamp>,
    offers_sent: u32,
    /// How the desks were rung.
    offers: BTreeMap<OfferId, (RouteMode, Tier)>,
    declines: u32,
    accepted: Option<Accepted>,
    /// The session that was accepted last.
    latest: Option<SessionId>,
    call_back: bool,
    earlier_sessions: u32,
    channel_used: Option<Channel>,
    ended: Option<(Timestamp, EndReason)>,
    outcome: Option<(Outcome, bool, Option<ReferralType>)>,
    legs: Vec<LegStory>,
    /// Third parties by their legs, whether they came or not.
    thirds: BTreeMap<LegId, ThirdRecord>,
    interruptions: Vec<Interruption>,
    interruption_count: u32,
    citizen: Said,
    lawyer: Said,
    /// Characters that were shown while they were typed.
    typed: BTreeMap<LegId, u32>,
    last_event_at: Option<Timestamp>,
}

struct Opened {
    at: Timestamp,
    practice_area: PracticeArea,
    area: AreaCode,
    channel: Channel,
    identity_mode: IdentityMode,
    consent_version: String,
    entry_source: Option<String>,
    device: DeviceClass,
}

#[derive(Clone, Copy)]
struct Accepted {
    at: Timestamp,
    ring_latency_ms: u64,
    wait_ms: u64,
    rung: Option<(RouteMode, Tier)>,
}

struct LegStory {
    leg: LegId,
    role: Role,
    invited_at: Option<Timestamp>,
    joined_at: Option<Timestamp>,
    connected_at: Option<Timestamp>,
    left: Option<(Timestamp, LegState)>,
}

#[derive(Default)]
struct Said {
    messages: u32,
    chars: u32,
    first_at: Option<Timestamp>,
}

impl Story {
    fn of(session: SessionId, milestones: &[Milestone]) -> Self {
        let mut story = Self::default();
        for milestone in milestones {
            story.add(session, milestone);
        }
        story
    }

    fn add(&mut self, session: SessionId, milestone: &Milestone) {
        let at = milestone.at;
        match &milestone.event {
            Event::Opened {
                practice_area,
                area,
                channel,
                identity_mode,
                consent_version,
                entry_source,
                device,
                ..
            } => {
                self.opened = Some(Opened {
                    at,
                    practice_area: *practice_area,
                    area: area.clone(),
                    channel: *channel,
                    identity_mode: *identity_mode,
                    consent_version: consent_version.clone(),
                    entry_source: entry_source.clone(),
                    device: *device,
                });
            }
            Event::OfferMade { offer, mode, tier, .. } => {
                self.offers.insert(*offer, (route_mode(*mode), *tier));
                self.first_offer_at.get_or_insert(at);
                self.offers_sent += 1;
            }
            Event::OfferChanged { to: OfferState::Declined, .. } => self.declines += 1,
            Event::Accepted { session: of, offer, ring_latency_ms, wait_ms, .. } => {
                self.latest = Some(*of);
                if *of == session {
                    let rung = self.offers.get(offer).copied();
                    let (ring_latency_ms, wait_ms) = (*ring_latency_ms, *wait_ms);
                    self.accepted = Some(Accepted { at, ring_latency_ms, wait_ms, rung });
                    self.last_event_at = Some(at);
                }
            }
            Event::StateChanged { from: ConsultationState::OnHold, to: ConsultationState::Assigned }
                if self.latest == Some(session) =>
            {
                self.call_back = true;
            }
            Event::SessionChanged { session: of, from: SessionState::Connecting, to: SessionState::Active }
                if *of != session && self.accepted.is_none() =>
            {
                self.earlier_sessions += 1;
            }
            Event::LegChanged { session: of, leg, role, from, to } if *of == session => {
                self.leg(*leg, *role, (*from, *to), at);
                self.last_event_at = Some(at);
            }
            Event::ChannelChanged { session: of, to } if *of == session => self.channel_used = Some(*to),
            Event::ThirdInvited { session: of, invitation, lawyer, part } if *of == session => {
                let (lawyer_id, part) = (*lawyer, *part);
                let third = ThirdRecord { lawyer_id, part, consented_at: None, removed_by: None };
                self.thirds.insert(LegId::new(invitation.uuid()), third);
            }
            Event::ThirdConsented { session: of, invitation } if *of == session => {
                if let Some(third) = self.thirds.get_mut(&LegId::new(invitation.uuid())) {
                    third.consented_at = Some(at);
                }
            }
            Event::ThirdRemoved { session: of, invitation, by } if *of == session => {
                if let Some(third) = self.thirds.get_mut(&LegId::new(invitation.uuid())) {
                    third.removed_by = Some(*by);
                }
            }
            // What a third party types is not the lawyer's answer.
            Event::ChatSaid { session: of, from, .. } if *of == session && self.thirds.contains_key(from) => {
                self.last_event_at = Some(at);
            }
            Event::ChatSaid { session: of, role, chars, .. } if *of == session => {
                let said = if *role == Role::Citizen { &mut self.citizen } else { &mut self.lawyer };
                said.messages += 1;
                said.chars = said.chars.saturating_add(*chars);
                said.first_at.get_or_insert(at);
                self.last_event_at = Some(at);
            }
            Event::TypedLive { session: of, from, chars, .. } if *of == session => {
                let typed = self.typed.entry(*from).or_default();
                *typed = typed.saturating_add(*chars);
                self.last_event_at = Some(at);
            }
            Event::SessionEnded { session: of, reason } if *of == session => self.ended = Some((at, *reason)),
            Event::OutcomeRecorded { session: of, outcome, legal_aid_prompted, referral_type } if *of == session => {
                self.outcome = Some((*outcome, *legal_aid_prompted, *referral_type));
            }
            // Services of the matter before this consultation come before its own.
            Event::Continued { services, .. } => self.earlier_sessions += services,
            Event::StateChanged { .. }
            | Event::Routed { .. }
            | Event::OfferSeen { .. }
            | Event::OfferChanged { .. }
            | Event::SessionChanged { .. }
            | Event::LegChanged { .. }
            | Event::ChannelChanged { .. }
            | Event::ThirdInvited { .. }
            | Event::ThirdConsented { .. }
            | Event::ThirdClosed { .. }
            | Event::ThirdRemoved { .. }
            | Event::ChatSaid { .. }
            | Event::TypedLive { .. }
            | Event::SessionEnded { .. }
            | Event::OutcomeRecorded { .. }
            | Event::Rated { .. } => {}
        }
    }

    fn leg(&mut self, leg: LegId, role: Role, (from, to): (LegState, LegState), at: Timestamp) {
        if !self.legs.iter().any(|known| known.leg == leg) {
            self.legs.push(LegStory { leg, role, invited_at: None, joined_at: None, connected_at: None, left: None });
        }
        if matches!(to, LegState::Connected | LegState::Joining)
            && let Some(open) = self.interruptions.iter_mut().find(|gap| gap.leg_id == leg && gap.to.is_none())
        {
            open.to = Some(at);
        }
        let Some(story) = self.legs.iter_mut().find(|known| known.leg == leg) else { return };
        if from == LegState::Invited {
            // It had its seat from the moment of which this is the first news.
            story.invited_at.get_or_insert(at);
        }
        match to {
            LegState::Invited => {}
            LegState::Joining => {
                story.joined_at.get_or_insert(at);
            }
            LegState::Connected => {
                story.joined_at.get_or_insert(at);
                story.connected_at.get_or_insert(at);
            }
            LegState::Interrupted => {
                self.interruption_count += 1;
                if self.interruptions.len() < MAX_INTERRUPTIONS {
                    self.interruptions.push(Interruption { leg_id: leg, role, from: at, to: None });
                }
            }
            LegState::Left | LegState::Kicked | LegState::TimedOut => story.left = Some((at, to)),
        }
    }
}

/// Folds the events of a matter and the evidence of one of its sessions into that session's record. Pure: the same
/// arguments give the same bytes.
pub fn fold(
    record_id: RecordId,
    session: SessionId,
    milestones: &[Milestone],
    evidence: Option<&Evidence>,
    snapshots: Snapshots,
    calendar: &Calendar,
    closing: Closing,
) -> Result<ServiceRecord, FoldError> {
    let story = Story::of(session, milestones);
    let opened = story.opened.as_ref().ok_or(FoldError::NeverOpened)?;
    let accepted = story.accepted.ok_or(FoldError::NeverAccepted)?;
    let (outcome, legal_aid_prompted, referral_type) = match (story.outcome, closing.by) {
        (Some(outcome), _) => outcome,
        (None, ClosedBy::Reaper) => (Outcome::Missing, false, None),
        (None, ClosedBy::Owner) => return Err(FoldError::NoOutcome),
    };
    let consultation_id = milestones.first().ok_or(FoldError::NeverOpened)?.consultation;
    // Seconds are counted on the grid of the media server; the first one may have begun before the acceptance.
    let service_start = evidence.and_then(|seen| seen.service_start).unwrap_or(accepted.at).max(accepted.at);
    // Without media the service ends with the session, and after a crash with the last thing that is known of it.
    let known_end = story.ended.map_or(story.last_event_at.unwrap_or(accepted.at), |(at, _)| at);
    let service_end = evidence.and_then(|seen| seen.service_end).unwrap_or(known_end).max(service_start);
    let two_way_s = evidence.map_or(0, Evidence::two_way_s);
    let business = calendar.at(service_start);
    let served = two_way_s > 0 || story.lawyer.messages > 0;
    let answered_after =
        story.lawyer.first_at.map(|first| u32::try_from(first.ms_since(opened.at).max(0) / 1000).unwrap_or(u32::MAX));
    Ok(ServiceRecord {
        schema_version: SCHEMA_VERSION,
        record_id,
        consultation_id,
        session_id: session,
        follow_up_no: story.earlier_sessions,
        citizen_ref: snapshots.citizen_ref,
        identity_mode: opened.identity_mode,
        consent_version: opened.consent_version.clone(),
        lawyer: snapshots.lawyer,
        area: opened.area.clone(),
        area_path: snapshots.area,
        entry_source: opened.entry_source.clone(),
        practice_area: opened.practice_area,
        channel: opened.channel,
        channel_used: story.channel_used.unwrap_or(opened.channel),
        outcome,
        legal_aid_prompted,
        referral_type,
        route_mode: accepted.rung.map_or(RouteMode::RingAll, |(mode, _)| mode),
        tier: accepted.rung.map(|(_, tier)| tier),
        call_back: story.call_back,
        created_at: opened.at,
        first_offer_at: story.first_offer_at,
        offers_sent: story.offers_sent,
        declines: story.declines,
        accepted_at: accepted.at,
        ring_latency_ms: accepted.ring_latency_ms,
        wait_ms: accepted.wait_ms,
        service_start,
        service_end,
        wall_s: u32::try_from((service_end.ms_since(service_start) + 999) / 1000).unwrap_or(u32::MAX),
        ended_at: story.ended.map(|(at, _)| at),
        end_reason: story.ended.map(|(_, reason)| reason),
        two_way_s,
        two_way_audio_s: evidence.map_or(0, Evidence::two_way_audio_s),
        two_way_video_s: evidence.map_or(0, Evidence::two_way_video_s),
        longest_silence_s: evidence.map_or(0, |seen| seen.longest_silence_s),
        silent_s: evidence.map_or(0, |seen| seen.silent_s),
        both_talk_min_s: evidence.map_or(0, Evidence::both_talk_min_s),
        citizen_messages: story.citizen.messages,
        citizen_chars: story.citizen.chars,
        lawyer_messages: story.lawyer.messages,
        lawyer_chars: story.lawyer.chars,
        first_answer_latency_s: answered_after,
        real_time_text: story.typed.keys().any(|leg| !story.thirds.contains_key(leg)),
        legs: legs(&story, opened.device, accepted.at, evidence),
        interruptions: story.interruptions,
        interruption_count: story.interruption_count,
        off_hours: business.off_hours,
        holiday: business.holiday,
        make_up_workday: business.make_up_workday,
        local_date: business.date.to_string(),
        period: business.period,
        payable: outcome.is_payable() && served,
        closed_by: closing.by,
        precision_s: closing.precision_s,
        sealed_at: closing.at,
        answer: None,
    })
}

const fn route_mode(mode: words::RouteMode) -> RouteMode {
    match mode {
        words::RouteMode::Direct => RouteMode::Direct,
        words::RouteMode::AutoVillage => RouteMode::AutoVillage,
        words::RouteMode::Broadcast => RouteMode::Broadcast,
        words::RouteMode::Appointment => RouteMode::Appointment,
    }
}

/// Every leg that the events or the evidence know, the asker first.
fn legs(story: &Story, device: DeviceClass, accepted_at: Timestamp, evidence: Option<&Evidence>) -> Vec<LegRecord> {
    let told = story.legs.iter().map(|leg| (leg.leg, leg.role, Some(leg)));
    let seen = evidence.into_iter().flat_map(|seen| seen.legs.iter());
    let seen = seen.filter(|(leg, _)| !story.legs.iter().any(|told| told.leg == **leg));
    let mut legs: Vec<_> = told.chain(seen.map(|(leg, seen)| (*leg, seen.role, None))).collect();
    legs.sort_by_key(|(leg, role, _)| (*role != Role::Citizen, story.thirds.contains_key(leg), *leg));
    legs.into_iter()
        .map(|(leg, role, told)| {
            let seen = evidence.and_then(|seen| seen.legs.get(&leg));
            let record = leg_record(leg, role, told, seen, device);
            LegRecord {
                third: story.thirds.get(&leg).cloned(),
                first_rtp_at: record.first_rtp_at.map(|at| at.max(accepted_at)),
                real_time_chars: story.typed.get(&leg).copied().unwrap_or(0),
                ..record
            }
        })
        .collect()
}

fn leg_record(
    leg_id: LegId,
    role: Role,
    told: Option<&LegStory>,
    seen: Option<&LegEvidence>,
    device: DeviceClass,
) -> LegRecord {
    let totals = seen.map(LegEvidence::totals).unwrap_or_default();
    LegRecord {
        leg_id,
        role,
        third: None,
        device_class: (role == Role::Citizen).then_some(device),
        invited_at: told.and_then(|told| told.invited_at),
        joined_at: told.and_then(|told| told.joined_at),
        connected_at: told.and_then(|told| told.connected_at),
        transport_up_at: seen.and_then(|seen| seen.connected_at),
        first_rtp_at: seen.and_then(|seen| seen.first_media_at),
        last_rtp_at: seen.and_then(|seen| seen.last_media_at),
        left_at: told.and_then(|told| told.left).map(|(at, _)| at),
        leave_reason: told.and_then(|told| told.left).map(|(_, how)| how),
        transport: seen.and_then(|seen| seen.transport.clone()),
        transports: seen.map_or(0, |seen| seen.transports),
        audio_alive_s: seen.map_or(0, |seen| seen.audio_alive_s),
        video_alive_s: seen.map_or(0, |seen| seen.video_alive_s),
        talk_s: seen.map_or(0, |seen| seen.talk_s),
        talk_turns: seen.map_or(0, |seen| seen.talk_turns),
        real_time_chars: 0,
        packets_in: totals.packets_in,
        bytes_in: totals.bytes_in,
        packets_out: totals.packets_out,
        bytes_out: totals.bytes_out,
        lost_in: totals.lost_in,
        lost_out: totals.lost_out,
        loss_permille: seen.map_or(0, LegEvidence::loss_permille),
        jitter_ms_p50: seen.and_then(|seen| seen.jitter.percentile(50)),
        jitter_ms_p95: seen.and_then(|seen| seen.jitter.percentile(95)),
        rtt_ms_p50: seen.and_then(|seen| seen.rtt.percentile(50)),
        rtt_ms_p95: seen.and_then(|seen| seen.rtt.percentile(95)),
        rtx_out: totals.rtx_out,
        keyframe_requests: totals.keyframe_requests,
        auth_failures: totals.auth_failures,
        silences: totals.interruptions,
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::{
        ids::{CitizenId, InvitationId, LawyerId},
        words::{Part, Pool},
    };

    use super::*;
    use crate::domain::{
        people::{ProviderType, Qualification},
        service_record::{AreaPath, LawyerSnapshot},
        testing::{Script, id},
    };

    /// 2026-03-11 10:00 in Shanghai.
    const MORNING: Timestamp = Timestamp(1_773_194_400_000);

    fn script() -> Script {
        Script::new(1, CitizenId::new(id(1, 8)), LawyerId::new(id(1, 9)), MORNING)
    }

    fn fold_of(script: &Script, evidence: Option<&Evidence>, by: ClosedBy) -> Result<ServiceRecord, FoldError> {
        let lawyer = LawyerSnapshot {
            lawyer_id: script.lawyer,
            provider_type: ProviderType::Lawyer,
            firm_id: None,
            pool: Pool::Local,
            public_office: false,
            licence_no: None,
            qualification: Qualification::Active,
        };
        let snapshots = Snapshots { lawyer, citizen_ref: "ref".to_owned(), area: AreaPath::default() };
        let closing = Closing { by, precision_s: 0, at: script.now };
        fold(
            RecordId::new(id(1, 6)),
            script.session,
            &script.events,
            evidence,
            snapshots,
            &Calendar::default(),
            closing,
        )
    }

    fn served() -> Script {
        let mut script = script();
        script.opened(Channel::Video).after(2000).rung().after(4000).accepted().after(500).active();
        script.after(20_000).ended(EndReason::CitizenHungUp).after(5000).outcome(Outcome::AdviceGiven);
        script
    }

    #[test]
    fn a_third_party_is_in_the_record_and_its_lines_are_not_the_lawyers() {
        let mut script = script();
        script.opened(Channel::Voice).rung().accepted().active().said(Role::Citizen, 12).after(1000);
        script.third(LawyerId::new(id(9, 3)), InvitationId::new(id(9, 8))).said(Role::Lawyer, 7);
        script.after(2000).ended(EndReason::CitizenHungUp).outcome(Outcome::AdviceGiven);

        let record = fold_of(&script, None, ClosedBy::Owner).expect("a record");

        assert_eq!((record.citizen_messages, record.lawyer_messages, record.lawyer_chars), (1, 1, 7));
        let [asker, desk, third] = &record.legs[..] else { panic!("three legs, not {:?}", record.legs) };
        assert_eq!((&asker.third, &desk.third, desk.leg_id), (&None, &None, script.desk));
        let told = ThirdRecord {
            lawyer_id: LawyerId::new(id(9, 3)),
            part: Part::Interpreter,
            consented_at: Some(Timestamp(MORNING.0 + 5000)),
            removed_by: Some(Role::Citizen),
        };
        assert_eq!((third.leg_id, &third.third), (LegId::new(id(9, 8)), &Some(told)));
        assert_eq!(
            (third.joined_at, third.left_at),
            (Some(Timestamp(MORNING.0 + 8000)), Some(Timestamp(MORNING.0 + 17_000)))
        );
        assert_eq!(third.leave_reason, Some(LegState::Kicked));
        assert_eq!(record.lawyer.lawyer_id, script.lawyer);
    }

    #[test]
    fn a_served_call_is_told_whole() {
        let script = served();
        let mut call = Script::anyone(1, Timestamp(MORNING.0 + 26_500));
        call.session = script.session;
        let evidence = call.evidence(20);

        let record = fold_of(&script, Some(&evidence), ClosedBy::Owner).expect("a record");

        assert_eq!((record.two_way_s, record.two_way_audio_s, record.two_way_video_s), (20, 20, 20));
        assert_eq!((record.wait_ms, record.ring_latency_ms, record.offers_sent), (6000, 4000, 1));
        assert_eq!((record.service_start.0, record.wall_s), (MORNING.0 + 6500, 20));
        assert_eq!(record.end_reason, Some(EndReason::CitizenHungUp));
        assert_eq!((record.outcome, record.legal_aid_prompted, record.payable), (Outcome::AdviceGiven, true, true));
        assert_eq!((record.period.as_str(), record.local_date.as_str()), ("2026-03", "2026-03-11"));
        assert!(!record.off_hours);
        assert_eq!(record.legs.iter().map(|leg| leg.role).collect::<Vec<_>>(), [Role::Citizen, Role::Lawyer]);
        assert_eq!(record.legs[0].device_class, Some(DeviceClass::Mobile));
        assert_eq!((record.legs[1].packets_in, record.legs[1].rtt_ms_p50), (1000, Some(30)));
    }

    #[test]
    fn how_the_lawyer_was_found_and_who_called_whom_is_told() {
        let mut script = script();
        script.opened(Channel::Text).rung().put_on_hold().after(60_000).rung_again().after(4000).accepted().active();
        script.said(Role::Lawyer, 12).ended(EndReason::LawyerHungUp).outcome(Outcome::AdviceGiven);

        let called_back = fold_of(&script, None, ClosedBy::Owner).expect("a record");
        let waited = fold_of(&served(), None, ClosedBy::Owner).expect("a record");

        let found = |record: &ServiceRecord| (record.route_mode, record.tier, record.call_back);
        assert_eq!(found(&called_back), (RouteMode::Direct, Some(Tier::LocalArea), true));
        assert_eq!(found(&waited), (RouteMode::Broadcast, Some(Tier::LocalArea), false));
    }

    #[test]
    fn a_service_does_not_begin_before_it_was_accepted_nor_last_shorter_than_its_seconds() {
        let mut script = script();
        script.opened(Channel::Voice).rung().after(445).accepted().active().after(3000).ended(EndReason::LawyerHungUp);
        script.outcome(Outcome::AdviceGiven);
        let mut call = Script::anyone(1, Timestamp(MORNING.0 + 3000));
        call.session = script.session;

        let record = fold_of(&script, Some(&call.evidence(3)), ClosedBy::Owner).expect("a record");

        assert_eq!((record.accepted_at.0, record.service_start), (MORNING.0 + 445, record.accepted_at));
        assert_eq!((record.two_way_s, record.wall_s), (3, 3));
        assert!(record.legs.iter().all(|leg| leg.first_rtp_at == Some(record.accepted_at)));
    }

    #[test]
    fn the_same_story_gives_the_same_bytes() {
        let bytes = || serde_json::to_vec(&fold_of(&served(), None, ClosedBy::Owner).expect("a record")).expect("json");

        assert_eq!(bytes(), bytes());
        let read: ServiceRecord = serde_json::from_slice(&bytes()).expect("it reads back");
        assert_eq!(serde_json::to_vec(&read).expect("json"), bytes());
    }

    #[test]
    fn an_interruption_lasts_until_the_leg_is_back() {
        let mut script = script();
        script.opened(Channel::Voice).rung().accepted().active().after(10_000);
        script.leg(Role::Lawyer, LegState::Connected, LegState::Interrupted).after(7000);
        script.leg(Role::Lawyer, LegState::Interrupted, LegState::Connected).after(3000);
        script.leg(Role::Citizen, LegState::Connected, LegState::Interrupted).after(60_000);
        script.leg(Role::Citizen, LegState::Interrupted, LegState::TimedOut);
        script.ended(EndReason::ConnectionLost).outcome(Outcome::Dropped);

        let record = fold_of(&script, None, ClosedBy::Owner).expect("a record");

        let gaps: Vec<_> =
            record.interruptions.iter().map(|gap| (gap.role, gap.to.map(|to| to.0 - gap.from.0))).collect();
        assert_eq!(gaps, [(Role::Lawyer, Some(7000)), (Role::Citizen, None)]);
        assert_eq!(record.interruption_count, 2);
        assert!(!record.payable, "a dropped call is not paid");
    }

    #[test]
    fn what_was_typed_live_is_counted_by_leg_and_marks_the_record() {
        let mut script = script();
        script.opened(Channel::Text).rung().accepted().active().after(2000);
        script.typed(Role::Citizen, 3).typed(Role::Citizen, 9).said(Role::Citizen, 11).typed(Role::Lawyer, 5);
        script.ended(EndReason::LawyerHungUp).outcome(Outcome::AdviceGiven);

        let record = fold_of(&script, None, ClosedBy::Owner).expect("a record");

        assert!(record.real_time_text);
        assert_eq!(record.legs.iter().map(|leg| leg.real_time_chars).collect::<Vec<_>>(), [12, 5]);
        assert_eq!(record.citizen_chars, 11, "lines are counted as lines");
    }

    #[test]
    fn a_text_consultation_counts_lines_and_characters() {
        let mut script = script();
        script.opened(Channel::Text).after(3000).rung().accepted().active().after(2000);
        script.said(Role::Citizen, 40).after(30_000).said(Role::Lawyer, 120).said(Role::Lawyer, 60).after(1000);
        script.ended(EndReason::LawyerHungUp).outcome(Outcome::AdviceGiven);

        let record = fold_of(&script, None, ClosedBy::Owner).expect("a record");

        assert_eq!((record.citizen_messages, record.citizen_chars), (1, 40));
        assert_eq!((record.lawyer_messages, record.lawyer_chars), (2, 180));
        assert_eq!(record.first_answer_latency_s, Some(35));
        assert_eq!((record.two_way_s, record.wall_s), (0, 33));
        assert!(record.payable);
    }

    #[test]
    fn advice_without_any_evidence_is_not_payable() {
        let record = fold_of(&served(), None, ClosedBy::Owner).expect("a record");

        assert_eq!((record.two_way_s, record.payable), (0, false));
    }

    #[test]
    fn the_owner_needs_an_outcome_and_the_reaper_writes_missing() {
        let mut script = script();
        script.opened(Channel::Voice).rung().accepted().active().after(9000).ended(EndReason::CitizenHungUp);

        assert_eq!(fold_of(&script, None, ClosedBy::Owner), Err(FoldError::NoOutcome));
        let record = fold_of(&script, None, ClosedBy::Reaper).expect("a record");

        assert_eq!((record.outcome, record.payable), (Outcome::Missing, false));
    }

    #[test]
    fn a_try_without_media_is_no_service_and_a_second_service_is_a_follow_up() {
        let mut script = script();
        let (first, second) = (script.session, SessionId::new(id(1, 12)));
        script.opened(Channel::Voice).rung().accepted().session_to(SessionState::Failed);
        script.session = second;
        script.rung().accepted().active().ended(EndReason::LawyerHungUp).outcome(Outcome::AdviceGiven);
        assert_eq!(fold_of(&script, None, ClosedBy::Owner).expect("a record").follow_up_no, 0);

        script.session = SessionId::new(id(1, 13));
        script.rung().accepted().active().ended(EndReason::LawyerHungUp).outcome(Outcome::AdviceGiven);
        let record = fold_of(&script, None, ClosedBy::Owner).expect("a record");

        assert_eq!((record.follow_up_no, record.session_id == first), (1, false));
        assert!(record.legs.iter().all(|leg| leg.invited_at.is_some() && leg.joined_at.is_some()));
    }

    #[test]
    fn a_session_nobody_accepted_has_no_record() {
        let mut script = script();
        script.opened(Channel::Voice).rung();

        assert_eq!(fold_of(&script, None, ClosedBy::Reaper), Err(FoldError::NeverAccepted));
        script.events.clear();
        assert_eq!(fold_of(&script, None, ClosedBy::Reaper), Err(FoldError::NeverOpened));
    }
}
