//! Deadlines: whoever is due is handled, nobody else is looked at.
use std::time::Instant;

use super::core::Core;
use crate::{
    arena::Key,
    fact::{Fact, LostReason},
    peer::{Peer, Phase, Silence},
    time::Now,
};

impl Core {
    /// When somebody is due next.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let second = self.seconds.first().map(|(at, _)| *at);
        [self.timers.next(), second].into_iter().flatten().min()
    }

    pub(super) fn wake(&mut self, now: Now) {
        while let Some((at, key)) = self.timers.pop(now.mono) {
            let Some(peer) = self.enter(key) else { continue };
            // Another wake-up was set since, or this one was moved.
            if peer.wake != Some(at) {
                continue;
            }
            peer.wake = None;
            self.due(key, now);
            self.arm(key);
        }
        self.end_seconds(now);
    }

    fn due(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        match peer.phase {
            Phase::Connecting { deadline } if deadline <= now.mono => {
                return self.leave(key, Some(LostReason::NeverConnected), now);
            }
            Phase::Connecting { .. } => {}
            Phase::Connected => match peer.pulse.judge(&self.config, now.mono) {
                Silence::Lost => return self.leave(key, Some(LostReason::Silent), now),
                Silence::Interrupted => {
                    peer.totals.interruptions += 1;
                    self.out.tell(Fact::Interrupted { peer: peer.id }, now);
                }
                Silence::None => {}
            },
        }
        if let Some(to) = self.legs.get(peer.leg).and_then(|leg| leg.to) {
            let out = &mut self.out;
            peer.dtls.resend(now.mono, |datagram| out.send(to, datagram));
        }
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now.mono);
        let (nack, feedback) = (passed(peer.due.nack), passed(peer.due.feedback));
        let (report, keyframe) = (passed(peer.due.report), passed(peer.due.keyframe));
        if keyframe {
            self.keyframes_due(key, now);
        }
        if nack {
            self.nack(key, now);
        }
        if feedback {
            self.feedback(key);
        }
        if report {
            self.report(key, now);
        }
    }
}
