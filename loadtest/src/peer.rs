//! A full WebRTC client (the `webrtc` crate): one connection, one offer, a microphone, a camera, receive slots.
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, ensure};
use rtc::{
    interceptor::{Registry, Slot},
    media_stream::MediaStreamTrack,
    peer_connection::{
        configuration::{
            interceptor_registry::register_default_interceptors,
            media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine},
            setting_engine::SettingEngineBuilder,
        },
        sdp::RTCSessionDescription,
    },
    rtp::{
        extension::{HeaderExtension, audio_level_extension::AudioLevelExtension},
        header::Header,
        packet::Packet,
    },
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
            RTCRtpHeaderExtensionCapability, RtpCodecKind,
        },
    },
    sdp::extmap::{ABS_SEND_TIME_URI, AUDIO_LEVEL_URI, SDES_MID_URI},
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionState,
    },
    rtp_transceiver::RtpSender,
    runtime::default_runtime,
};

use crate::{
    clip,
    keyframes::KeyframeRequests,
    received::{Arrival, Counter, Kind, Received},
    voice,
};

/// The payload types that we offer; the server answers with the same.
const OPUS: u8 = 111;
const VP8: u8 = 96;
/// No more than one keyframe in this time, however often it is asked for.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(200);
/// How long gathering host candidates may take: they are read from the system.
const GATHER: Duration = Duration::from_secs(5);

/// What a peer sends and how many slots it offers to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// An audio m-line that sends.
    pub microphone: bool,
    /// A video m-line that sends.
    pub camera: bool,
    /// Audio m-lines that receive.
    pub audio_slots: usize,
    /// Video m-lines that receive; with more than one, the last is for a shared screen.
    pub video_slots: usize,
}

impl Shape {
    /// What the pages offer: microphone, camera, three voices, three faces, one screen.
    pub const CALL: Self = Self { microphone: true, camera: true, audio_slots: 3, video_slots: 4 };
    /// The same with the camera off.
    pub const VOICE: Self = Self { camera: false, ..Self::CALL };
    /// Who publishes by WHIP.
    pub const PUBLISHER: Self = Self { microphone: true, camera: true, audio_slots: 0, video_slots: 0 };
    /// Who watches by WHEP.
    pub const VIEWER: Self = Self { microphone: false, camera: false, audio_slots: 1, video_slots: 1 };
}

/// One client connection. Dropping it ends it.
pub struct MediaPeer {
    connection: Arc<dyn PeerConnection>,
    shared: Arc<Shared>,
    gathered: watch::Receiver<bool>,
    state: watch::Receiver<RTCPeerConnectionState>,
    microphone: Option<Source>,
    camera: Option<Source>,
    sending: Option<JoinHandle<()>>,
}

/// A track of ours and its sender.
#[derive(Clone)]
struct Source {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
}

/// What the tasks of one peer share.
struct Shared {
    counter: Mutex<Counter>,
    keyframe_requests: Arc<AtomicU64>,
    microphone_on: AtomicBool,
    camera_on: AtomicBool,
}

