//! What the media plane saw of the running session, from the acceptance to the end and not a second more.
use std::{collections::BTreeMap, time::Duration};

use yunfa_signaling::{
    consultation::{Opening, Party},
    ids::{LegId, SessionId},
    time::{Instant, Timestamp},
    words::Role,
};

use super::transport::Link;
use crate::domain::evidence::{Evidence, SecondFacts, TransportTotals};

/// How often the recorder gets the evidence of a running session. It is durable half a second later, so that a crash
/// costs 5 s at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(4);

/// The evidence of one running session.
#[derive(Debug)]
pub(super) struct Ledger {
    evidence: Evidence,
    legs: BTreeMap<Party, LegId>,
    /// The number of the transport that each party has now.
    links: BTreeMap<Party, u64>,
    /// What each transport had carried before it came into this session.
    before: BTreeMap<Party, TransportTotals>,
    /// The `seq` of the last checkpoint.
    kept: u64,
    next_checkpoint: Instant,
}

impl Ledger {
    /// Opens the ledger of a session that was just accepted.
    pub(super) fn open(opening: &Opening, session: SessionId, lawyer: Party, now: Instant) -> Option<Self> {
        let ids = opening.sessions.iter().find(|ids| ids.session == session)?;
        let roles = [(ids.citizen, Role::Citizen), (ids.lawyer, Role::Lawyer)];
        Some(Self {
            evidence: Evidence::new(session, opening.consultation, roles),
            legs: [(Party::Citizen, ids.citizen), (lawyer, ids.lawyer)].into(),
            links: BTreeMap::new(),
            before: BTreeMap::new(),
            kept: 0,
            next_checkpoint: now + CHECKPOINT_EVERY,
        })
    }

    /// A third party has come; a party who comes again has a new leg.
    pub(super) fn third(&mut self, party: Party, leg: LegId) {
        self.evidence.add_third(leg);
        self.legs.insert(party, leg);
        self.links.remove(&party);
    }

    /// Which session.
    pub(super) const fn session(&self) -> SessionId {
        self.evidence.session
    }

    /// A party's transport is up and in the room; `before` is what it had carried until now. One that comes up while its
    /// session is accepted says so by itself and again when it is called into the room: it is one transport.
    pub(super) fn up(&mut self, party: Party, link: Link, before: TransportTotals, at: Timestamp) {
        if let Some(leg) = self.legs.get(&party)
            && self.links.insert(party, link.number) != Some(link.number)
        {
            self.before.insert(party, before);
            self.evidence.connected(*leg, link.way, at);
        }
    }

    /// One second of a party has passed.
    pub(super) fn second(&mut self, party: Party, facts: SecondFacts, at: Timestamp) {
        let Some(leg) = self.legs.get(&party) else { return };
        let before = self.before.get(&party).copied().unwrap_or_default();
        let facts = SecondFacts { totals: since(facts.totals, before), ..facts };
        self.evidence.add_second(*leg, facts, at);
    }

    /// Seconds in which both sides' media arrived.
    pub(super) fn two_way_s(&self) -> u32 {
        self.evidence.two_way_s()
    }

    /// When the next checkpoint is due.
    pub(super) const fn deadline(&self) -> Instant {
        self.next_checkpoint
    }

    /// The checkpoint, when one is due and something has changed.
    pub(super) fn checkpoint(&mut self, now: Instant) -> Option<Evidence> {
        if now < self.next_checkpoint {
            return None;
        }
        self.next_checkpoint = now + CHECKPOINT_EVERY;
        let changed = self.evidence.seq > self.kept;
        self.kept = self.evidence.seq;
        changed.then(|| self.evidence.clone())
    }

    /// Closes the ledger: this is all there will be.
    pub(super) fn close(mut self) -> Evidence {
        self.evidence.complete();
        self.evidence
    }
}

