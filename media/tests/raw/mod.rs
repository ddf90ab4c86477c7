//! A client that does by hand what a browser does, so that every byte it sends can be chosen: STUN by rtc-stun, DTLS by
//! rtc-dtls, SRTP with its own keys.
pub(crate) mod stage;

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Instant};

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::{
    config::{ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::TransportProtocol;
use rtc_stun::{
    attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
    textattrs::TextAttribute,
};
use yunfa_media::{
    command::{Command, Sdp},
    fact::Fact,
    ids::{PeerId, RoomId},
    rtp::{self, MAX_HEAD, NewHead},
    sfu::{Input, Sfu},
    srtp::{self, EXPORTER_LABEL, Open, Profile, RTCP_OVERHEAD, RTP_OVERHEAD, Seal, Side},
    time::Now,
};

/// Payload types of every raw client.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const RTX: u8 = 97;
pub(crate) const H264: u8 = 102;
pub(crate) const H264_RTX: u8 = 103;
/// Where the SFU believes to listen.
pub(crate) const SERVER: &str = "10.9.9.9:7790";

/// What all raw clients of a test share: making a certificate is dear.
pub(crate) struct Kit {
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: String,
    /// Where clients are that have real sockets.
    pub(crate) sockets: HashMap<u16, SocketAddr>,
    /// Payload types of the video codecs of those who have others than VP8.
    pub(crate) video: HashMap<u16, &'static [u8]>,
}

/// What a client is to be: its number, its room, whether it publishes, how many audio and video slots it has.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) name: u16,
    pub(crate) room: u64,
    pub(crate) publishes: bool,
    pub(crate) slots: (usize, usize),
}

/// A client whose address the SFU believes, before any handshake.
pub(crate) struct Validated {
    pub(crate) address: SocketAddr,
    answer: String,
    ufrag: String,
    password: String,
}

/// One connected client.
pub(crate) struct Raw {
    pub(crate) peer: PeerId,
    pub(crate) address: SocketAddr,
    pub(crate) open: Open,
    pub(crate) seal: Seal,
    pub(crate) answer: String,
    ufrag: String,
    password: String,
    checks: u64,
}

impl Kit {
    pub(crate) fn new() -> Self {
        let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
        let certificate = Certificate::generate_self_signed(vec!["raw".to_owned()], provider.crypto()).expect("a key");
        let der = certificate.certificate.first().expect("one certificate");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Self { provider, certificate, fingerprint: hex.join(":"), sockets: HashMap::new(), video: HashMap::new() }
    }

    fn config(&self, profile: SrtpProtectionProfile) -> Arc<HandshakeConfig> {
        let config = ConfigBuilder::default()
            .with_crypto_provider(self.provider.clone())
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(vec![profile])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            // The answer's fingerprint is what a client goes by; these tests are about the server.
            .with_insecure_skip_verify(true)
            .build(true, None);
        Arc::new(config.expect("a configuration"))
    }

    /// Joins a room and connects: microphone and camera if it publishes, and so many audio and video slots.
    pub(crate) fn connect(
        &self,
        sfu: &mut Sfu,
        name: u16,
        room: u64,
        publishes: bool,
        slots: (usize, usize),
        now: Now,
    ) -> Raw {
        self.connect_with(sfu, Who { name, room, publishes, slots }, now, |_| {})
    }

    /// The same, with something that happens between the answer and the handshake.
    pub(crate) fn connect_with(&self, sfu: &mut Sfu, who: Who, now: Now, meanwhile: impl FnOnce(&mut Sfu)) -> Raw {
        let peer = PeerId(u64::from(who.name));
        let Validated { address, answer, ufrag, password } = self.validated(sfu, who, now, meanwhile);
        let (open, seal) = self.handshake(sfu, address, now);
        let connected = std::iter::from_fn(|| sfu.poll_fact()).any(|s| matches!(s.fact, Fact::Connected { .. }));
        assert!(connected, "the handshake is done on both sides");
        Raw { peer, address, open, seal, answer, ufrag, password, checks: 0 }
    }

    /// Joins and has its address validated, and no more.
    pub(crate) fn validated(
        &self,
        sfu: &mut Sfu,
        Who { name, room, publishes, slots }: Who,
        now: Now,
        meanwhile: impl FnOnce(&mut Sfu),
    ) -> Validated {
        let peer = PeerId(u64::from(name));
        let made_up = SocketAddr::from(([10, 1, (name >> 8) as u8, name as u8], 5_000));
        let address = self.sockets.get(&name).copied().unwrap_or(made_up);
        let offer = Sdp(self.offer(name, publishes, slots));
        sfu.handle(Input::Command(Command::Join { room: RoomId(room), peer, offer }), now);
        let answer = answer_of(sfu, peer);
        let attribute = |name: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix(name)).expect("in every answer");
            line.to_owned()
        };
        let (ufrag, password) = (attribute("a=ice-ufrag:"), attribute("a=ice-pwd:"));
        meanwhile(sfu);
        sfu.clear_transmits();
        hand(sfu, address, &mut self.check(name, &ufrag, &password, 0, true), now);
        assert!(sfu.poll_transmit().is_some(), "a right check is answered");
        Validated { address, answer, ufrag, password }
    }

    /// The first flight of a handshake.
    pub(crate) fn hello(&self, address: SocketAddr, now: Now) -> Vec<Vec<u8>> {
        let mut endpoint = Endpoint::new(address, TransportProtocol::UDP, None);
        let config = self.config(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        endpoint.connect(now.mono, server(), config, None).expect("a handshake");
        std::iter::from_fn(|| endpoint.poll_transmit()).map(|transmit| transmit.message.to_vec()).collect()
    }

    /// A connectivity check (RFC 8445 7.2).
    pub(crate) fn check(&self, name: u16, ufrag: &str, password: &str, number: u64, nominates: bool) -> Vec<u8> {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&name.to_be_bytes());
        transaction[2..10].copy_from_slice(&number.to_be_bytes());
        let mut message = Message::new();
        message.set_type(BINDING_REQUEST);
        message.transaction_id = TransactionId(transaction);
        message.write_header();
        let username = format!("{ufrag}:{}", own_ufrag(name));
        TextAttribute::new(ATTR_USERNAME, username).add_to(&mut message).expect("fits");
        message.add(ATTR_PRIORITY, &[0, 0, 1, 1]);
        message.add(AttrType(0x802A), &[0; 8]);
        if nominates {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        MessageIntegrity::new_raw_integrity_with_provider(password, self.provider.crypto())
            .add_to(&mut message)
            .expect("no fingerprint yet");
        FINGERPRINT.add_to(&mut message).expect("fits");
        message.raw.to_vec()
    }

    /// Another check of a connected client, from whatever address it is then sent.
    pub(crate) fn another_check(&self, raw: &mut Raw, nominates: bool) -> Vec<u8> {
        raw.checks += 1;
        self.check(raw.peer.0 as u16, &raw.ufrag, &raw.password, raw.checks, nominates)
    }

    fn handshake(&self, sfu: &mut Sfu, address: SocketAddr, now: Now) -> (Open, Seal) {
        let server = server();
        let mut endpoint = Endpoint::new(address, TransportProtocol::UDP, None);
        let config = self.config(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        endpoint.connect(now.mono, server, config, None).expect("a handshake");
        for _ in 0..20 {
            while let Some(transmit) = endpoint.poll_transmit() {
                hand(sfu, address, &mut transmit.message.to_vec(), now);
            }
            while let Some((_, datagram)) = sfu.poll_transmit() {
                let events = endpoint.read(now.mono, server, None, BytesMut::from(&datagram[..])).expect("no alert");
                if events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
                    let state = endpoint.get_connection_state(server).expect("it is connected");
                    let profile = Profile::AeadAes128Gcm;
                    let material = state.export_keying_material(EXPORTER_LABEL, &[], profile.keying_len());
                    let material = material.expect("it is complete");
                    return srtp::pair(profile, material.as_ref(), Side::Client).expect("right length");
                }
            }
        }
        panic!("the handshake did not finish");
    }

    /// What a browser would offer, shortened to what matters.
    pub(crate) fn offer(&self, name: u16, publishes: bool, (audio, seats): (usize, usize)) -> String {
        let mut lines = Vec::new();
        let sent = if publishes { 1 } else { 0 };
        let video = self.video.get(&name).copied().unwrap_or(&[VP8]);
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

impl Raw {
    /// Seals an RTP packet with this transport-wide number and payload.
    pub(crate) fn rtp(&self, head: &NewHead, index: u64, number: u16, payload: &[u8]) -> Vec<u8> {
        self.rtp_with(head, index, &[(3, &number.to_be_bytes())], payload)
    }

    /// Seals an RTP packet with these header extension elements.
    pub(crate) fn rtp_with(&self, head: &NewHead, index: u64, elements: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; MAX_HEAD + payload.len() + RTP_OVERHEAD];
        let len = rtp::write_head(&mut packet, head, elements).expect("room");
        let size = self.seal.rtp_from(index, &mut packet, len, payload).expect("room");
        packet.truncate(size);
        packet
    }

    /// Seals a compound RTCP packet.
    pub(crate) fn rtcp(&mut self, compound: &[u8]) -> Vec<u8> {
        let mut packet = compound.to_vec();
        packet.resize(compound.len() + RTCP_OVERHEAD, 0);
        let size = self.seal.rtcp(&mut packet, compound.len()).expect("room");
        packet.truncate(size);
        packet
    }

    /// The SSRCs that the answer announces for its video slots, without those of retransmissions.
    pub(crate) fn video_slots(&self) -> Vec<u32> {
        self.slots("m=video")
    }

    /// Those of its audio slots.
    pub(crate) fn audio_slots(&self) -> Vec<u32> {
        self.slots("m=audio")
    }

    fn slots(&self, kind: &str) -> Vec<u32> {
        let sections = self.answer.split("m=").map(|section| format!("m={section}"));
        sections
            .filter(|section| section.starts_with(kind))
            .filter_map(|section| {
                let line = section.lines().find_map(|line| line.strip_prefix("a=ssrc:"))?;
                line.split(' ').next()?.parse().ok()
            })
            .collect()
    }
}

/// The SSRC of a raw client's microphone.
pub(crate) fn audio_ssrc(name: u16) -> u32 {
    1_000_000 + u32::from(name)
}

/// The SSRC of a raw client's camera.
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

pub(crate) fn server() -> SocketAddr {
    SERVER.parse().expect("an address")
}

pub(crate) fn hand(sfu: &mut Sfu, from: SocketAddr, datagram: &mut [u8], now: Now) {
    sfu.handle(Input::Datagram { from, payload: datagram }, now);
}

/// Some instant to begin with.
#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin at some instant")]
pub(crate) fn start() -> Now {
    Now { mono: Instant::now(), wall: 1_800_000_000_000 }
}

fn own_ufrag(name: u16) -> String {
    format!("raw{name}")
}

fn answer_of(sfu: &mut Sfu, peer: PeerId) -> String {
    let facts = std::iter::from_fn(|| sfu.poll_fact());
    let answer = facts.filter_map(|stamped| match stamped.fact {
        Fact::Answered { peer: of, answer } if of == peer => Some(answer.0),
        Fact::Refused { error, .. } => panic!("refused: {error}"),
        _ => None,
    });
    answer.last().expect("the offer is answered")
}
