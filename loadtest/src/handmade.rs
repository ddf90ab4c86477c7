//! A client made by hand, so that every byte it sends can be chosen: its offer, its checks, its handshake, its storms.
//!
//! The tests of `media` use this file too, by its path: it knows neither the load tool nor the SFU.
use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::{
    config::{ConfigBuilder, ExtendedMasterSecretType},
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};
use rtc_stun::{
    attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
    textattrs::TextAttribute,
};

/// Payload types of every client made by hand.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const RTX: u8 = 97;
pub(crate) const H264: u8 = 102;

/// RFC 5764 4.2, without a context.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Two keys of 16 bytes and two salts of 12: SRTP_AEAD_AES_128_GCM (RFC 7714 12).
const KEYING_LEN: usize = 2 * (16 + 12);

/// What clients made by hand share: making a certificate is dear.
pub(crate) struct Hand {
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: String,
}

/// Where checks go, and what proves that they come from who was answered.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl Access {
    /// Reads an answer.
    pub(crate) fn of(answer: &str) -> Option<Self> {
        let line = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some(Self { ufrag: line("a=ice-ufrag:")?, password: line("a=ice-pwd:")? })
    }
}

impl Hand {
    pub(crate) fn new() -> Result<Self, Error> {
        let provider = rtc_crypto::default_provider().map_err(|error| Error::Other(error.to_string()))?;
        let certificate = Certificate::generate_self_signed(vec!["raw".to_owned()], provider.crypto())?;
        let der = certificate.certificate.first().ok_or(Error::ErrNoCertificates)?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self { provider, certificate, fingerprint: hex.join(":") })
    }

    pub(crate) fn provider(&self) -> &Arc<dyn RTCCryptoProvider> {
        &self.provider
    }

    /// Begins a handshake; [`Handshake::outgoing`] has its first flight.
    pub(crate) fn handshake(&self, local: SocketAddr, server: SocketAddr, now: Instant) -> Result<Handshake, Error> {
        let config = ConfigBuilder::default()
            .with_crypto_provider(self.provider.clone())
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            // The answer's fingerprint is what a client goes by; this one is about the server.
            .with_insecure_skip_verify(true)
            .build(true, None)?;
        let mut endpoint = Endpoint::new(local, TransportProtocol::UDP, None);
        endpoint.connect(now, server, Arc::new(config), None)?;
        Ok(Handshake { endpoint, server })
    }

    /// A connectivity check (RFC 8445 7.2).
    pub(crate) fn check(&self, name: u16, access: &Access, number: u64, nominates: bool) -> Result<Vec<u8>, Error> {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&name.to_be_bytes());
        transaction[2..10].copy_from_slice(&number.to_be_bytes());
        let mut message = Message::new();
        message.set_type(BINDING_REQUEST);
        message.transaction_id = TransactionId(transaction);
        message.write_header();
        let username = format!("{}:{}", access.ufrag, own_ufrag(name));
        TextAttribute::new(ATTR_USERNAME, username).add_to(&mut message)?;
        message.add(ATTR_PRIORITY, &[0, 0, 1, 1]);
        message.add(AttrType(0x802A), &[0; 8]);
        if nominates {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        let password = access.password.as_str();
        MessageIntegrity::new_raw_integrity_with_provider(password, self.provider.crypto()).add_to(&mut message)?;
        FINGERPRINT.add_to(&mut message)?;
        Ok(message.raw.to_vec())
    }

    /// What a browser would offer, shortened to what matters: microphone and camera if it publishes, and so many audio
    /// and video slots, with these codecs of video.
    pub(crate) fn offer(&self, name: u16, publishes: bool, (audio, seats): (usize, usize), video: &[u8]) -> String {
        let mut lines = Vec::new();
        let sent = if publishes { 1 } else { 0 };
        // VP8 and what repairs it, H.264 and what repairs it: the number of a repair is one higher.
        let formats: Vec<String> = video.iter().flat_map(|pt| [pt.to_string(), (pt + 1).to_string()]).collect();
        let maps: String = video.iter().map(|pt| format_of(*pt)).collect();
        for mid in 0..2 * sent + audio + seats {
            let (is_audio, sends) = match mid {
                _ if mid < 2 * sent => (mid == 0, true),
                _ => (mid < 2 * sent + audio, false),
            };
            let direction = if sends { "sendonly" } else { "recvonly" };
            lines.push(if is_audio {
                format!(
                    "m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\na=rtpmap:{OPUS} opus/48000/2\r\n\
                     a=rtcp-fb:{OPUS} nack\r\n"
                )
            } else {
                format!("m=video 9 UDP/TLS/RTP/SAVPF {}\r\n{maps}", formats.join(" "))
            });
            lines.push(format!(
                "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=setup:actpass\r\n\
                 a=ice-ufrag:{}\r\na=ice-pwd:a-password-of-24-letters\r\na=fingerprint:sha-256 {}\r\n\
                 a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
                 a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
                 a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
                 a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
                own_ufrag(name),
                self.fingerprint,
            ));
            if sends {
                let ssrc = if is_audio { audio_ssrc(name) } else { video_ssrc(name) };
                lines.push(format!("a=ssrc:{ssrc} cname:raw\r\n"));
            }
        }
        let bundle: Vec<String> = (0..2 * sent + audio + seats).map(|mid| mid.to_string()).collect();
        let head = format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", bundle.join(" "));
        head + &lines.concat()
    }
}

