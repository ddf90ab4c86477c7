//! What a hostile or broken participant, and a stranger, can make the SFU do: nothing that others would notice.
#[expect(dead_code, reason = "other tests use the rest of it")]
mod raw;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::Duration,
};

use proptest::prelude::*;
use raw::{Kit, Raw, Who};
use yunfa_media::{
    command::Command,
    fact::{Fact, Totals},
    ids::RoomId,
    rtcp,
    rtp::{Head, NewHead, Vp8},
    sfu::{Input, Sfu},
    time::Now,
};

const MS: Duration = Duration::from_millis(1);

/// A publisher and subscribers that are connected, and everything that came of it.
struct Stage {
    kit: Kit,
    sfu: Sfu,
    now: Now,
    publisher: Raw,
    subscribers: Vec<Raw>,
    facts: Vec<Fact>,
    /// What was sent since it was last looked at.
    sent: Vec<(SocketAddr, Vec<u8>)>,
    picture: u16,
}

impl Stage {
    fn new(subscribers: u16) -> Self {
        let raw::stage::Stage { kit, sfu, now, publisher, subscribers } = raw::stage::Stage::new(subscribers);
        Self { kit, sfu, now, publisher, subscribers, facts: Vec::new(), sent: Vec::new(), picture: 0 }
    }

    fn drain(&mut self) {
        while let Some(sent) = self.sfu.poll_transmit() {
            self.sent.push(sent);
        }
        while let Some(stamped) = self.sfu.poll_fact() {
            self.facts.push(stamped.fact);
        }
    }

    fn hand(&mut self, from: SocketAddr, datagram: &[u8]) {
        raw::hand(&mut self.sfu, from, &mut datagram.to_vec(), self.now);
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

    /// A video packet of the publisher, one picture each.
    fn video(&mut self, index: u64, keyframe: bool) -> Vec<u8> {
        self.picture += 1;
        let payload = raw::vp8(keyframe, true, self.picture, 1_000);
        self.publisher.rtp(&video_head(index), index, index as u16, &payload)
    }

    /// An audio packet of the publisher, each with another loudness.
    fn speak(&mut self, index: u64) {
        self.picture += 1;
        let head = NewHead { payload_type: raw::OPUS, ssrc: raw::audio_ssrc(1), ..video_head(index) };
        let level = [self.picture as u8];
        let packet = self.publisher.rtp_with(&head, index, &[(1, &level), (3, &[0, 1])], &self.picture.to_be_bytes());
        let from = self.publisher.address;
        self.hand(from, &packet);
    }

    fn publish(&mut self, index: u64, keyframe: bool) {
        let packet = self.video(index, keyframe);
        let from = self.publisher.address;
        self.hand(from, &packet);
    }

    /// Takes the video packets that were sent to a subscriber, opened, retransmissions too.
    fn seen_by(&mut self, subscriber: usize) -> Vec<(Head, Vec<u8>)> {
        let raw = &mut self.subscribers[subscriber];
        let (own, others) = std::mem::take(&mut self.sent).into_iter().partition(|(to, _)| *to == raw.address);
        self.sent = others;
        let own: Vec<(SocketAddr, Vec<u8>)> = own;
        own.into_iter()
            .filter_map(|(_, mut packet)| {
                let head = Head::parse(&packet).ok().filter(|head| matches!(head.payload_type, raw::VP8 | raw::RTX))?;
                let opened = raw.open.rtp(&mut packet, &head).expect("authentic, and never twice");
                Some((head, packet[head.len..opened.end].to_vec()))
            })
            .collect()
    }

    fn anything_ended(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Lost { .. } | Fact::RoomFailed { .. }))
    }

    fn totals(&self, peer: u64) -> Totals {
        let mut all = self.facts.iter().filter_map(|fact| match fact {
            Fact::Second { peer: of, totals, .. } if of.0 == peer => Some(*totals),
            _ => None,
        });
        all.next_back().expect("a second has passed")
    }
}

fn video_head(index: u64) -> NewHead {
    NewHead {
        marker: true,
        payload_type: raw::VP8,
        sequence: index as u16,
        timestamp: (index * 3_000) as u32,
        ssrc: raw::video_ssrc(1),
    }
}

