//! RTCP from a peer, routed by every packet of a compound (RFC 3550 6.1): what it receives, lacks and sends.
use std::net::SocketAddr;

use super::core::Core;
use crate::{
    arena::Key,
    forward::{Packet, Slot},
    peer::Peer,
    quality::{SenderClock, round_trip},
    rtcp::{self, Block},
    rtp::Head,
    srtp::SrtpError,
    time::Now,
};

/// NACKed packets that are looked at of one compound; 17 per word would make 6 000 in the longest datagram.
const MAX_NACKED: usize = 256;

impl Core {
    pub(super) fn rtcp(&mut self, key: Key<Peer>, from: SocketAddr, packet: &mut [u8], now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(open) = &mut peer.open else { return };
        let size = match open.rtcp(packet) {
            Ok(size) => size,
            Err(SrtpError::NotAuthentic) => {
                peer.totals.auth_failures += 1;
                return;
            }
            Err(_) => return,
        };
        if !peer.packets.take(1, now.mono) || !peer.bytes.take(size as u32, now.mono) {
            return;
        }
        self.beat(key, from, false, now);
        let mut nacks = MAX_NACKED;
        for packet in rtcp::packets(&packet[..size]) {
            match packet {
                rtcp::Packet::SenderReport { ssrc, ntp, rtp, blocks, .. } => {
                    self.sender_report(key, ssrc, ntp, rtp, now);
                    blocks.for_each(|block| self.block(key, &block, now));
                }
                rtcp::Packet::ReceiverReport { blocks, .. } => blocks.for_each(|block| self.block(key, &block, now)),
                rtcp::Packet::Bye { ssrcs } => ssrcs.for_each(|ssrc| self.bye(key, ssrc)),
                rtcp::Packet::Nack { media, lost } => {
                    for sequence in lost.take(nacks) {
                        nacks -= 1;
                        self.resend(key, media, sequence, now);
                    }
                }
                rtcp::Packet::Pli { media } => self.picture_lost(key, media, now),
                rtcp::Packet::Fir { targets } => {
                    targets.for_each(|(media, _)| self.picture_lost(key, media, now));
                }
                rtcp::Packet::TransportCc(feedback) => {
                    let leg = self.peers.get(key).and_then(|peer| self.legs.get_mut(peer.leg));
                    if let Some(leg) = leg {
                        leg.bandwidth.feedback(feedback, now.mono);
                    }
                }
                rtcp::Packet::Other => {}
            }
        }
    }

    /// The slot of this peer that has this SSRC; peers can speak of their own slots only.
    fn slot_of(&self, key: Key<Peer>, ssrc: u32) -> Option<Key<Slot>> {
        let slots = &self.peers.get(key)?.slots;
        slots.iter().copied().find(|slot| self.slots.get(*slot).is_some_and(|slot| slot.plan.ssrc == ssrc))
    }

    fn sender_report(&mut self, key: Key<Peer>, ssrc: u32, ntp: u64, rtp: u32, now: Now) {
        let Some(known) = self.peers.get(key).and_then(|peer| peer.known(ssrc)).filter(|known| !known.rtx) else {
            return;
        };
        if let Some(track) = self.tracks.get_mut(known.track) {
            track.receiver.sender_report(ntp, now.mono);
            track.clock = Some(SenderClock::new(ntp, rtp, now.mono));
        }
    }

    fn block(&mut self, key: Key<Peer>, block: &Block, now: Now) {
        let Some(slot) = self.slot_of(key, block.ssrc).and_then(|slot| self.slots.get_mut(slot)) else { return };
        let Some(peer) = self.peers.get_mut(key) else { return };
        // What a receiver says can be wrong: loss only grows, and not beyond what was sent.
        let lost = u32::try_from(block.lost).unwrap_or(0).min(slot.packets);
        if lost > slot.lost {
            peer.totals.lost_out += u64::from(lost - slot.lost);
            slot.lost = lost;
        }
        let age = slot.report_age(block.lsr, now.mono);
        if let Some(rtt) = age.and_then(|age| round_trip(age, block.dlsr)) {
            let smoothed = peer.rtt.map_or(rtt, |before| (before * 7 + rtt) / 8);
            peer.rtt = Some(smoothed);
            peer.totals.rtt_us = u32::try_from(smoothed.as_micros()).unwrap_or(u32::MAX);
        }
    }

    /// A source ended under this SSRC; another one may take its place.
    fn bye(&mut self, key: Key<Peer>, ssrc: u32) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Some(known) = peer.known(ssrc).filter(|known| !known.rtx)
            && let Some(track) = self.tracks.get_mut(known.track)
        {
            // The SSRC stays mapped, for a browser goes on under it; being silent, it gives way to any other.
            track.last = None;
            track.clock = None;
        }
    }

    fn resend(&mut self, key: Key<Peer>, media: u32, sequence: u16, now: Now) {
        let Some(slot) = self.slot_of(key, media) else { return };
        let Some(patience) = self.peers.get(key).map(Peer::patience) else { return };
        let Some(slot) = self.slots.get_mut(slot) else { return };
        let Some(track) = slot.source.and_then(|source| self.tracks.get_mut(source)) else { return };
        let Some(leg) = self.legs.get_mut(slot.leg) else { return };
        let Some(index) = slot.source_of(sequence) else { return };
        let Some(packet) = track.cache.get(index, now.mono) else { return };
        if !slot.may_resend(sequence, patience, now.mono) {
            return;
        }
        let Ok(head) = Head::parse(packet) else { return };
        let packet = Packet::read(&track.plan, packet, head, index);
        slot.resend(leg, sequence, &packet, &mut self.out, now.mono);
    }

    fn picture_lost(&mut self, key: Key<Peer>, media: u32, now: Now) {
        let Some(slot) = self.slot_of(key, media).and_then(|slot| self.slots.get_mut(slot)) else { return };
        let Some(source) = slot.source else { return };
        // While one is under way, asking again costs nothing and changes nothing. Otherwise nobody has the publisher make
        // keyframes for everybody all the time.
        let pending = self.tracks.get(source).is_some_and(|track| track.keyframes.deadline().is_some());
        if !pending && slot.allowance.take(now.mono) {
            self.want_keyframe(source, now);
        }
    }
}
