//! SRTP and SRTCP opened and sealed where the packet stands (RFC 3711, RFC 7714), with keys from DTLS (RFC 5764).
mod cipher;
mod replay;

use self::{
    cipher::{Cipher, Kind},
    replay::Window,
};
use crate::rtp::{self, Head};

/// What sealing adds to an RTP packet at most.
pub const RTP_OVERHEAD: usize = 16;
/// What sealing adds to an RTCP packet at most: tag and index.
pub const RTCP_OVERHEAD: usize = 20;
/// The exporter's label (RFC 5764 4.2).
pub const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// RTP sources that one peer may have; a browser needs a microphone, a camera and its repair stream.
const MAX_RTP_SOURCES: usize = 16;
/// RTCP senders that one peer may have; browsers report from every m-line, sending or not.
const MAX_RTCP_SOURCES: usize = 32;
/// Length of the clear part of SRTCP: header and SSRC.
const RTCP_HEADER: usize = 8;
/// The E bit of the SRTCP index word: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Why a packet cannot be opened or sealed. A wrong packet is counted and dropped; it never ends a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Shorter than header, tag and index.
    #[error("too short for srtp")]
    TooShort,
    /// Seen before, or older than the replay window.
    #[error("replayed")]
    Replayed,
    /// Its tag is wrong: forged, damaged, or sealed with other keys.
    #[error("not authentic")]
    NotAuthentic,
    /// Authentic, but the peer has as many sources as it may have.
    #[error("too many sources")]
    TooManySources,
    /// The index does not fit the sequence number, or the keys are used up (2^48 packets, 2^31 reports).
    #[error("index out of range")]
    Index,
    /// The buffer has no room for the tag.
    #[error("no room for the tag")]
    NoRoom,
    /// The exporter's material has not the profile's length.
    #[error("wrong keying material")]
    KeyingMaterial,
}

/// A protection profile that we accept, best first (RFC 7714 14.2, RFC 5764 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// SRTP_AEAD_AES_128_GCM.
    AeadAes128Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80.
    Aes128CmSha1_80,
}

impl Profile {
    const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// How many bytes the DTLS exporter must give.
    #[must_use]
    pub const fn keying_len(self) -> usize {
        2 * (16 + self.salt_len())
    }
}

/// Which end of the DTLS handshake we are; an SFU that only answers is its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Our keys are the client's half.
    Client,
    /// Our keys are the server's half.
    Server,
}

/// Takes apart the exporter's material (RFC 5764 4.2: both keys, then both salts, the client's first) and derives the
/// session keys of both directions: ours to open what the peer sends, ours to seal.
///
/// # Errors
/// [`SrtpError::KeyingMaterial`] if its length is not [`Profile::keying_len`].
pub fn pair(profile: Profile, material: &[u8], side: Side) -> Result<(Open, Seal), SrtpError> {
    if material.len() != profile.keying_len() {
        return Err(SrtpError::KeyingMaterial);
    }
    let (keys, salts) = material.split_at(32);
    let (client_salt, server_salt) = salts.split_at(profile.salt_len());
    let client = (&keys[..16], client_salt);
    let server = (&keys[16..], server_salt);
    let (ours, theirs) = match side {
        Side::Client => (client, server),
        Side::Server => (server, client),
    };
    let ciphers = |(key, salt): (&[u8], &[u8])| -> Result<_, SrtpError> {
        Ok((Cipher::derive(profile, Kind::Rtp, key, salt)?, Cipher::derive(profile, Kind::Rtcp, key, salt)?))
    };
    let (open_rtp, open_rtcp) = ciphers(theirs)?;
    let (seal_rtp, seal_rtcp) = ciphers(ours)?;
    Ok((
        Open { rtp: open_rtp, rtcp: open_rtcp, rtp_sources: Vec::new(), rtcp_sources: Vec::new() },
        Seal { rtp: seal_rtp, rtcp: seal_rtcp, reports: 0 },
    ))
}

/// An opened RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Roll-over counter and sequence number: the packet's extended sequence number in its source.
    pub index: u64,
    /// Where the plain packet ends; padding is still there.
    pub end: usize,
}

/// What opens a peer's packets. A source gets state only once a packet of it was authentic, so forged ones cost nothing
/// that lasts.
pub struct Open {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Vec<(u32, Window)>,
    rtcp_sources: Vec<(u32, Window)>,
}

impl Open {
    /// Opens an SRTP packet in place. `head` is its header, read from the same bytes.
    ///
    /// # Errors
    /// Any but the sealing ones; no state has changed then, but the packet's payload may be garbage.
    pub fn rtp(&mut self, packet: &mut [u8], head: &Head) -> Result<Opened, SrtpError> {
        let at = self.rtp_sources.iter().position(|&(ssrc, _)| ssrc == head.ssrc);
        let index = match at {
            Some(at) => {
                let window = &self.rtp_sources[at].1;
                let index = rtp::extend_sequence(window.highest(), head.sequence);
                if index >= 1 << 48 {
                    return Err(SrtpError::Index);
                }
                if window.has_seen(index) {
                    return Err(SrtpError::Replayed);
                }
                index
            }
            None => u64::from(head.sequence),
        };
        let end = self.rtp.open_rtp(packet, head.len, head.ssrc, index)?;
        commit(&mut self.rtp_sources, at, head.ssrc, index, MAX_RTP_SOURCES)?;
        Ok(Opened { index, end })
    }

