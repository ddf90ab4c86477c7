//! A participant made by hand over a real socket: it joins by signaling like everybody else, and then sends what it likes, from
//! where it likes.
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rtc::{
    rtcp::{
        payload_feedbacks::picture_loss_indication::PictureLossIndication,
        transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers},
    },
    shared::marshal::Marshal as _,
    srtp::{context::Context as Srtp, protection_profile::ProtectionProfile},
};
use yunfa_signaling::{
    message::{ClientMessage, ServerMessage},
    private::Sdp,
};

use crate::{
    handmade::{Access, Hand, OPUS, RTX, VP8, audio_ssrc, video_ssrc, vp8},
    socket::Socket,
};

/// How long the server may take for each answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How often it says that it is still there (RFC 7675): well within a second, after which its path counts as silent.
const CONSENT: Duration = Duration::from_millis(400);
/// How long it waits for an answer to a check before it checks again.
const LISTEN: Duration = Duration::from_millis(50);
/// How long its ear waits before it looks whether it is to end, or to listen elsewhere.
const EAR: Duration = Duration::from_millis(10);
/// A voice sends so often.
const VOICE: Duration = Duration::from_millis(20);
/// The payload of a camera's packet.
const VIDEO_BYTES: usize = 1_000;

/// Whose address the server believes, and nothing more.
pub(crate) struct Validated {
    name: u16,
    pub(crate) access: Access,
    udp: UdpSocket,
    media: SocketAddrV4,
}

/// A socket at an address of ours that speaks to the server only.
fn open(from: Ipv4Addr, media: SocketAddrV4) -> anyhow::Result<UdpSocket> {
    let udp = UdpSocket::bind((from, 0))?;
    udp.connect(media)?;
    udp.set_read_timeout(Some(LISTEN))?;
    Ok(udp)
}

impl Validated {
    /// Joins with an offer like a browser's, and has its address validated.
    pub(crate) async fn join(
        hand: &Hand,
        name: u16,
        socket: &mut Socket,
        (from, media): (Ipv4Addr, SocketAddrV4),
    ) -> anyhow::Result<Self> {
        let offer = Sdp::new(hand.offer(name, true, (3, 4), &[VP8]));
        socket.request(ClientMessage::JoinMedia { attempt: 1, offer }).await?;
        let answer = socket
            .wait_for(ANSWER, "mediaAnswer", |message| match message {
                ServerMessage::MediaAnswer { answer, .. } => Some(answer.clone()),
                _ => None,
            })
            .await?;
        let access = Access::of(answer.expose()).context("an answer without ICE")?;
        let check = hand.check(name, &access, 0, true)?;
        let validated = Self { name, access, udp: open(from, media)?, media };
        let answered = blocking(|| {
            let deadline = Instant::now() + ANSWER;
            let mut buffer = [0; 2_048];
            while Instant::now() < deadline {
                validated.udp.send(&check)?;
                if validated.udp.recv(&mut buffer).is_ok() {
                    return Ok(buffer.starts_with(&[1, 1]));
                }
            }
            anyhow::Ok(false)
        })?;
        ensure!(answered, "a right check was not answered");
        Ok(validated)
    }

    /// Sends a datagram.
    pub(crate) fn send(&self, datagram: &[u8]) -> anyhow::Result<()> {
        self.udp.send(datagram)?;
        Ok(())
    }

    /// Finishes the handshake.
    pub(crate) fn connect(self, hand: Arc<Hand>) -> anyhow::Result<Participant> {
        let material = blocking(|| self.shake(&hand))?;
        let (keys, salts) = material.split_at(32);
        let context = |side: usize| {
            let (key, salt) = (&keys[16 * side..][..16], &salts[12 * side..][..12]);
            Srtp::new(key, salt, ProtectionProfile::AeadAes128Gcm, None, None, hand.provider().crypto())
        };
        self.udp.set_read_timeout(Some(EAR))?;
        let (open, seal) = (context(1)?, context(0)?);
        let line = Arc::new(Line {
            hand,
            name: self.name,
            access: self.access.clone(),
            udp: Mutex::new(Arc::new(self.udp)),
            nominates: AtomicBool::new(true),
            checks: AtomicU64::new(1),
            over: AtomicBool::new(false),
        });
        let heard = Arc::new(Mutex::new(Heard::default()));
        let ear = Ear { line: Arc::clone(&line), heard: Arc::clone(&heard) };
        thread::spawn(move || ear.listen(open));
        let (spoken, shown) = (AtomicU64::new(0), AtomicU64::new(0));
        let (name, access, media) = (self.name, self.access, self.media);
        Ok(Participant { name, access, media, line, seal: Mutex::new(seal), heard, spoken, shown })
    }

