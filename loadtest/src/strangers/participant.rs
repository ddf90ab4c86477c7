//! A participant made by hand over a real socket: it joins by signaling like everybody else, and then sends what it likes.
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, SocketAddrV4, UdpSocket},
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

use super::{host::MEDIA, spaces::PEOPLE};
use crate::{
    handmade::{Access, Hand, OPUS, RTX, VP8, audio_ssrc, video_ssrc, vp8},
    socket::Socket,
};

/// How long the server may take for each answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How often it says that it is still there (RFC 7675): well within a second, after which its path counts as silent.
const CONSENT: Duration = Duration::from_millis(400);
/// How long its ear waits before it looks whether it is to end.
const LISTEN: Duration = Duration::from_millis(50);
/// The payload of a camera's packet.
const VIDEO_BYTES: usize = 1_000;

/// Whose address the server believes, and nothing more.
pub(super) struct Validated {
    name: u16,
    pub(super) access: Access,
    udp: UdpSocket,
}

impl Validated {
    /// Joins with an offer like a browser's, and has its address validated.
    pub(super) async fn join(hand: &Hand, name: u16, socket: &mut Socket) -> anyhow::Result<Self> {
        let offer = Sdp::new(hand.offer(name, true, (3, 4), &[VP8]));
        socket.request(ClientMessage::JoinMedia { attempt: 1, offer }).await?;
        let answer = socket
            .wait_for(ANSWER, "mediaAnswer", |message| match message {
                ServerMessage::MediaAnswer { answer, .. } => Some(answer.clone()),
                _ => None,
            })
            .await?;
        let access = Access::of(answer.expose()).context("an answer without ICE")?;
        let udp = UdpSocket::bind((PEOPLE, 0))?;
        udp.connect(MEDIA)?;
        udp.set_read_timeout(Some(LISTEN))?;
        let check = hand.check(name, &access, 0, true)?;
        let validated = Self { name, access, udp };
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
    pub(super) fn send(&self, datagram: &[u8]) -> anyhow::Result<()> {
        self.udp.send(datagram)?;
        Ok(())
    }

    /// Finishes the handshake.
    pub(super) fn connect(self, hand: Arc<Hand>) -> anyhow::Result<Participant> {
        let material = blocking(|| self.shake(&hand))?;
        let (keys, salts) = material.split_at(32);
        let context = |side: usize| {
            let (key, salt) = (&keys[16 * side..][..16], &salts[12 * side..][..12]);
            Srtp::new(key, salt, ProtectionProfile::AeadAes128Gcm, None, None, hand.provider().crypto())
        };
        let udp = Arc::new(self.udp);
        let (heard, over) = (Arc::new(Mutex::new(Heard::default())), Arc::new(AtomicBool::new(false)));
        let ear = Ear { udp: Arc::clone(&udp), heard: Arc::clone(&heard), over: Arc::clone(&over) };
        let (name, access, open, seal) = (self.name, self.access.clone(), context(1)?, context(0)?);
        thread::spawn(move || ear.listen(&hand, name, &access, open));
        let (spoken, shown) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Participant {
            name: self.name,
            access: self.access,
            udp,
            seal: Mutex::new(seal),
            heard,
            over,
            spoken,
            shown,
        })
    }

    fn shake(&self, hand: &Hand) -> anyhow::Result<Vec<u8>> {
        let begun = Instant::now();
        let mut handshake = hand.handshake(self.udp.local_addr()?, MEDIA.into(), begun)?;
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

/// One that is connected, with the keys to whatever it would like to say.
pub(super) struct Participant {
    name: u16,
    pub(super) access: Access,
    udp: Arc<UdpSocket>,
    seal: Mutex<Srtp>,
    heard: Arc<Mutex<Heard>>,
    over: Arc<AtomicBool>,
    spoken: AtomicU64,
    shown: AtomicU64,
}

/// What came in since it was last looked at, counted on the wire.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Packets of each payload type.
    pub(super) packets: BTreeMap<u8, u64>,
    /// Those of them whose SSRC and number were there before.
    pub(super) doubled: u64,
    /// Bytes of all datagrams.
    pub(super) bytes: u64,
    /// Keyframe requests.
    pub(super) keyframe_asks: u64,
    video: Option<(u32, u16)>,
    seen: BTreeSet<(u32, u16)>,
}

impl Heard {
    /// Packets of this payload type.
    pub(super) fn of(&self, payload_type: u8) -> u64 {
        self.packets.get(&payload_type).copied().unwrap_or(0)
    }
}

impl Participant {
    /// Where its packets come from.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddrV4> {
        match self.udp.local_addr()? {
            SocketAddr::V4(address) => Ok(address),
            SocketAddr::V6(_) => bail!("an IPv6 address here"),
        }
    }