#[test]
fn a_stranger_is_met_with_silence_whatever_it_sends() {
    let mut stage = Stage::new(1);
    let stranger: SocketAddr = "198.51.100.7:4000".parse().expect("an address");
    let captured = stage.video(1, true);
    let mut report = Vec::new();
    rtcp::pli(&mut report, 1, raw::video_ssrc(1));
    let report = stage.publisher.rtcp(&report);
    let right = stage.kit.check(9, "sixteen-letters-", "not the password", 1, true);

    for datagram in [&captured[..], &report, &right, &[22, 254, 253, 0, 0], &[0; 20], &[0x80; 1_500], &[]] {
        stage.hand(stranger, datagram);
    }

    assert!(stage.sent.is_empty(), "no byte leaves");
    let from = stage.publisher.address;
    stage.hand(from, &captured);
    assert_eq!(stage.seen_by(0).len(), 1, "what the stranger played was not taken for the publisher's");
}

#[test]
fn a_packet_is_forwarded_once_however_often_it_is_replayed() {
    let mut stage = Stage::new(1);
    let packets: Vec<_> = (1..300).map(|index| stage.video(index, index == 1)).collect();
    let from = stage.publisher.address;
    for _ in 0..3 {
        for packet in &packets {
            stage.hand(from, packet);
            stage.pass(MS);
        }
    }

    assert_eq!(stage.seen_by(0).len(), packets.len());
}

#[test]
fn forged_packets_are_counted_and_end_nothing() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    let from = stage.publisher.address;
    for index in 2..1_000_u64 {
        let mut forged = stage.video(index, false);
        forged[40] ^= 1;
        stage.hand(from, &forged);
        stage.pass(MS);
    }

    stage.publish(2, false);
    stage.pass(1_000 * MS);

    assert_eq!(stage.seen_by(0).len(), 2);
    assert_eq!(stage.totals(1).auth_failures, 998);
    assert!(!stage.anything_ended());
}

#[test]
fn a_flood_of_nacks_costs_a_quarter_more_at_most() {
    let mut stage = Stage::new(1);
    let slot = stage.subscribers[0].video_slots()[0];
    let mut own = Vec::new();
    for index in 1..1_001 {
        stage.publish(index, index == 1);
        own.extend(stage.seen_by(0));
        stage.pass(7 * MS);
        // Everything that was seen of late is claimed lost, again and again.
        let lost: Vec<u16> =
            own.iter().rev().filter(|(head, _)| head.ssrc == slot).take(100).map(|(h, _)| h.sequence).collect();
        let mut nack = Vec::new();
        rtcp::nack(&mut nack, 1, slot, &lost);
        let nack = stage.subscribers[0].rtcp(&nack);
        let from = stage.subscribers[0].address;
        stage.hand(from, &nack);
    }
    own.extend(stage.seen_by(0));

    let bytes = |ours: bool| -> usize {
        own.iter().filter(|(head, _)| (head.ssrc == slot) == ours).map(|(head, payload)| head.len + payload.len()).sum()
    };
    assert!(bytes(false) > 0, "an honest receiver would get its packets");
    assert!(bytes(false) * 4 <= bytes(true) + 4 * 64_000, "{} beside {}", bytes(false), bytes(true));
}

#[test]
fn a_packet_is_sent_again_three_times_at_most() {
    let mut stage = Stage::new(1);
    let slot = stage.subscribers[0].video_slots()[0];
    (1..701).for_each(|index| stage.publish(index, index == 1));
    let sent = stage.seen_by(0);
    let wanted = sent[690].0.sequence;
    let mut again = 0;
    for round in 0..40_u16 {
        // Asking for something else in between does not make it be forgotten.
        for sequence in [wanted, wanted.wrapping_sub(512), sent[usize::from(round) + 500].0.sequence] {
            let mut nack = Vec::new();
            rtcp::nack(&mut nack, 1, slot, &[sequence]);
            let nack = stage.subscribers[0].rtcp(&nack);
            let from = stage.subscribers[0].address;
            stage.hand(from, &nack);
        }
        again += stage.seen_by(0).iter().filter(|(_, payload)| payload[..2] == wanted.to_be_bytes()).count();
        stage.pass(21 * MS);
    }

    assert_eq!(again, 3);
}