    /// Opens an SRTCP compound packet in place and returns the length of the plain one.
    ///
    /// # Errors
    /// As [`Open::rtp`]. A packet that is authenticated but not encrypted is refused: WebRTC encrypts always
    /// (RFC 8827 6.5).
    pub fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = u32_at(packet, 4).ok_or(SrtpError::TooShort)?;
        let word = self.rtcp.index_word(packet)?;
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::NotAuthentic);
        }
        let index = u64::from(word & !ENCRYPTED);
        let at = self.rtcp_sources.iter().position(|&(known, _)| known == ssrc);
        if at.is_some_and(|at| self.rtcp_sources[at].1.has_seen(index)) {
            return Err(SrtpError::Replayed);
        }
        let end = self.rtcp.open_rtcp(packet, ssrc, word)?;
        commit(&mut self.rtcp_sources, at, ssrc, index, MAX_RTCP_SOURCES)?;
        Ok(end)
    }
}

/// Enters an authentic packet into its source's window. Sources are never evicted: a forgotten window would let
/// captured packets in again.
fn commit(
    sources: &mut Vec<(u32, Window)>,
    at: Option<usize>,
    ssrc: u32,
    index: u64,
    limit: usize,
) -> Result<(), SrtpError> {
    match at {
        Some(at) => sources[at].1.accept(index),
        None if sources.len() < limit => sources.push((ssrc, Window::starting_at(index))),
        None => return Err(SrtpError::TooManySources),
    }
    Ok(())
}

/// What seals packets to a peer. It holds no state per SSRC: the caller's extended sequence number is the index.
///
/// The caller must never seal two different packets with the same SSRC and index: with GCM that gives the key away
/// (RFC 7714 10.1). A retransmission either repeats the same bytes or has its own SSRC (RFC 4588).
pub struct Seal {
    rtp: Cipher,
    rtcp: Cipher,
    reports: u32,
}

impl Seal {
    /// Seals in place the packet that stands in `out` with a header of `head_len` bytes and a payload of `payload_len`;
    /// returns its new length. The low 16 bits of `index` are its sequence number, the rest the roll-over counter,
    /// which begins at 0.
    ///
    /// # Errors
    /// [`SrtpError::NoRoom`] if the tag does not fit into `out`, [`SrtpError::Index`] if `index` does not fit.
    pub fn rtp(&self, index: u64, out: &mut [u8], head_len: usize, payload_len: usize) -> Result<usize, SrtpError> {
        let ssrc = checked_ssrc(index, out)?;
        self.rtp.seal_rtp(out, head_len, head_len + payload_len, ssrc, index)
    }

    /// Seals `payload` behind the header of `head_len` bytes that stands in `out`: one plain payload goes encrypted into
    /// each receiver's buffer without a copy in between.
    ///
    /// # Errors
    /// As [`Seal::rtp`].
    pub fn rtp_from(&self, index: u64, out: &mut [u8], head_len: usize, payload: &[u8]) -> Result<usize, SrtpError> {
        let ssrc = checked_ssrc(index, out)?;
        self.rtp.seal_rtp_from(out, head_len, payload, ssrc, index)
    }

    /// Seals in place the compound RTCP packet that stands in the first `len` bytes of `out`; returns its new length.
    ///
    /// # Errors
    /// As [`Seal::rtp`].
    pub fn rtcp(&mut self, out: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        if len < RTCP_HEADER {
            return Err(SrtpError::TooShort);
        }
        let ssrc = u32_at(out, 4).ok_or(SrtpError::TooShort)?;
        // One counter for all our SSRCs: no pair of SSRC and index ever repeats (RFC 3711 9.2: at most 2^31).
        let next = self.reports + 1;
        if next & ENCRYPTED != 0 {
            return Err(SrtpError::Index);
        }
        let sealed = self.rtcp.seal_rtcp(out, len, ssrc, next | ENCRYPTED)?;
        self.reports = next;
        Ok(sealed)
    }
}

/// The SSRC of the header in `out`, if that header carries the sequence number of `index`.
fn checked_ssrc(index: u64, out: &[u8]) -> Result<u32, SrtpError> {
    let sequence = out.get(2..4).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or(SrtpError::NoRoom)?;
    if index >= 1 << 48 || index as u16 != sequence {
        return Err(SrtpError::Index);
    }
    u32_at(out, 8).ok_or(SrtpError::NoRoom)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests;
