//! Binding requests read and answered without allocation (RFC 8489), as an ICE-lite agent needs them (RFC 8445).
use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::{constant_time, hmac};

/// Length of the fixed header (RFC 8489 5).
const HEADER: usize = 20;
/// The magic cookie.
const COOKIE: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;

/// What the CRC of a FINGERPRINT is combined with, so that it differs from other CRCs in the same datagram (14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554E;
/// Attribute header and HMAC-SHA1.
const INTEGRITY_SIZE: usize = 4 + 20;
/// Longest request that is looked at. Browsers send about 120 bytes; USERNAME alone may be 513 (14.3).
const MAX_REQUEST: usize = 1_000;
/// Room that [`write_success`] needs at most: header, IPv6 XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
pub const MAX_SUCCESS: usize = HEADER + 24 + INTEGRITY_SIZE + 8;

/// Why a datagram is not a Binding request worth an answer. Every one of them is met with silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    /// No STUN header, a length that is not the datagram's, or an attribute that leaves it.
    #[error("not a stun message")]
    Malformed,
    /// A response, an indication or another method.
    #[error("not a binding request")]
    NotARequest,
    /// It has no USERNAME or no MESSAGE-INTEGRITY: nobody we know could have sent it.
    #[error("not authenticated")]
    Unauthenticated,
    /// Its FINGERPRINT is wrong or not the last attribute.
    #[error("wrong fingerprint")]
    Fingerprint,
    /// It carries an attribute that must be understood and is not (RFC 8489 6.3.1).
    #[error("unknown attribute")]
    UnknownAttribute,
    /// The buffer for the answer is too small.
    #[error("no room for the answer")]
    NoRoom,
}

/// An ICE password, ready for HMAC-SHA1 (short-term credentials, RFC 8489 9.1).
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// The key of this `ice-pwd`.
    #[must_use]
    pub fn new(password: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A well-formed Binding request. It proves nothing before [`Request::verify`].
#[derive(Clone, Copy)]
pub struct Request<'a> {
    raw: &'a [u8],
    username: &'a [u8],
    /// Where the MESSAGE-INTEGRITY attribute begins.
    integrity: usize,
    /// Chosen by the client; the answer repeats it.
    pub transaction: [u8; 12],
    /// The priority that a peer-reflexive candidate would have (RFC 8445 7.1.1).
    pub priority: Option<u32>,
    /// Whether the controlling side nominates this path (RFC 8445 7.1.2).
    pub use_candidate: bool,
    /// The tie-breaker of a client that claims to control, which every client of an ICE-lite server does.
    pub controlling: Option<u64>,
    /// Whether the client claims the controlled role: a conflict, since an ICE-lite server is never controlling.
    pub controlled: bool,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("use_candidate", &self.use_candidate).finish_non_exhaustive()
    }
}

/// Whether a datagram looks like STUN (RFC 7983 and the magic cookie). Cheap enough for every datagram.
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] < 4 && u32_at(datagram, 4) == Some(COOKIE)
}

impl<'a> Request<'a> {
    /// Reads a Binding request. Attributes after MESSAGE-INTEGRITY are ignored except FINGERPRINT (RFC 8489 14.5):
    /// anybody could have appended them.
    ///
    /// # Errors
    /// Everything that is not an authenticatable Binding request of at most 1000 bytes.
    pub fn parse(raw: &'a [u8]) -> Result<Self, StunError> {
        if !is_stun(raw) || raw.len() > MAX_REQUEST {
            return Err(StunError::Malformed);
        }
        if u16_at(raw, 0) != Some(BINDING_REQUEST) {
            return Err(StunError::NotARequest);
        }
        let length = usize::from(u16_at(raw, 2).ok_or(StunError::Malformed)?);
        if !length.is_multiple_of(4) || HEADER + length != raw.len() {
            return Err(StunError::Malformed);
        }
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&raw[8..HEADER]);
        let mut request = Self {
            raw,
            username: &[],
            integrity: 0,
            transaction,
            priority: None,
            use_candidate: false,
            controlling: None,
            controlled: false,
        };
        let mut at = HEADER;
        while at < raw.len() {
            let kind = u16_at(raw, at).ok_or(StunError::Malformed)?;
            let size = usize::from(u16_at(raw, at + 2).ok_or(StunError::Malformed)?);
            let value = raw.get(at + 4..at + 4 + size).ok_or(StunError::Malformed)?;
            request.attribute(kind, value, at)?;
            at += 4 + size.next_multiple_of(4);
        }
        if at != raw.len() {
            return Err(StunError::Malformed);
        }
        if request.integrity == 0 || request.username.is_empty() {
            return Err(StunError::Unauthenticated);
        }
        Ok(request)
    }

    /// Takes in one attribute. Of repeated ones the first counts (RFC 8489 14).
    fn attribute(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), StunError> {
        if kind == FINGERPRINT {
            let sent = u32_at(value, 0).filter(|_| value.len() == 4).ok_or(StunError::Malformed)?;
            let right = crc32(&self.raw[..at]) ^ FINGERPRINT_XOR;
            let last = at + 8 == self.raw.len();
            return if last && sent == right { Ok(()) } else { Err(StunError::Fingerprint) };
        }
        if self.integrity != 0 {
            return Ok(());
        }
        match kind {
            MESSAGE_INTEGRITY if value.len() == 20 => self.integrity = at,
            USERNAME if self.username.is_empty() => self.username = value,
            PRIORITY if value.len() == 4 => self.priority = self.priority.or(u32_at(value, 0)),
            USE_CANDIDATE if value.is_empty() => self.use_candidate = true,
            ICE_CONTROLLING if value.len() == 8 => self.controlling = self.controlling.or(u64_at(value, 0)),
            ICE_CONTROLLED if value.len() == 8 => self.controlled = true,
            MESSAGE_INTEGRITY | PRIORITY | USE_CANDIDATE | ICE_CONTROLLING | ICE_CONTROLLED => {
                return Err(StunError::Malformed);
            }
            USERNAME | 0x8000.. => {}
            _ => return Err(StunError::UnknownAttribute),
        }
        Ok(())
    }

    /// The server's half of USERNAME, by which the peer is found (RFC 8445 7.2.2: "receiver:sender").
    #[must_use]
    pub fn local_ufrag(&self) -> &'a [u8] {
        self.halves().0
    }

    /// The client's half of USERNAME.
    #[must_use]
    pub fn remote_ufrag(&self) -> &'a [u8] {
        self.halves().1
    }

    fn halves(&self) -> (&'a [u8], &'a [u8]) {
        match self.username.iter().position(|&b| b == b':') {
            Some(colon) => (&self.username[..colon], &self.username[colon + 1..]),
            None => (self.username, &[]),
        }
    }

    /// Whether the sender knows the password (RFC 8489 9.1.3), compared in constant time.
    #[must_use]
    pub fn verify(&self, key: &Key) -> bool {
        let tag = integrity(&self.raw[..self.integrity], key);
        let sent = &self.raw[self.integrity + 4..self.integrity + INTEGRITY_SIZE];
        constant_time::verify_slices_are_equal(tag.as_ref(), sent).is_ok()
    }
}

