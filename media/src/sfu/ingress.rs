//! The road of a datagram: sorted by its claim, let in by the gate, opened, and handed to those who subscribe.
use std::{net::SocketAddr, time::Duration};

use super::core::{Core, UFRAG};
use crate::{
    arena::Key,
    audio::level::Level,
    fact::{Fact, LostReason, MediaKind, Transport},
    forward::{Packet, Track, rtx},
    peer::{
        KnownSsrc, Peer, Phase,
        demux::{Claim, claim},
        dtls::Progress,
    },
    rtp::{self, Head, extend_sequence},
    srtp::SrtpError,
    stun::{self, MAX_SUCCESS, Request},
    time::Now,
};

/// How often a publisher is told what arrived (the interval that browsers use themselves).
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
/// A source whose SSRC is known takes another one only when it has been silent for so long.
const SSRC_KEPT: Duration = Duration::from_secs(2);

impl Core {
    pub(super) fn datagram(&mut self, from: SocketAddr, payload: &mut [u8], now: Now) {
        // A dual-stack socket shows IPv4 clients as mapped addresses.
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let Some(claim) = claim(payload) else { return };
        if claim == Claim::Stun {
            return self.stun(from, payload, now);
        }
        // Only STUN is looked at from an address that has not proven whose it is.
        let Some(key) = self.by_address.get(&from).copied() else { return };
        if self.enter(key).is_none() {
            return;
        }
        match claim {
            Claim::Stun => {}
            Claim::Dtls => self.dtls(key, payload, now),
            Claim::Rtp => self.rtp(key, from, payload, now),
            Claim::Rtcp => self.rtcp(key, from, payload, now),
        }
        self.arm(key);
    }

    fn stun(&mut self, from: SocketAddr, payload: &[u8], now: Now) {
        let Ok(request) = Request::parse(payload) else { return };
        // Whoever has proven an address is heard from it even while others fail behind the same NAT.
        if !self.by_address.contains_key(&from) && !self.strangers.admits(from.ip(), now.mono) {
            return;
        }
        let key = <[u8; UFRAG]>::try_from(request.local_ufrag()).ok().and_then(|u| self.by_ufrag.get(&u).copied());
        // Whoever can forge source addresses must not take another's away with a right check of its own.
        let other = self.by_address.get(&from).filter(|other| Some(**other) != key);
        if other.and_then(|other| self.peers.get(*other)).is_some_and(|other| other.ice.lives_at(from, now.mono)) {
            return;
        }
        let checked = key.and_then(|key| Some((key, self.enter(key)?.ice.check(&request, from, now.mono)?)));
        let Some((key, checked)) = checked else {
            return self.strangers.failed(from.ip(), now.mono);
        };

        if checked.added
            && let Some(other) = self.by_address.insert(from, key).filter(|other| *other != key)
            && let Some(other) = self.peers.get_mut(other)
        {
            other.ice.forget(from);
        }
        if let Some(dropped) = checked.dropped {
            self.by_address.remove(&dropped);
        }
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Phase::Connecting { deadline } = &mut peer.phase
            && checked.moved
            && peer.open.is_none()
            && self.legs.get(peer.leg).is_some_and(|leg| leg.to.is_none())
        {
            *deadline = now.mono + self.config.handshake_within;
        }
        if let Some(leg) = self.legs.get_mut(peer.leg).filter(|_| checked.moved) {
            leg.to = peer.ice.selected();
        }
        // An answer longer than its request would make us an amplifier.
        let room = self.out.room(MAX_SUCCESS);
        if let Ok(size) = stun::write_success(room, &request.transaction, from, peer.ice.key())
            && size <= payload.len()
        {
            self.out.commit(from, size);
        }
        self.beat(key, from, false, now);
        self.arm(key);
    }

    fn dtls(&mut self, key: Key<Peer>, payload: &[u8], now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(leg) = self.legs.get_mut(peer.leg) else { return };
        let Some(to) = leg.to else { return };
        let out = &mut self.out;
        match peer.dtls.read(&self.identity, payload, now.mono, |datagram| out.send(to, datagram)) {
            Progress::Going => {}
            Progress::Done(keys) => {
                let (open, seal) = *keys;
                peer.open = Some(open);
                peer.phase = Phase::Connected;
                peer.due.report = Some(now.mono + Duration::from_millis(100));
                leg.seal = Some(seal);
                self.out.tell(Fact::Connected { peer: peer.id, transport: Transport { remote: to.ip() } }, now);
                let room = peer.room;
                self.regroup(room);
                self.catch_up(key, now);
            }
            Progress::WrongCertificate => self.leave(key, Some(LostReason::WrongCertificate), now),
            Progress::Closed => self.leave(key, Some(LostReason::Closed), now),
        }
    }

