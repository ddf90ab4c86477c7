//! One function per fuzz target: takes any bytes, and panics when a promise is broken.
use std::{net::SocketAddr, time::Duration};

use yunfa_media::{
    command::{Command, Sdp},
    config::Config,
    fact::Fact,
    ids::{PeerId, RoomId},
    rtcp,
    rtp::{
        Head, NewHead, Vp8, Vp8Patch, begins_h264_keyframe, extension, extensions, replace_extension, strip_padding,
    },
    sfu::{Input, Sfu},
    stun::{Key, Request, is_stun},
    time::Now,
};

use crate::raw::{self, Kit, Who, stage::Stage};

/// A target: its name, which is also that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("stun", stun),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("vp8", vp8),
    ("h264", h264),
    ("offer", offer),
    ("stranger", stranger),
    ("handshake", handshake),
    ("participant", participant),
];

/// Datagrams a worker may send for one that it received from a participant: each of a few receivers gets one, and what
/// is due is sent along.
const MOST_OUT: usize = 64;
/// A handshake's server may send its flight again and again, but not without bound.
const HANDSHAKE_OUT: usize = 256 * 1024;

/// A Binding request is read without a panic, and verifies with no key but its own.
pub fn stun(data: &[u8]) {
    let Ok(request) = Request::parse(data) else { return };
    assert!(is_stun(data), "what is read as STUN looks like STUN");
    assert!(!request.verify(&Key::new("a password that no input knows")));
    let _ = (request.local_ufrag(), request.remote_ufrag());
}

/// A packet's header and its elements lie inside the packet, and changing them changes nothing else.
pub fn rtp(data: &[u8]) {
    let Ok(head) = Head::parse(data) else { return };
    for (_, value) in extensions(data, &head) {
        assert!(value.len() <= data.len());
    }
    let first = extensions(data, &head).next().map(|(id, value)| (id, value.to_vec()));
    let mut packet = data.to_vec();
    if let Some((id, value)) = first {
        let same = replace_extension(&mut packet, &head, id, id, Some(&value));
        assert!(same && packet == data, "an element that is replaced by itself");
        assert_eq!(extension(data, &head, id), Some(&value[..]));
    }
    if let Ok(payload) = strip_padding(&mut packet, &head, data.len()) {
        assert!(payload.start <= payload.end && payload.end <= data.len());
        vp8(&packet[payload.clone()]);
        h264(&packet[payload]);
    }
}

/// A descriptor lies inside the payload, and a patched one reads as what it was patched to.
pub fn vp8(data: &[u8]) {
    let Some(vp8) = Vp8::parse(data) else { return };
    let mut patched = data.to_vec();
    vp8.patch(&mut patched, Vp8Patch { picture_id: 77, tl0: 5 });
    let again = Vp8::parse(&patched).expect("a patched descriptor is one");
    assert_eq!(patched.len(), data.len());
    assert_eq!(again.picture_id.is_some(), vp8.picture_id.is_some());
}

/// A unit begins a keyframe or does not, whether it comes alone, behind others or cut; what is cut off begins none.
pub fn h264(data: &[u8]) {
    let alone = begins_h264_keyframe(data);
    let Some((header, content)) = data.split_first().filter(|(header, _)| (1..=23).contains(&(**header & 0x1F))) else {
        return;
    };
    let Ok(size) = u16::try_from(data.len()) else { return };
    let together = [&[24, 0, 1, 9][..], &size.to_be_bytes(), data].concat();
    assert_eq!(begins_h264_keyframe(&together), alone);
    assert!(!begins_h264_keyframe(&together[..together.len() - 1]));
    let part = |flag: u8| [&[header & 0xE0 | 28, flag | header & 0x1F][..], content].concat();
    assert_eq!(begins_h264_keyframe(&part(0x80)), alone);
    assert!(!begins_h264_keyframe(&part(0)));
}

/// Any compound is walked to its end.
pub fn rtcp(data: &[u8]) {
    assert!(rtcp::packets(data).count() <= data.len() / 4 + 1);
}

/// An offer is answered or refused, once, and nothing fails.
pub fn offer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut sfu, now) = worker();
    let offer = Sdp(text.to_owned());
    sfu.handle(Input::Command(Command::Join { room: RoomId(1), peer: PeerId(1), offer }), now);
    let facts: Vec<Fact> = std::iter::from_fn(|| sfu.poll_fact()).map(|stamped| stamped.fact).collect();
    let decided = facts.iter().filter(|fact| matches!(fact, Fact::Answered { .. } | Fact::Refused { .. })).count();
    assert_eq!((decided, facts.len()), (1, 1), "{facts:?}");
    assert!(sfu.poll_transmit().is_none(), "nobody has shown an address yet");
}

