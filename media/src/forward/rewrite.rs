//! A slot's numbers: one unbroken stream made of whatever the slot shows, source after source.
use std::time::Instant;

use crate::rtp::{Vp8, Vp8Patch, extend_sequence};

/// Places at which numbers close up over packets that were not forwarded; older ones are forgotten, and packets before
/// them cannot be repaired any more. Padding probes come in bursts of a dozen.
const MAX_SEAMS: usize = 64;

/// From this source index on, a source's packets are shifted by `offset`.
#[derive(Clone, Copy, Debug)]
struct Seam {
    from: u64,
    offset: i64,
}

impl Seam {
    fn first_out(&self) -> u64 {
        self.from.wrapping_add_signed(self.offset)
    }
}

/// The numbers that a packet has in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Extended sequence number.
    pub index: u64,
    /// Timestamp.
    pub timestamp: u32,
    /// Numbers of the VP8 descriptor, if there is one.
    pub vp8: Option<Vp8Patch>,
}

/// How the numbers of the source that the slot shows now become the slot's. Within one source the mapping is a
/// function of the source's numbers alone, so that a packet sent again has the numbers that it had (RFC 7714 10.1
/// depends on it: nothing else may ever have the same index).
#[derive(Debug)]
pub struct Rewriter {
    clock_rate: u32,
    /// Highest index sent; the next source begins behind it.
    highest: u64,
    /// Timestamp of the packet that had it, and when it was sent.
    last: (u32, Option<Instant>),
    /// Seams of the present source, rising; empty between a switch and the first packet.
    seams: Vec<Seam>,
    timestamp_offset: u32,
    /// Highest picture id sent, 15 bits, and highest TL0PICIDX.
    picture_id: u16,
    tl0: u8,
    /// Shifts of the present source's; `None` until it showed one.
    picture_offset: Option<u16>,
    tl0_offset: Option<u8>,
}

impl Rewriter {
    /// The stream of a slot whose first packet will have this sequence number and timestamp. A number below 2^15 leaves
    /// receivers no doubt about the roll-over counter (RFC 3711 3.3.1).
    #[must_use]
    pub fn new(first: u16, timestamp: u32, clock_rate: u32) -> Self {
        Self {
            clock_rate,
            // One cycle is added and taken off again, so that "one before the first" exists.
            highest: (1 << 16) + u64::from(first) - 1,
            last: (timestamp, None),
            seams: Vec::new(),
            timestamp_offset: 0,
            picture_id: 0,
            tl0: 0,
            picture_offset: None,
            tl0_offset: None,
        }
    }

    /// The next packet to be mapped begins another source. Sequence numbers and picture ids go on without a gap, the
    /// timestamp by the time that passes meanwhile.
    pub fn switch(&mut self) {
        self.seams.clear();
        self.picture_offset = None;
        self.tl0_offset = None;
    }

    /// The numbers in the slot for a packet of the present source; `None` if it came before the first packet that was
    /// forwarded, was skipped, or is too old.
    pub fn map(&mut self, index: u64, timestamp: u32, vp8: Option<&Vp8>, now: Instant) -> Option<Mapped> {
        if self.seams.is_empty() {
            self.begin(index, timestamp, now);
        }
        let at = self.seams.partition_point(|seam| seam.from <= index).checked_sub(1)?;
        let out = index.wrapping_add_signed(self.seams[at].offset);
        // A skipped packet would take the number of its successor.
        if self.seams.get(at + 1).is_some_and(|next| out >= next.first_out()) {
            return None;
        }
        let timestamp = timestamp.wrapping_add(self.timestamp_offset);
        if out > self.highest {
            self.highest = out;
            self.last = (timestamp, Some(now));
        }
        Some(Mapped { index: out - (1 << 16), timestamp, vp8: vp8.and_then(|vp8| self.map_vp8(vp8)) })
    }

    /// A packet of the present source is not forwarded, and the numbers of those behind it close up, so that the
    /// receiver does not ask for it. One that comes after its successors has left its gap already.
    pub fn skip(&mut self, index: u64) {
        let Some(last) = self.seams.last_mut() else { return };
        if index < last.from || index.wrapping_add_signed(last.offset) <= self.highest {
            return;
        }
        let next = Seam { from: index + 1, offset: last.offset - 1 };
        // Directly behind another skipped packet the seam moves on.
        if last.from == index {
            *last = next;
            return;
        }
        if self.seams.len() == MAX_SEAMS {
            self.seams.remove(0);
        }
        self.seams.push(next);
    }

    /// The source's index of a packet that the slot's receiver names; `None` if it was not sent, or belongs to an
    /// earlier source.
    #[must_use]
    pub fn source_of(&self, sequence: u16) -> Option<u64> {
        let out = extend_sequence(self.highest, sequence);
        let at = self.seams.partition_point(|seam| seam.first_out() <= out).checked_sub(1)?;
        (out <= self.highest).then(|| out.wrapping_add_signed(-self.seams[at].offset))
    }

    /// The slot's timestamp for one of the present source's, as sender reports need it; `None` before its first packet.
    #[must_use]
    pub fn timestamp_of(&self, source: u32) -> Option<u32> {
        (!self.seams.is_empty()).then(|| source.wrapping_add(self.timestamp_offset))
    }

    /// Joins a source's first packet to what was sent before.
    fn begin(&mut self, index: u64, timestamp: u32, now: Instant) {
        let offset = (self.highest + 1).wrapping_sub(index) as i64;
        self.seams.push(Seam { from: index, offset });
        let (last, sent) = self.last;
        let begin = match sent {
            None => last,
            Some(sent) => {
                let passed = now.saturating_duration_since(sent).as_micros() * u128::from(self.clock_rate) / 1_000_000;
                // Another picture has another timestamp, however fast the switch.
                last.wrapping_add((passed as u32).max(1))
            }
        };
        self.timestamp_offset = begin.wrapping_sub(timestamp);
    }

    fn map_vp8(&mut self, vp8: &Vp8) -> Option<Vp8Patch> {
        let mut patch = Vp8Patch { picture_id: self.picture_id, tl0: self.tl0 };
        if let Some(picture_id) = vp8.picture_id {
            let next = self.picture_id.wrapping_add(1);
            let offset = *self.picture_offset.get_or_insert(next.wrapping_sub(picture_id));
            patch.picture_id = picture_id.wrapping_add(offset) & 0x7FFF;
            // A 7-bit id wraps earlier than the 15 bits that are kept.
            let bits = if vp8.wide { 15 } else { 7 };
            if is_newer(patch.picture_id, self.picture_id, bits) {
                self.picture_id = patch.picture_id;
            }
        }
        if let Some(tl0) = vp8.tl0 {
            let next = self.tl0.wrapping_add(1);
            let offset = *self.tl0_offset.get_or_insert(next.wrapping_sub(tl0));
            patch.tl0 = tl0.wrapping_add(offset);
            if is_newer(u16::from(patch.tl0), u16::from(self.tl0), 8) {
                self.tl0 = patch.tl0;
            }
        }
        (vp8.picture_id.is_some() || vp8.tl0.is_some()).then_some(patch)
    }
}

/// Whether `a` is ahead of `b` by less than half the circle of this many bits.
fn is_newer(a: u16, b: u16, bits: u32) -> bool {
    let ahead = a.wrapping_sub(b) & (u16::MAX >> (16 - bits));
    ahead != 0 && ahead < 1 << (bits - 1)
}

#[cfg(test)]
mod tests;
