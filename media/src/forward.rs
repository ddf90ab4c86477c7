//! From a publisher's packet to its subscribers': one source, many slots, each with numbers of its own.
pub mod bandwidth;
pub mod cache;
pub mod keyframe;
pub mod rewrite;
pub mod rtx;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use self::{
    cache::Cache,
    keyframe::{Allowance, Throttle},
    rewrite::Rewriter,
};
use crate::{
    arena::Key,
    audio::level::Talk,
    fact::MediaKind,
    peer::{
        Peer,
        negotiation::{Coding, SlotPlan, SourcePlan},
    },
    quality::{Receiver, SenderClock},
    rtp::{self, Head, MAX_HEAD, NewHead, Vp8},
    sfu::out::Out,
    srtp::{RTP_OVERHEAD, Seal},
};

/// Resends of a leg may take one in so many of the bytes that it was sent first. With the burst below, a flood of NACKs
/// gets a receiver no more than a quarter on top.
const RESEND_SHARE: u64 = 5;
/// Bytes that a leg's resend budget holds at most: twenty full packets lost in one burst.
const RESEND_BURST: u64 = 24 * 1024;
/// Resends of one packet at most.
const MAX_RESENDS: u8 = 3;
/// Packets per slot whose resends are remembered; a repeat further back is too old to help.
const RESENDS_REMEMBERED: usize = 512;
/// Sender reports per slot that a receiver's LSR may refer to.
const REPORTS_REMEMBERED: usize = 4;

/// A source that a peer publishes: its microphone, its camera, its screen.
pub(crate) struct Track {
    /// Whose.
    pub owner: Key<Peer>,
    /// What was negotiated.
    pub plan: SourcePlan,
    /// The SSRC that it comes under now, once known.
    pub ssrc: Option<u32>,
    /// What has arrived and what is missing.
    pub receiver: Receiver,
    /// Packets that a subscriber may ask for again.
    pub cache: Cache,
    /// Keyframes asked for.
    pub keyframes: Throttle,
    /// How its RTP clock stands to its wall clock, by its last SR.
    pub clock: Option<SenderClock>,
    /// Who shows it.
    pub subscribers: Vec<Key<Slot>>,
    /// Voice in this second.
    pub talk: Talk,
    /// Packets arrived in this second.
    pub alive: bool,
    /// The last packet's arrival.
    pub last: Option<Instant>,
    /// Lost under earlier SSRCs.
    lost_before: u64,
}

impl Track {
    /// A source from which nothing has come yet.
    pub(crate) fn new(owner: Key<Peer>, plan: SourcePlan) -> Self {
        Self {
            owner,
            ssrc: plan.ssrc,
            receiver: Receiver::new(clock_rate(plan.kind)),
            cache: cache_for(plan.kind),
            keyframes: Throttle::default(),
            clock: None,
            subscribers: Vec::new(),
            talk: Talk::default(),
            alive: false,
            last: None,
            lost_before: 0,
            plan,
        }
    }

    /// Begins again under another SSRC, whose numbers have nothing to do with those before.
    pub(crate) fn restart(&mut self, ssrc: u32) {
        self.ssrc = Some(ssrc);
        self.lost_before += self.receiver.lost();
        self.receiver = Receiver::new(clock_rate(self.plan.kind));
        self.cache = cache_for(self.plan.kind);
        self.clock = None;
    }

    /// Packets that never arrived, under all its SSRCs.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.receiver.lost()
    }
}

/// 256 video or 64 audio packets, a second at most.
fn cache_for(kind: MediaKind) -> Cache {
    match kind {
        MediaKind::Video => Cache::new(cache::VIDEO_PACKETS, cache::MAX_AGE),
        MediaKind::Audio => Cache::new(cache::AUDIO_PACKETS, cache::MAX_AGE),
    }
}

