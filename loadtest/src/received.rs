//! What one peer has received: counted from the packets themselves, by the peer's own clock, knowing nothing of the server.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::clip::Descriptor;

/// Into which pieces time is cut for "was something there?".
const TENTH: Duration = Duration::from_millis(100);
/// How far back a late or doubled packet is recognised.
const WINDOW: usize = 1024;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP8.
    Video,
}

/// The tenths of seconds, counted from one instant for all peers of the process, in which something arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline(BTreeSet<u64>);

impl Timeline {
    fn mark(&mut self, since_epoch: Duration) {
        self.0.insert(u64::try_from(since_epoch.as_millis() / TENTH.as_millis()).unwrap_or(u64::MAX));
    }

    /// The longest time between two tenths of a second in which something arrived.
    #[must_use]
    pub fn longest_silence(&self) -> Duration {
        let longest = self.0.iter().zip(self.0.iter().skip(1)).map(|(one, next)| next - one - 1).max();
        TENTH * u32::try_from(longest.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Seconds in which both received something: second by second from the first tenth they share to the last, the last
    /// second counted by its part.
    #[must_use]
    pub fn two_way_seconds(&self, other: &Self) -> f64 {
        let shared: BTreeSet<u64> = self.0.intersection(&other.0).copied().collect();
        let (Some(first), Some(last)) = (shared.first(), shared.last()) else { return 0.0 };
        let mut tenths = 0;
        let mut begin = *first;
        while begin <= *last {
            let end = (begin + 10).min(last + 1);
            if self.0.range(begin..end).next().is_some() && other.0.range(begin..end).next().is_some() {
                tenths += end - begin;
            }
            begin = end;
        }
        tenths as f64 / 10.0
    }
}

/// Sums over all streams of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Packets, doubles not counted.
    pub packets: u64,
    /// Their payloads.
    pub bytes: u64,
    /// Packets that never came, by sequence number.
    pub lost: u64,
    /// The most packets in a row that were not there when a later one came.
    pub longest_gap: u64,
    /// Packets that came again.
    pub doubled: u64,
    /// Interarrival jitter (RFC 3550 6.4.1), the largest of the streams, in seconds.
    pub jitter: f64,
    /// Frames: of Opus those that decoded, of VP8 those whose every packet came.
    pub frames: u64,
    /// Frames that did not: Opus that the decoder refused, VP8 with a hole.
    pub broken: u64,
    /// VP8 keyframes that came whole.
    pub keyframes: u64,
    /// Steps of the picture id by anything but one: a receiver takes them for lost frames.
    pub picture_id_jumps: u64,
    /// When the first packet came.
    pub first: Option<Instant>,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.doubled += other.doubled;
        self.jitter = self.jitter.max(other.jitter);
        self.frames += other.frames;
        self.broken += other.broken;
        self.keyframes += other.keyframes;
        self.picture_id_jumps += other.picture_id_jumps;
        self.first = self.first.into_iter().chain(other.first).min();
    }
}

/// Everything that one peer received since it was last asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    /// Opus.
    pub audio: Sums,
    /// VP8.
    pub video: Sums,
    /// When.
    pub timeline: Timeline,
}

impl Received {
    /// When the first packet of either kind came.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.audio.first.into_iter().chain(self.video.first).min()
    }

    /// Adds what another connection of the same client received.
    pub fn add(&mut self, other: Self) {
        self.audio.add(&other.audio);
        self.video.add(&other.video);
        self.timeline.0.extend(other.timeline.0);
    }

    /// Lost packets of both kinds, as a part of all.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let lost = self.audio.lost + self.video.lost;
        let all = lost + self.audio.packets + self.video.packets;
        if all == 0 { 0.0 } else { lost as f64 / all as f64 }
    }
}

/// One RTP packet as the counter needs it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its stream.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
    /// Its RTP time.
    pub timestamp: u32,
    /// The last packet of a frame.
    pub marker: bool,
    /// What it carries.
    pub payload: &'a [u8],
    /// Whether the Opus decoder took it; video ignores it.
    pub decoded: bool,
}

