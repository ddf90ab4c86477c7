//! RTP packets read and rewritten where they stand (RFC 3550 5.1): header, extensions, padding.
mod extension;
mod h264;
mod vp8;

use std::ops::Range;

pub use extension::{Extensions, extension, extensions, replace_extension};
pub use h264::begins_h264_keyframe;
pub use vp8::{Vp8, Vp8Patch};

/// Length of the fixed header.
pub const FIXED_HEADER: usize = 12;
/// Longest header that [`write_head`] writes: fixed part, extension header, and 64 bytes of elements.
pub const MAX_HEAD: usize = FIXED_HEADER + 4 + MAX_ELEMENTS;
/// Bytes of extension elements that [`write_head`] writes at most. mid, level, transport-cc and abs-send-time need 20.
const MAX_ELEMENTS: usize = 64;
/// The profile of one-byte elements (RFC 8285 4.2).
const ONE_BYTE: u16 = 0xBEDE;

/// Why a datagram is not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its header says, or not version 2.
    #[error("not an rtp packet")]
    Malformed,
    /// Its padding is longer than its payload, or none at all (RFC 3550 5.1).
    #[error("wrong padding")]
    Padding,
    /// The buffer is too small for what should be written.
    #[error("no room")]
    NoRoom,
}

/// The header of a packet. It can be read before SRTP, which leaves headers in the clear, and every length in it has
/// been checked against the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The P bit.
    pub padding: bool,
    /// The M bit.
    pub marker: bool,
    /// PT, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The profile word of the header extension.
    profile: u16,
    /// Where the extension's elements begin; equal to `len` if there are none.
    elements: u16,
    /// Length of the whole header with CSRCs and extension: where the payload begins.
    pub len: usize,
}

/// Whether a datagram of the RTP/RTCP range (RFC 7983) is RTCP (RFC 5761 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 8 && matches!(datagram[1], 192..=223)
}

impl Head {
    /// Reads a header of at least 12 bytes, its CSRCs and its extension.
    ///
    /// # Errors
    /// [`RtpError::Malformed`] if any of them leaves the datagram, or the version is not 2.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let Some((fixed, _)) = packet.split_first_chunk::<FIXED_HEADER>() else {
            return Err(RtpError::Malformed);
        };
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Malformed);
        }
        let mut len = FIXED_HEADER + 4 * usize::from(fixed[0] & 0x0F);
        let (mut profile, mut elements) = (0, len);
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(len..len + 4).ok_or(RtpError::Malformed)?;
            profile = u16::from_be_bytes([head[0], head[1]]);
            elements = len + 4;
            len = elements + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        }
        if len > packet.len() {
            return Err(RtpError::Malformed);
        }
        Ok(Self {
            padding: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            profile,
            elements: elements as u16,
            len,
        })
    }

    /// Where the extension's elements are.
    fn elements(&self) -> Range<usize> {
        usize::from(self.elements)..self.len
    }
}

/// Strips the padding of an opened packet that ends at `end`, clears its P bit, and returns where the payload is.
/// It is empty for a packet of padding only, as bandwidth probes are. The bit must be cleared because the shorter
/// packet would be read as if its last payload byte counted padding.
///
/// # Errors
/// [`RtpError::Padding`] if the last byte counts none or more than there is; the packet is unchanged.
pub fn strip_padding(packet: &mut [u8], head: &Head, end: usize) -> Result<Range<usize>, RtpError> {
    if head.len > end || end > packet.len() {
        return Err(RtpError::Malformed);
    }
    if !head.padding {
        return Ok(head.len..end);
    }
    let count = usize::from(packet[end - 1]);
    if count == 0 || count > end - head.len {
        return Err(RtpError::Padding);
    }
    packet[0] &= !0x20;
    Ok(head.len..end - count)
}

/// What a forwarded packet's fixed header shall say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewHead {
    /// M bit.
    pub marker: bool,
    /// PT of the receiver's m-line.
    pub payload_type: u8,
    /// Sequence number in the receiver's stream.
    pub sequence: u16,
    /// Timestamp in the receiver's stream.
    pub timestamp: u32,
    /// SSRC of the receiver's slot.
    pub ssrc: u32,
}

impl NewHead {
    /// Writes marker, payload type, sequence, timestamp and SSRC over those of a packet. Its version, padding bit, CSRC
    /// count, CSRCs and extension stay.
    pub fn overwrite(&self, packet: &mut [u8]) {
        let Some(fixed) = packet.first_chunk_mut::<FIXED_HEADER>() else { return };
        fixed[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7F);
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

/// Writes a new header, without CSRCs, with these extension elements in one-byte form (RFC 8285 4.2), and returns its
/// length. Elements that the one-byte form cannot hold (id 0 or above 14, empty or longer than 16 bytes) are left out:
/// a receiver must get along without any extension (RFC 8285 4.1.2).
///
/// # Errors
/// [`RtpError::NoRoom`] if `out` is too small or the elements need more than 64 bytes.
pub fn write_head(out: &mut [u8], head: &NewHead, elements: &[(u8, &[u8])]) -> Result<usize, RtpError> {
    out.get_mut(..FIXED_HEADER).ok_or(RtpError::NoRoom)?[0] = 0x80;
    head.overwrite(out);
    let mut at = FIXED_HEADER + 4;
    for &(id, value) in elements {
        if !matches!(id, 1..=14) || !matches!(value.len(), 1..=16) {
            continue;
        }
        if at + 1 + value.len() > MAX_HEAD {
            return Err(RtpError::NoRoom);
        }
        let to = out.get_mut(at..at + 1 + value.len()).ok_or(RtpError::NoRoom)?;
        to[0] = (id << 4) | (value.len() as u8 - 1);
        to[1..].copy_from_slice(value);
        at += 1 + value.len();
    }
    if at == FIXED_HEADER + 4 {
        return Ok(FIXED_HEADER);
    }
    let end = at.next_multiple_of(4);
    out.get_mut(at..end).ok_or(RtpError::NoRoom)?.fill(0);
    let words = ((end - FIXED_HEADER - 4) / 4) as u16;
    out[0] |= 0x10;
    out[FIXED_HEADER..FIXED_HEADER + 2].copy_from_slice(&ONE_BYTE.to_be_bytes());
    out[FIXED_HEADER + 2..FIXED_HEADER + 4].copy_from_slice(&words.to_be_bytes());
    Ok(end)
}

/// The full sequence number of `sequence` that is nearest to one already known (RFC 3550 A.1, without its probation:
/// only authenticated packets get here).
#[must_use]
pub fn extend_sequence(near: u64, sequence: u16) -> u64 {
    let ahead = i64::from(sequence.wrapping_sub(near as u16) as i16);
    let full = near.wrapping_add_signed(ahead);
    // Before the first roll-over there is no earlier cycle to belong to.
    if ahead < 0 && full > near { full.wrapping_add(1 << 16) } else { full }
}

#[cfg(test)]
mod tests;
