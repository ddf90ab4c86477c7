//! What strangers and hostile participants try, and what it gets them.
use std::{net::SocketAddr, time::Duration};

use rtc::{
    peer_connection::state::RTCPeerConnectionState,
    rtcp::{
        payload_feedbacks::picture_loss_indication::PictureLossIndication,
        transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack},
    },
};
use yunfa_media::fact::{Fact, LostReason};

use crate::{
    SECOND,
    handmade::{fragment, null_hello, record},
    last_totals, pair, whole,
    world::{World, peer},
};

fn stranger(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn is_stun(datagram: &[u8]) -> bool {
    datagram[0] < 4
}

#[test]
fn whatever_is_not_authenticated_is_met_with_silence() {
    let mut world = pair(30);
    world.pass_time(SECOND);
    let captured: Vec<Vec<u8>> = world.captured.iter().map(|(_, datagram)| datagram.clone()).collect();
    let request = captured.iter().find(|datagram| is_stun(datagram)).expect("a check");

    let mut shapes: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        request[..20].to_vec(),
        // A bare Binding request, as reflectors want it, and one that flips roles (H6).
        [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat(),
        [&[0, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12], &[0x80, 0x29, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]].concat(),
    ];
    for at in 20..request.len() {
        let mut changed = request.clone();
        changed[at] ^= 1;
        shapes.push(changed);
    }
    // Everything that a peer sent, from somewhere else: checks, handshake, media.
    shapes.extend(captured);
    for (i, shape) in shapes.iter().enumerate() {
        world.hand(stranger(1000 + i as u16), shape);
    }
    world.pass_time(SECOND);

    assert_eq!(world.traffic.keys().filter(|to| to.ip() == stranger(1).ip()).count(), 0);
    assert_eq!(world.clients[&1].state, RTCPeerConnectionState::Connected);
}

#[test]
fn a_replayed_nomination_does_not_take_the_path() {
    let mut world = pair(31);
    world.pass_time(3 * SECOND);
    let victim = world.clients[&1].address;
    let checks: Vec<_> =
        world.captured.iter().filter(|(from, d)| *from == victim && is_stun(d)).map(|(_, d)| d.clone()).collect();
    let before = whole(&world.clients[&1], "5");

    for check in &checks {
        world.hand(stranger(9), check);
    }
    world.pass_time(3 * SECOND);

    assert!(!world.traffic.contains_key(&stranger(9)));
    assert!(whole(&world.clients[&1], "5") - before > 80, "the victim keeps its media");
}

#[test]
fn each_authentic_packet_is_forwarded_once() {
    let mut world = pair(32);
    world.pass_time(2 * SECOND);
    world.clients.values_mut().for_each(|client| client.talking = false);
    world.pass_time(SECOND);
    let sender = world.clients[&1].address;
    let media: Vec<_> =
        world.captured.iter().filter(|(from, d)| *from == sender && d[0] >= 128).map(|(_, d)| d.clone()).collect();
    let before = last_totals(&world, 2).packets_out;

    for _ in 0..3 {
        media.iter().for_each(|datagram| world.hand(sender, datagram));
    }
    world.pass_time(2 * SECOND);

    assert_eq!(last_totals(&world, 2).packets_out, before);
}

#[test]
fn dtls_storms_cost_nothing_and_end_only_their_own_leg() {
    let storms: [fn(u32) -> Vec<u8>; 3] = [
        // H1: one-byte fragments, last first. H2: empty fragments. H3: records of the next epoch.
        |i| fragment(40_000, 0, 39_999 - i % 40_000, &[7]),
        |i| fragment(1_000, 0, i % 1_000, &[]),
        |_| record(22, 1, &[7; 1_000]),
    ];
    for (seed, storm) in storms.into_iter().enumerate() {
        let mut world = World::new(33 + seed as u64);
        let hostile = SocketAddr::from(([10, 0, 0, 1], 5000));
        world.pass = Box::new(move |from, _, d| from != hostile || is_stun(d));
        world.join(1, 7, true, (1, 1));
        world.join(2, 7, true, (1, 1));
        world.pass_time(SECOND);

        for i in 0..30_000 {
            world.hand(hostile, &storm(i));
        }
        world.pass_time(11 * SECOND);

        let lost = |f: &Fact| matches!(f, Fact::Lost { peer: p, reason: LostReason::NeverConnected } if *p == peer(1));
        assert!(world.told(lost));
        assert_eq!(world.clients[&2].state, RTCPeerConnectionState::Connected);
    }
}

#[test]
fn a_forged_client_hello_does_not_keep_the_true_one_out() {
    let mut world = World::new(37);
    world.join(1, 7, true, (1, 1));
    let victim = world.clients[&1].address;
    // Over and over from the victim's own address.
    let forged = null_hello();
    for _ in 0..8 {
        world.pass_time(Duration::from_millis(5));
        world.hand(victim, &forged);
    }

    world.connect(1);

    assert!(world.told(|f| matches!(f, Fact::Connected { .. })));
}

#[test]
fn forged_packets_from_a_peers_own_address_are_counted_and_end_nothing() {
    let mut world = pair(38);
    world.pass_time(SECOND);
    let victim = world.clients[&1].address;
    let before = world.client(2).seen["2"].len();

    for i in 0..20_000_u32 {
        // Forged tags under the true SSRC, and SSRCs that nobody declared (H4).
        let ssrc = if i % 2 == 0 { 1001 } else { i };
        let mut packet = vec![0x80, 111];
        packet.extend((i as u16).to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([9; 60]);
        world.hand(victim, &packet);
    }
    world.pass_time(2 * SECOND);

    assert!(last_totals(&world, 1).auth_failures >= 10_000);
    assert!(world.client(2).seen["2"].len() - before > 95, "the voice goes on");
    assert!(!world.told(|f| matches!(f, Fact::Lost { .. } | Fact::Interrupted { .. })));
}

#[test]
fn a_participant_that_floods_is_held_to_its_share() {
    let mut world = pair(42);
    world.pass_time(2 * SECOND);
    let before = last_totals(&world, 1);

    for _ in 0..500 {
        world.pass_time(Duration::from_millis(10));
        let now = world.now.mono;
        (0..60).for_each(|_| world.client(1).speak(now));
        world.collect(1);
    }
    world.pass_time(SECOND);

    let taken = last_totals(&world, 1).packets_in - before.packets_in;
    assert!((7_000..=6 * 1_500 + 1_500).contains(&taken), "{taken} of more than 30000 in six seconds");
    assert_eq!(world.clients[&1].state, RTCPeerConnectionState::Connected);
}

/// SSRC of the slot that an m-line announces in an answer.
fn slot_ssrc(answer: &str, mid: &str) -> u32 {
    let section = answer.split("m=").find(|s| s.contains(&format!("a=mid:{mid}\r\n"))).expect("the m-line");
    let line = section.lines().find_map(|line| line.strip_prefix("a=ssrc:")).expect("an announced SSRC");
    line.split(' ').next().and_then(|ssrc| ssrc.parse().ok()).expect("a number")
}

/// Bytes that reach client 2 in ten seconds, while it asks for everything again all the time or does not.
fn bytes_under(flood: bool) -> usize {
    let mut world = pair(39);
    world.pass_time(2 * SECOND);
    let to = world.clients[&2].address;
    let before = world.traffic[&to].0;
    for _ in 0..1_000 {
        world.pass_time(Duration::from_millis(10));
        if flood {
            let now = world.now.mono;
            let client = world.client(2);
            let media_ssrc = slot_ssrc(&client.answer, "5");
            let last = client.packets["5"].last().map_or(0, |header| header.sequence_number);
            let nacks = (0..17).map(|i| NackPair { packet_id: last.wrapping_sub(17 * i), lost_packets: 0xFFFF });
            let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks: nacks.collect() };
            client.send_rtcp(vec![Box::new(nack)], now);
            world.collect(2);
        }
    }
    world.traffic[&to].0 - before
}

#[test]
fn a_flood_of_nacks_is_answered_with_a_quarter_more_at_most() {
    let (calm, flooded) = (bytes_under(false), bytes_under(true));

    assert!(flooded > calm, "some are answered");
    assert!(flooded * 100 <= calm * 125, "{flooded} against {calm}");
}

#[test]
fn a_flood_of_keyframe_requests_reaches_the_publisher_twice_a_second_at_most() {
    let mut world = pair(41);
    world.pass_time(2 * SECOND);
    let before = world.client(1).asked;

    for _ in 0..2_000 {
        world.pass_time(Duration::from_millis(5));
        let now = world.now.mono;
        let client = world.client(2);
        let media_ssrc = slot_ssrc(&client.answer, "5");
        client.send_rtcp(vec![Box::new(PictureLossIndication { sender_ssrc: 1, media_ssrc })], now);
        world.collect(2);
    }

    let asked = world.client(1).asked - before;
    assert!((1..=20).contains(&asked), "{asked} in ten seconds");
}
