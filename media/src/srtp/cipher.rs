//! Session keys (RFC 3711 4.3) and the two ciphers: AEAD_AES_128_GCM (RFC 7714) and AES-CM with HMAC-SHA1 (RFC 3711 4).
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time, hmac,
    iv::FixedLength,
};

use super::{Profile, RTCP_HEADER, SrtpError};

/// Length of the GCM tag.
const GCM_TAG: usize = 16;
/// Length of the HMAC-SHA1 tag, 80 bits.
const CM_TAG: usize = 10;

/// Which session keys: the label of the encryption key; those of authentication and salt follow it (RFC 3711 4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Rtp = 0x00,
    Rtcp = 0x03,
}

/// Session keys of one direction for RTP or for RTCP.
pub(super) enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    Cm(Box<Cm>),
}

/// AES counter mode with HMAC-SHA1.
pub(super) struct Cm {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    /// Derives session keys from a master key and salt with a key derivation rate of 0.
    pub(super) fn derive(profile: Profile, kind: Kind, master: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        let label = kind as u8;
        let key: [u8; 16] = session_key(label, master, salt)?;
        match profile {
            Profile::AeadAes128Gcm => {
                let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| SrtpError::KeyingMaterial)?;
                Ok(Self::Gcm { key: LessSafeKey::new(key), salt: session_key(label + 2, master, salt)? })
            }
            Profile::Aes128CmSha1_80 => {
                let auth: [u8; 20] = session_key(label + 1, master, salt)?;
                let key = UnboundCipherKey::new(&AES_128, &key).and_then(EncryptingKey::ctr);
                Ok(Self::Cm(Box::new(Cm {
                    key: key.map_err(|_| SrtpError::KeyingMaterial)?,
                    auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth),
                    salt: session_key(label + 2, master, salt)?,
                })))
            }
        }
    }

    /// Opens an RTP packet with a clear header of `head` bytes; returns where the plain one ends.
    pub(super) fn open_rtp(&self, packet: &mut [u8], head: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let end = packet.len().checked_sub(GCM_TAG).filter(|&end| end >= head).ok_or(SrtpError::TooShort)?;
                let (clear, sealed) = packet.split_at_mut(head);
                let nonce = gcm_nonce(salt, ssrc, index);
                key.open_in_place(nonce, Aad::from(&*clear), sealed).map_err(|_| SrtpError::NotAuthentic)?;
                Ok(end)
            }
            Self::Cm(cm) => {
                let end = packet.len().checked_sub(CM_TAG).filter(|&end| end >= head).ok_or(SrtpError::TooShort)?;
                let (body, tag) = packet.split_at_mut(end);
                cm.check(&[body, &roll_over(index)], tag)?;
                cm.apply(ssrc, index, &mut body[head..])?;
                Ok(end)
            }
        }
    }

    /// Seals the packet that ends at `end`; returns where the sealed one ends.
    pub(super) fn seal_rtp(
        &self,
        out: &mut [u8],
        head: usize,
        end: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let out = out.get_mut(..end + GCM_TAG).ok_or(SrtpError::NoRoom)?;
                let (clear, rest) = out.split_at_mut(head);
                let (plain, tag) = rest.split_at_mut(end - head);
                let nonce = gcm_nonce(salt, ssrc, index);
                key.seal_in_place_scatter(nonce, Aad::from(&*clear), plain, &[], tag).map_err(|_| SrtpError::NoRoom)?;
                Ok(end + GCM_TAG)
            }
            Self::Cm(cm) => {
                let out = out.get_mut(..end + CM_TAG).ok_or(SrtpError::NoRoom)?;
                let (body, tag) = out.split_at_mut(end);
                cm.apply(ssrc, index, &mut body[head..])?;
                tag.copy_from_slice(&cm.tag(&[body, &roll_over(index)]).as_ref()[..CM_TAG]);
                Ok(end + CM_TAG)
            }
        }
    }

    /// Seals `payload` behind the header that stands in `out`; returns where the sealed packet ends.
    pub(super) fn seal_rtp_from(
        &self,
        out: &mut [u8],
        head: usize,
        payload: &[u8],
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let end = head + payload.len();
        match self {
            Self::Gcm { key, salt } => {
                let out = out.get_mut(..end + GCM_TAG).ok_or(SrtpError::NoRoom)?;
                let (clear, rest) = out.split_at_mut(head);
                let (sealed, tag) = rest.split_at_mut(payload.len());
                let nonce = gcm_nonce(salt, ssrc, index);
                key.seal_out_of_place_scatter(nonce, Aad::from(&*clear), payload, sealed, &[], tag)
                    .map_err(|_| SrtpError::NoRoom)?;
                Ok(end + GCM_TAG)
            }
            Self::Cm(_) => {
                out.get_mut(head..end).ok_or(SrtpError::NoRoom)?.copy_from_slice(payload);
                self.seal_rtp(out, head, end, ssrc, index)
            }
        }
    }

    /// The word of E bit and index of an SRTCP packet: last with GCM (RFC 7714 9.2), before the tag with HMAC
    /// (RFC 3711 3.4).
    pub(super) fn index_word(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        let (tag, behind) = match self {
            Self::Gcm { .. } => (GCM_TAG, 0),
            Self::Cm(_) => (CM_TAG, CM_TAG),
        };
        if packet.len() < RTCP_HEADER + tag + 4 {
            return Err(SrtpError::TooShort);
        }
        super::u32_at(packet, packet.len() - behind - 4).ok_or(SrtpError::TooShort)
    }

    /// Opens an SRTCP packet whose index word has been read; returns where the plain one ends.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Result<usize, SrtpError> {
        let index = u64::from(word & !super::ENCRYPTED);
        match self {
            Self::Gcm { key, salt } => {
                let aad = rtcp_aad(packet, word);
                let end = packet.len() - 4;
                let nonce = gcm_nonce(salt, ssrc, index);
                key.open_in_place(nonce, Aad::from(aad), &mut packet[RTCP_HEADER..end])
                    .map_err(|_| SrtpError::NotAuthentic)?;
                Ok(end - GCM_TAG)
            }
            Self::Cm(cm) => {
                let (body, tag) = packet.split_at_mut(packet.len() - CM_TAG);
                cm.check(&[body], tag)?;
                let end = body.len() - 4;
                cm.apply(ssrc, index, &mut body[RTCP_HEADER..end])?;
                Ok(end)
            }
        }
    }

    /// Seals the compound packet in the first `len` bytes with this index word; returns where the sealed one ends.
    pub(super) fn seal_rtcp(&self, out: &mut [u8], len: usize, ssrc: u32, word: u32) -> Result<usize, SrtpError> {
        let index = u64::from(word & !super::ENCRYPTED);
        match self {
            Self::Gcm { key, salt } => {
                let out = out.get_mut(..len + GCM_TAG + 4).ok_or(SrtpError::NoRoom)?;
                let aad = rtcp_aad(out, word);
                let (plain, rest) = out[RTCP_HEADER..].split_at_mut(len - RTCP_HEADER);
                let (tag, place) = rest.split_at_mut(GCM_TAG);
                let nonce = gcm_nonce(salt, ssrc, index);
                key.seal_in_place_scatter(nonce, Aad::from(aad), plain, &[], tag).map_err(|_| SrtpError::NoRoom)?;
                place.copy_from_slice(&word.to_be_bytes());
                Ok(len + GCM_TAG + 4)
            }
            Self::Cm(cm) => {
                let out = out.get_mut(..len + 4 + CM_TAG).ok_or(SrtpError::NoRoom)?;
                let (body, tag) = out.split_at_mut(len + 4);
                cm.apply(ssrc, index, &mut body[RTCP_HEADER..len])?;
                body[len..].copy_from_slice(&word.to_be_bytes());
                tag.copy_from_slice(&cm.tag(&[body]).as_ref()[..CM_TAG]);
                Ok(len + 4 + CM_TAG)
            }
        }
    }
}

