//! How well a source arrives: loss before and after repair, jitter, what to ask for again, and the clocks of reports.
mod missing;

use std::time::{Duration, Instant};

use self::missing::Missing;
use crate::rtcp::Block;

/// Indices of which it is known whether they arrived. Behind it, whatever comes counts as seen.
const WINDOW: u64 = 1_024;
/// A jump of transit time that says nothing about jitter: the source's clock was set, or it paused (RFC 3550 A.8 takes
/// clocks to be steady). As long as libwebrtc bears.
const MAX_TRANSIT_STEP_SECONDS: u32 = 5;

/// One source as it arrives: the receiver's half of its statistics.
#[derive(Debug)]
pub struct Receiver {
    clock_rate: u32,
    /// The first and the highest index; `None` before the first packet.
    range: Option<(u64, u64)>,
    /// Bit `index % WINDOW`.
    seen: [u64; (WINDOW / 64) as usize],
    missing: Missing,
    /// When the newest packet came.
    last: Option<Instant>,
    /// Packets that came by themselves, and those that came as retransmissions.
    received: u64,
    recovered: u64,
    jitter: Jitter,
    /// Expected and received at the last report (RFC 3550 A.3).
    reported: (u64, u64),
    /// Middle 32 bits of the last SR's NTP time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

/// Interarrival jitter (RFC 3550 A.8).
#[derive(Debug, Default)]
struct Jitter {
    epoch: Option<Instant>,
    last: Option<(u32, u32)>,
    /// Scaled by 16.
    scaled: u32,
}

impl Receiver {
    /// A source of which nothing has arrived.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            range: None,
            seen: [0; (WINDOW / 64) as usize],
            missing: Missing::default(),
            last: None,
            received: 0,
            recovered: 0,
            jitter: Jitter::default(),
            reported: (0, 0),
            sender_report: None,
        }
    }

    /// A packet of the source's own stream arrived; tells whether it is new.
    pub fn arrived(&mut self, index: u64, timestamp: u32, at: Instant) -> bool {
        if !self.enter(index, at) {
            return false;
        }
        self.received += 1;
        if self.highest() == Some(index) {
            self.jitter.arrived(timestamp, self.clock_rate, at);
        }
        true
    }

    /// A packet arrived in the retransmission stream; tells whether it is new. It does not count as received in
    /// reports, so that the publisher sees what the network lost (RFC 4588 8.7 keeps the streams apart).
    pub fn recovered(&mut self, index: u64, at: Instant) -> bool {
        let new = self.enter(index, at);
        self.recovered += u64::from(new);
        new
    }

    /// The highest index so far.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.range.map(|(_, highest)| highest)
    }

    /// Puts into `out` the sequence numbers to ask for now (RFC 4585 6.2.1), rising, replacing what was there.
    pub fn missing(&mut self, now: Instant, round_trip: Duration, out: &mut Vec<u16>) {
        self.missing.due(now, round_trip, out);
    }

    /// When [`Receiver::missing`] may have something; `None` while nothing is missing.
    #[must_use]
    pub fn nack_deadline(&self) -> Option<Instant> {
        self.missing.deadline()
    }

    /// Whether a packet was given up since the last call: a picture is lost, and only a keyframe helps.
    pub fn gave_up(&mut self) -> bool {
        self.missing.take_given_up()
    }

    /// An SR of the source with this NTP time came (RFC 3550 6.4.1).
    pub fn sender_report(&mut self, ntp: u64, at: Instant) {
        self.sender_report = Some(((ntp >> 16) as u32, at));
    }

    /// The report block about this source; the share lost is the one since the last call (RFC 3550 A.3).
    pub fn block(&mut self, ssrc: u32, now: Instant) -> Block {
        let expected = self.expected();
        let (expected_before, received_before) = std::mem::replace(&mut self.reported, (expected, self.received));
        let expected_now = expected.saturating_sub(expected_before);
        let lost_now = expected_now.saturating_sub(self.received - received_before);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8;
        let lost = expected as i64 - self.received as i64;
        let (lsr, dlsr) = self.sender_report.map_or((0, 0), |(lsr, at)| {
            let since = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
            (lsr, since.min(u128::from(u32::MAX)) as u32)
        });
        Block {
            ssrc,
            fraction,
            lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            highest: self.highest().unwrap_or(0) as u32,
            jitter: self.jitter.scaled >> 4,
            lsr,
            dlsr,
        }
    }

    /// Packets that never arrived, after repair. Those that may still come, having been missed in the last second before
    /// the newest packet, do not count yet.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let hoped_for = self.last.map_or(0, |last| self.missing.young(last));
        self.expected().saturating_sub(self.received + self.recovered + hoped_for as u64)
    }

    /// Interarrival jitter in microseconds.
    #[must_use]
    pub fn jitter_us(&self) -> u32 {
        let jitter = u64::from(self.jitter.scaled >> 4) * 1_000_000 / u64::from(self.clock_rate);
        u32::try_from(jitter).unwrap_or(u32::MAX)
    }

    fn expected(&self) -> u64 {
        self.range.map_or(0, |(first, highest)| highest - first + 1)
    }

    /// Notes an index as seen; tells whether it was not.
    fn enter(&mut self, index: u64, at: Instant) -> bool {
        self.last = Some(at);
        let Some((first, highest)) = self.range else {
            self.range = Some((index, index));
            self.mark(index, true);
            return true;
        };
        if index > highest {
            if index - highest >= WINDOW {
                self.seen.fill(0);
            } else {
                (highest + 1..index).for_each(|skipped| self.mark(skipped, false));
            }
            self.missing.gap(highest + 1..index, at);
            self.range = Some((first, index));
        } else if highest - index >= WINDOW || self.has_seen(index) {
            return false;
        } else {
            self.missing.found(index);
            self.range = Some((first.min(index), highest));
        }
        self.mark(index, true);
        true
    }

    fn has_seen(&self, index: u64) -> bool {
        self.seen[(index % WINDOW / 64) as usize] >> (index % 64) & 1 == 1
    }

    fn mark(&mut self, index: u64, seen: bool) {
        let (word, bit) = ((index % WINDOW / 64) as usize, 1 << (index % 64));
        self.seen[word] = if seen { self.seen[word] | bit } else { self.seen[word] & !bit };
    }
}

