//! The client's offer, bounded before it is parsed and then read into types (RFC 8829, RFC 8866).
use aws_lc_rs::digest;
use rtc_sdp::{MediaDescription, SessionDescription, description::common::Attribute};

use super::codec::Codec;
use crate::{error::MediaError, fact::MediaKind};

/// Longest offer.
const MAX_SDP: usize = 64 * 1024;
/// Most m-lines.
const MAX_SECTIONS: usize = 16;
/// Most lines of one section, or before the first.
const MAX_SECTION_LINES: usize = 200;
/// Most candidates; none is used, since an ICE-lite agent only answers checks.
const MAX_CANDIDATES: usize = 64;
/// Most SSRCs that one peer may declare or have mapped.
pub(crate) const MAX_SSRCS: usize = 16;
/// Names of the one protocol that is meant; old clients say the others, and all are read alike (RFC 8829 5.1.2).
const PROTOCOLS: [&str; 8] = [
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
];
/// Longest `mid`; browsers use one digit, and 16 fit into a one-byte header extension.
const MAX_MID: usize = 32;

/// What is needed of an offer.
pub(crate) struct Offer {
    /// The client's half of every STUN username.
    pub ufrag: String,
    /// What its certificate must hash to.
    pub fingerprint: Fingerprint,
    /// Its m-lines, all of them, in order.
    pub sections: Vec<Section>,
}

/// The hash of a certificate (RFC 8122 5).
pub(crate) struct Fingerprint {
    algorithm: &'static digest::Algorithm,
    digest: Vec<u8>,
}

/// One m-line.
pub(crate) struct Section {
    /// Its name.
    pub mid: String,
    /// `audio`, `video`, `application` …, as offered.
    pub media: String,
    /// `UDP/TLS/RTP/SAVPF` or another name of it, as offered.
    pub protocol: String,
    /// Its first format, which a refusal repeats.
    pub format: String,
    /// What it will carry; `None` is refused.
    pub accepted: Option<Accepted>,
}

/// An m-line that is answered with media.
pub(crate) struct Accepted {
    /// Of what kind.
    pub kind: MediaKind,
    /// The client sends on it.
    pub sends: bool,
    /// The client receives on it.
    pub receives: bool,
    /// What is taken, the preferred first: one on an m-line that the client sends on, so that it is clear what comes.
    pub codecs: Vec<Codec>,
    /// Header extensions under the client's numbers.
    pub extensions: Extensions,
    /// Feedback may come without a report in front of it (RFC 5506).
    pub reduced_size: bool,
    /// The SSRC that the client declares.
    pub ssrc: Option<u32>,
    /// The SSRC of its retransmissions.
    pub rtx_ssrc: Option<u32>,
}

/// Numbers of header extensions (RFC 8285); only 1 to 14 are used, which fit the one-byte form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// The m-line's name (RFC 9143 15).
    pub mid: Option<u8>,
    /// Loudness (RFC 6464).
    pub audio_level: Option<u8>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u8>,
    /// Absolute send time.
    pub abs_send_time: Option<u8>,
}

/// URIs of the header extensions that are understood, with the letter of ours that stores each number.
pub(crate) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const TRANSPORT_CC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const ABS_SEND_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