impl Shared {
    fn counter(&self) -> std::sync::MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instant from which every peer of this process counts, so that their timelines can be compared.
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

impl MediaPeer {
    /// Sets up a connection of the given shape that will use this local address.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn new(shape: Shape, local: IpAddr) -> anyhow::Result<Self> {
        let (gathered_sender, gathered) = watch::channel(false);
        let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
        let keyframe_requests = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared {
            counter: Mutex::new(Counter::new(epoch())),
            keyframe_requests: Arc::clone(&keyframe_requests),
            microphone_on: AtomicBool::new(true),
            camera_on: AtomicBool::new(true),
        });
        let mut media = media_engine()?;
        let registry = register_default_interceptors(Registry::new(), &mut media)?
            .with(Slot::from(14_000), KeyframeRequests::new(keyframe_requests));
        let settings = SettingEngineBuilder::new().with_include_loopback_candidate(true).build();
        let handler = Events { gathered: gathered_sender, state: state_sender, shared: Arc::clone(&shared) };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_setting_engine(settings)
                .with_handler(Arc::new(handler))
                .with_runtime(default_runtime().context("the webrtc crate was built without tokio")?)
                .with_udp_addrs(vec![SocketAddr::new(local, 0)])
                .build()
                .await?,
        );
        let mut peer = Self { connection, shared, gathered, state, microphone: None, camera: None, sending: None };
        if shape.microphone {
            peer.microphone = Some(peer.add_source(RtpCodecKind::Audio).await?);
        }
        if shape.camera {
            peer.camera = Some(peer.add_source(RtpCodecKind::Video).await?);
        }
        let slots = [(RtpCodecKind::Audio, shape.audio_slots), (RtpCodecKind::Video, shape.video_slots)];
        for (kind, count) in slots {
            for _ in 0..count {
                let direction = RTCRtpTransceiverDirection::Recvonly;
                let init = RTCRtpTransceiverInit { direction, ..Default::default() };
                peer.connection.add_transceiver_from_kind(kind, Some(init)).await?;
            }
        }
        Ok(peer)
    }

    async fn add_source(&self, kind: RtpCodecKind) -> anyhow::Result<Source> {
        let name = if kind == RtpCodecKind::Audio { "microphone" } else { "camera" };
        // The first half of a random UUID has no fixed bits.
        let ssrc = u32::try_from(Uuid::new_v4().as_u128() >> 96).unwrap_or(1);
        let coding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: codec(kind).rtp_codec,
            ..Default::default()
        };
        let track = MediaStreamTrack::new("yunfa".into(), name.into(), name.into(), kind, vec![coding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let init = RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Sendonly, ..Default::default() };
        let local = Arc::clone(&track) as Arc<dyn TrackLocal>;
        let transceiver = self.connection.add_transceiver_from_track(local, Some(init)).await?;
        let sender = transceiver.sender().await?.context("a sending transceiver has a sender")?;
        Ok(Source { track, sender, ssrc })
    }

    /// Makes the offer, with every candidate in it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or gathering takes too long.
    pub async fn offer(&mut self) -> anyhow::Result<String> {
        let offer = self.connection.create_offer(None).await?;
        self.connection.set_local_description(offer).await?;
        timeout(GATHER, self.gathered.wait_for(|gathered| *gathered)).await.context("gathering took too long")??;
        Ok(self.connection.local_description().await.context("no local description")?.sdp)
    }

    /// Takes the server's answer.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn answer(&self, answer: String) -> anyhow::Result<()> {
        self.connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;
        Ok(())
    }

    /// Waits until ICE and DTLS are up, then lets microphone and camera send.
    ///
    /// # Errors
    ///
    /// When that fails or takes too long.
    pub async fn connected(&mut self, within: Duration) -> anyhow::Result<()> {
        let settled = |state: &RTCPeerConnectionState| {
            matches!(
                state,
                RTCPeerConnectionState::Connected | RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
            )
        };
        let state = *timeout(within, self.state.wait_for(settled)).await.context("media did not connect in time")??;
        ensure!(state == RTCPeerConnectionState::Connected, "media is {state}");
        let sending = Sending {
            microphone: negotiated(self.microphone.as_ref()).await?,
            camera: negotiated(self.camera.as_ref()).await?,
            shared: Arc::clone(&self.shared),
        };
        self.sending = Some(tokio::spawn(sending.run()));
        Ok(())
    }

    /// Whether the microphone sends; a camera or microphone that is off sends nothing at all.
    pub fn set_microphone(&self, on: bool) {
        self.shared.microphone_on.store(on, Ordering::Relaxed);
    }

    /// Whether the camera sends.
    pub fn set_camera(&self, on: bool) {
        self.shared.camera_on.store(on, Ordering::Relaxed);
    }

    /// What came since the last [`MediaPeer::take_received`].
    pub fn received(&self) -> Received {
        self.shared.counter().so_far()
    }

    /// What came since the last call of this; the account begins anew.
    pub fn take_received(&self) -> Received {
        self.shared.counter().take()
    }

    /// How often a keyframe was asked of the camera.
    pub fn keyframe_requests(&self) -> u64 {
        self.shared.keyframe_requests.load(Ordering::Relaxed)
    }

    /// Where its packets come from, and the SSRC of its microphone: what somebody must know who forges them.
    pub async fn sends_from(&self) -> Option<(SocketAddr, u32)> {
        let sdp = self.connection.local_description().await?.sdp;
        // RFC 8839 5.1: foundation, component, transport, priority, address, port.
        let candidates = sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
        let mut addresses = candidates.filter_map(|candidate| {
            let mut words = candidate.split(' ').skip(4);
            Some(SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        });
        Some((addresses.find(|address| !address.ip().is_loopback())?, self.microphone.as_ref()?.ssrc))
    }

    /// Ends the connection in order, so that the server hears of it.
    ///
    /// # Errors
    ///
    /// When the connection cannot be closed.
    pub async fn close(&self) -> anyhow::Result<()> {
        if let Some(sending) = &self.sending {
            sending.abort();
        }
        self.connection.close().await.map_err(|error| anyhow!(error))
    }
}

impl Drop for MediaPeer {
    fn drop(&mut self) {
        if let Some(sending) = &self.sending {
            sending.abort();
        }
    }
}

async fn negotiated(source: Option<&Source>) -> anyhow::Result<Option<(Source, u8)>> {
    let Some(source) = source else { return Ok(None) };
    let codecs = source.sender.get_parameters().await?.rtp_parameters.codecs;
    let codec = codecs.first().context("the answer took no codec of ours")?;
    Ok(Some((source.clone(), codec.payload_type)))
}