/// One handshake, as the client.
pub(crate) struct Handshake {
    endpoint: Endpoint,
    server: SocketAddr,
}

impl Handshake {
    /// What is to be sent now.
    pub(crate) fn outgoing(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|transmit| transmit.message.to_vec()).collect()
    }

    /// Takes a datagram of the server; the keying material of [`SRTP_AEAD_AES_128_GCM`](SrtpProtectionProfile) when that
    /// was the last one.
    pub(crate) fn read(&mut self, datagram: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Error> {
        let events = self.endpoint.read(now, self.server, None, BytesMut::from(datagram))?;
        if !events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
            return Ok(None);
        }
        let state = self.endpoint.get_connection_state(self.server).ok_or(Error::ErrHandshakeInProgress)?;
        let material = state.export_keying_material(EXPORTER_LABEL, &[], KEYING_LEN)?;
        let bytes: &[u8] = material.as_ref();
        Ok(Some(bytes.to_vec()))
    }
}

/// The SSRC of a client's microphone.
pub(crate) fn audio_ssrc(name: u16) -> u32 {
    1_000_000 + u32::from(name)
}

/// The SSRC of a client's camera.
pub(crate) fn video_ssrc(name: u16) -> u32 {
    2_000_000 + u32::from(name)
}

/// A VP8 payload of this size: a descriptor with a 15-bit picture id, and the beginning of a frame.
pub(crate) fn vp8(keyframe: bool, starts: bool, picture_id: u16, size: usize) -> Vec<u8> {
    let mut payload = vec![if starts { 0x90 } else { 0x80 }, 0x80];
    payload.extend((picture_id | 0x8000).to_be_bytes());
    payload.extend([u8::from(!keyframe), 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]);
    payload.resize(size.max(payload.len()), 0x55);
    payload
}

/// A record of DTLS 1.2 (RFC 6347 4.1).
pub(crate) fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 254, 253];
    record.extend(epoch.to_be_bytes());
    record.extend([0; 6]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A record of epoch 0 with a fragment of a ClientHello of this length.
pub(crate) fn fragment(length: u32, sequence: u16, offset: u32, content: &[u8]) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(&length.to_be_bytes()[1..]);
    body.extend(sequence.to_be_bytes());
    body.extend(&offset.to_be_bytes()[1..]);
    body.extend(&(content.len() as u32).to_be_bytes()[1..]);
    body.extend(content);
    record(22, 0, &body)
}

/// A ClientHello that offers no cipher but TLS_NULL, as in CVE-2023-49786.
pub(crate) fn null_hello() -> Vec<u8> {
    let mut hello = vec![254, 253];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0, 2, 0, 0, 1, 0]);
    fragment(hello.len() as u32, 0, 0, &hello)
}

fn own_ufrag(name: u16) -> String {
    format!("raw{name}")
}

/// The lines of a video codec and of what repairs it.
fn format_of(pt: u8) -> String {
    let (name, parameters) = match pt {
        H264 => ("H264", format!("a=fmtp:{H264} packetization-mode=1;profile-level-id=42e01f\r\n")),
        _ => ("VP8", String::new()),
    };
    let rtx = pt + 1;
    format!(
        "a=rtpmap:{pt} {name}/90000\r\n{parameters}a=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\n\
         a=rtcp-fb:{pt} transport-cc\r\na=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"
    )
}