    /// Asks for keyframes of everything that a newly connected peer is shown.
    fn catch_up(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get(key) else { return };
        let sources: Vec<_> = peer.slots.iter().filter_map(|slot| self.slots.get(*slot)?.source).collect();
        for source in sources {
            self.want_keyframe(source, now);
        }
    }

    /// Takes note of a sign of life.
    pub(super) fn beat(&mut self, key: Key<Peer>, from: SocketAddr, media: bool, now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.ice.heard(from, media, now.mono)
            && let Some(leg) = self.legs.get_mut(peer.leg)
        {
            leg.to = peer.ice.selected();
        }
        if let Some(silent) = peer.pulse.beat(now.mono, media)
            && peer.phase == Phase::Connected
        {
            let silent_ms = silent.as_millis() as u64;
            self.out.tell(Fact::Resumed { peer: peer.id, silent_ms }, now);
        }
    }

    fn rtp(&mut self, key: Key<Peer>, from: SocketAddr, packet: &mut [u8], now: Now) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(open) = &mut peer.open else { return };
        let Ok(head) = Head::parse(packet) else { return };
        let known = peer.ssrcs.iter().copied().find(|known| known.ssrc == head.ssrc);
        if known.is_none() && !peer.unknown.take(1, now.mono) {
            return;
        }
        let size = packet.len();
        let opened = match open.rtp(packet, &head) {
            Ok(opened) => opened,
            Err(SrtpError::NotAuthentic) => {
                // Counted, and nothing else: ending a call for it would let anybody end it.
                peer.totals.auth_failures += 1;
                return;
            }
            Err(_) => return,
        };
        // Only what is authentic is charged: forged packets must not use up the share of the peer that they imitate.
        if !peer.packets.take(1, now.mono) || !peer.bytes.take(size as u32, now.mono) {
            return;
        }
        peer.totals.packets_in += 1;
        peer.totals.bytes_in += size as u64;
        let track = known.or_else(|| self.map_ssrc(key, packet, &head, now));
        self.beat(key, from, true, now);
        let (Some(known), Some(peer)) = (track, self.peers.get_mut(key)) else { return };
        let Some(track) = self.tracks.get_mut(known.track) else { return };

