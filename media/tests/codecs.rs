//! VP8 and H.264 in one room: who is sent what, from which packet on, and under which numbers.
#[expect(dead_code, reason = "other tests use the rest of it")]
mod raw;

use std::{net::SocketAddr, time::Duration};

use raw::{H264, H264_RTX, Kit, OPUS, Raw, VP8};
use yunfa_media::{
    command::Command,
    config::Config,
    fact::{Fact, Slot, SlotKind},
    ids::{PeerId, RoomId},
    rtcp,
    rtp::{Head, NewHead},
    sfu::{Input, Sfu},
    time::Now,
};

/// Who is in the room; the numbers are also those of the peers.
const PUBLISHER: u16 = 1;
const OTHER_PUBLISHER: u16 = 2;

/// The first fragment of an IDR picture, its parameters, and a slice that depends on them.
const IDR: &[u8] = &[0x7C, 0x85, 0x88, 0x84, 0x21, 0xA0];
const PARAMETERS: &[u8] = &[0x78, 0, 4, 0x67, 0x42, 0xE0, 0x1F, 0, 4, 0x68, 0xCE, 0x3C, 0x80];
const SLICE: &[u8] = &[0x41, 0x9A, 0x21, 0x4C];

/// A room, and everything that came of it.
struct Room {
    kit: Kit,
    sfu: Sfu,
    now: Now,
    facts: Vec<Fact>,
    sent: Vec<(SocketAddr, Vec<u8>)>,
}