fn codec(kind: RtpCodecKind) -> RTCRtpCodecParameters {
    let (mime_type, clock_rate, channels, fmtp, payload_type) = match kind {
        RtpCodecKind::Audio => (MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1", OPUS),
        _ => (MIME_TYPE_VP8, 90_000, 0, "", VP8),
    };
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: fmtp.to_owned(),
            rtcp_feedback: vec![],
        },
        payload_type,
    }
}

fn media_engine() -> anyhow::Result<MediaEngine> {
    let mut media = MediaEngine::default();
    for (kind, extensions) in [
        (RtpCodecKind::Audio, &[SDES_MID_URI, ABS_SEND_TIME_URI, AUDIO_LEVEL_URI][..]),
        (RtpCodecKind::Video, &[SDES_MID_URI, ABS_SEND_TIME_URI]),
    ] {
        media.register_codec(codec(kind), kind)?;
        for uri in extensions {
            let extension = RTCRtpHeaderExtensionCapability { uri: (*uri).to_owned() };
            media.register_header_extension(extension, kind, None)?;
        }
    }
    Ok(media)
}

/// What the connection tells.
struct Events {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // It ends by itself when the connection does.
        tokio::spawn(listen(track, Arc::clone(&self.shared)));
    }
}

/// Counts, and decodes what can be decoded, until the track ends.
async fn listen(track: Arc<dyn TrackRemote>, shared: Arc<Shared>) {
    let kind = if track.kind().await == RtpCodecKind::Audio { Kind::Audio } else { Kind::Video };
    let mut decoder = opus::Decoder::new(voice::SAMPLE_RATE, opus::Channels::Stereo).ok();
    // The longest Opus packet is 120 ms (RFC 6716 section 2.1.4).
    let mut samples = vec![0.0; voice::FRAME_SAMPLES * 6 * 2];
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        let at = Instant::now();
        let decoded = kind == Kind::Audio
            && decoder
                .as_mut()
                .is_some_and(|decoder| decoder.decode_float(&packet.payload, &mut samples, false).is_ok());
        let Header { ssrc, sequence_number: sequence, timestamp, marker, .. } = packet.header;
        let arrival = Arrival { ssrc, sequence, timestamp, marker, payload: &packet.payload, decoded };
        shared.counter().arrived(kind, arrival, at);
    }
}

/// The task that sends.
struct Sending {
    microphone: Option<(Source, u8)>,
    camera: Option<(Source, u8)>,
    shared: Arc<Shared>,
}

impl Sending {
    async fn run(self) {
        let Ok(voice) = voice::frames() else { return };
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let mut audio = Stream::default();
        let mut video = Stream::default();
        let mut picture_id = 0u16;
        let mut frame = 0;
        let mut answered = self.shared.keyframe_requests.load(Ordering::Relaxed);
        let mut last_keyframe = Instant::now();
        for tick in 0usize.. {
            ticks.tick().await;
            if let Some((source, payload_type)) = &self.microphone
                && self.shared.microphone_on.load(Ordering::Relaxed)
            {
                let sound = &voice[tick % voice.len()];
                let timestamp = (tick * voice::FRAME_SAMPLES) as u32;
                let packet = audio.packet(source.ssrc, *payload_type, timestamp, tick == 0, sound.packet.clone());
                let level = AudioLevelExtension { level: sound.level, voice: sound.level < 50 };
                // A packet that cannot be sent is one that is lost; the other side counts it.
                let _ = source.track.write_rtp_with_extensions(packet, &[HeaderExtension::AudioLevel(level)]).await;
            }
            if let Some((source, payload_type)) = &self.camera
                && tick % 2 == 0
                && self.shared.camera_on.load(Ordering::Relaxed)
            {
                let asked = self.shared.keyframe_requests.load(Ordering::Relaxed);
                if asked > answered && last_keyframe.elapsed() >= KEYFRAME_PAUSE {
                    answered = asked;
                    frame = 0;
                }
                if frame == 0 {
                    last_keyframe = Instant::now();
                }
                let payloads = clip::payloads(&clip::frames()[frame], picture_id);
                let timestamp = (tick / 2) as u32 * clip::FRAME_TICKS;
                let count = payloads.len();
                for (at, payload) in payloads.into_iter().enumerate() {
                    let packet = video.packet(source.ssrc, *payload_type, timestamp, at + 1 == count, payload);
                    let _ = source.track.write_rtp(packet).await;
                }
                frame = (frame + 1) % clip::frames().len();
                picture_id = (picture_id + 1) & 0x7fff;
            }
        }
    }
}

/// The sequence numbers of one stream.
#[derive(Default)]
struct Stream {
    sequence: u16,
}

impl Stream {
    fn packet(&mut self, ssrc: u32, payload_type: u8, timestamp: u32, marker: bool, payload: bytes::Bytes) -> Packet {
        self.sequence = self.sequence.wrapping_add(1);
        let header = Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: self.sequence,
            timestamp,
            ssrc,
            ..Default::default()
        };
        Packet { header, payload }
    }
}