/// Counts arrivals.
#[derive(Debug)]
pub struct Counter {
    epoch: Instant,
    received: Received,
    flows: BTreeMap<(Kind, u32), Flow>,
}

/// One stream.
#[derive(Debug)]
struct Flow {
    /// The first sequence number of this account, widened to 64 bits.
    base: u64,
    highest: u64,
    packets: u64,
    recent: Vec<u64>,
    transit: Option<f64>,
    jitter: f64,
    /// The frame that is being put together: whether it is whole so far and what number must come next.
    frame: Option<(bool, u64, bool)>,
    picture_id: Option<u16>,
}

impl Counter {
    /// An empty account; `epoch` is the same for all whose timelines will be compared.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, received: Received::default(), flows: BTreeMap::new() }
    }

    /// Counts one packet.
    pub fn arrived(&mut self, kind: Kind, arrival: Arrival<'_>, at: Instant) {
        let since_epoch = at.saturating_duration_since(self.epoch);
        let sums = match kind {
            Kind::Audio => &mut self.received.audio,
            Kind::Video => &mut self.received.video,
        };
        let flow = self.flows.entry((kind, arrival.ssrc)).or_insert_with(|| Flow::new(arrival.sequence));
        let number = flow.widen(arrival.sequence);
        let gap = number.saturating_sub(flow.highest.max(flow.base - 1) + 1);
        if !flow.count(number) {
            sums.doubled += 1;
            return;
        }
        self.received.timeline.mark(since_epoch);
        sums.first.get_or_insert(at);
        sums.packets += 1;
        sums.longest_gap = sums.longest_gap.max(gap);
        sums.bytes += arrival.payload.len() as u64;
        match kind {
            Kind::Audio => {
                flow.time(since_epoch, arrival.timestamp, 48_000.0);
                sums.frames += u64::from(arrival.decoded);
                sums.broken += u64::from(!arrival.decoded);
            }
            Kind::Video => {
                flow.time(since_epoch, arrival.timestamp, 90_000.0);
                flow.assemble(number, arrival, sums);
            }
        }
    }

    /// What came so far.
    pub fn so_far(&self) -> Received {
        let mut received = self.received.clone();
        for (kind, sums) in [(Kind::Audio, &mut received.audio), (Kind::Video, &mut received.video)] {
            for flow in self.flows.range((kind, 0)..=(kind, u32::MAX)).map(|(_, flow)| flow) {
                sums.lost += (flow.highest + 1).saturating_sub(flow.base).saturating_sub(flow.packets);
                sums.jitter = sums.jitter.max(flow.jitter);
            }
        }
        received
    }

    /// What came since the last call; the account begins anew where the streams stand now.
    pub fn take(&mut self) -> Received {
        let received = self.so_far();
        self.received = Received::default();
        for flow in self.flows.values_mut() {
            flow.base = flow.highest + 1;
            flow.packets = 0;
            // The next packet may be of another call: what lies between is nobody's jitter.
            (flow.transit, flow.jitter, flow.frame, flow.picture_id) = (None, 0.0, None, None);
        }
        received
    }
}

impl Flow {
    fn new(sequence: u16) -> Self {
        // One cycle up, so that an earlier packet that comes late has a number too.
        let base = (1 << 16) + u64::from(sequence);
        let highest = base - 1;
        let recent = vec![0; WINDOW];
        Self { base, highest, packets: 0, recent, transit: None, jitter: 0.0, frame: None, picture_id: None }
    }

    /// The number of 64 bits that is nearest to the highest so far.
    fn widen(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.saturating_add_signed(i64::from(step))
    }

    /// Whether the packet is new.
    fn count(&mut self, number: u64) -> bool {
        let seen = &mut self.recent[number as usize % WINDOW];
        if *seen == number || number + (WINDOW as u64) <= self.highest {
            return false;
        }
        *seen = number;
        self.highest = self.highest.max(number);
        // A packet from before the account began belongs to nobody's loss.
        self.packets += u64::from(number >= self.base);
        true
    }

