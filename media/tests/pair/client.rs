//! A full WebRTC client without a socket: the peer connection of the `rtc` crate, fed by the virtual network.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use rtc::{
    dtls::extension::extension_use_srtp::SrtpProtectionProfile,
    ice::network_type::NetworkType,
    interceptor::{Attribute, Interceptor, Packet, Registry, Slot, StreamInfo, TaggedPacket},
    media_stream::MediaStreamTrack,
    peer_connection::{
        RTCPeerConnection, RTCPeerConnectionBuilder,
        configuration::{
            RTCConfigurationBuilder,
            interceptor_registry::{
                configure_nack, configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc,
            },
            media_engine::MediaEngine,
            setting_engine::SettingEngineBuilder,
        },
        event::{RTCPeerConnectionEvent, RTCTrackEvent},
        message::{RTCMessage, TaggedRTCMessage},
        sdp::RTCSessionDescription,
        state::RTCPeerConnectionState,
        transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate},
    },
    rtcp,
    rtp::{self, header::Extension},
    rtp_transceiver::{
        RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
            RtpCodecKind,
        },
    },
    sansio::Protocol,
    shared::{TaggedBytesMut, TransportContext, TransportProtocol},
};

/// A frame of media as a subscriber saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) from: u8,
    pub(crate) number: u32,
}

/// What kind of client it is.
#[derive(Clone)]
pub(crate) struct Shape {
    /// It has a microphone and a camera.
    pub(crate) publishes: bool,
    /// Its audio and video slots.
    pub(crate) slots: (usize, usize),
    /// SRTP profiles that it offers.
    pub(crate) profiles: Vec<SrtpProtectionProfile>,
}

impl Shape {
    pub(crate) fn new(publishes: bool, slots: (usize, usize)) -> Self {
        Self { publishes, slots, profiles: vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm] }
    }
}

/// What a client sends and has received.
pub(crate) struct Client {
    pub(crate) name: u8,
    pub(crate) address: SocketAddr,
    pub(crate) pc: RTCPeerConnection,
    pub(crate) state: RTCPeerConnectionState,
    audio: Option<(RTCRtpSenderId, u32)>,
    video: Option<(RTCRtpSenderId, u32)>,
    /// Media flows.
    pub(crate) talking: bool,
    next_audio: Instant,
    next_video: Instant,
    start: Instant,
    audio_number: u32,
    video_number: u32,
    video_sequence: u16,
    picture: u16,
    pub(crate) keyframe_asked: bool,
    /// Keyframe requests received.
    pub(crate) asked: u32,
    pub(crate) mids: BTreeMap<String, String>,
    /// Whole frames, by the mid of the m-line that showed them, in order of completion.
    pub(crate) seen: BTreeMap<String, Vec<Frame>>,
    parts: BTreeSet<(String, Frame, u8)>,
    /// Packets that came twice, as it asks for repaired ones again.
    pub(crate) twice: u32,
    pub(crate) packets: BTreeMap<String, Vec<rtp::header::Header>>,
    pub(crate) reports: Vec<rtcp::sender_report::SenderReport>,
    pub(crate) feedbacks: u32,
    pub(crate) answer: String,
    pub(crate) offer: String,
}