impl Fingerprint {
    fn parse(value: &str) -> Option<Self> {
        let (name, hex) = value.split_once(' ')?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha-256" => &digest::SHA256,
            "sha-384" => &digest::SHA384,
            "sha-512" => &digest::SHA512,
            _ => return None,
        };
        let digest =
            hex.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<Vec<u8>>>()?;
        (digest.len() == algorithm.output_len()).then_some(Self { algorithm, digest })
    }

    /// Whether this DER certificate is the one that was announced.
    pub(crate) fn matches(&self, certificate: &[u8]) -> bool {
        digest::digest(self.algorithm, certificate).as_ref() == self.digest.as_slice()
    }
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooLarge`] before anything is parsed; otherwise what is missing.
    pub(crate) fn parse(sdp: &str) -> Result<Self, MediaError> {
        check_size(sdp)?;
        let session = SessionDescription::unmarshal(&mut std::io::Cursor::new(sdp.as_bytes()))
            .map_err(|_| MediaError::Unreadable("not a session description"))?;
        let bundle: Vec<&str> = values(&session.attributes, "group")
            .find_map(|group| group.strip_prefix("BUNDLE"))
            .ok_or(MediaError::Lacks("a=group:BUNDLE"))?
            .split_ascii_whitespace()
            .collect();

        let mut sections = Vec::with_capacity(session.media_descriptions.len());
        for media in &session.media_descriptions {
            sections.push(Section::read(media, &bundle)?);
        }
        let mids = sections.iter().map(|section| section.mid.as_str());
        if mids.clone().enumerate().any(|(i, mid)| mids.clone().skip(i + 1).any(|other| other == mid)) {
            return Err(MediaError::Unreadable("two m-lines have one mid"));
        }
        let declared = sections.iter().filter_map(|section| section.accepted.as_ref());
        if declared.map(|a| usize::from(a.ssrc.is_some()) + usize::from(a.rtx_ssrc.is_some())).sum::<usize>()
            > MAX_SSRCS
        {
            return Err(MediaError::TooLarge("more than 16 SSRCs"));
        }

        // All accepted m-lines share the transport of the first (RFC 9143 7.3.1); what it does not say itself the
        // session says for it (RFC 8839 5.4, RFC 8122 5).
        let first =
            sections.iter().position(|section| section.accepted.is_some()).ok_or(MediaError::NothingInCommon)?;
        let transport = &session.media_descriptions[first].attributes;
        let said = |name| values(transport, name).next().or_else(|| values(&session.attributes, name).next());
        let ufrag = said("ice-ufrag").ok_or(MediaError::Lacks("a=ice-ufrag"))?;
        if !(4..=256).contains(&ufrag.len()) || !ufrag.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
        {
            return Err(MediaError::Unreadable("a=ice-ufrag"));
        }
        let fingerprint = values(transport, "fingerprint")
            .chain(values(&session.attributes, "fingerprint"))
            .find_map(Fingerprint::parse)
            .ok_or(MediaError::Lacks("a=fingerprint with SHA-2"))?;
        // An offer says actpass (RFC 8842 5.2); we are always the DTLS server, so that the client begins.
        if !matches!(said("setup"), Some("actpass" | "active")) {
            return Err(MediaError::Lacks("a=setup:actpass"));
        }
        Ok(Self { ufrag: ufrag.to_owned(), fingerprint, sections })
    }
}

impl Section {
    fn read(media: &MediaDescription, bundle: &[&str]) -> Result<Self, MediaError> {
        let mid = values(&media.attributes, "mid").next().ok_or(MediaError::Lacks("a=mid"))?;
        if mid.is_empty() || mid.len() > MAX_MID || !mid.bytes().all(is_token) {
            return Err(MediaError::Unreadable("a=mid"));
        }
        let name = &media.media_name;
        let kind = match name.media.as_str() {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        };
        let protocol = name.protos.join("/");
        let offered = name.port.value != 0 || flag(&media.attributes, "bundle-only");
        let usable = offered && bundle.contains(&mid) && PROTOCOLS.contains(&protocol.as_str());
        let accepted = match kind.filter(|_| usable) {
            Some(kind) => accept(kind, media)?,
            None => None,
        };
        Ok(Self {
            mid: mid.to_owned(),
            media: name.media.clone(),
            protocol,
            format: name.formats.first().cloned().unwrap_or_else(|| "0".to_owned()),
            accepted,
        })
    }
}

fn accept(kind: MediaKind, media: &MediaDescription) -> Result<Option<Accepted>, MediaError> {
    let attributes = &media.attributes;
    let mut codecs = Codec::common(kind, media);
    let Some(rtx) = codecs.first().map(|codec| codec.rtx) else { return Ok(None) };
    if !flag(attributes, "rtcp-mux") {
        return Err(MediaError::Lacks("a=rtcp-mux"));
    }
    let (sends, receives) = if flag(attributes, "sendonly") {
        (true, false)
    } else if flag(attributes, "recvonly") {
        (false, true)
    } else if flag(attributes, "inactive") {
        (false, false)
    } else {
        (true, true)
    };
    if sends {
        codecs.truncate(1);
    }
    let fid = values(attributes, "ssrc-group").find_map(|group| {
        let mut words = group.strip_prefix("FID ")?.split_ascii_whitespace().map(|word| word.parse::<u32>().ok());
        Some((words.next()??, words.next()??))
    });
    let single = values(attributes, "ssrc").find_map(|line| line.split_ascii_whitespace().next()?.parse::<u32>().ok());
    let (ssrc, rtx_ssrc) = match fid.filter(|_| rtx.is_some()) {
        Some((ssrc, rtx)) => (Some(ssrc), Some(rtx)),
        None => (single, None),
    };
    let (ssrc, rtx_ssrc) = if sends { (ssrc, rtx_ssrc) } else { (None, None) };
    let reduced_size = flag(attributes, "rtcp-rsize");
    let extensions = Extensions::read(attributes);
    Ok(Some(Accepted { kind, sends, receives, codecs, extensions, reduced_size, ssrc, rtx_ssrc }))
}

impl Extensions {
    fn read(attributes: &[Attribute]) -> Self {
        let mut extensions = Self::default();
        for line in values(attributes, "extmap") {
            let mut words = line.split_ascii_whitespace();
            let (Some(number), Some(uri)) = (words.next(), words.next()) else { continue };
            let number = number.split('/').next().and_then(|n| n.parse().ok()).filter(|n| (1..=14).contains(n));
            let place = match uri {
                MID_URI => &mut extensions.mid,
                AUDIO_LEVEL_URI => &mut extensions.audio_level,
                TRANSPORT_CC_URI => &mut extensions.transport_cc,
                ABS_SEND_TIME_URI => &mut extensions.abs_send_time,
                _ => continue,
            };
            *place = number;
        }
        extensions
    }
}

/// Counts what could make parsing dear.
fn check_size(sdp: &str) -> Result<(), MediaError> {
    if sdp.len() > MAX_SDP {
        return Err(MediaError::TooLarge("more than 64 KiB"));
    }
    let (mut sections, mut lines, mut candidates) = (0, 0, 0);
    for line in sdp.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        lines += 1;
        if line.starts_with("m=") {
            sections += 1;
            lines = 0;
        }
        candidates += usize::from(line.starts_with("a=candidate:"));
        if sections > MAX_SECTIONS {
            return Err(MediaError::TooLarge("more than 16 m-lines"));
        }
        if lines > MAX_SECTION_LINES {
            return Err(MediaError::TooLarge("more than 200 lines in an m-line"));
        }
        if candidates > MAX_CANDIDATES {
            return Err(MediaError::TooLarge("more than 64 candidates"));
        }
    }
    Ok(())
}

pub(super) fn values<'a>(attributes: &'a [Attribute], key: &'a str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |a| a.key == key).filter_map(|a| a.value.as_deref()).map(str::trim)
}

fn flag(attributes: &[Attribute], key: &str) -> bool {
    attributes.iter().any(|a| a.key == key)
}

pub(super) fn numbered(line: &str) -> Option<(u8, &str)> {
    let (number, rest) = line.split_once(' ')?;
    Some((number.parse().ok()?, rest.trim()))
}

/// `token` of RFC 8866 9.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&byte)
}
