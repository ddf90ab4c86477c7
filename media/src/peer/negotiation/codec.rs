//! Which codecs of an m-line can be taken, and with which parameters they are answered.
use rtc_sdp::MediaDescription;

use super::offer::{numbered, values};
use crate::fact::MediaKind;

/// `profile_idc` of the baseline profile of H.264.
const BASELINE: u8 = 0x42;
/// `constraint_set1_flag`, which makes the baseline profile the constrained one.
const CONSTRAINED: u8 = 0x40;
/// `level_idc` of level 3.1.
const LEVEL: u8 = 0x1F;

/// How media is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Opus (RFC 7587).
    Opus,
    /// VP8 (RFC 7741).
    Vp8,
    /// H.264 baseline, constrained or not, in packetization mode 1 (RFC 6184). No browser uses what is only in the
    /// unconstrained profile, so the two are one.
    H264,
}

/// A codec under the client's payload types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    /// Which.
    pub coding: Coding,
    /// Of the media.
    pub payload_type: u8,
    /// Of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
    /// Format parameters worth repeating.
    pub parameters: String,
    /// Generic NACK (RFC 4585 6.2.1).
    pub nack: bool,
    /// Picture loss indication (RFC 4585 6.3.1).
    pub pli: bool,
    /// Full intra request (RFC 5104 4.3.1).
    pub fir: bool,
    /// Transport-wide congestion control feedback.
    pub transport_cc: bool,
}

impl Coding {
    /// Its name and clock in `a=rtpmap`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::Vp8 => "VP8/90000",
            Self::H264 => "H264/90000",
        }
    }
}

impl Codec {
    /// What of an m-line can be taken, the preferred first: Opus; VP8, then H.264.
    pub(super) fn common(kind: MediaKind, media: &MediaDescription) -> Vec<Self> {
        let known: &[Coding] = match kind {
            MediaKind::Audio => &[Coding::Opus],
            MediaKind::Video => &[Coding::Vp8, Coding::H264],
        };
        known.iter().filter_map(|coding| Self::find(*coding, media)).collect()
    }

    /// The first format of an m-line that is coded like this; of H.264 the first constrained one, if there is any.
    fn find(coding: Coding, media: &MediaDescription) -> Option<Self> {
        let attributes = &media.attributes;
        let maps = || values(attributes, "rtpmap").filter_map(numbered);
        let parameters_of =
            |pt: u8| values(attributes, "fmtp").filter_map(numbered).find(|(of, _)| *of == pt).map_or("", |(_, p)| p);
        let formats = media.media_name.formats.iter().filter_map(|format| format.parse::<u8>().ok());
        let mut named = formats.filter(|format| {
            *format < 128 && maps().any(|(pt, name)| pt == *format && name.eq_ignore_ascii_case(coding.name()))
        });
        let (payload_type, parameters) = match coding {
            Coding::Opus => named.next().map(|pt| (pt, opus_parameters(parameters_of(pt))))?,
            Coding::Vp8 => named.next().map(|pt| (pt, String::new()))?,
            Coding::H264 => {
                let usable = named.filter_map(|pt| Some((pt, h264_constraints(parameters_of(pt))?)));
                let (pt, constraints) = usable.min_by_key(|(_, constraints)| constraints & CONSTRAINED == 0)?;
                (pt, h264_parameters(constraints))
            }
        };
        let rtx = maps().find_map(|(pt, name)| {
            let of = parameters_of(pt).split(';').find_map(|p| p.trim().strip_prefix("apt="))?.parse::<u8>().ok()?;
            (name.eq_ignore_ascii_case("rtx/90000") && of == payload_type && pt < 128).then_some(pt)
        });
        let feedback = |what: &str| {
            values(attributes, "rtcp-fb").any(|line| {
                line.split_once(' ')
                    .is_some_and(|(pt, fb)| (pt == "*" || pt.parse() == Ok(payload_type)) && fb.trim() == what)
            })
        };
        Some(Self {
            coding,
            payload_type,
            rtx: rtx.filter(|_| coding != Coding::Opus),
            parameters,
            nack: feedback("nack"),
            pli: feedback("nack pli"),
            fir: feedback("ccm fir"),
            transport_cc: feedback("transport-cc"),
        })
    }
}

/// The constraint flags of an H.264 format that is understood: mode 1 (without a mode it is 0), the baseline profile,
/// and level 3.1 at least, which every browser has (RFC 6184 8.1).
fn h264_constraints(parameters: &str) -> Option<u8> {
    let value = |wanted: &str| {
        let mut pairs = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
        pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let id = value("profile-level-id").filter(|id| id.len() == 6)?;
    let [_, profile, constraints, level] = u32::from_str_radix(id, 16).ok()?.to_be_bytes();
    let usable = value("packetization-mode") == Some("1") && profile == BASELINE && level >= LEVEL;
    usable.then_some(constraints)
}

/// The answer's H.264 parameters: the client's profile, and level 3.1 (720p with 30 pictures a second) both ways, so
/// that whatever somebody sends everybody can decode (RFC 6184 8.2.2).
fn h264_parameters(constraints: u8) -> String {
    format!("packetization-mode=1;profile-level-id={BASELINE:02x}{constraints:02x}{LEVEL:02x}")
}

/// What of the client's Opus parameters the answer repeats (RFC 7587 6.1): in-band FEC always, since a lost packet is
/// a lost syllable; DTX and a rate limit where the client wants them. Voice is mono.
fn opus_parameters(offered: &str) -> String {
    let mut parameters = String::from("minptime=10;useinbandfec=1");
    for parameter in offered.split(';').map(str::trim) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if matches!(name, "usedtx" | "maxaveragebitrate")
            && value.len() <= 8
            && value.bytes().all(|b| b.is_ascii_digit())
        {
            parameters.push(';');
            parameters.push_str(parameter);
        }
    }
    parameters
}