#[test]
fn without_a_retransmission_stream_the_same_bytes_are_sent_again() {
    let mut stage = Stage::new(1);
    let slot = stage.subscribers[0].audio_slots()[0];
    (1..10).for_each(|index| stage.speak(index));
    let lost = std::mem::take(&mut stage.sent).swap_remove(4);
    let sequence = Head::parse(&lost.1).expect("well formed").sequence;
    let mut nack = Vec::new();
    rtcp::nack(&mut nack, 1, slot, &[sequence]);
    let nack = stage.subscribers[0].rtcp(&nack);
    let from = stage.subscribers[0].address;

    // The budget is a share of what was sent, and Opus is small.
    (10..60).for_each(|index| stage.speak(index));
    stage.sent.clear();
    stage.hand(from, &nack);

    assert_eq!(stage.sent, [lost]);
}

#[test]
fn a_flood_of_keyframe_requests_reaches_the_publisher_three_times_in_ten_seconds() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    stage.pass(1_000 * MS);
    let before = stage.totals(1).keyframe_requests;
    let slot = stage.subscribers[0].video_slots()[0];
    for step in 0..9_000_u64 {
        let mut asks = Vec::new();
        rtcp::pli(&mut asks, 1, slot);
        rtcp::fir(&mut asks, 1, slot, step as u8);
        let asks = stage.subscribers[0].rtcp(&asks);
        let from = stage.subscribers[0].address;
        stage.hand(from, &asks);
        // The publisher answers each request with a keyframe.
        if step % 100 == 99 {
            stage.publish(2 + step / 100, true);
        }
        stage.pass(MS);
    }
    stage.pass(1_000 * MS);

    assert!(stage.totals(1).keyframe_requests - before <= 3, "{}", stage.totals(1).keyframe_requests - before);
}

#[test]
fn a_nomination_from_another_address_moves_the_path_at_once_and_a_replay_of_it_does_not() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    stage.seen_by(0);
    let (moved, thief): (SocketAddr, SocketAddr) =
        ("203.0.113.5:1".parse().expect("one"), "203.0.113.6:1".parse().expect("one"));
    let check = stage.kit.another_check(&mut stage.subscribers[0], true);

    stage.hand(moved, &check);
    stage.hand(thief, &check);
    stage.sent.clear();
    stage.publish(2, false);

    let to: Vec<SocketAddr> = stage.sent.iter().map(|(to, _)| *to).collect();
    assert_eq!(to, [moved]);
}

#[test]
fn a_check_without_nomination_adds_an_address_and_moves_nothing() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    stage.seen_by(0);
    let check = stage.kit.another_check(&mut stage.subscribers[0], false);
    let elsewhere: SocketAddr = "203.0.113.5:1".parse().expect("an address");
    // Anybody on the way could have appended it: the integrity does not cover what follows it.
    let mut appended = check[..check.len() - 8].to_vec();
    appended.extend([0, 0x25, 0, 0]);
    let length = (appended.len() - 20) as u16;
    appended[2..4].copy_from_slice(&length.to_be_bytes());

    stage.hand(elsewhere, &appended);
    stage.sent.clear();
    stage.publish(2, false);

    assert_eq!(stage.sent.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [stage.subscribers[0].address]);
}

#[test]
fn media_that_comes_by_another_proven_path_takes_the_way_back_with_it_once_the_old_one_is_quiet() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    let old = stage.publisher.address;
    let moved: SocketAddr = "203.0.113.5:1".parse().expect("an address");
    let check = stage.kit.another_check(&mut stage.publisher, false);
    stage.hand(moved, &check);
    stage.publisher.address = moved;

    stage.publish(2, false);
    stage.sent.clear();
    stage.pass(1_100 * MS);
    assert!(stage.sent.iter().any(|(to, _)| *to == old), "one packet that was overtaken moves nothing");
    assert!(stage.sent.iter().all(|(to, _)| *to != moved));

    stage.publish(3, false);
    stage.sent.clear();
    stage.pass(1_100 * MS);
    assert!(stage.sent.iter().any(|(to, _)| *to == moved), "it is reported to where it sends from");
    assert!(stage.sent.iter().all(|(to, _)| *to != old));
}

