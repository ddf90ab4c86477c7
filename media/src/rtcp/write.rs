//! RTCP packets written one behind the other, so that a compound is built in one buffer.
use super::{
    Block, FMT_FIR, FMT_NACK, FMT_PLI, GOODBYE, PAYLOAD_FEEDBACK, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION,
    TRANSPORT_FEEDBACK,
};

/// Sequence numbers that one [`nack`] takes at most; further ones wait for the next.
pub const MAX_NACKED: usize = 256;
/// Blocks, or sources, of one packet at most: their count has five bits.
const MAX_COUNT: usize = 31;
/// The CNAME item (RFC 3550 6.5.1).
const CNAME: u8 = 1;

/// Appends an SR (RFC 3550 6.4.1); the first 31 blocks are taken.
pub fn sender_report(out: &mut Vec<u8>, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32, blocks: &[Block]) {
    let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
    packet(out, blocks.len() as u8, SENDER_REPORT, |out| {
        words(out, &[ssrc, (ntp >> 32) as u32, ntp as u32, rtp, packets, octets]);
        blocks.iter().for_each(|b| block(out, b));
    });
}

/// Appends an RR (RFC 3550 6.4.2); the first 31 blocks are taken.
pub fn receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[Block]) {
    let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
    packet(out, blocks.len() as u8, RECEIVER_REPORT, |out| {
        words(out, &[ssrc]);
        blocks.iter().for_each(|b| block(out, b));
    });
}

/// Appends an SDES with one CNAME (RFC 3550 6.5), cut to 255 bytes.
pub fn sdes_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let name = &cname.as_bytes()[..cname.len().min(255)];
    packet(out, 1, SOURCE_DESCRIPTION, |out| {
        words(out, &[ssrc]);
        out.extend([CNAME, name.len() as u8]);
        out.extend(name);
        // The list of items ends with at least one zero and fills the word; header and SSRC are whole words.
        let items = 2 + name.len();
        out.resize(out.len() + (items + 1).next_multiple_of(4) - items, 0);
    });
}

/// Appends a BYE (RFC 3550 6.6) of the first 31 sources.
pub fn bye(out: &mut Vec<u8>, ssrcs: &[u32]) {
    let ssrcs = &ssrcs[..ssrcs.len().min(MAX_COUNT)];
    packet(out, ssrcs.len() as u8, GOODBYE, |out| words(out, ssrcs));
}

/// Appends a PLI (RFC 4585 6.3.1).
pub fn pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    packet(out, FMT_PLI, PAYLOAD_FEEDBACK, |out| words(out, &[sender, media]));
}

/// Appends an FIR (RFC 5104 4.3.1) with the number of this request; repeating it repeats the number.
pub fn fir(out: &mut Vec<u8>, sender: u32, target: u32, request: u8) {
    packet(out, FMT_FIR, PAYLOAD_FEEDBACK, |out| words(out, &[sender, 0, target, u32::from(request) << 24]));
}

/// Appends a generic NACK (RFC 4585 6.2.1) for the first [`MAX_NACKED`] numbers, in any order; nothing if there are
/// none. Numbers in rising order pack best: seventeen in one word.
pub fn nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: &[u16]) {
    let lost = &lost[..lost.len().min(MAX_NACKED)];
    let Some((&first, others)) = lost.split_first() else { return };
    packet(out, FMT_NACK, TRANSPORT_FEEDBACK, |out| {
        words(out, &[sender, media]);
        let (mut base, mut mask) = (first, 0_u16);
        for &sequence in others {
            match sequence.wrapping_sub(base) {
                0 => {}
                ahead @ 1..=16 => mask |= 1 << (ahead - 1),
                _ => {
                    words(out, &[(u32::from(base) << 16) | u32::from(mask)]);
                    (base, mask) = (sequence, 0);
                }
            }
        }
        words(out, &[(u32::from(base) << 16) | u32::from(mask)]);
    });
}

/// Appends a packet whose body is whole words, and sets its length.
pub(super) fn packet(out: &mut Vec<u8>, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0x80 | count, kind, 0, 0]);
    body(out);
    let length = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| out.extend(word.to_be_bytes()));
}

fn block(out: &mut Vec<u8>, block: &Block) {
    // 24 bits with sign: what does not fit stands at the limit (RFC 3550 A.3).
    let lost = block.lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF;
    let counts = (u32::from(block.fraction) << 24) | lost;
    words(out, &[block.ssrc, counts, block.highest, block.jitter, block.lsr, block.dlsr]);
}