/// A receive slot: a stream with SSRCs of its own that shows one source after the other.
pub(crate) struct Slot {
    /// How its owner is reached.
    pub leg: Key<Leg>,
    /// What was negotiated.
    pub plan: SlotPlan,
    /// What it shows.
    pub source: Option<Key<Track>>,
    /// Payload types of what it shows and of its retransmissions: the codec changes with the source.
    formats: (u8, Option<u8>),
    /// Its numbers.
    rewriter: Rewriter,
    /// No packet goes out before the next keyframe.
    pub waiting: bool,
    /// Packets sent, resends not counted (RFC 3550 6.4.1).
    pub packets: u32,
    /// Payload bytes of those.
    pub octets: u32,
    /// Next sequence number of its retransmission stream.
    rtx_next: u64,
    resends: Option<Box<Resends>>,
    /// Middle 32 bits of the NTP time of our last SRs, and when they were sent.
    pub reports: [Option<(u32, Instant)>; REPORTS_REMEMBERED],
    /// Highest loss that the receiver reported (RFC 3550 6.4.1).
    pub lost: u32,
    /// Keyframes that its owner may ask for.
    pub allowance: Allowance,
}

/// The sending half of a peer: what every packet to it needs, together.
pub(crate) struct Leg {
    /// Where to, once there is a path.
    pub to: Option<SocketAddr>,
    /// Under which keys, once there are any.
    pub seal: Option<Seal>,
    /// Packets forwarded.
    pub packets: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Packets sent again.
    pub resent: u64,
    /// Next transport-wide sequence number.
    transport_sequence: u16,
    /// Bytes that may be sent again.
    budget: u64,
    /// The zero of abs-send-time.
    epoch: Instant,
    /// What the receiver's feedback says about the path.
    pub bandwidth: bandwidth::Path,
}

/// A publisher's packet, open, with everything that its subscribers need to know about it.
pub(crate) struct Packet<'a> {
    /// Its header.
    pub head: Head,
    /// Its extended sequence number.
    pub index: u64,
    /// Its payload without padding.
    pub payload: &'a [u8],
    /// It begins a picture that can be decoded alone.
    pub keyframe: bool,
    /// Its payload descriptor, if it is VP8.
    pub vp8: Option<Vp8>,
    /// Its RFC 6464 element.
    pub level: Option<u8>,
}

/// Which resends happened: sequence number, how often, when last.
struct Resends([Option<(u16, u8, Instant)>; RESENDS_REMEMBERED]);

impl<'a> Packet<'a> {
    /// Reads a plain packet of this track.
    pub(crate) fn read(plan: &SourcePlan, packet: &'a [u8], head: Head, index: u64) -> Self {
        let payload = packet.get(head.len..).unwrap_or_default();
        let (vp8, keyframe) = match plan.codec.coding {
            Coding::Opus => (None, false),
            Coding::Vp8 => {
                let vp8 = Vp8::parse(payload);
                (vp8, vp8.is_some_and(|vp8| vp8.keyframe))
            }
            Coding::H264 => (None, rtp::begins_h264_keyframe(payload)),
        };
        let level = plan.extensions.audio_level.and_then(|id| rtp::extension(packet, &head, id)?.first().copied());
        Self { head, index, payload, keyframe, vp8, level }
    }
}

impl Leg {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            to: None,
            seal: None,
            packets: 0,
            bytes: 0,
            resent: 0,
            transport_sequence: 0,
            budget: 0,
            epoch: now,
            bandwidth: bandwidth::Path::default(),
        }
    }

    /// Seconds since an arbitrary zero, 6.18 fixed point in 24 bits (abs-send-time).
    fn send_time(&self, now: Instant) -> [u8; 3] {
        let fixed = (now.duration_since(self.epoch).as_micros() << 18) / 1_000_000;
        let [.., a, b, c] = fixed.to_be_bytes();
        [a, b, c]
    }
}

impl Slot {
    /// An empty slot whose stream begins at `first`, which leaves half the sequence space before the first roll-over.
    pub(crate) fn new(leg: Key<Leg>, plan: SlotPlan, first: u64) -> Self {
        let clock_rate = clock_rate(plan.kind.media());
        Self {
            leg,
            formats: plan.codecs.first().map_or((0, None), |codec| (codec.payload_type, codec.rtx)),
            plan,
            source: None,
            rewriter: Rewriter::new(first as u16 & 0x7FFF, (first >> 32) as u32, clock_rate),
            waiting: false,
            packets: 0,
            octets: 0,
            rtx_next: (first >> 16) & 0x7FFF,
            resends: None,
            reports: [None; REPORTS_REMEMBERED],
            lost: 0,
            allowance: Allowance::default(),
        }
    }

