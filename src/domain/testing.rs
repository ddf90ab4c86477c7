//! A matter told step by step, for tests of what is folded, stored, sealed and reaped.
use uuid::Uuid;
use yunfa_signaling::{
    ids::{CitizenId, ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, SessionId},
    milestone::{Event, Milestone},
    time::Timestamp,
    words::{
        Channel, ConsultationState, DeviceClass, EndReason, IdentityMode, InvitationClosed, LegState, OfferState,
        Outcome, Part, PracticeArea, Role, RouteMode, SessionState, Tier,
    },
};

use super::evidence::{Evidence, SecondFacts, TransportTotals};

/// One matter of one asker and one lawyer.
pub(crate) struct Script {
    pub(crate) consultation: ConsultationId,
    pub(crate) citizen: CitizenId,
    pub(crate) lawyer: LawyerId,
    pub(crate) session: SessionId,
    pub(crate) asker: LegId,
    pub(crate) desk: LegId,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Milestone>,
    offer: OfferId,
    state: ConsultationState,
    session_state: SessionState,
    lines: u32,
}

impl Script {
    /// A matter numbered `number`, nothing said yet, at `now`.
    pub(crate) fn new(number: u8, citizen: CitizenId, lawyer: LawyerId, now: Timestamp) -> Self {
        Self {
            consultation: ConsultationId::new(id(number, 1)),
            citizen,
            lawyer,
            session: SessionId::new(id(number, 2)),
            offer: OfferId::new(id(number, 3)),
            asker: LegId::new(id(number, 4)),
            desk: LegId::new(id(number, 5)),
            now,
            events: vec![],
            state: ConsultationState::Open,
            session_state: SessionState::Created,
            lines: 0,
        }
    }

    /// A matter of nobody in particular.
    pub(crate) fn anyone(number: u8, now: Timestamp) -> Self {
        Self::new(number, CitizenId::new(id(number, 8)), LawyerId::new(id(number, 9)), now)
    }

    pub(crate) fn say(&mut self, event: Event) -> &mut Self {
        let version = self.events.len() as u64 + 1;
        let mono_us = version * 1_000_000;
        self.events.push(Milestone { consultation: self.consultation, version, at: self.now, mono_us, event });
        self
    }

    pub(crate) fn after(&mut self, ms: i64) -> &mut Self {
        self.now.0 += ms;
        self
    }

    pub(crate) fn opened(&mut self, channel: Channel) -> &mut Self {
        let citizen = self.citizen;
        self.say(Event::Opened {
            citizen,
            practice_area: PracticeArea::Labour,
            area: "990121101202".parse().expect("a code"),
            channel,
            lawyer: None,
            identity_mode: IdentityMode::Guest,
            consent_version: "2026-01".to_owned(),
            entry_source: Some("poster-7".to_owned()),
            device: DeviceClass::Mobile,
        })
        .to(ConsultationState::Matching)
    }

    pub(crate) fn rung(&mut self) -> &mut Self {
        let (offer, lawyer) = (self.offer, self.lawyer);
        self.say(Event::OfferMade {
            offer,
            lawyer,
            round: 1,
            rank: 1,
            mode: RouteMode::Broadcast,
            tier: Tier::LocalArea,
        });
        self.session_to(SessionState::Ringing)
    }

    /// The asker wants to be called back: nobody rings any longer for now.
    pub(crate) fn put_on_hold(&mut self) -> &mut Self {
        let (offer, lawyer, to) = (self.offer, self.lawyer, OfferState::Cancelled);
        self.say(Event::OfferChanged { offer, lawyer, to, latency_ms: 4000, reason: None });
        self.to(ConsultationState::OnHold)
    }

    /// The same desk is rung once more for the same session.
    pub(crate) fn rung_again(&mut self) -> &mut Self {
        let (offer, lawyer, mode, tier) = (self.offer, self.lawyer, RouteMode::Direct, Tier::LocalArea);
        self.say(Event::OfferMade { offer, lawyer, round: 2, rank: 2, mode, tier })
    }

    pub(crate) fn accepted(&mut self) -> &mut Self {
        let (offer, lawyer, session) = (self.offer, self.lawyer, self.session);
        let to = OfferState::Accepted;
        self.say(Event::OfferChanged { offer, lawyer, to, latency_ms: 4000, reason: None });
        self.say(Event::Accepted { offer, lawyer, session, ring_latency_ms: 4000, wait_ms: 6000 });
        self.to(ConsultationState::Assigned).session_to(SessionState::Connecting);
        self.leg(Role::Citizen, LegState::Invited, LegState::Joining);
        self.leg(Role::Lawyer, LegState::Invited, LegState::Joining)
    }

    pub(crate) fn active(&mut self) -> &mut Self {
        self.leg(Role::Citizen, LegState::Joining, LegState::Connected);
        self.leg(Role::Lawyer, LegState::Joining, LegState::Connected);
        self.session_to(SessionState::Active).to(ConsultationState::InService)
    }