        // The sender counts every packet that it sent, retransmissions too, so this comes before they are unwrapped.
        if let Some(sequence) = track.plan.extensions.transport_cc.and_then(|id| rtp::extension(packet, &head, id))
            && let Ok(sequence) = <[u8; 2]>::try_from(sequence)
        {
            peer.arrivals.record(u16::from_be_bytes(sequence), now.mono);
            peer.due.feedback.get_or_insert(now.mono + FEEDBACK_INTERVAL);
        }
        let Ok(payload) = rtp::strip_padding(packet, &head, opened.end) else { return };
        let mut head = head;
        head.padding = false;
        let codec = &track.plan.codec;
        if known.rtx {
            // A retransmission stream without anything to repeat carries probes.
            let (Some(media), Some(highest)) = (track.ssrc, track.receiver.highest()) else { return };
            if Some(head.payload_type) != codec.rtx {
                return;
            }
            let Some(original) = rtx::unwrap(packet, &head, payload, media, codec.payload_type) else { return };
            let Ok(head) = Head::parse(original) else { return };
            let index = extend_sequence(highest, head.sequence);
            self.media(key, known.track, original, head, index, true, now);
        } else if head.payload_type == codec.payload_type {
            self.media(key, known.track, &packet[..payload.end], head, opened.index, false, now);
        }
    }

    /// Takes in one packet of a source, arrived or repaired, and forwards it if it is new.
    #[expect(clippy::too_many_arguments, reason = "one packet's facts, used once")]
    fn media(
        &mut self,
        key: Key<Peer>,
        source: Key<Track>,
        packet: &[u8],
        head: Head,
        index: u64,
        repaired: bool,
        now: Now,
    ) {
        let (Some(peer), Some(track)) = (self.peers.get_mut(key), self.tracks.get_mut(source)) else { return };
        let new = if repaired {
            track.receiver.recovered(index, now.mono)
        } else {
            track.receiver.arrived(index, head.timestamp, now.mono)
        };
        if !new {
            return;
        }
        if let Some(at) = track.receiver.nack_deadline().filter(|_| track.plan.codec.nack) {
            peer.due.nack = Some(peer.due.nack.map_or(at, |set| set.min(at)));
        }
        let read = Packet::read(&track.plan, packet, head, index);
        let room = peer.room;
        let first_of_the_second = !read.payload.is_empty() && !track.alive;
        // Padding alone probes the path: it is no media, and no evidence of any.
        if !read.payload.is_empty() {
            track.alive = true;
            track.last = Some(now.mono);
            let kind = track.plan.kind;
            let first = match kind {
                MediaKind::Audio => &mut peer.first_audio,
                MediaKind::Video => &mut peer.first_video,
            };
            if !std::mem::replace(first, true) {
                self.out.tell(Fact::FirstMedia { peer: peer.id, kind }, now);
            }
            if let Some(level) = read.level.and_then(|level| Level::parse(&[level])) {
                track.talk.heard(level, now.mono);
            }
            if read.keyframe {
                track.keyframes.seen();
            }
            track.cache.insert(index, packet, now.mono);
        }

        let mut waiting = false;
        for slot in &track.subscribers {
            let Some(slot) = self.slots.get_mut(*slot) else { continue };
            let Some(leg) = self.legs.get_mut(slot.leg) else { continue };
            slot.forward(leg, &read, &mut self.out, now.mono);
            waiting |= slot.waiting && leg.seal.is_some();
        }
        // Whoever still waits may have missed the keyframe that was asked for.
        if waiting {
            self.want_keyframe(source, now);
        }
        if first_of_the_second {
            self.meet(room, now);
        }
    }

    /// Finds the source of an SSRC that nobody declared, by the name of its m-line or else by its payload type. The
    /// packet is authentic, so the peer itself says so.
    fn map_ssrc(&mut self, key: Key<Peer>, packet: &[u8], head: &Head, now: Now) -> Option<KnownSsrc> {
        let peer = self.peers.get_mut(key)?;
        let tracks = &mut self.tracks;
        let pt = head.payload_type;
        let candidates = || {
            peer.tracks.iter().copied().filter_map(|key| {
                let track = tracks.get(key)?;
                let codec = &track.plan.codec;
                (pt == codec.payload_type || Some(pt) == codec.rtx).then_some((key, track))
            })
        };
        let named = candidates().find(|(_, track)| {
            let id = track.plan.extensions.mid;
            id.and_then(|id| rtp::extension(packet, head, id)).is_some_and(|mid| mid == track.plan.mid.as_bytes())
        });
        let unnamed = || candidates().find(|(_, track)| track.ssrc.is_none()).or_else(|| candidates().next());
        let (source, track) = named.or_else(unnamed)?;
        let rtx = pt != track.plan.codec.payload_type;
        // A second layer of the same source must not take the place of the first.
        let taken = peer.ssrcs.iter().any(|known| known.track == source && known.rtx == rtx);
        if taken && track.last.is_some_and(|last| now.mono.duration_since(last) < SSRC_KEPT) {
            return None;
        }
        let known = KnownSsrc { ssrc: head.ssrc, track: source, rtx };
        if !peer.learn(known) {
            return None;
        }
        if !rtx && let Some(track) = tracks.get_mut(source) {
            if track.ssrc.is_some() {
                self.restart(source, head.ssrc);
            } else {
                track.ssrc = Some(head.ssrc);
            }
        }
        Some(known)
    }

    /// A source begins again with other numbers: to its subscribers it is as good as another source.
    fn restart(&mut self, source: Key<Track>, ssrc: u32) {
        let Some(track) = self.tracks.get_mut(source) else { return };
        track.restart(ssrc);
        for slot in &track.subscribers {
            if let Some(slot) = self.slots.get_mut(*slot) {
                slot.attach(source, track.plan.codec.coding);
            }
        }
    }
}