    /// Shows this source from its next keyframe on; tells whether it can: its owner may not understand the source's
    /// codec.
    pub(crate) fn attach(&mut self, track: Key<Track>, coding: Coding) -> bool {
        let Some(codec) = self.plan.codec(coding) else { return false };
        self.formats = (codec.payload_type, codec.rtx);
        self.source = Some(track);
        self.waiting = self.plan.kind.media() == MediaKind::Video;
        self.rewriter.switch();
        true
    }

    /// Shows nothing any more.
    pub(crate) fn detach(&mut self) {
        self.source = None;
        self.waiting = false;
    }

    /// This slot's timestamp for its source's.
    pub(crate) fn timestamp(&self, source: u32) -> Option<u32> {
        self.rewriter.timestamp_of(source)
    }

    /// How long ago the report was sent that an LSR means, if it is one of ours.
    pub(crate) fn report_age(&self, lsr: u32, now: Instant) -> Option<Duration> {
        let (_, sent) = self.reports.iter().flatten().find(|(ntp, _)| *ntp == lsr)?;
        Some(now.duration_since(*sent))
    }

    /// Remembers a report whose NTP time has these middle 32 bits.
    pub(crate) fn reported(&mut self, ntp: u32, now: Instant) {
        self.reports.rotate_right(1);
        self.reports[0] = Some((ntp, now));
    }

    /// Sends a packet of the slot's source to its owner.
    pub(crate) fn forward(&mut self, leg: &mut Leg, packet: &Packet<'_>, out: &mut Out, now: Instant) {
        if packet.payload.is_empty() {
            // Padding probes the path to us; it is nobody else's.
            return self.rewriter.skip(packet.index);
        }
        // Before the rest: a keyframe that passes while the owner is not yet connected ends no waiting.
        let (Some(to), Some(seal)) = (leg.to, &leg.seal) else { return };
        if self.waiting {
            if !packet.keyframe {
                return;
            }
            self.waiting = false;
        }
        let Some(mapped) = self.rewriter.map(packet.index, packet.head.timestamp, packet.vp8.as_ref(), now) else {
            return;
        };
        let room = out.room(MAX_HEAD + packet.payload.len() + RTP_OVERHEAD);
        let head = NewHead {
            marker: packet.head.marker,
            payload_type: self.formats.0,
            sequence: mapped.index as u16,
            timestamp: mapped.timestamp,
            ssrc: self.plan.ssrc,
        };
        // A packet that may go out twice under one sequence number must be the same both times (RFC 7714 10.1), so
        // only slots with a retransmission stream get elements that change from one sending to the next.
        let stamps = self.repair().is_some().then(|| (leg.transport_sequence, leg.send_time(now)));
        let Some(head_len) = self.write_head(room, &head, packet.level, stamps) else { return };
        let sealed = match (packet.vp8, mapped.vp8) {
            (Some(vp8), Some(patch)) => {
                let payload = &mut room[head_len..head_len + packet.payload.len()];
                payload.copy_from_slice(packet.payload);
                vp8.patch(payload, patch);
                seal.rtp(mapped.index, room, head_len, packet.payload.len())
            }
            _ => seal.rtp_from(mapped.index, room, head_len, packet.payload),
        };
        let Ok(size) = sealed else { return };
        if stamps.is_some() {
            leg.bandwidth.sent(leg.transport_sequence, size, now);
            leg.transport_sequence = leg.transport_sequence.wrapping_add(1);
        }
        out.commit(to, size);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        leg.packets += 1;
        leg.bytes += size as u64;
        leg.budget = (leg.budget + size as u64 / RESEND_SHARE).min(RESEND_BURST);
    }

    /// The source's extended sequence number of a packet that the owner reports lost.
    pub(crate) fn source_of(&self, sequence: u16) -> Option<u64> {
        self.rewriter.source_of(sequence)
    }

