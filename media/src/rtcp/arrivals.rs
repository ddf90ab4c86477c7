//! When a publisher's packets arrived, told back as transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1), without which browsers send at their lowest rate.
use std::time::Instant;

use super::{FMT_TRANSPORT_CC, TRANSPORT_FEEDBACK, write};
use crate::rtp::extend_sequence;

/// Packets that are remembered. At the 1 500 packets per second that a peer may send it is a third of a second, several
/// times the interval between two feedbacks.
const WINDOW: usize = 512;
/// Received packets in one feedback at most; with it a feedback has at most 680 bytes.
const MAX_RECEIVED: usize = 256;
/// A tick of the format: deltas count 250 µs.
const TICK_MICROS: u128 = 250;
/// Ticks of the 64 ms in which the reference time counts.
const REFERENCE_TICKS: u64 = 256;

/// One remembered packet.
#[derive(Clone, Copy)]
struct Arrival {
    sequence: u64,
    ticks: u64,
}

/// How a packet is told (3.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    NotReceived = 0,
    SmallDelta = 1,
    LargeDelta = 2,
}

/// Arrivals of one publisher's packets by their transport-wide sequence number.
pub struct Arrivals {
    /// Slot `sequence % WINDOW`; empty until the first packet.
    ring: Vec<Option<Arrival>>,
    /// What ticks count from.
    epoch: Option<Instant>,
    highest: u64,
    /// First number that the next feedback tells about.
    next: u64,
    /// Whether something arrived that no feedback has told.
    fresh: bool,
    /// Counts feedbacks, modulo 256.
    count: u8,
    statuses: Vec<Status>,
    deltas: Vec<i16>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self::new()
    }
}

impl Arrivals {
    /// Nothing has arrived yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ring: Vec::new(),
            epoch: None,
            highest: 0,
            next: 0,
            fresh: false,
            count: 0,
            statuses: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// Notes that an authentic packet with this transport-wide number arrived at `at`. Repair streams are noted too,
    /// before they are unwrapped: the sender counts what it sent, not what we make of it.
    pub fn record(&mut self, sequence: u16, at: Instant) {
        let Some(epoch) = self.epoch else {
            self.ring.resize(WINDOW, None);
            // One cycle up, so that numbers before the first one have a place.
            let full = (1 << 16) | u64::from(sequence);
            (self.epoch, self.highest, self.next) = (Some(at), full, full);
            self.enter(full, 0);
            return;
        };
        let full = extend_sequence(self.highest, sequence);
        if full + WINDOW as u64 <= self.highest || self.arrival(full).is_some() {
            return;
        }
        let ticks = at.saturating_duration_since(epoch).as_micros() / TICK_MICROS;
        self.highest = self.highest.max(full);
        // A late packet was told as lost; the next feedback begins with it and repeats what is known since.
        self.next = self.next.min(full).max((self.highest + 1).saturating_sub(WINDOW as u64));
        self.enter(full, ticks as u64);
    }

    /// Appends one feedback about what arrived since the last, at most 680 bytes, and tells whether there was anything.
    /// After a burst there may be more: call again until it is `false`.
    pub fn write(&mut self, out: &mut Vec<u8>, sender: u32, media: u32) -> bool {
        if !self.fresh {
            return false;
        }
        let Some(first) = (self.next..=self.highest).find_map(|at| self.arrival(at)) else {
            self.fresh = false;
            return false;
        };
        let reference = first.ticks / REFERENCE_TICKS;
        let base = self.next;
        self.collect(reference * REFERENCE_TICKS);

        let (count, statuses, deltas) = (self.count, &self.statuses, &self.deltas);
        write::packet(out, FMT_TRANSPORT_CC, TRANSPORT_FEEDBACK, |out| {
            let start = out.len();
            out.extend(sender.to_be_bytes());
            out.extend(media.to_be_bytes());
            out.extend((base as u16).to_be_bytes());
            out.extend((statuses.len() as u16).to_be_bytes());
            // 24 bits; the sender takes differences, so that it wraps after twelve days does no harm.
            out.extend((((reference as u32) << 8) | u32::from(count)).to_be_bytes());
            chunks(out, statuses);
            for &delta in deltas {
                match u8::try_from(delta) {
                    Ok(small) => out.push(small),
                    Err(_) => out.extend(delta.to_be_bytes()),
                }
            }
            let body = out.len() - start;
            out.resize(start + body.next_multiple_of(4), 0);
        });
        self.count = self.count.wrapping_add(1);
        self.fresh = self.next <= self.highest;
        true
    }

    /// Gathers statuses and deltas from `next` on, until the newest packet, the bound, or a delta that has no place in
    /// 16 bits; `next` moves behind what was gathered.
    fn collect(&mut self, mut ticks: u64) {
        self.statuses.clear();
        self.deltas.clear();
        while self.next <= self.highest && self.deltas.len() < MAX_RECEIVED {
            let status = match self.arrival(self.next) {
                None => Status::NotReceived,
                Some(arrival) => {
                    let Ok(delta) = i16::try_from(arrival.ticks as i64 - ticks as i64) else { break };
                    ticks = arrival.ticks;
                    self.deltas.push(delta);
                    if u8::try_from(delta).is_ok() { Status::SmallDelta } else { Status::LargeDelta }
                }
            };
            self.statuses.push(status);
            self.next += 1;
        }
    }

    fn enter(&mut self, sequence: u64, ticks: u64) {
        self.ring[sequence as usize % WINDOW] = Some(Arrival { sequence, ticks });
        self.fresh = true;
    }

    fn arrival(&self, sequence: u64) -> Option<Arrival> {
        self.ring.get(sequence as usize % WINDOW).copied().flatten().filter(|a| a.sequence == sequence)
    }
}

/// Appends the status chunks (3.1.3, 3.1.4): runs where they are long, else vectors of one or two bits.
fn chunks(out: &mut Vec<u8>, mut statuses: &[Status]) {
    while let Some(&first) = statuses.first() {
        let run = statuses.iter().take_while(|&&s| s == first).count();
        let ahead = &statuses[..statuses.len().min(14)];
        let narrow = !ahead.contains(&Status::LargeDelta);
        let (chunk, taken) = if run >= 14 || (run >= 7 && !narrow) {
            ((first as u16) << 13 | run as u16, run)
        } else if narrow {
            let bits = ahead.iter().enumerate().fold(0, |bits, (i, &s)| bits | (s as u16) << (13 - i));
            (0x8000 | bits, ahead.len())
        } else {
            let ahead = &ahead[..ahead.len().min(7)];
            let bits = ahead.iter().enumerate().fold(0, |bits, (i, &s)| bits | (s as u16) << (12 - 2 * i));
            (0xC000 | bits, ahead.len())
        };
        out.extend(chunk.to_be_bytes());
        statuses = &statuses[taken..];
    }
}