    pub(crate) fn leg(&mut self, role: Role, from: LegState, to: LegState) -> &mut Self {
        let leg = if role == Role::Citizen { self.asker } else { self.desk };
        let session = self.session;
        self.say(Event::LegChanged { session, leg, role, from, to })
    }

    pub(crate) fn said(&mut self, role: Role, chars: u32) -> &mut Self {
        self.lines += 1;
        let from = if role == Role::Citizen { self.asker } else { self.desk };
        let (session, number) = (self.session, self.lines);
        let message = MessageId::new(id(u8::try_from(number).expect("a short chat"), 7));
        self.say(Event::ChatSaid { session, message, number, from, role, chars })
    }

    pub(crate) fn typed(&mut self, role: Role, chars: u32) -> &mut Self {
        let from = if role == Role::Citizen { self.asker } else { self.desk };
        let session = self.session;
        self.say(Event::TypedLive { session, from, role, chars })
    }

    /// A third party is asked for, agreed to and comes; it types one line and is made to leave.
    pub(crate) fn third(&mut self, third: LawyerId, invitation: InvitationId) -> &mut Self {
        let (session, part, role) = (self.session, Part::Interpreter, Role::Lawyer);
        let (leg, reason) = (LegId::new(invitation.uuid()), InvitationClosed::Joined);
        self.say(Event::ThirdInvited { session, invitation, lawyer: third, part });
        self.after(4000).say(Event::ThirdConsented { session, invitation });
        self.after(3000).say(Event::ThirdClosed { session, invitation, lawyer: third, reason });
        let (from, to) = (LegState::Invited, LegState::Connected);
        self.say(Event::LegChanged { session, leg, role, from, to });
        self.lines += 1;
        let message = MessageId::new(id(u8::try_from(self.lines).expect("a short chat"), 7));
        self.say(Event::ChatSaid { session, message, number: self.lines, from: leg, role, chars: 9 });
        self.after(9000).say(Event::ThirdRemoved { session, invitation, by: Role::Citizen });
        let (from, to) = (LegState::Connected, LegState::Kicked);
        self.say(Event::LegChanged { session, leg, role, from, to })
    }

    pub(crate) fn ended(&mut self, reason: EndReason) -> &mut Self {
        let session = self.session;
        self.leg(Role::Citizen, LegState::Connected, LegState::Left);
        self.leg(Role::Lawyer, LegState::Connected, LegState::Left);
        self.session_to(SessionState::Ended).say(Event::SessionEnded { session, reason })
    }

    pub(crate) fn outcome(&mut self, outcome: Outcome) -> &mut Self {
        let session = self.session;
        self.say(Event::OutcomeRecorded {
            session,
            outcome,
            legal_aid_prompted: true,
            referral_type: outcome.referral(),
        });
        self.to(ConsultationState::Answered)
    }

    pub(crate) fn to(&mut self, to: ConsultationState) -> &mut Self {
        let from = std::mem::replace(&mut self.state, to);
        self.say(Event::StateChanged { from, to })
    }

    pub(crate) fn session_to(&mut self, to: SessionState) -> &mut Self {
        let session = self.session;
        let from = std::mem::replace(&mut self.session_state, to);
        self.say(Event::SessionChanged { session, from, to })
    }

    /// Evidence of `seconds` in which both sides were there, up to now.
    pub(crate) fn evidence(&self, seconds: u32) -> Evidence {
        let legs = [(self.asker, Role::Citizen), (self.desk, Role::Lawyer)];
        let mut evidence = Evidence::new(self.session, self.consultation, legs);
        for second in 0..i64::from(seconds) {
            let at = Timestamp(self.now.0 - (i64::from(seconds) - 1 - second) * 1000);
            for (leg, _) in legs {
                evidence.add_second(leg, both_alive(second as u64 + 1), at);
            }
        }
        evidence
    }
}

/// A second in which everybody could be heard and seen; the `nth` of its transport.
pub(crate) fn both_alive(nth: u64) -> SecondFacts {
    SecondFacts {
        audio_alive: true,
        video_alive: true,
        two_way_audio: true,
        two_way_video: true,
        two_way: true,
        talk: true,
        totals: TransportTotals {
            packets_in: 50 * nth,
            bytes_in: 6000 * nth,
            packets_out: 50 * nth,
            bytes_out: 6000 * nth,
            jitter_us: 4000,
            rtt_us: 30_000,
            ..TransportTotals::default()
        },
    }
}

/// A UUID v7 that says in its tail what it is of.
pub(crate) fn id(number: u8, kind: u8) -> Uuid {
    let random = [0, 0, 0, 0, 0, 0, 0, 0, number, kind];
    uuid::Builder::from_unix_timestamp_millis(1_773_194_400_000, &random).into_uuid()
}
