//! The fold: events and evidence of one session in, its service record out; the same arguments give the same bytes.
use yunfa_signaling::{
    ids::{AreaCode, LegId, RecordId, SessionId},
    milestone::{Event, Milestone},
    time::Timestamp,
    words::{Channel, DeviceClass, EndReason, IdentityMode, LegState, OfferState, Outcome, PracticeArea, Role},
};

use super::{
    calendar::Calendar,
    evidence::{Evidence, LegEvidence},
    service_record::{ClosedBy, Closing, Interruption, LegRecord, RouteMode, SCHEMA_VERSION, ServiceRecord, Snapshots},
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
    declines: u32,
    accepted: Option<Accepted>,
    earlier_sessions: u32,
    channel_used: Option<Channel>,
    ended: Option<(Timestamp, EndReason)>,
    outcome: Option<(Outcome, bool)>,
    legs: Vec<LegStory>,
    interruptions: Vec<Interruption>,
    interruption_count: u32,
    citizen: Said,
    lawyer: Said,
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
            Event::OfferMade { .. } => {
                self.first_offer_at.get_or_insert(at);
                self.offers_sent += 1;
            }
            Event::OfferChanged { to: OfferState::Declined, .. } => self.declines += 1,
            Event::Accepted { session: of, ring_latency_ms, wait_ms, .. } if *of == session => {
                self.accepted = Some(Accepted { at, ring_latency_ms: *ring_latency_ms, wait_ms: *wait_ms });
                self.last_event_at = Some(at);
            }
            Event::Accepted { .. } if self.accepted.is_none() => self.earlier_sessions += 1,
            Event::LegChanged { session: of, leg, role, to, .. } if *of == session => {
                self.leg(*leg, *role, *to, at);
                self.last_event_at = Some(at);
            }
            Event::ChannelChanged { session: of, to } if *of == session => self.channel_used = Some(*to),
            Event::ChatSaid { session: of, role, chars, .. } if *of == session => {
                let said = if *role == Role::Citizen { &mut self.citizen } else { &mut self.lawyer };
                said.messages += 1;
                said.chars = said.chars.saturating_add(*chars);
                said.first_at.get_or_insert(at);
                self.last_event_at = Some(at);
            }
            Event::SessionEnded { session: of, reason } if *of == session => self.ended = Some((at, *reason)),
            Event::OutcomeRecorded { session: of, outcome, legal_aid_prompted } if *of == session => {
                self.outcome = Some((*outcome, *legal_aid_prompted));
            }
            Event::StateChanged { .. }
            | Event::OfferChanged { .. }
            | Event::Accepted { .. }
            | Event::SessionChanged { .. }
            | Event::LegChanged { .. }
            | Event::ChannelChanged { .. }
            | Event::ChatSaid { .. }
            | Event::SessionEnded { .. }
            | Event::OutcomeRecorded { .. }
            | Event::Rated { .. } => {}
        }
    }

    fn leg(&mut self, leg: LegId, role: Role, to: LegState, at: Timestamp) {
        if !self.legs.iter().any(|known| known.leg == leg) {
            self.legs.push(LegStory { leg, role, invited_at: None, joined_at: None, connected_at: None, left: None });
        }
        if let Some(open) = self.interruptions.iter_mut().find(|gap| gap.leg_id == leg && gap.to.is_none()) {
            if matches!(to, LegState::Connected | LegState::Joining) {
                open.to = Some(at);
            }
        }
        let Some(story) = self.legs.iter_mut().find(|known| known.leg == leg) else { return };
        match to {
            LegState::Invited => story.invited_at = story.invited_at.or(Some(at)),
            LegState::Joining => story.joined_at = story.joined_at.or(Some(at)),
            LegState::Connected => story.connected_at = story.connected_at.or(Some(at)),
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
    let (outcome, legal_aid_prompted) = match (story.outcome, closing.by) {
        (Some(outcome), _) => outcome,
        (None, ClosedBy::Reaper) => (Outcome::Missing, false),
        (None, ClosedBy::Owner) => return Err(FoldError::NoOutcome),
    };
    let consultation_id = milestones.first().ok_or(FoldError::NeverOpened)?.consultation;
    let service_start = evidence.and_then(|seen| seen.service_start).unwrap_or(accepted.at);
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
        route_mode: RouteMode::RingAll,
        created_at: opened.at,
        first_offer_at: story.first_offer_at,
        offers_sent: story.offers_sent,
        declines: story.declines,
        accepted_at: accepted.at,
        ring_latency_ms: accepted.ring_latency_ms,
        wait_ms: accepted.wait_ms,
        service_start,
        service_end,
        wall_s: u32::try_from(service_end.ms_since(service_start) / 1000).unwrap_or(u32::MAX),
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
        legs: legs(&story, opened.device, evidence),
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
    })
}

/// Every leg that the events or the evidence know, the asker first.
fn legs(story: &Story, device: DeviceClass, evidence: Option<&Evidence>) -> Vec<LegRecord> {
    let told = story.legs.iter().map(|leg| (leg.leg, leg.role, Some(leg)));
    let seen = evidence.into_iter().flat_map(|seen| seen.legs.iter());
    let seen = seen.filter(|(leg, _)| !story.legs.iter().any(|told| told.leg == **leg));
    let mut legs: Vec<_> = told.chain(seen.map(|(leg, seen)| (*leg, seen.role, None))).collect();
    legs.sort_by_key(|(leg, role, _)| (*role != Role::Citizen, *leg));
    legs.into_iter()
        .map(|(leg, role, told)| {
            let seen = evidence.and_then(|seen| seen.legs.get(&leg));
            leg_record(leg, role, told, seen, device)
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
