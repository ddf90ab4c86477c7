//! The answer, printed: what is taken, where to send it, and which SSRCs the receive slots have (RFC 8829 5.3).
use std::{fmt::Write as _, net::SocketAddr};

use super::codec::Codec;
use super::offer::{ABS_SEND_TIME_URI, AUDIO_LEVEL_URI, Accepted, MID_URI, Offer, Section, TRANSPORT_CC_URI};
use crate::config::MAX_CANDIDATES;

/// What is ours in an answer.
pub(crate) struct Ours<'a> {
    /// Number of the session (RFC 8866 5.2), below 2^63.
    pub session: u64,
    /// Our half of every STUN username.
    pub ufrag: &'a str,
    /// The password under which the client's checks are verified.
    pub password: &'a str,
    /// SHA-256 of our certificate, as colon-separated hex.
    pub fingerprint: &'a str,
    /// Where the worker listens.
    pub candidates: &'a [SocketAddr],
}

/// What a receive slot announces, so that a browser shows one stable stream per slot.
pub(crate) struct Announced {
    /// The m-line.
    pub mid: String,
    /// The stream that it belongs to; audio and video of one stream are played in step.
    pub stream: String,
    /// Canonical name of the stream's source (RFC 3550 6.5.1).
    pub cname: String,
    /// Of the media.
    pub ssrc: u32,
    /// Of its retransmissions.
    pub rtx_ssrc: Option<u32>,
}

/// Prints the answer.
pub(crate) fn print(offer: &Offer, ours: &Ours<'_>, slots: &[Announced]) -> String {
    let mut sdp = String::with_capacity(1024 + 1024 * offer.sections.len());
    write(&mut sdp, offer, ours, slots).expect("a String takes whatever is written to it");
    sdp
}

fn write(sdp: &mut String, offer: &Offer, ours: &Ours<'_>, slots: &[Announced]) -> std::fmt::Result {
    write!(sdp, "v=0\r\no=- {} 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", ours.session)?;
    // A refused m-line has port 0 and is no part of the group (RFC 9143 7.3.2).
    for section in offer.sections.iter().filter(|section| section.accepted.is_some()) {
        write!(sdp, " {}", section.mid)?;
    }
    write!(sdp, "\r\na=ice-lite\r\na=msid-semantic: WMS *\r\n")?;
    for section in &offer.sections {
        match &section.accepted {
            Some(accepted) => {
                let slot = slots.iter().find(|slot| slot.mid == section.mid);
                media(sdp, section, accepted, ours, slot)?;
            }
            None => write!(
                sdp,
                "m={} 0 {} {}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=inactive\r\n",
                section.media, section.protocol, section.format, section.mid
            )?,
        }
    }
    Ok(())
}

fn media(
    sdp: &mut String,
    section: &Section,
    accepted: &Accepted,
    ours: &Ours<'_>,
    slot: Option<&Announced>,
) -> std::fmt::Result {
    write!(sdp, "m={} 9 {}", section.media, section.protocol)?;
    for format in accepted.codecs.iter().flat_map(|codec| [Some(codec.payload_type), codec.rtx]).flatten() {
        write!(sdp, " {format}")?;
    }
    write!(sdp, "\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\n", section.mid)?;
    let direction = match (accepted.sends, accepted.receives) {
        (true, true) => "sendrecv",
        (true, false) => "recvonly",
        (false, true) => "sendonly",
        (false, false) => "inactive",
    };
    write!(
        sdp,
        "a={direction}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:passive\r\n\
         a=rtcp-mux\r\n",
        ours.ufrag, ours.password, ours.fingerprint
    )?;
    if accepted.reduced_size {
        write!(sdp, "a=rtcp-rsize\r\n")?;
    }
    for codec in &accepted.codecs {
        format(sdp, codec)?;
    }
    let extensions = &accepted.extensions;
    for (number, uri) in [
        (extensions.mid, MID_URI),
        (extensions.audio_level, AUDIO_LEVEL_URI),
        (extensions.transport_cc, TRANSPORT_CC_URI),
        (extensions.abs_send_time, ABS_SEND_TIME_URI),
    ] {
        if let Some(number) = number {
            write!(sdp, "a=extmap:{number} {uri}\r\n")?;
        }
    }
    if let Some(slot) = slot {
        stream(sdp, section, slot)?;
    }
    for (place, candidate) in ours.candidates.iter().take(MAX_CANDIDATES).enumerate() {
        // Host candidates, the first preferred (RFC 8445 5.1.2.1).
        let priority = (126_u32 << 24) + ((65_535 - place as u32) << 8) + 255;
        let (ip, port) = (candidate.ip(), candidate.port());
        write!(sdp, "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n", place + 1)?;
    }
    write!(sdp, "a=end-of-candidates\r\n")
}

fn format(sdp: &mut String, codec: &Codec) -> std::fmt::Result {
    let pt = codec.payload_type;
    write!(sdp, "a=rtpmap:{pt} {}\r\n", codec.coding.name())?;
    if !codec.parameters.is_empty() {
        write!(sdp, "a=fmtp:{pt} {}\r\n", codec.parameters)?;
    }
    for (wanted, feedback) in
        [(codec.transport_cc, "transport-cc"), (codec.nack, "nack"), (codec.pli, "nack pli"), (codec.fir, "ccm fir")]
    {
        if wanted {
            write!(sdp, "a=rtcp-fb:{pt} {feedback}\r\n")?;
        }
    }
    if let Some(rtx) = codec.rtx {
        write!(sdp, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n")?;
    }
    Ok(())
}

fn stream(sdp: &mut String, section: &Section, slot: &Announced) -> std::fmt::Result {
    let Announced { stream, cname, ssrc, .. } = slot;
    let track = format!("{}-{}", section.media, section.mid);
    write!(sdp, "a=msid:{stream} {track}\r\n")?;
    if let Some(rtx) = slot.rtx_ssrc {
        write!(sdp, "a=ssrc-group:FID {ssrc} {rtx}\r\n")?;
    }
    for ssrc in [Some(*ssrc), slot.rtx_ssrc].into_iter().flatten() {
        write!(sdp, "a=ssrc:{ssrc} cname:{cname}\r\na=ssrc:{ssrc} msid:{stream} {track}\r\n")?;
    }
    Ok(())
}