    /// RFC 3550 appendix A.8.
    fn time(&mut self, since_epoch: Duration, timestamp: u32, clock: f64) {
        let transit = since_epoch.as_secs_f64() - f64::from(timestamp) / clock;
        if let Some(former) = self.transit {
            let difference = (transit - former).abs();
            // A step of the source's clock (the clip began anew, another sender took the slot) is not the network's jitter.
            if difference < 1.0 {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.transit = Some(transit);
    }

    fn assemble(&mut self, number: u64, arrival: Arrival<'_>, sums: &mut Sums) {
        let descriptor = Descriptor::parse(arrival.payload);
        if let Some(descriptor) = descriptor.filter(|descriptor| descriptor.begins) {
            if let Some((former, now)) = self.picture_id.zip(descriptor.picture_id) {
                sums.picture_id_jumps += u64::from(now != (former + 1) & 0x7fff);
            }
            self.picture_id = descriptor.picture_id.or(self.picture_id);
            self.frame = Some((true, number, descriptor.keyframe));
        }
        let Some((whole, next, keyframe)) = self.frame else { return };
        let whole = whole && number == next && descriptor.is_some();
        self.frame = Some((whole, number + 1, keyframe));
        if arrival.marker {
            self.frame = None;
            sums.frames += u64::from(whole);
            sums.broken += u64::from(!whole);
            sums.keyframes += u64::from(whole && keyframe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip;

    fn audio(sequence: u16) -> Arrival<'static> {
        let timestamp = u32::from(sequence) * 960;
        Arrival { ssrc: 1, sequence, timestamp, marker: false, payload: b"opus", decoded: true }
    }

    #[test]
    fn loss_is_what_is_missing_when_all_is_counted_also_over_the_wrap() {
        let start = Instant::now();
        let mut counter = Counter::new(start);

        for sequence in [65_533, 65_535, 65_534, 0, 0, 3] {
            counter.arrived(Kind::Audio, audio(sequence), start);
        }

        let audio = counter.take().audio;
        assert_eq!((audio.packets, audio.lost, audio.doubled, audio.frames), (5, 2, 1, 5));
        assert_eq!(audio.longest_gap, 2);
        assert_eq!(counter.take(), Received::default());
    }

    #[test]
    fn a_frame_counts_when_its_every_packet_came() {
        let start = Instant::now();
        let mut counter = Counter::new(start);
        let mut sequence = 0;
        for (index, frame) in clip::frames().iter().take(10).enumerate() {
            let payloads = clip::payloads(frame, 0x7ffb + index as u16);
            for (at, payload) in payloads.iter().enumerate() {
                sequence += 1;
                if sequence == 3 {
                    continue;
                }
                let marker = at + 1 == payloads.len();
                let timestamp = index as u32 * 3600;
                let arrival = Arrival { ssrc: 1, sequence, timestamp, marker, payload, decoded: false };
                counter.arrived(Kind::Video, arrival, start);
            }
        }

        let video = counter.so_far().video;
        assert_eq!((video.frames, video.broken, video.lost, video.keyframes), (9, 1, 1, 0));
        assert_eq!(video.picture_id_jumps, 0);
    }

    #[test]
    fn two_way_seconds_are_those_in_which_both_received() {
        let (mut here, mut there) = (Timeline::default(), Timeline::default());
        for tenth in 0..100 {
            here.mark(TENTH * tenth);
        }
        for tenth in (20..50).chain(70..85) {
            there.mark(TENTH * tenth);
        }

        assert_eq!(there.longest_silence(), TENTH * 20);
        assert!(here.longest_silence().is_zero() && Timeline::default().longest_silence().is_zero());
        // From 2.0 s to 8.5 s, without the two whole seconds from 5.0 s to 7.0 s.
        assert!((here.two_way_seconds(&there) - 4.5).abs() < 1e-9);
        assert!((there.two_way_seconds(&here) - 4.5).abs() < 1e-9);
        assert!(here.two_way_seconds(&Timeline::default()).abs() < 1e-9);
    }
}