#[test]
fn a_client_that_never_nominates_again_is_followed_within_a_second_and_a_half() {
    let mut stage = Stage::new(1);
    stage.publish(1, true);
    let moved: SocketAddr = "203.0.113.5:1".parse().expect("an address");

    // Its own network changed; it checks from the new address every half second.
    for _ in 0..3 {
        stage.pass(500 * MS);
        let check = stage.kit.another_check(&mut stage.subscribers[0], false);
        stage.hand(moved, &check);
    }
    stage.sent.clear();
    stage.publish(2, false);

    assert_eq!(stage.sent.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [moved]);
}

#[test]
fn a_right_check_under_a_forged_source_address_takes_nobodys_path_away() {
    let mut stage = Stage::new(2);
    stage.publish(1, true);
    stage.pass(500 * MS);
    stage.sent.clear();
    let check = stage.kit.another_check(&mut stage.subscribers[1], true);
    let victim = stage.publisher.address;

    stage.hand(victim, &check);

    assert!(stage.sent.is_empty(), "no byte leaves");
    stage.publish(2, false);
    assert_eq!((stage.seen_by(0).len(), stage.seen_by(1).len()), (1, 1));
    // An address that has fallen silent is free: after a restart of its router it may be somebody else's.
    stage.pass(2_100 * MS);
    let check = stage.kit.another_check(&mut stage.subscribers[1], true);
    stage.hand(victim, &check);
    assert!(stage.sent.iter().any(|(to, datagram)| *to == victim && yunfa_media::stun::is_stun(datagram)));
}

#[test]
fn whoever_connects_late_is_first_sent_a_keyframe() {
    let mut stage = Stage::new(1);
    let mut index = 1;
    stage.publish(index, true);
    let (now, publisher) = (stage.now, &stage.publisher);
    // The newcomer has its slot from the answer on, and is not connected before the end of the handshake.
    let late =
        stage.kit.connect_with(&mut stage.sfu, Who { name: 9, room: 1, publishes: false, slots: (1, 1) }, now, |sfu| {
            for keyframe in [true, false, false] {
                index += 1;
                let payload = raw::vp8(keyframe, true, index as u16, 1_000);
                let mut packet = publisher.rtp(&video_head(index), index, index as u16, &payload);
                raw::hand(sfu, publisher.address, &mut packet, now);
            }
        });
    stage.subscribers = vec![late];
    stage.drain();
    stage.sent.clear();

    for keyframe in [false, false, true, false] {
        index += 1;
        stage.publish(index, keyframe);
        stage.pass(MS);
    }

    let seen = stage.seen_by(0);
    assert_eq!(seen.len(), 2);
    assert!(Vp8::parse(&seen[0].1).expect("whole").keyframe);
}

#[test]
fn padding_is_no_evidence_of_media() {
    let mut stage = Stage::new(1);
    let head = video_head(1);
    let from = stage.publisher.address;
    // A probe of 20 bytes of padding: the P bit, and the count in the last byte.
    let mut padding = vec![0; 20];
    padding[19] = 20;
    let mut packet = vec![0; 12 + 20 + 16];
    packet[0] = 0xA0;
    head.overwrite(&mut packet);
    packet[12..32].copy_from_slice(&padding);
    stage.publisher.seal.rtp(1, &mut packet, 12, 20).expect("room");

    stage.hand(from, &packet);
    stage.pass(1_100 * MS);

    let alive = stage.facts.iter().any(|fact| matches!(fact, Fact::Second { second, .. } if second.video_alive));
    assert!(!alive, "nobody was seen");
    assert!(!stage.facts.iter().any(|fact| matches!(fact, Fact::FirstMedia { .. })));
    assert_eq!(stage.seen_by(0).len(), 0);
}