/// Writes the success response to a verified request into `out` and returns its length, at most [`MAX_SUCCESS`]:
/// XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT. It is never longer than a request of ICE.
///
/// # Errors
/// [`StunError::NoRoom`] if `out` is too small; nothing of use is in it then.
pub fn write_success(
    out: &mut [u8],
    transaction: &[u8; 12],
    mapped: SocketAddr,
    key: &Key,
) -> Result<usize, StunError> {
    let out = out.get_mut(..MAX_SUCCESS).ok_or(StunError::NoRoom)?;
    out[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
    out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    out[8..HEADER].copy_from_slice(transaction);

    // An IPv4 client of a dual-stack socket must see its IPv4 address.
    let (family, address, size) = match mapped.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let mut wide = [0; 16];
            wide[..4].copy_from_slice(&ip.octets());
            (1, wide, 4)
        }
        IpAddr::V6(ip) => (2, ip.octets(), 16),
    };
    let mut at = HEADER;
    put_attribute_head(out, at, XOR_MAPPED_ADDRESS, 4 + size);
    out[at + 4] = 0;
    out[at + 5] = family;
    let port = mapped.port() ^ (COOKIE >> 16) as u16;
    out[at + 6..at + 8].copy_from_slice(&port.to_be_bytes());
    // The mask is the cookie followed by the transaction, which is how they stand in the header (14.2).
    for i in 0..size {
        out[at + 8 + i] = address[i] ^ out[4 + i];
    }
    at += 8 + size;

    let tag = integrity(&out[..at], key);
    put_attribute_head(out, at, MESSAGE_INTEGRITY, 20);
    out[at + 4..at + INTEGRITY_SIZE].copy_from_slice(tag.as_ref());
    at += INTEGRITY_SIZE;

    let length = (at + 8 - HEADER) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32(&out[..at]) ^ FINGERPRINT_XOR;
    put_attribute_head(out, at, FINGERPRINT, 4);
    out[at + 4..at + 8].copy_from_slice(&crc.to_be_bytes());
    Ok(at + 8)
}

fn put_attribute_head(out: &mut [u8], at: usize, kind: u16, size: usize) {
    out[at..at + 2].copy_from_slice(&kind.to_be_bytes());
    out[at + 2..at + 4].copy_from_slice(&(size as u16).to_be_bytes());
}

/// HMAC over a message up to its MESSAGE-INTEGRITY, with the length field that it would have if it ended with
/// that attribute (RFC 8489 14.5). `before` is at least a header.
fn integrity(before: &[u8], key: &Key) -> hmac::Tag {
    let length = (before.len() + INTEGRITY_SIZE - HEADER) as u16;
    let mut context = hmac::Context::with_key(&key.0);
    context.update(&before[..2]);
    context.update(&length.to_be_bytes());
    context.update(&before[4..]);
    context.sign()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes)
}

/// CRC-32 (ISO-HDLC), the polynomial of ITU V.42 that RFC 8489 14.7 names, eight bytes at a time: byte by byte it would
/// cost more than all the rest of reading a request.
fn crc32(bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let crc = eights.iter().fold(u32::MAX, |crc, eight| {
        let mixed = u64::from_le_bytes(*eight) ^ u64::from(crc);
        (0..8).fold(0, |sum, i| sum ^ CRC_TABLES[7 - i][usize::from((mixed >> (8 * i)) as u8)])
    });
    !rest.iter().fold(crc, |crc, &byte| (crc >> 8) ^ CRC_TABLES[0][usize::from(crc as u8 ^ byte)])
}

/// `CRC_TABLES[n][b]` is the CRC of byte `b` followed by `n` zeros.
static CRC_TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut i = 0;
        while i < 256 {
            let before = tables[n - 1][i];
            tables[n][i] = (before >> 8) ^ tables[0][(before & 0xFF) as usize];
            i += 1;
        }
        n += 1;
    }
    tables
};

#[cfg(test)]
mod tests;