impl Jitter {
    fn arrived(&mut self, timestamp: u32, rate: u32, at: Instant) {
        let epoch = *self.epoch.get_or_insert(at);
        let ticks = at.saturating_duration_since(epoch).as_micros() * u128::from(rate) / 1_000_000;
        let transit = (ticks as u32).wrapping_sub(timestamp);
        // The packets of one picture share a timestamp and leave one after the other; only the first tells.
        if self.last.is_some_and(|(_, stamp)| stamp == timestamp) {
            return;
        }
        if let Some((before, _)) = self.last.replace((transit, timestamp)) {
            let step = (transit.wrapping_sub(before) as i32).unsigned_abs();
            if step < MAX_TRANSIT_STEP_SECONDS * rate {
                self.scaled = self.scaled + step - ((self.scaled + 8) >> 4);
            }
        }
    }
}

/// How a publisher's RTP clock stands to its wall clock, by its last SR (RFC 3550 6.4.1). Reports to subscribers carry
/// the same relation: audio and video of one publisher stay together because both keep the publisher's NTP time, which
/// is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderClock {
    ntp: u64,
    rtp: u32,
    at: Instant,
}

impl SenderClock {
    /// By an SR that arrived at `at`.
    #[must_use]
    pub fn new(ntp: u64, rtp: u32, at: Instant) -> Self {
        Self { ntp, rtp, at }
    }

    /// NTP time and RTP timestamp of the publisher now, both moved on by the time since the report.
    #[must_use]
    pub fn at(&self, now: Instant, clock_rate: u32) -> (u64, u32) {
        let micros = now.saturating_duration_since(self.at).as_micros();
        let ntp = (micros << 32) / 1_000_000;
        let rtp = micros * u128::from(clock_rate) / 1_000_000;
        (self.ntp.wrapping_add(ntp as u64), self.rtp.wrapping_add(rtp as u32))
    }

    /// When the report came.
    #[must_use]
    pub fn reported(&self) -> Instant {
        self.at
    }
}

/// Round trip by a report block that names our report sent `age` ago and was held for `dlsr` (RFC 3550 6.4.1); `None`
/// if the receiver claims to have held it longer than that.
#[must_use]
pub fn round_trip(age: Duration, dlsr: u32) -> Option<Duration> {
    age.checked_sub(Duration::from_micros(u64::from(dlsr) * 1_000_000 / 65_536))
}

#[cfg(test)]
mod tests;
