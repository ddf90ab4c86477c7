//! RTCP compounds read packet by packet without trusting a length (RFC 3550 6, RFC 4585, RFC 5104, RFC 5506).
mod arrivals;
mod write;

use std::{iter, slice::ChunksExact};

pub use arrivals::Arrivals;
pub use write::{MAX_NACKED, bye, fir, nack, pli, receiver_report, sdes_cname, sender_report};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Formats of transport feedback (RFC 4585 6.2, draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1).
const FMT_NACK: u8 = 1;
const FMT_TRANSPORT_CC: u8 = 15;
/// Formats of payload-specific feedback (RFC 4585 6.3, RFC 5104 4.3.1).
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
/// Length of a report block.
const BLOCK: usize = 24;

/// What one receiver says about one source (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction: u8,
    /// Lost since the beginning; 24 bits, negative where packets came twice.
    pub lost: i32,
    /// Highest sequence number received, with its count of cycles.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last SR; 0 before the first.
    pub lsr: u32,
    /// Since then, in 1/65536 s.
    pub dlsr: u32,
}

/// One packet of a compound. Feedback of which we make nothing is `Other`.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// A sender's clocks and counts.
    SenderReport {
        /// Who.
        ssrc: u32,
        /// NTP time, 32.32 bits.
        ntp: u64,
        /// The same moment in the source's timestamps.
        rtp: u32,
        /// Packets sent.
        packets: u32,
        /// Payload bytes sent.
        octets: u32,
        /// What it receives.
        blocks: Blocks<'a>,
    },
    /// What somebody receives.
    ReceiverReport {
        /// Who.
        ssrc: u32,
        /// What.
        blocks: Blocks<'a>,
    },
    /// Sources that end.
    Bye {
        /// Which.
        ssrcs: Words<'a>,
    },
    /// Packets asked for again (RFC 4585 6.2.1).
    Nack {
        /// Of which source.
        media: u32,
        /// Which.
        lost: Lost<'a>,
    },
    /// A picture is lost (RFC 4585 6.3.1): a keyframe is needed.
    Pli {
        /// Of which source.
        media: u32,
    },
    /// A keyframe is asked for (RFC 5104 4.3.1).
    Fir {
        /// Of which sources, with the number of the request: one that repeats is the same request.
        targets: FirTargets<'a>,
    },
    /// Transport-wide feedback, whole with its header.
    TransportCc(&'a [u8]),
    /// Anything else that is well formed.
    Other,
}

/// Report blocks of an SR or RR, at most 31.
#[derive(Clone, Debug)]
pub struct Blocks<'a>(ChunksExact<'a, u8>);

/// 32-bit words.
#[derive(Clone, Debug)]
pub struct Words<'a>(ChunksExact<'a, u8>);

/// Sequence numbers of a NACK.
#[derive(Clone, Debug)]
pub struct Lost<'a> {
    pairs: ChunksExact<'a, u8>,
    next: u16,
    mask: u32,
}

/// Targets of an FIR, `(ssrc, request number)`.
#[derive(Clone, Debug)]
pub struct FirTargets<'a>(ChunksExact<'a, u8>);

/// The packets of a plain compound, each of them: what a compound begins with does not say what follows. The walk ends
/// at the first packet that is malformed or leaves the datagram.
pub fn packets(compound: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut rest = compound;
    iter::from_fn(move || {
        let (packet, after) = split(rest)?;
        rest = after;
        let parsed = parse(packet);
        if parsed.is_none() {
            rest = &[];
        }
        parsed
    })
}

/// Cuts the first packet off a compound.
fn split(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = compound.get(..4)?;
    if head[0] >> 6 != 2 || !(192..=223).contains(&head[1]) {
        return None;
    }
    compound.split_at_checked(4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]])))
}

/// Reads one packet of exactly its length.
fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    let (count, kind) = (packet[0] & 0x1F, packet[1]);
    let mut body = &packet[4..];
    if packet[0] & 0x20 != 0 {
        let padding = usize::from(*body.last()?);
        if padding == 0 || padding > body.len() {
            return None;
        }
        body = &body[..body.len() - padding];
    }
    let word = |at: usize| body.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let blocks = |at: usize| Some(Blocks(body.get(at..at + BLOCK * usize::from(count))?.chunks_exact(BLOCK)));
    Some(match (kind, count) {
        (SENDER_REPORT, _) => Packet::SenderReport {
            ssrc: word(0)?,
            ntp: (u64::from(word(4)?) << 32) | u64::from(word(8)?),
            rtp: word(12)?,
            packets: word(16)?,
            octets: word(20)?,
            blocks: blocks(24)?,
        },
        (RECEIVER_REPORT, _) => Packet::ReceiverReport { ssrc: word(0)?, blocks: blocks(4)? },
        (GOODBYE, _) => Packet::Bye { ssrcs: Words(body.get(..4 * usize::from(count))?.chunks_exact(4)) },
        (TRANSPORT_FEEDBACK, FMT_NACK) => {
            Packet::Nack { media: word(4)?, lost: Lost { pairs: body[8..].chunks_exact(4), next: 0, mask: 0 } }
        }
        (TRANSPORT_FEEDBACK, FMT_TRANSPORT_CC) => {
            word(12)?;
            Packet::TransportCc(packet)
        }
        (PAYLOAD_FEEDBACK, FMT_PLI) => Packet::Pli { media: word(4)? },
        (PAYLOAD_FEEDBACK, FMT_FIR) => {
            word(4)?;
            Packet::Fir { targets: FirTargets(body[8..].chunks_exact(8)) }
        }
        _ => Packet::Other,
    })
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let bytes = self.0.next()?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Some(Block {
            ssrc: word(0),
            fraction: bytes[4],
            // Shifting up and down extends the sign of the 24-bit number.
            lost: ((word(4) << 8) as i32) >> 8,
            highest: word(8),
            jitter: word(12),
            lsr: word(16),
            dlsr: word(20),
        })
    }
}

impl Iterator for Words<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let pair = self.pairs.next()?;
            self.next = u16::from_be_bytes([pair[0], pair[1]]);
            // Bit 0 is the packet itself, the others follow it.
            self.mask = (u32::from(u16::from_be_bytes([pair[2], pair[3]])) << 1) | 1;
        }
        let skip = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.next.wrapping_add(skip as u16))
    }
}

impl Iterator for FirTargets<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        self.0.next().map(|b| (u32::from_be_bytes([b[0], b[1], b[2], b[3]]), b[4]))
    }
}

#[cfg(test)]
mod tests;