/// Shows the client all RTCP, which its interceptors would keep to themselves.
#[derive(Default)]
struct Surface {
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Surface {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = rtc::shared::error::Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Self::Error> {
        if matches!(packet.message.packet, Packet::Rtcp(_)) {
            packet.message = packet.message.with(Attribute::DeliverToApplication);
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Surface {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

/// Packets that one video frame is sent in.
pub(crate) const PARTS: u8 = 3;
pub(crate) const AUDIO_PERIOD: Duration = Duration::from_millis(20);
pub(crate) const VIDEO_PERIOD: Duration = Duration::from_millis(33);

impl Client {
    /// A client of this shape.
    /// Its frames are numbered from `first` on.
    pub(crate) fn new(name: u8, address: SocketAddr, shape: &Shape, first: u32, now: Instant) -> Self {
        let Shape { publishes, slots, profiles } = shape;
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().expect("default codecs");
        let level = RTCRtpHeaderExtensionCapability { uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level".to_owned() };
        engine.register_header_extension(level, RtpCodecKind::Audio, None).expect("audio level");
        let registry = configure_nack(Registry::new(), &mut engine);
        let registry = configure_rtcp_reports(registry);
        configure_simulcast_extension_headers(&mut engine).expect("mid");
        let registry =
            configure_twcc(registry, &mut engine).expect("transport-cc").with(Slot::Custom(500), Surface::default());
        let mut pc = RTCPeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(
                SettingEngineBuilder::new()
                    .with_srtp_protection_profiles(profiles.clone())
                    .with_network_types(vec![NetworkType::Udp4, NetworkType::Udp6])
                    .build(),
            )
            .build(now)
            .expect("a peer connection");
        let (mut audio, mut video) = (None, None);
        if *publishes {
            audio = Some(add_track(&mut pc, name, RtpCodecKind::Audio));
            video = Some(add_track(&mut pc, name, RtpCodecKind::Video));
        }
        for (kind, count) in [(RtpCodecKind::Audio, slots.0), (RtpCodecKind::Video, slots.1)] {
            for _ in 0..count {
                pc.add_transceiver_from_kind(kind, None).expect("a receive slot");
            }
        }
        let candidate = CandidateHostConfig {
            base_config: CandidateConfig {
                network: "udp".to_owned(),
                address: address.ip().to_string(),
                port: address.port(),
                component: 1,
                ..Default::default()
            },
            ..Default::default()
        };
        let candidate = RTCIceCandidate::from(&candidate.new_candidate_host().expect("a candidate"));
        pc.add_local_candidate(candidate.to_json().expect("json")).expect("the candidate");
        let offer = pc.create_offer(None).expect("an offer");
        pc.set_local_description(now, offer.clone()).expect("the offer");
        let offer = pc.local_description().unwrap_or(offer).sdp;
        Self {
            name,
            address,
            pc,
            state: RTCPeerConnectionState::New,
            audio,
            video,
            talking: false,
            next_audio: now,
            next_video: now,
            start: now,
            audio_number: first,
            video_number: first,
            video_sequence: 60_000,
            picture: u16::from(name) * 1000,
            keyframe_asked: true,
            asked: 0,
            mids: BTreeMap::new(),
            seen: BTreeMap::new(),
            parts: BTreeSet::new(),
            twice: 0,
            packets: BTreeMap::new(),
            reports: Vec::new(),
            feedbacks: 0,
            answer: String::new(),
            offer,
        }
    }

    pub(crate) fn answered(&mut self, answer: &str, now: Instant) {
        self.answer = answer.to_owned();
        let answer = RTCSessionDescription::answer(answer.to_owned()).expect("an answer that parses");
        self.pc.set_remote_description(now, answer).expect("an answer that fits");
    }

    /// Takes a datagram from the network.
    pub(crate) fn read(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        // A datagram that it cannot read is its own matter.
        let _ = self.pc.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(datagram) });
        self.drain();
    }

    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let media = self.talking.then_some(self.next_audio.min(self.next_video));
        [self.pc.poll_timeout(), media].into_iter().flatten().min()
    }

    pub(crate) fn wake(&mut self, now: Instant) {
        if self.pc.poll_timeout().is_some_and(|at| at <= now) {
            // A handshake that fails is told by the state, and this client goes on.
            let _ = self.pc.handle_timeout(now);
        }
        if self.talking {
            while self.next_audio <= now {
                self.next_audio += AUDIO_PERIOD;
                self.speak(now);
            }
            while self.next_video <= now {
                self.next_video += VIDEO_PERIOD;
                self.film(now);
            }
        }
        self.drain();
    }

    pub(crate) fn talk(&mut self, now: Instant) {
        self.talking = true;
        (self.next_audio, self.next_video) = (now, now);
    }

    /// Everything it has to send.
    pub(crate) fn transmits(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some(message) = self.pc.poll_write() {
            out.push((message.transport.peer_addr, message.message.to_vec()));
        }
        out
    }

    pub(crate) fn speak(&mut self, now: Instant) {
        let Some((sender, ssrc)) = self.audio else { return };
        self.audio_number += 1;
        let mut payload = vec![0xF8, self.name];
        payload.extend(self.audio_number.to_be_bytes());
        payload.extend([7; 60]);
        let header = rtp::header::Header {
            version: 2,
            payload_type: 111,
            sequence_number: 65_500_u16.wrapping_add(self.audio_number as u16),
            timestamp: self.audio_number * 960,
            ssrc,
            ..Default::default()
        };
        self.write(sender, header, payload, now);
    }

    fn film(&mut self, now: Instant) {
        let Some((sender, ssrc)) = self.video else { return };
        self.video_number += 1;
        self.picture = self.picture.wrapping_add(1) & 0x7FFF;
        let keyframe = std::mem::take(&mut self.keyframe_asked);
        for part in 0..PARTS {
            self.video_sequence = self.video_sequence.wrapping_add(1);
            // S bit on the first packet; 15-bit picture id (RFC 7741 4.2).
            let mut payload = vec![if part == 0 { 0x90 } else { 0x80 }, 0x80];
            payload.extend((self.picture | 0x8000).to_be_bytes());
            payload.push(u8::from(!keyframe));
            payload.extend([0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01, self.name]);
            payload.extend(self.video_number.to_be_bytes());
            payload.push(part);
            payload.resize(900, 0x55);
            let header = rtp::header::Header {
                version: 2,
                payload_type: 96,
                marker: part + 1 == PARTS,
                sequence_number: self.video_sequence,
                timestamp: (now.duration_since(self.start).as_millis() as u32).wrapping_mul(90),
                ssrc,
                ..Default::default()
            };
            self.write(sender, header, payload, now);
        }
    }

    fn write(&mut self, sender: RTCRtpSenderId, mut header: rtp::header::Header, payload: Vec<u8>, now: Instant) {
        if let Some(level) = self.level_id(&header) {
            header.extension = true;
            header.extension_profile = 0xBEDE;
            header.extensions.push(Extension { id: level, payload: Bytes::from_static(&[0x80 | 20]) });
        }
        let packet = rtp::Packet { header, payload: Bytes::from(payload) };
        if let Some(mut sender) = self.pc.rtp_sender(sender) {
            let _ = sender.write_rtp(now, packet);
        }
    }

    /// The number of the audio level element in what was negotiated.
    fn level_id(&self, header: &rtp::header::Header) -> Option<u8> {
        if header.payload_type != 111 {
            return None;
        }
        let line = self.answer.lines().find(|line| line.contains("ssrc-audio-level"))?;
        line.strip_prefix("a=extmap:")?.split(' ').next()?.parse().ok()
    }

    /// Sends RTCP of any kind.
    pub(crate) fn send_rtcp(&mut self, packets: Vec<Box<dyn rtcp::Packet>>, now: Instant) {
        let receiver = self.pc.get_receivers().last().expect("a receive slot");
        let mut receiver = self.pc.rtp_receiver(receiver).expect("the receiver");
        receiver.write_rtcp(now, packets).expect("rtcp goes out");
    }

    fn drain(&mut self) {
        while let Some(event) = self.pc.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) => self.state = state,
                RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(init)) => {
                    self.mids.insert(init.track_id.to_string(), init.track_id.to_string());
                }
                _ => {}
            }
        }
        while let Some(TaggedRTCMessage { message, .. }) = self.pc.poll_read() {
            match message {
                RTCMessage::RtpPacket(track, packet) => self.packet(&track.to_string(), packet),
                RTCMessage::RtcpPacket(_, packets) => packets.iter().for_each(|packet| self.rtcp(packet.as_ref())),
                _ => {}
            }
        }
    }

    fn rtcp(&mut self, packet: &dyn rtcp::Packet) {
        let any = packet.as_any();
        if any.is::<rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication>() {
            self.keyframe_asked = true;
            self.asked += 1;
        }
        if let Some(report) = any.downcast_ref::<rtcp::sender_report::SenderReport>() {
            self.reports.push(report.clone());
        }
        if any.is::<rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc>() {
            self.feedbacks += 1;
        }
    }

    fn packet(&mut self, track: &str, packet: rtp::Packet) {
        // Our track ids end with the mid.
        let mid = track.rsplit('-').next().unwrap_or(track).to_owned();
        let payload = &packet.payload;
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
        let (frame, part, whole) = if packet.header.payload_type == 111 {
            (Frame { from: payload[1], number: number(2) }, 0, 1)
        } else {
            (Frame { from: payload[14], number: number(15) }, payload[19], PARTS)
        };
        if !self.parts.insert((mid.clone(), frame, part)) {
            self.twice += 1;
            return;
        }
        let key = |part| (mid.clone(), frame, part);
        if (0..whole).all(|part| self.parts.contains(&key(part))) {
            self.seen.entry(mid.clone()).or_default().push(frame);
        }
        self.packets.entry(mid).or_default().push(packet.header);
    }
}

