//! RTCP to a peer: what its sources lack, what arrived of them, and the clocks of what it is shown.
use std::time::{Duration, Instant};

use super::core::Core;
use crate::{
    arena::Key,
    fact::MediaKind,
    forward::{Leg, Track, clock_rate},
    peer::{Peer, Phase},
    rtcp::{self, Block},
    sfu::out::Out,
    srtp::RTCP_OVERHEAD,
    time::Now,
};

/// Time between two reports (RFC 3550 6.2 allows more often than its 5 s where bandwidth does).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// A compound of ours stays below every path's MTU.
const MAX_COMPOUND: usize = 1_200;

impl Leg {
    /// Seals a compound and sends it.
    pub(super) fn send_rtcp(&mut self, compound: &[u8], out: &mut Out) {
        let (Some(to), Some(seal)) = (self.to, &mut self.seal) else { return };
        let room = out.room(compound.len() + RTCP_OVERHEAD);
        room[..compound.len()].copy_from_slice(compound);
        if let Ok(size) = seal.rtcp(room, compound.len()) {
            out.commit(to, size);
        }
    }
}

impl Core {
    /// Asks a source for a keyframe, now or as soon as its throttle allows.
    pub(super) fn want_keyframe(&mut self, source: Key<Track>, now: Now) {
        let Some(track) = self.tracks.get_mut(source).filter(|track| track.plan.kind == MediaKind::Video) else {
            return;
        };
        let owner = track.owner;
        if track.ssrc.is_none() || self.peers.get(owner).is_none_or(|peer| peer.phase != Phase::Connected) {
            return;
        }
        // A keyframe that nobody can see yet would only use up the throttle of those who soon will.
        let seen = track.subscribers.iter().any(|slot| {
            self.slots.get(*slot).and_then(|slot| self.legs.get(slot.leg)).is_some_and(|leg| leg.seal.is_some())
        });
        if seen && track.keyframes.ask(now.mono) {
            self.ask_keyframe(source);
        }
        self.keyframe_later(source);
    }

    /// Sends the keyframe requests of a publisher that had to wait, or were not heard.
    pub(super) fn keyframes_due(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.due.keyframe = None;
        for source in peer.tracks.clone() {
            if self.tracks.get_mut(source).is_some_and(|track| track.keyframes.due(now.mono)) {
                self.ask_keyframe(source);
            }
            self.keyframe_later(source);
        }
    }

    fn keyframe_later(&mut self, source: Key<Track>) {
        let Some(track) = self.tracks.get(source) else { return };
        if let (Some(at), Some(peer)) = (track.keyframes.deadline(), self.peers.get_mut(track.owner)) {
            peer.due.keyframe = Some(peer.due.keyframe.map_or(at, |set| set.min(at)));
            self.arm(track.owner);
        }
    }

    fn ask_keyframe(&mut self, source: Key<Track>) {
        let Some(track) = self.tracks.get(source) else { return };
        let (Some(ssrc), Some(peer)) = (track.ssrc, self.peers.get_mut(track.owner)) else { return };
        let codec = &track.plan.codec;
        peer.begin_feedback(&mut self.scratch);
        if codec.pli {
            rtcp::pli(&mut self.scratch, peer.ssrc, ssrc);
        } else if codec.fir {
            peer.fir = peer.fir.wrapping_add(1);
            rtcp::fir(&mut self.scratch, peer.ssrc, ssrc, peer.fir);
        } else {
            return;
        }
        peer.totals.keyframe_requests += 1;
        if let Some(leg) = self.legs.get_mut(peer.leg) {
            leg.send_rtcp(&self.scratch, &mut self.out);
        }
    }

    /// Asks for packets that did not arrive, and tells when to look again.
    pub(super) fn nack(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let patience = peer.patience();
        peer.begin_feedback(&mut self.scratch);
        let empty = self.scratch.len();
        let mut again: Option<Instant> = None;
        let mut hopeless = Vec::new();
        for source in &peer.tracks {
            let Some(track) = self.tracks.get_mut(*source).filter(|track| track.plan.codec.nack) else { continue };
            let Some(ssrc) = track.ssrc else { continue };
            self.missing.clear();
            track.receiver.missing(now.mono, patience, &mut self.missing);
            rtcp::nack(&mut self.scratch, peer.ssrc, ssrc, &self.missing);
            if track.receiver.gave_up() {
                hopeless.push(*source);
            }
            again = [again, track.receiver.nack_deadline()].into_iter().flatten().min();
        }
        if self.scratch.len() > empty
            && let Some(leg) = self.legs.get_mut(peer.leg)
        {
            leg.send_rtcp(&self.scratch, &mut self.out);
        }
        peer.due.nack = again;
        for source in hopeless {
            self.want_keyframe(source, now);
        }
    }

    /// Tells a publisher which of its packets arrived when, by which it estimates how much it can send.
    pub(super) fn feedback(&mut self, key: Key<Peer>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(leg) = self.legs.get_mut(peer.leg) else { return };
        let media = peer.ssrcs.first().map_or(0, |known| known.ssrc);
        peer.due.feedback = None;
        loop {
            peer.begin_feedback(&mut self.scratch);
            if !peer.arrivals.write(&mut self.scratch, peer.ssrc, media) {
                break;
            }
            leg.send_rtcp(&self.scratch, &mut self.out);
        }
    }

    /// SR for every slot that shows something, RR for every source, CNAMEs.
    pub(super) fn report(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.due.report = Some(now.mono + REPORT_INTERVAL);
        let Some(leg) = self.legs.get_mut(peer.leg) else { return };
        let mut blocks: Vec<Block> = Vec::with_capacity(peer.tracks.len());
        for track in &peer.tracks {
            let Some(track) = self.tracks.get_mut(*track) else { continue };
            let (Some(ssrc), Some(_)) = (track.ssrc, track.last) else { continue };
            blocks.push(track.receiver.block(ssrc, now.mono));
        }
        self.scratch.clear();
        // Blocks ride on the first packet of the compound (RFC 3550 6.1), or on an RR of their own if we send nothing.
        let mut first = Some(blocks.as_slice());
        for key in &peer.slots {
            let Some(slot) = self.slots.get_mut(*key) else { continue };
            let Some(clock) = slot.source.and_then(|source| self.tracks.get(source)?.clock) else { continue };
            let (ntp, rtp) = clock.at(now.mono, clock_rate(slot.plan.kind.media()));
            let Some(rtp) = slot.timestamp(rtp).filter(|_| slot.packets > 0) else { continue };
            let blocks = first.take().unwrap_or_default();
            rtcp::sender_report(&mut self.scratch, slot.plan.ssrc, ntp, rtp, slot.packets, slot.octets, blocks);
            rtcp::sdes_cname(&mut self.scratch, slot.plan.ssrc, &slot.plan.cname);
            slot.reported((ntp >> 16) as u32, now.mono);
            if self.scratch.len() > MAX_COMPOUND - 100 {
                leg.send_rtcp(&self.scratch, &mut self.out);
                self.scratch.clear();
            }
        }
        if let Some(blocks) = first {
            rtcp::receiver_report(&mut self.scratch, peer.ssrc, blocks);
            rtcp::sdes_cname(&mut self.scratch, peer.ssrc, "yunfa");
        }
        if !self.scratch.is_empty() {
            leg.send_rtcp(&self.scratch, &mut self.out);
        }
    }
}