    /// Sends bytes as they are.
    pub(super) fn send(&self, datagram: &[u8]) -> anyhow::Result<()> {
        self.udp.send(datagram)?;
        Ok(())
    }

    /// What came since the last call of this.
    pub(super) fn take_heard(&self) -> Heard {
        let mut heard = lock(&self.heard);
        let video = heard.video;
        std::mem::replace(&mut heard, Heard { video, ..Heard::default() })
    }

    /// Keyframe requests since [`Participant::take_heard`].
    pub(super) fn keyframe_asks(&self) -> u64 {
        lock(&self.heard).keyframe_asks
    }

    /// The SSRC under which video comes, and the last number.
    pub(super) fn video(&self) -> Option<(u32, u16)> {
        lock(&self.heard).video
    }

    /// The next packet of its microphone, sealed.
    pub(super) fn speech(&self) -> anyhow::Result<Vec<u8>> {
        let number = self.spoken.fetch_add(1, Ordering::Relaxed);
        let head = head(OPUS, number as u16, (number * 960) as u32, audio_ssrc(self.name), number == 0);
        Ok(lock(&self.seal).encrypt_rtp(&[&head[..], &[0xF8; 80]].concat())?.to_vec())
    }

    /// The next packet of its camera, a picture each.
    pub(super) fn picture(&self, keyframe: bool) -> anyhow::Result<Vec<u8>> {
        let number = self.shown.fetch_add(1, Ordering::Relaxed);
        let head = head(VP8, number as u16, (number * 900) as u32, video_ssrc(self.name), true);
        let payload = vp8(keyframe, true, (number & 0x7FFF) as u16, VIDEO_BYTES);
        Ok(lock(&self.seal).encrypt_rtp(&[head, payload].concat())?.to_vec())
    }

    /// Says that these were lost.
    pub(super) fn nack(&self, media_ssrc: u32, lost: &[u16]) -> anyhow::Result<()> {
        let nacks = nack_pairs_from_sequence_numbers(lost);
        self.report(&TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks }.marshal()?)
    }

    /// Asks for a keyframe.
    pub(super) fn picture_lost(&self, media_ssrc: u32) -> anyhow::Result<()> {
        self.report(&PictureLossIndication { sender_ssrc: 1, media_ssrc }.marshal()?)
    }

    fn report(&self, compound: &[u8]) -> anyhow::Result<()> {
        let sealed = lock(&self.seal).encrypt_rtcp(compound)?;
        self.send(&sealed)
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// A thread that counts what comes, and keeps consent fresh.
struct Ear {
    udp: Arc<UdpSocket>,
    heard: Arc<Mutex<Heard>>,
    over: Arc<AtomicBool>,
}

impl Ear {
    fn listen(self, hand: &Hand, name: u16, access: &Access, mut open: Srtp) {
        let mut buffer = [0; 2_048];
        let (mut checks, mut checked) = (1, Instant::now());
        while !self.over.load(Ordering::Relaxed) {
            if checked.elapsed() >= CONSENT
                && let Ok(check) = hand.check(name, access, checks, true)
            {
                // One that cannot be sent is one that is lost.
                let _ = self.udp.send(&check);
                (checks, checked) = (checks + 1, Instant::now());
            }
            let Ok(size) = self.udp.recv(&mut buffer) else { continue };
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
pub(super) const REPAIR: u8 = RTX;