impl Cm {
    /// Encrypts or decrypts: in counter mode they are the same (RFC 3711 4.1.1).
    fn apply(&self, ssrc: u32, index: u64, bytes: &mut [u8]) -> Result<(), SrtpError> {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        iv.iter_mut().zip(&self.salt).for_each(|(iv, salt)| *iv ^= salt);
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        self.key.less_safe_encrypt(bytes, context).map(|_| ()).map_err(|_| SrtpError::NoRoom)
    }

    fn tag(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.auth);
        parts.iter().for_each(|part| context.update(part));
        context.sign()
    }

    fn check(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), SrtpError> {
        let right = self.tag(parts);
        constant_time::verify_slices_are_equal(&right.as_ref()[..CM_TAG], tag).map_err(|_| SrtpError::NotAuthentic)
    }
}

/// The key derivation function (RFC 3711 4.3.1, 4.3.3): AES in counter mode over salt and label. A salt of 96 bits is
/// used as if zeros followed it (RFC 7714 11).
fn session_key<const N: usize>(label: u8, master: &[u8], salt: &[u8]) -> Result<[u8; N], SrtpError> {
    let mut block = [0; 16];
    block[..salt.len()].copy_from_slice(salt);
    block[7] ^= label;
    let mut key = [0; N];
    let context = EncryptionContext::Iv128(FixedLength::from(block));
    UnboundCipherKey::new(&AES_128, master)
        .and_then(EncryptingKey::ctr)
        .and_then(|cipher| cipher.less_safe_encrypt(&mut key, context))
        .map_err(|_| SrtpError::KeyingMaterial)?;
    Ok(key)
}

/// Two zero bytes, SSRC and 48-bit index, combined with the salt (RFC 7714 8.1, and 9.1 with a 31-bit index).
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(n, b)| *n ^= b);
    nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(n, b)| *n ^= b);
    Nonce::assume_unique_for_key(nonce)
}

/// Associated data of SRTCP: header, SSRC and the index word (RFC 7714 9.2).
fn rtcp_aad(packet: &[u8], word: u32) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..RTCP_HEADER].copy_from_slice(&packet[..RTCP_HEADER]);
    aad[RTCP_HEADER..].copy_from_slice(&word.to_be_bytes());
    aad
}

/// The roll-over counter that HMAC covers behind an RTP packet (RFC 3711 4.2).
fn roll_over(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}
