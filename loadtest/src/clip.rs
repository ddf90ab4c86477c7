//! The picture that synthetic cameras send: two seconds of real VP8, cut into RTP payloads (RFC 7741).
use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};

/// Frames per second of the clip.
pub const FRAME_RATE: u32 = 25;
/// RTP ticks from frame to frame (90 kHz).
pub const FRAME_TICKS: u32 = 90_000 / FRAME_RATE;
/// Longest payload of one packet; with RTP, extensions, SRTP, UDP and IPv6 it stays below 1280 bytes.
const MAX_PAYLOAD: usize = 1100;
/// `X = 1`; the extension octet has `I = 1`; the picture id takes two octets (`M = 1`).
const DESCRIPTOR: usize = 4;

/// What `clip/make.py` made: see README.md, "The clip".
const IVF: &[u8] = include_bytes!("../clip/clip.ivf");

/// The frames of the clip, the first of which is its only keyframe, so that the clip may be started and repeated there.
pub fn frames() -> &'static [Bytes] {
    static FRAMES: OnceLock<Vec<Bytes>> = OnceLock::new();
    FRAMES.get_or_init(|| parse(Bytes::from_static(IVF)))
}

/// Cuts an IVF file into its frames: a header of 32 bytes, then 12 bytes before each frame.
fn parse(mut ivf: Bytes) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut rest = ivf.split_off(32.min(ivf.len()));
    while rest.len() >= 12 {
        let header = rest.split_to(12);
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        frames.push(rest.split_to(length.min(rest.len())));
    }
    frames
}

/// Cuts one frame into payloads, each with the same picture id of 15 bits; the last of them carries the RTP marker.
pub fn payloads(frame: &Bytes, picture_id: u16) -> Vec<Bytes> {
    let pieces = frame.len().div_ceil(MAX_PAYLOAD).max(1);
    // Pieces of equal size, as browsers make them: one long and one tiny packet cost as much as two of half the size.
    let size = frame.len().div_ceil(pieces).max(1);
    frame
        .chunks(size)
        .enumerate()
        .map(|(index, piece)| {
            let mut payload = BytesMut::with_capacity(DESCRIPTOR + piece.len());
            payload.put_u8(if index == 0 { 0x90 } else { 0x80 }); // X, and S on the first; partition 0
            payload.put_u8(0x80); // I
            payload.put_u16(0x8000 | (picture_id & 0x7fff)); // M and 15 bits
            payload.put_slice(piece);
            payload.freeze()
        })
        .collect()
}

/// What a receiver reads from the beginning of a VP8 payload (RFC 7741 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet begins a frame.
    pub begins: bool,
    /// The picture id, if there is one.
    pub picture_id: Option<u16>,
    /// The frame that begins here is a keyframe.
    pub keyframe: bool,
}

impl Descriptor {
    /// Reads the descriptor; `None` when the payload ends before it does.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut at = 1;
        let mut picture_id = None;
        if first & 0x80 != 0 {
            let extension = *payload.get(at)?;
            at += 1;
            if extension & 0x80 != 0 {
                let high = *payload.get(at)?;
                at += 1;
                picture_id = Some(if high & 0x80 == 0 {
                    u16::from(high)
                } else {
                    let low = *payload.get(at)?;
                    at += 1;
                    u16::from_be_bytes([high & 0x7f, low])
                });
            }
            at += usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0);
        }
        let begins = first & 0x17 == 0x10; // S, and partition 0
        let keyframe = begins && payload.get(at)? & 1 == 0;
        Some(Self { begins, picture_id, keyframe })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_is_two_seconds_and_begins_with_its_only_keyframe() {
        let frames = frames();

        let keyframes: Vec<usize> = (0..frames.len()).filter(|at| frames[*at][0] & 1 == 0).collect();
        assert_eq!((frames.len(), keyframes), (50, vec![0]));
        assert_eq!(frames[0][3..6], [0x9d, 0x01, 0x2a], "the start code of a keyframe (RFC 6386 section 9.1)");
    }

    #[test]
    fn a_frame_is_cut_into_packets_that_put_it_together_again() {
        let frame = &frames()[0];

        let payloads = payloads(frame, 0x1234);

        let whole: Vec<u8> = payloads.iter().flat_map(|payload| payload[DESCRIPTOR..].to_vec()).collect();
        assert_eq!(whole, frame.to_vec());
        assert!(payloads.len() > 5 && payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD + DESCRIPTOR));
        let first = Descriptor { begins: true, picture_id: Some(0x1234), keyframe: true };
        assert_eq!(Descriptor::parse(&payloads[0]), Some(first));
        let other = Descriptor { begins: false, picture_id: Some(0x1234), keyframe: false };
        assert_eq!(Descriptor::parse(&payloads[1]), Some(other));
    }

    #[test]
    fn a_descriptor_that_ends_early_is_none() {
        for cut in [&[][..], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x92], &[0x90, 0x80, 0x92, 0x34], &[0x10]] {
            assert_eq!(Descriptor::parse(cut), None, "{cut:02x?}");
        }
    }
}