/// What a transport has carried since; the gauges are of now.
const fn since(now: TransportTotals, before: TransportTotals) -> TransportTotals {
    TransportTotals {
        packets_in: now.packets_in.saturating_sub(before.packets_in),
        bytes_in: now.bytes_in.saturating_sub(before.bytes_in),
        packets_out: now.packets_out.saturating_sub(before.packets_out),
        bytes_out: now.bytes_out.saturating_sub(before.bytes_out),
        lost_in: now.lost_in.saturating_sub(before.lost_in),
        lost_out: now.lost_out.saturating_sub(before.lost_out),
        jitter_us: now.jitter_us,
        rtt_us: now.rtt_us,
        auth_failures: now.auth_failures.saturating_sub(before.auth_failures),
        rtx_out: now.rtx_out.saturating_sub(before.rtx_out),
        keyframe_requests: now.keyframe_requests.saturating_sub(before.keyframe_requests),
        interruptions: now.interruptions.saturating_sub(before.interruptions),
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::{
        consultation::{MAX_SESSIONS, SessionIds},
        ids::{CitizenId, ConsultationId, LawyerId},
        private::PersonName,
        words::{Channel, DeviceClass, IdentityMode, PracticeArea},
    };

    use super::*;
    use crate::domain::evidence::LegTransport;

    const LAWYER: Party = Party::Lawyer(LawyerId::new(uuid::Uuid::from_u128(9)));

    #[test]
    fn what_a_warm_transport_carried_before_the_call_is_no_part_of_it() {
        let mut ledger = ledger();
        let before = TransportTotals { packets_in: 1000, lost_in: 7, ..TransportTotals::default() };
        ledger.up(Party::Citizen, link(1), before, Timestamp(1000));

        let totals = TransportTotals { packets_in: 1050, lost_in: 7, rtt_us: 800, ..TransportTotals::default() };
        ledger.second(Party::Citizen, SecondFacts { totals, ..alive() }, Timestamp(2000));

        let evidence = ledger.close();
        let leg = evidence.legs.values().find(|leg| leg.role == Role::Citizen).expect("a leg");
        assert_eq!((leg.totals().packets_in, leg.totals().lost_in, leg.totals().rtt_us), (50, 0, 800));
    }

    #[test]
    fn a_transport_that_says_twice_that_it_is_up_is_one_and_the_next_is_another() {
        let mut ledger = ledger();
        let totals = |packets_in| TransportTotals { packets_in, ..TransportTotals::default() };
        ledger.up(Party::Citizen, link(1), totals(0), Timestamp(1000));
        ledger.second(Party::Citizen, SecondFacts { totals: totals(50), ..alive() }, Timestamp(2000));
        ledger.up(Party::Citizen, link(1), totals(0), Timestamp(2000));
        ledger.second(Party::Citizen, SecondFacts { totals: totals(100), ..alive() }, Timestamp(3000));
        ledger.up(Party::Citizen, link(2), totals(0), Timestamp(3000));
        ledger.second(Party::Citizen, SecondFacts { totals: totals(50), ..alive() }, Timestamp(4000));

        let evidence = ledger.close();
        let leg = evidence.legs.values().find(|leg| leg.role == Role::Citizen).expect("a leg");
        assert_eq!((leg.transports, leg.totals().packets_in), (2, 150));
    }

    #[test]
    fn only_seconds_of_both_sides_are_two_way() {
        let mut ledger = ledger();
        for second in 1..=5 {
            let at = Timestamp(second * 1000);
            ledger.second(Party::Citizen, alive(), at);
            if second <= 3 {
                ledger.second(LAWYER, alive(), at);
            }
            ledger.second(Party::Lawyer(LawyerId::new(uuid::Uuid::from_u128(8))), alive(), at);
        }

        assert_eq!(ledger.two_way_s(), 3);
    }

    #[test]
    fn a_checkpoint_comes_every_four_seconds_and_only_with_news() {
        let mut ledger = ledger();
        let at = |seconds| Instant::since_start(Duration::from_secs(seconds));
        ledger.second(Party::Citizen, alive(), Timestamp(1000));

        assert!(ledger.checkpoint(at(3)).is_none());
        assert!(ledger.checkpoint(at(4)).is_some());
        assert!(ledger.checkpoint(at(8)).is_none(), "nothing has changed");
        assert_eq!(ledger.deadline(), at(12));
        assert!(ledger.close().complete);
    }

    fn ledger() -> Ledger {
        let id = |number: u128| uuid::Uuid::from_u128(number);
        let ids = |session: u128| SessionIds {
            session: SessionId::new(id(session)),
            citizen: LegId::new(id(session + 100)),
            lawyer: LegId::new(id(session + 200)),
        };
        let sessions: [SessionIds; MAX_SESSIONS] = [ids(1), ids(2), ids(3)];
        let opening = Opening {
            consultation: ConsultationId::new(id(7)),
            citizen: CitizenId::new(id(8)),
            alias: PersonName::new("群众"),
            practice_area: PracticeArea::Labour,
            area: "370521001001".parse().expect("a code"),
            locality: String::new(),
            channel: Channel::Voice,
            lawyer: None,
            identity_mode: IdentityMode::Guest,
            consent_version: String::new(),
            entry_source: None,
            device: DeviceClass::Web,
            sessions,
        };
        Ledger::open(&opening, sessions[1].session, LAWYER, Instant::default()).expect("one of its sessions")
    }

    fn alive() -> SecondFacts {
        SecondFacts { audio_alive: true, two_way_audio: true, two_way: true, ..SecondFacts::default() }
    }

    fn link(number: u64) -> Link {
        Link { number, way: LegTransport { protocol: "udp".to_owned(), family: "ipv4".to_owned() } }
    }
}