    /// Whether this packet, which is there, may be sent again now; it counts as sent if so. Asked of packets that are
    /// there only, so that nobody can have one forgotten by naming others that share its place.
    pub(crate) fn may_resend(&mut self, sequence: u16, pause: Duration, now: Instant) -> bool {
        let resends = self.resends.get_or_insert_with(|| Box::new(Resends([None; RESENDS_REMEMBERED])));
        let entry = &mut resends.0[usize::from(sequence) % RESENDS_REMEMBERED];
        match entry {
            Some((known, times, last)) if *known == sequence => {
                if *times >= MAX_RESENDS || now.duration_since(*last) < pause {
                    return false;
                }
                *times += 1;
                *last = now;
            }
            _ => *entry = Some((sequence, 1, now)),
        }
        true
    }

    /// Sends a packet again: in the retransmission stream (RFC 4588) if there is one, else the same bytes once more.
    pub(crate) fn resend(&mut self, leg: &mut Leg, sequence: u16, packet: &Packet<'_>, out: &mut Out, now: Instant) {
        let (Some(to), Some(seal)) = (leg.to, &leg.seal) else { return };
        let Some(mapped) = self.rewriter.map(packet.index, packet.head.timestamp, packet.vp8.as_ref(), now) else {
            return;
        };
        let size = (MAX_HEAD + 2 + packet.payload.len() + RTP_OVERHEAD) as u64;
        if leg.budget < size {
            return;
        }
        let room = out.room(size as usize);
        let stream = self.repair();
        let (payload_type, index, ssrc, lead) = match stream {
            Some((ssrc, payload_type)) => (payload_type, self.rtx_next, ssrc, 2),
            None => (self.formats.0, mapped.index, self.plan.ssrc, 0),
        };
        let head = NewHead {
            marker: packet.head.marker,
            payload_type,
            sequence: index as u16,
            timestamp: mapped.timestamp,
            ssrc,
        };
        let stamps = stream.map(|_| (leg.transport_sequence, leg.send_time(now)));
        let Some(head_len) = self.write_head(room, &head, packet.level, stamps) else { return };
        room[head_len..head_len + lead].copy_from_slice(&sequence.to_be_bytes()[..lead]);
        let payload = &mut room[head_len + lead..head_len + lead + packet.payload.len()];
        payload.copy_from_slice(packet.payload);
        if let (Some(vp8), Some(patch)) = (packet.vp8, mapped.vp8) {
            vp8.patch(payload, patch);
        }
        let Ok(size) = seal.rtp(index, room, head_len, lead + packet.payload.len()) else { return };
        if stream.is_some() {
            self.rtx_next += 1;
            leg.bandwidth.sent(leg.transport_sequence, size, now);
            leg.transport_sequence = leg.transport_sequence.wrapping_add(1);
        }
        out.commit(to, size);
        leg.resent += 1;
        leg.budget = leg.budget.saturating_sub(size as u64);
    }

    /// SSRC and payload type of the retransmission stream, if what is shown has one.
    fn repair(&self) -> Option<(u32, u8)> {
        self.plan.rtx_ssrc.zip(self.formats.1)
    }

    fn write_head(
        &self,
        room: &mut [u8],
        head: &NewHead,
        level: Option<u8>,
        stamps: Option<(u16, [u8; 3])>,
    ) -> Option<usize> {
        let ids = &self.plan.extensions;
        let level = level.map(|level| [level]);
        let stamps = stamps.map(|(sequence, time)| (sequence.to_be_bytes(), time));
        let mut elements: [(u8, &[u8]); 4] = [(0, &[]); 4];
        if let Some(id) = ids.mid {
            elements[0] = (id, self.plan.mid.as_bytes());
        }
        if let (Some(id), Some(level)) = (ids.audio_level, &level) {
            elements[1] = (id, level);
        }
        if let Some((sequence, time)) = &stamps {
            if let Some(id) = ids.transport_cc {
                elements[2] = (id, sequence);
            }
            if let Some(id) = ids.abs_send_time {
                elements[3] = (id, time);
            }
        }
        rtp::write_head(room, head, &elements).ok()
    }
}

/// RTP clock of a kind (RFC 7587 4.1, RFC 7741 4.1, RFC 6184 8.1).
pub(crate) fn clock_rate(kind: MediaKind) -> u32 {
    match kind {
        MediaKind::Audio => 48_000,
        MediaKind::Video => 90_000,
    }
}