/// What may happen between a publisher and a subscriber.
#[derive(Clone, Debug)]
enum Event {
    /// The next packet, so many numbers ahead of the last.
    Packet { ahead: u64, keyframe: bool },
    /// One that was skipped before.
    Late { behind: u64 },
    /// A probe of padding only.
    Probe,
    /// The subscriber claims that it lost what came so far back.
    Nack { behind: usize },
    /// The subscriber leaves the room and comes back: its slot shows the source anew.
    Again,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1_u64..3, prop::bool::weighted(0.2)).prop_map(|(ahead, keyframe)| Event::Packet { ahead, keyframe }),
        3 => (1_u64..20).prop_map(|behind| Event::Late { behind }),
        2 => Just(Event::Probe),
        3 => (0_usize..30).prop_map(|behind| Event::Nack { behind }),
        1 => Just(Event::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// With GCM one number for two packets gives the keys away (RFC 7714 10.1).
    #[test]
    fn no_number_is_ever_sealed_with_two_contents(events in prop::collection::vec(event(), 1..250)) {
        let mut stage = Stage::new(1);
        stage.publish(1, true);
        let (mut index, mut used) = (1, std::collections::BTreeSet::from([1_u64]));
        let mut sealed: HashMap<(u32, u64), Vec<u8>> = HashMap::new();
        let mut rolls: BTreeMap<u32, u64> = BTreeMap::new();
        let mut sequences = Vec::new();
        let (publisher, subscriber) = (stage.publisher.address, stage.subscribers[0].address);
        let (slot, audio_slot) = (stage.subscribers[0].video_slots()[0], stage.subscribers[0].audio_slots()[0]);
        for event in events {
            match event {
                Event::Packet { ahead, keyframe } => {
                    index += ahead;
                    used.insert(index);
                    stage.publish(index, keyframe);
                    stage.speak(index);
                }
                Event::Late { behind } => {
                    let late = index.saturating_sub(behind).max(1);
                    if used.insert(late) {
                        stage.publish(late, false);
                        stage.speak(late);
                    }
                }
                Event::Probe => {
                    index += 1;
                    used.insert(index);
                    let mut packet = vec![0; 12 + 1 + 16];
                    packet[0] = 0xA0;
                    video_head(index).overwrite(&mut packet);
                    packet[12] = 1;
                    stage.publisher.seal.rtp(index, &mut packet, 12, 1).expect("room");
                    stage.hand(publisher, &packet);
                }
                Event::Nack { behind } => {
                    let mut nack = Vec::new();
                    for slot in [slot, audio_slot] {
                        let claimed = sequences.iter().rev().filter(|(ssrc, _)| *ssrc == slot).nth(behind);
                        claimed.into_iter().for_each(|(_, sequence)| rtcp::nack(&mut nack, 1, slot, &[*sequence]));
                    }
                    if nack.is_empty() {
                        continue;
                    }
                    let nack = stage.subscribers[0].rtcp(&nack);
                    stage.hand(subscriber, &nack);
                }
                Event::Again => {
                    for room in [2, 1] {
                        let order = Command::Move { peer: stage.subscribers[0].peer, room: RoomId(room) };
                        stage.sfu.handle(Input::Command(order), stage.now);
                        stage.drain();
                    }
                }
            }
            stage.pass(5 * MS);
            for (to, packet) in std::mem::take(&mut stage.sent) {
                let Ok(head) = Head::parse(&packet) else { continue };
                if to != subscriber || !matches!(head.payload_type, raw::VP8 | raw::RTX | raw::OPUS) {
                    continue;
                }
                let near = rolls.entry(head.ssrc).or_insert(u64::from(head.sequence));
                let full = yunfa_media::rtp::extend_sequence(*near, head.sequence);
                *near = full.max(*near);
                sequences.push((head.ssrc, head.sequence));
                let before = sealed.insert((head.ssrc, full), packet.clone());
                prop_assert!(before.is_none_or(|before| before == packet), "{} {full}", head.ssrc);
            }
        }
        prop_assert!(!stage.anything_ended());
    }

    #[test]
    fn noise_from_a_participant_ends_nothing(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..60)) {
        let mut stage = Stage::new(1);
        stage.publish(1, true);
        let from = stage.publisher.address;
        for (i, mut datagram) in datagrams.into_iter().enumerate() {
            // Sealed noise too, for what only an authentic packet reaches.
            if i % 3 == 0 && datagram.len() >= 8 {
                datagram[0] = 0x80 | (datagram[0] & 0x3F);
                datagram[1] = 200 + datagram[1] % 8;
                datagram = stage.publisher.rtcp(&datagram);
            } else if i % 3 == 1 && datagram.len() >= 16 {
                let index = 2 + i as u64;
                datagram = stage.publisher.rtp(&video_head(index), index, i as u16, &datagram);
            }
            stage.hand(from, &datagram);
            stage.pass(50 * MS);
        }
        stage.seen_by(0);
        stage.publish(500, true);

        prop_assert_eq!(stage.seen_by(0).len(), 1);
        prop_assert!(!stage.anything_ended());
    }
}
