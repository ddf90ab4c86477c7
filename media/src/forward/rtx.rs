//! Retransmission streams of publishers unwrapped (RFC 4588 4).
use std::ops::Range;

use crate::rtp::{Head, NewHead};

/// The original sequence number that a retransmission's payload begins with; `None` for a padding probe, which has an
/// empty payload.
#[must_use]
pub fn original_sequence(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().map(|&number| u16::from_be_bytes(number))
}

/// Turns an opened retransmission with this payload, padding stripped, into the packet that was lost, in place: the
/// header moves over the original sequence number, and gets it with the original stream's SSRC and payload type.
/// `None` if there is no original in it.
pub fn unwrap<'a>(
    packet: &'a mut [u8],
    head: &Head,
    payload: Range<usize>,
    ssrc: u32,
    payload_type: u8,
) -> Option<&'a mut [u8]> {
    let sequence = original_sequence(packet.get(payload.clone())?)?;
    if head.len != payload.start {
        return None;
    }
    packet.copy_within(..head.len, 2);
    let original = &mut packet[2..payload.end];
    NewHead { marker: head.marker, payload_type, sequence, timestamp: head.timestamp, ssrc }.overwrite(original);
    Some(original)
}

#[cfg(test)]
mod tests;