impl Room {
    fn new(codecs: &[(u16, &'static [u8])]) -> Self {
        let now = raw::start();
        let config = Config { candidates: vec![raw::server()], ..Config::default() };
        let mut kit = Kit::new();
        kit.video = codecs.iter().copied().collect();
        let sfu = Sfu::new(config, [7; 32], now).expect("an sfu");
        Self { kit, sfu, now, facts: Vec::new(), sent: Vec::new() }
    }

    /// Connects a client that publishes, or one that has an audio and a video slot. What it is shown is told again
    /// with every change, so the facts that the kit takes are no loss.
    fn connect(&mut self, name: u16, room: u64, publishes: bool) -> Raw {
        let slots = if publishes { (0, 0) } else { (1, 1) };
        let raw = self.kit.connect(&mut self.sfu, name, room, publishes, slots, self.now);
        self.drain();
        raw
    }

    fn order(&mut self, command: Command) {
        self.sfu.handle(Input::Command(command), self.now);
        self.drain();
    }

    fn hand(&mut self, from: SocketAddr, mut datagram: Vec<u8>) {
        raw::hand(&mut self.sfu, from, &mut datagram, self.now);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(at) = self.sfu.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.after(at.saturating_duration_since(self.now.mono));
            self.sfu.handle(Input::Timeout, self.now);
            self.drain();
        }
        self.now = self.now.after(end.saturating_duration_since(self.now.mono));
    }

    fn drain(&mut self) {
        self.sent.extend(std::iter::from_fn(|| self.sfu.poll_transmit()));
        self.facts.extend(std::iter::from_fn(|| self.sfu.poll_fact()).map(|stamped| stamped.fact));
    }

    /// A publisher's packet with this payload type.
    fn publish(&mut self, raw: &Raw, payload_type: u8, index: u64, payload: &[u8]) {
        let name = raw.peer.0 as u16;
        let ssrc = match payload_type {
            OPUS => raw::audio_ssrc(name),
            H264_RTX => 7_000,
            _ => raw::video_ssrc(name),
        };
        let timestamp = (index * 3_000) as u32;
        let head = NewHead { marker: true, payload_type, sequence: index as u16, timestamp, ssrc };
        let packet = raw.rtp(&head, index, index as u16, payload);
        self.hand(raw.address, packet);
    }

    /// Takes the RTP that a client was sent, opened.
    fn seen_by(&mut self, raw: &mut Raw) -> Vec<(Head, Vec<u8>)> {
        self.taken(raw.address, false)
            .into_iter()
            .map(|mut packet| {
                let head = Head::parse(&packet).expect("rtp");
                let opened = raw.open.rtp(&mut packet, &head).expect("authentic, and never twice");
                (head, packet[head.len..opened.end].to_vec())
            })
            .collect()
    }

    /// How often a publisher was asked for a keyframe.
    fn asked(&mut self, raw: &mut Raw) -> usize {
        let mut asked = 0;
        for mut packet in self.taken(raw.address, true) {
            let size = raw.open.rtcp(&mut packet).expect("authentic, and never twice");
            asked += rtcp::packets(&packet[..size]).filter(|packet| matches!(packet, rtcp::Packet::Pli { .. })).count();
        }
        asked
    }

    fn taken(&mut self, address: SocketAddr, reports: bool) -> Vec<Vec<u8>> {
        let wanted =
            |datagram: &[u8]| (128..192).contains(&datagram[0]) && yunfa_media::rtp::is_rtcp(datagram) == reports;
        let (taken, rest) =
            std::mem::take(&mut self.sent).into_iter().partition(|(to, datagram)| *to == address && wanted(datagram));
        self.sent = rest;
        let taken: Vec<(SocketAddr, Vec<u8>)> = taken;
        taken.into_iter().map(|(_, datagram)| datagram).collect()
    }

    /// What a client was last told about its slots.
    fn slots(&self, raw: &Raw) -> Vec<SlotKind> {
        let told = self.facts.iter().rev().find_map(|fact| match fact {
            Fact::SlotsChanged { peer, slots } if *peer == raw.peer => Some(slots.as_slice()),
            _ => None,
        });
        let slots: &[Slot] = told.unwrap_or_default();
        slots.iter().map(|slot| slot.kind).collect()
    }
}

#[test]
fn h264_is_sent_to_who_understands_it_from_a_keyframe_on_and_to_nobody_else() {
    let mut room = Room::new(&[(PUBLISHER, &[H264]), (11, &[VP8, H264]), (12, &[H264]), (13, &[VP8])]);
    // The viewers wait elsewhere, so that what they are shown is told after they are connected.
    let mut viewers: Vec<Raw> = (11..14).map(|name| room.connect(name, 2, false)).collect();
    let mut publisher = room.connect(PUBLISHER, 1, true);
    room.publish(&publisher, H264, 1, SLICE);

    for name in 11..14 {
        room.order(Command::Move { peer: PeerId(name), room: RoomId(1) });
    }
    room.pass(Duration::from_millis(600));

    assert!(room.asked(&mut publisher) >= 1, "a new viewer asks for a keyframe");
    for (index, payload) in [(2, SLICE), (3, PARAMETERS), (4, IDR), (5, SLICE)] {
        room.publish(&publisher, H264, index, payload);
    }
    room.publish(&publisher, OPUS, 1, &[1, 2, 3]);
    for viewer in &mut viewers[..2] {
        assert_eq!(room.slots(viewer), [SlotKind::Audio, SlotKind::Video]);
        let seen = room.seen_by(viewer);
        let payloads: Vec<(u8, &[u8])> = seen.iter().map(|(head, payload)| (head.payload_type, &payload[..])).collect();
        assert_eq!(payloads, [(H264, PARAMETERS), (H264, IDR), (H264, SLICE), (OPUS, &[1, 2, 3])]);
        assert!(seen[..3].windows(2).all(|pair| pair[1].0.sequence == pair[0].0.sequence.wrapping_add(1)));
    }
    assert_eq!(room.slots(&viewers[2]), [SlotKind::Audio], "a camera that cannot be decoded takes no slot");
    let heard = room.seen_by(&mut viewers[2]);
    assert_eq!(heard.iter().map(|(head, _)| head.payload_type).collect::<Vec<_>>(), [OPUS], "voice goes on");
}

#[test]
fn a_viewer_asks_for_a_keyframe_of_h264_and_gets_lost_packets_again() {
    let mut room = Room::new(&[(PUBLISHER, &[H264]), (11, &[VP8, H264])]);
    let mut publisher = room.connect(PUBLISHER, 1, true);
    let mut viewer = room.connect(11, 1, false);
    let slot = viewer.video_slots()[0];
    for (index, payload) in [(1, PARAMETERS), (2, IDR), (3, SLICE)] {
        room.publish(&publisher, H264, index, payload);
    }
    let seen = room.seen_by(&mut viewer);
    room.pass(Duration::from_secs(1));
    room.asked(&mut publisher);
    room.seen_by(&mut viewer);

    let mut wishes = Vec::new();
    rtcp::nack(&mut wishes, 1, slot, &[seen[1].0.sequence]);
    rtcp::pli(&mut wishes, 1, slot);
    // The budget for repairs is a share of what was sent.
    (4..40).for_each(|index| room.publish(&publisher, H264, index, &[SLICE, &[0; 500]].concat()));
    room.seen_by(&mut viewer);
    let wishes = viewer.rtcp(&wishes);
    room.hand(viewer.address, wishes);

    assert_eq!(room.asked(&mut publisher), 1);
    let again = room.seen_by(&mut viewer);
    assert_eq!((again.len(), again[0].0.payload_type), (1, H264_RTX));
    assert_eq!(again[0].1, [&seen[1].0.sequence.to_be_bytes()[..], IDR].concat());
    assert_ne!(again[0].0.ssrc, slot);
}

#[test]
fn a_publishers_repair_of_h264_is_unwrapped() {
    let mut room = Room::new(&[(PUBLISHER, &[H264]), (11, &[H264])]);
    let publisher = room.connect(PUBLISHER, 1, true);
    let mut viewer = room.connect(11, 1, false);
    room.publish(&publisher, H264, 1, PARAMETERS);
    room.publish(&publisher, H264, 3, SLICE);

    let lost = [&2_u16.to_be_bytes()[..], IDR].concat();
    room.publish(&publisher, H264_RTX, 900, &lost);

    let seen = room.seen_by(&mut viewer);
    let (first, repaired) = (&seen[0].0, &seen[2]);
    assert_eq!(seen.len(), 3);
    assert_eq!((repaired.0.payload_type, &repaired.1[..]), (H264, IDR));
    assert_eq!(repaired.0.sequence, first.sequence.wrapping_add(1), "it takes the place that was kept for it");
}

#[test]
fn one_slot_shows_vp8_then_h264_then_vp8_in_one_stream() {
    let mut room = Room::new(&[(OTHER_PUBLISHER, &[H264]), (11, &[VP8, H264])]);
    let mut viewer = room.connect(11, 1, false);
    let publishers = [room.connect(PUBLISHER, 2, true), room.connect(OTHER_PUBLISHER, 3, true)];
    let mut seen = Vec::new();
    for (turn, payload_type) in (1_u64..).zip([VP8, H264, VP8]) {
        let publisher = &publishers[usize::from(payload_type == H264)];
        room.order(Command::Move { peer: publisher.peer, room: RoomId(1) });
        for step in 0..3 {
            let payload = match payload_type {
                VP8 => raw::vp8(step == 0, true, step as u16, 200),
                _ => [IDR, SLICE, SLICE][step as usize].to_vec(),
            };
            room.publish(publisher, payload_type, turn * 100 + step, &payload);
        }
        seen.extend(room.seen_by(&mut viewer));
        room.order(Command::Move { peer: publisher.peer, room: RoomId(9) });
        room.pass(Duration::from_millis(40));
    }

    let types: Vec<u8> = seen.iter().map(|(head, _)| head.payload_type).collect();
    assert_eq!(types, [VP8, VP8, VP8, H264, H264, H264, VP8, VP8, VP8]);
    let heads = seen.iter().map(|(head, _)| head);
    assert!(heads.clone().all(|head| head.ssrc == seen[0].0.ssrc));
    let numbers: Vec<u16> = heads.map(|head| head.sequence.wrapping_sub(seen[0].0.sequence)).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(seen[3].1, IDR, "what is not VP8 is not touched");
}
