//! What the media plane saw of the running session, from the acceptance to the end and not a second more.
use std::{collections::BTreeMap, time::Duration};

use yunfa_signaling::{
    consultation::{Opening, Party},
    ids::{LegId, SessionId},
    time::{Instant, Timestamp},
    words::Role,
};

use crate::domain::evidence::{Evidence, LegTransport, SecondFacts, TransportTotals};

/// How often the recorder gets the evidence of a running session. It is durable half a second later, so that a crash
/// costs 5 s at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(4);

/// The evidence of one running session.
#[derive(Debug)]
pub(super) struct Ledger {
    evidence: Evidence,
    legs: BTreeMap<Party, LegId>,
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
            before: BTreeMap::new(),
            kept: 0,
            next_checkpoint: now + CHECKPOINT_EVERY,
        })
    }

    /// Which session.
    pub(super) const fn session(&self) -> SessionId {
        self.evidence.session
    }

    /// A party's transport is up and in the room; `before` is what it had carried until now.
    pub(super) fn up(&mut self, party: Party, way: LegTransport, before: TransportTotals, at: Timestamp) {
        if let Some(leg) = self.legs.get(&party) {
            self.before.insert(party, before);
            self.evidence.connected(*leg, way, at);
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