    fn shake(&self, hand: &Hand) -> anyhow::Result<Vec<u8>> {
        let begun = Instant::now();
        let mut handshake = hand.handshake(self.udp.local_addr()?, self.media.into(), begun)?;
        let mut buffer = [0; 2_048];
        while begun.elapsed() < ANSWER {
            for datagram in handshake.outgoing() {
                self.udp.send(&datagram)?;
            }
            let Ok(size) = self.udp.recv(&mut buffer) else { continue };
            // Answers to checks come here too.
            if (20..64).contains(&buffer[0])
                && let Some(material) = handshake.read(&buffer[..size], Instant::now())?
            {
                return Ok(material);
            }
        }
        bail!("the handshake did not finish");
    }
}

/// Lets a worker of the runtime wait.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// The path of one participant, which may change.
struct Line {
    hand: Arc<Hand>,
    name: u16,
    access: Access,
    udp: Mutex<Arc<UdpSocket>>,
    /// Whether its checks nominate the path.
    nominates: AtomicBool,
    checks: AtomicU64,
    over: AtomicBool,
}

impl Line {
    fn udp(&self) -> Arc<UdpSocket> {
        Arc::clone(&lock(&self.udp))
    }

    /// The next check, as it is sent now.
    fn check(&self) -> anyhow::Result<Vec<u8>> {
        let number = self.checks.fetch_add(1, Ordering::Relaxed);
        Ok(self.hand.check(self.name, &self.access, number, self.nominates.load(Ordering::Relaxed))?)
    }
}

/// One that is connected, with the keys to whatever it would like to say.
pub(crate) struct Participant {
    name: u16,
    pub(crate) access: Access,
    media: SocketAddrV4,
    line: Arc<Line>,
    seal: Mutex<Srtp>,
    heard: Arc<Mutex<Heard>>,
    spoken: AtomicU64,
    shown: AtomicU64,
}

/// What came in since it was last looked at, counted on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Packets of each payload type.
    pub(crate) packets: BTreeMap<u8, u64>,
    /// Those of them whose SSRC and number were there before.
    pub(crate) doubled: u64,
    /// Bytes of all datagrams.
    pub(crate) bytes: u64,
    /// Keyframe requests.
    pub(crate) keyframe_asks: u64,
    /// The longest time between two packets of media, the first of them from before if there was one.
    pub(crate) longest_silence: Duration,
    /// When the last packet of media came, whenever that was.
    pub(crate) last: Option<Instant>,
    video: Option<(u32, u16)>,
    seen: BTreeSet<(u32, u16)>,
}

impl Heard {
    /// Packets of this payload type.
    pub(crate) fn of(&self, payload_type: u8) -> u64 {
        self.packets.get(&payload_type).copied().unwrap_or(0)
    }
}

impl Participant {
    /// Where its packets come from.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddrV4> {
        match self.line.udp().local_addr()? {
            SocketAddr::V4(address) => Ok(address),
            SocketAddr::V6(_) => bail!("an IPv6 address here"),
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&self, datagram: &[u8]) -> anyhow::Result<()> {
        self.line.udp().send(datagram)?;
        Ok(())
    }

    /// Goes on from another address of this machine, with a check from there, which nominates it or does not; so do those
    /// that follow.
    pub(crate) fn move_to(&self, from: Ipv4Addr, nominates: bool) -> anyhow::Result<()> {
        let udp = open(from, self.media)?;
        udp.set_read_timeout(Some(EAR))?;
        self.line.nominates.store(nominates, Ordering::Relaxed);
        udp.send(&self.line.check()?)?;
        *lock(&self.line.udp) = Arc::new(udp);
        Ok(())
    }