/// Whoever has no password hears nothing, whatever is said.
pub fn stranger(data: &[u8]) {
    let (mut sfu, now) = worker();
    let offer = Sdp(kit().offer(1, true, (1, 1)));
    sfu.handle(Input::Command(Command::Join { room: RoomId(1), peer: PeerId(1), offer }), now);
    while sfu.poll_fact().is_some() {}
    for (number, step) in steps(data).enumerate() {
        let from = SocketAddr::from(([10, 2, 0, number as u8], 5_000));
        raw::hand(&mut sfu, from, &mut step.bytes.to_vec(), now);
        assert!(sfu.poll_transmit().is_none(), "a stranger was answered");
        assert!(sfu.poll_fact().is_none(), "a stranger was noticed");
    }
}

/// Whoever has shown the password may say any DTLS: the server lives and sends no flood.
pub fn handshake(data: &[u8]) {
    let (mut sfu, mut now) = worker();
    let who = Who { name: 1, room: 1, publishes: true, slots: (1, 1) };
    let address = kit().validated(&mut sfu, who, now, |_| {}).address;
    let mut sent = 0;
    for step in steps(data) {
        match step.kind % 8 {
            0 => pass(&mut sfu, &mut now, Duration::from_millis(step.bytes.len() as u64 * 50)),
            _ => raw::hand(&mut sfu, address, &mut step.bytes.to_vec(), now),
        }
        sent += drain(&mut sfu).1;
    }
    assert!(sent <= HANDSHAKE_OUT + 4 * data.len(), "{sent} bytes for {}", data.len());
}

/// A participant may send anything, sealed with its own keys: nothing fails, and others get at most what was sent.
pub fn participant(data: &[u8]) {
    let Stage { sfu, now, publisher, subscribers, .. } = &mut Stage::new(2);
    for (index, step) in (1_u64..).zip(steps(data)) {
        let (kind, bytes) = (step.kind, step.bytes);
        match kind % 4 {
            0 => raw::hand(sfu, publisher.address, &mut bytes.to_vec(), *now),
            1 => {
                let word = |at: usize| u32::from(bytes.get(at).copied().unwrap_or_default());
                let known = [raw::video_ssrc(1), raw::audio_ssrc(1), word(0) << 8 | word(1)];
                let head = NewHead {
                    marker: kind & 4 != 0,
                    payload_type: [raw::VP8, raw::OPUS, raw::RTX, bytes.first().copied().unwrap_or(0) & 0x7F]
                        [usize::from(kind >> 3) % 4],
                    sequence: index as u16,
                    timestamp: word(2) << 8,
                    ssrc: known[usize::from(kind >> 5) % 3],
                };
                let packet = publisher.rtp(&head, index, index as u16, bytes);
                raw::hand(sfu, publisher.address, &mut packet.clone(), *now);
            }
            // Nothing shorter can be sealed.
            2 if bytes.len() < 8 => {}
            2 => {
                let subscriber = &mut subscribers[usize::from(kind >> 2) % 2];
                let mut packet = subscriber.rtcp(bytes);
                raw::hand(sfu, subscriber.address, &mut packet, *now);
            }
            _ => pass(sfu, now, Duration::from_millis(bytes.len() as u64)),
        }
        let (count, _) = drain(sfu);
        assert!(count <= MOST_OUT, "{count} datagrams for one");
    }
}

/// Bytes of an input that belong together.
struct Step<'a> {
    kind: u8,
    bytes: &'a [u8],
}

/// Cuts an input into steps: a byte of kind, two of length, the bytes.
fn steps(data: &[u8]) -> impl Iterator<Item = Step<'_>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let [kind, high, low, tail @ ..] = rest else { return None };
        let size = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (bytes, after) = tail.split_at(size);
        rest = after;
        Some(Step { kind: *kind, bytes })
    })
}

fn worker() -> (Sfu, Now) {
    let now = raw::start();
    let config = Config { candidates: vec![raw::server()], ..Config::default() };
    (Sfu::new(config, [7; 32], now).expect("an sfu"), now)
}

fn kit() -> &'static Kit {
    static KIT: std::sync::OnceLock<Kit> = std::sync::OnceLock::new();
    KIT.get_or_init(Kit::new)
}

/// Lets time pass, from deadline to deadline.
fn pass(sfu: &mut Sfu, now: &mut Now, time: Duration) {
    let end = now.mono + time;
    while let Some(at) = sfu.poll_timeout().filter(|at| *at <= end) {
        *now = now.after(at.saturating_duration_since(now.mono));
        sfu.handle(Input::Timeout, *now);
    }
    *now = now.after(end.saturating_duration_since(now.mono));
}

/// What was sent, in datagrams and bytes. A room that failed means that something panicked.
fn drain(sfu: &mut Sfu) -> (usize, usize) {
    while let Some(stamped) = sfu.poll_fact() {
        assert!(!matches!(stamped.fact, Fact::RoomFailed { .. }), "a room failed");
    }
    let sent: Vec<usize> = std::iter::from_fn(|| sfu.poll_transmit()).map(|(_, datagram)| datagram.len()).collect();
    (sent.len(), sent.iter().sum())
}