fn add_track(pc: &mut RTCPeerConnection, name: u8, kind: RtpCodecKind) -> (RTCRtpSenderId, u32) {
    let (mime_type, clock_rate, channels, ssrc) = match kind {
        RtpCodecKind::Video => ("video/VP8", 90_000, 0, 2000 + u32::from(name)),
        _ => ("audio/opus", 48_000, 2, 1000 + u32::from(name)),
    };
    let codec = RTCRtpCodec { mime_type: mime_type.to_owned(), clock_rate, channels, ..Default::default() };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: (kind == RtpCodecKind::Video)
                .then(|| rtc::rtp_transceiver::rtp_sender::RTCRtpRtxParameters { ssrc: 3000 + u32::from(name) }),
            ..Default::default()
        },
        active: true,
        codec,
        ..Default::default()
    };
    let track = MediaStreamTrack::new(
        format!("stream-{name}"),
        format!("{kind}-{name}"),
        format!("label-{name}"),
        kind,
        vec![encoding.clone()],
    );
    let init = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        streams: vec![],
        send_encodings: vec![encoding],
    };
    let transceiver = pc.add_transceiver_from_track(track, Some(init)).expect("a track");
    let sender = pc.rtp_transceiver(transceiver).expect("the transceiver").sender().expect("a sender");
    (sender, ssrc)
}