    /// Speaks from now on, while `mute` says no.
    pub(crate) fn speak(self: &Arc<Self>, mute: Arc<AtomicBool>) {
        let mouth = Arc::downgrade(self);
        thread::spawn(move || {
            let mut due = Instant::now();
            while let Some(participant) = mouth.upgrade() {
                if !mute.load(Ordering::Relaxed) {
                    // A packet that cannot be sent is one that is lost.
                    let _ = participant.speech().and_then(|packet| participant.send(&packet));
                }
                drop(participant);
                due = (due + VOICE).max(Instant::now());
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
    }

    /// What came since the last call of this.
    pub(crate) fn take_heard(&self) -> Heard {
        let mut heard = lock(&self.heard);
        let (video, last) = (heard.video, heard.last);
        std::mem::replace(&mut heard, Heard { video, last, ..Heard::default() })
    }

    /// When the last packet of media came.
    pub(crate) fn last_heard(&self) -> Option<Instant> {
        lock(&self.heard).last
    }

    /// Keyframe requests since [`Participant::take_heard`].
    pub(crate) fn keyframe_asks(&self) -> u64 {
        lock(&self.heard).keyframe_asks
    }

    /// The SSRC under which video comes, and the last number.
    pub(crate) fn video(&self) -> Option<(u32, u16)> {
        lock(&self.heard).video
    }

    /// The next packet of its microphone, sealed.
    pub(crate) fn speech(&self) -> anyhow::Result<Vec<u8>> {
        let number = self.spoken.fetch_add(1, Ordering::Relaxed);
        let head = head(OPUS, number as u16, (number * 960) as u32, audio_ssrc(self.name), number == 0);
        Ok(lock(&self.seal).encrypt_rtp(&[&head[..], &[0xF8; 80]].concat())?.to_vec())
    }

    /// The next packet of its camera, a picture each.
    pub(crate) fn picture(&self, keyframe: bool) -> anyhow::Result<Vec<u8>> {
        let number = self.shown.fetch_add(1, Ordering::Relaxed);
        let head = head(VP8, number as u16, (number * 900) as u32, video_ssrc(self.name), true);
        let payload = vp8(keyframe, true, (number & 0x7FFF) as u16, VIDEO_BYTES);
        Ok(lock(&self.seal).encrypt_rtp(&[head, payload].concat())?.to_vec())
    }

    /// Says that these were lost.
    pub(crate) fn nack(&self, media_ssrc: u32, lost: &[u16]) -> anyhow::Result<()> {
        let nacks = nack_pairs_from_sequence_numbers(lost);
        self.report(&TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks }.marshal()?)
    }

    /// Asks for a keyframe.
    pub(crate) fn picture_lost(&self, media_ssrc: u32) -> anyhow::Result<()> {
        self.report(&PictureLossIndication { sender_ssrc: 1, media_ssrc }.marshal()?)
    }

    fn report(&self, compound: &[u8]) -> anyhow::Result<()> {
        let sealed = lock(&self.seal).encrypt_rtcp(compound)?;
        self.send(&sealed)
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.line.over.store(true, Ordering::Relaxed);
    }
}

/// A thread that counts what comes, and keeps consent fresh.
struct Ear {
    line: Arc<Line>,
    heard: Arc<Mutex<Heard>>,
}

impl Ear {
    fn listen(self, mut open: Srtp) {
        let mut buffer = [0; 2_048];
        let mut checked = Instant::now();
        while !self.line.over.load(Ordering::Relaxed) {
            let udp = self.line.udp();
            if checked.elapsed() >= CONSENT
                && let Ok(check) = self.line.check()
            {
                // One that cannot be sent is one that is lost.
                let _ = udp.send(&check);
                checked = Instant::now();
            }
            let Ok(size) = udp.recv(&mut buffer) else { continue };
            let now = Instant::now();
            let datagram = &buffer[..size];
            let mut heard = lock(&self.heard);
            heard.bytes += size as u64;
            let [first, second, high, low, _, _, _, _, ssrc @ ..] = datagram else { continue };
            if first >> 6 != 2 {
                continue;
            }
            // RFC 5761 4: what would be payload types 64 to 95 is RTCP.
            if (192..224).contains(second) {
                let asks = open.decrypt_rtcp(datagram).map_or(0, |compound| keyframe_asks(&compound));
                heard.keyframe_asks += asks;
                continue;
            }
            let Some(ssrc) = ssrc.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc)) else { continue };
            let (payload_type, sequence) = (second & 0x7F, u16::from_be_bytes([*high, *low]));
            if let Some(last) = heard.last.replace(now) {
                heard.longest_silence = heard.longest_silence.max(now.duration_since(last));
            }
            *heard.packets.entry(payload_type).or_default() += 1;
            let new = heard.seen.insert((ssrc, sequence));
            heard.doubled += u64::from(!new);
            if payload_type == VP8 {
                heard.video = Some((ssrc, sequence));
            }
        }
    }
}

/// PLI and FIR (RFC 4585 6.3.1, RFC 5104 4.3.1) in a compound packet.
fn keyframe_asks(mut compound: &[u8]) -> u64 {
    let mut asks = 0;
    while let [first, kind, high, low, ..] = compound {
        asks += u64::from(*kind == 206 && matches!(first & 0x1F, 1 | 4));
        let length = 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1);
        compound = compound.get(length..).unwrap_or_default();
    }
    asks
}

/// A bare RTP head.
fn head(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, marker: bool) -> Vec<u8> {
    let mut head = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
    head.extend(sequence.to_be_bytes());
    head.extend(timestamp.to_be_bytes());
    head.extend(ssrc.to_be_bytes());
    head
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What repairs a lost packet of a camera comes under this payload type.
pub(crate) const REPAIR: u8 = RTX;
