//! Real peers against the SFU: a virtual clock, a seeded lossy network, no socket.
#[path = "pair/attacks.rs"]
mod attacks;
#[path = "pair/client.rs"]
mod client;
#[path = "../../loadtest/src/handmade.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod handmade;
#[path = "pair/world.rs"]
mod world;

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use rtc::peer_connection::state::RTCPeerConnectionState;
use yunfa_media::{
    command::Command,
    fact::{Fact, LostReason, MediaKind, Second, Slot, SlotKind},
    ids::RoomId,
};

use crate::{
    client::{AUDIO_PERIOD, Client, Frame, Shape, VIDEO_PERIOD},
    world::{World, peer},
};

const SECOND: Duration = Duration::from_secs(1);

/// Two clients with default pages' offers in one room, connected and talking.
fn pair(seed: u64) -> World {
    let mut world = World::new(seed);
    world.join(1, 7, true, (3, 4));
    world.join(2, 7, true, (3, 4));
    world.connect(1);
    world.connect(2);
    world.talk();
    world
}

#[test]
fn two_clients_see_and_hear_each_other_in_order() {
    let mut world = pair(1);

    world.pass_time(5 * SECOND);

    for (name, other) in [(1, 2), (2, 1)] {
        let client = &world.clients[&name];
        assert_eq!(client.state, RTCPeerConnectionState::Connected);
        // The first audio and the first video slot of the offer show the other.
        let (audio, video) = (&client.seen["2"], &client.seen["5"]);
        assert!(audio.len() > 240 && video.len() > 140, "{} and {}", audio.len(), video.len());
        for frames in [audio, video] {
            assert!(frames.iter().all(|frame| frame.from == other));
            assert!(frames.windows(2).all(|pair| pair[1].number == pair[0].number + 1), "in order, none missing");
        }
        assert_eq!(client.seen.len(), 2, "the other slots are silent");
        let headers = &client.packets["5"];
        assert!(headers.windows(2).all(|pair| pair[1].sequence_number == pair[0].sequence_number.wrapping_add(1)));
    }
    assert!(world.told(|f| matches!(f, Fact::FirstMedia { peer: p, kind: MediaKind::Video } if *p == peer(1))));
    assert!(world.told(|f| matches!(f, Fact::FirstMedia { peer: p, kind: MediaKind::Audio } if *p == peer(2))));
}

#[test]
fn five_percent_loss_is_repaired_both_ways() {
    let mut world = pair(2);
    world.pass_time(SECOND);

    world.loss = 50;
    world.pass_time(10 * SECOND);
    world.loss = 0;
    world.pass_time(SECOND);

    for name in [1, 2] {
        let video = whole(&world.clients[&name], "5");
        let sent = 12_000 / VIDEO_PERIOD.as_millis() as usize;
        assert!(video * 100 >= sent * 97, "client {name} got {video} of {sent} frames");
    }
    let totals = last_totals(&world, 2);
    assert!(totals.rtx_out > 20, "{totals:?}");
    assert!(totals.lost_in < 40, "{totals:?}: audio is not repaired by this client, video is");
    assert!(world.client(1).asked <= 24, "keyframes are no substitute for repair");
}

/// Frames of one m-line that are whole.
fn whole(client: &Client, mid: &str) -> usize {
    client.seen.get(mid).map_or(0, Vec::len)
}

fn last_totals(world: &World, name: u8) -> yunfa_media::fact::Totals {
    let totals = world.facts.iter().rev().find_map(|stamped| match stamped.fact {
        Fact::Second { peer: p, totals, .. } if p == peer(name) => Some(totals),
        _ => None,
    });
    totals.expect("a connected peer has seconds")
}

#[test]
fn moving_a_peer_connects_two_warm_transports_within_a_keyframe() {
    let mut world = World::new(3);
    world.join(1, 1, true, (3, 4));
    world.join(2, 2, true, (3, 4));
    world.connect(1);
    world.connect(2);
    world.talk();
    world.pass_time(2 * SECOND);
    assert!(world.clients[&1].seen.is_empty() && world.clients[&2].seen.is_empty());

    world.order(Command::Move { peer: peer(2), room: RoomId(1) });
    world.pass_time(VIDEO_PERIOD + AUDIO_PERIOD + 5 * world::DELAY);

    for name in [1, 2] {
        assert!(whole(&world.clients[&name], "2") >= 1, "client {name} hears");
        assert!(whole(&world.clients[&name], "5") >= 1, "client {name} sees");
    }
    world.order(Command::Move { peer: peer(2), room: RoomId(2) });
    world.pass_time(SECOND);
    let (before, _) = (whole(&world.clients[&1], "2"), world.facts.clear());
    world.pass_time(2 * SECOND);
    assert_eq!(whole(&world.clients[&1], "2"), before, "nothing crosses rooms");
    assert!(seconds(&world, 1).iter().all(|second| second.audio_alive && !second.two_way));
}

#[test]
fn a_newcomer_sees_within_a_keyframe_of_being_connected_though_others_watch_already() {
    let mut world = World::new(14);
    world.join(1, 1, true, (0, 0));
    world.join(2, 1, false, (1, 1));
    world.connect(1);
    world.connect(2);
    world.talk();
    world.pass_time(2 * SECOND);

    world.join(3, 1, false, (1, 1));
    world.connect(3);
    world.pass_time(VIDEO_PERIOD + AUDIO_PERIOD + 5 * world::DELAY);

    assert!(whole(&world.clients[&3], "1") >= 1, "the throttle was not used up before the newcomer could see");
}

#[test]
fn slots_are_told_and_stay_where_they_are_while_others_come_and_go() {
    let mut world = World::new(4);
    world.join(1, 7, true, (3, 4));
    world.join(2, 7, true, (3, 4));
    world.join(3, 7, true, (3, 4));
    assert_eq!(slots(&world, 1), [("2", 2), ("3", 3), ("5", 2), ("6", 3)]);

    world.order(Command::Leave { peer: peer(2) });
    assert_eq!(slots(&world, 1), [("3", 3), ("6", 3)]);

    world.join(4, 7, true, (3, 4));
    assert_eq!(slots(&world, 1), [("2", 4), ("3", 3), ("5", 4), ("6", 3)]);
    assert_eq!(slots(&world, 4), [("2", 1), ("3", 3), ("5", 1), ("6", 3)]);
    assert!(!world.told(|f| matches!(f, Fact::Lost { .. })), "who leaves by command is not lost");
}

fn slots(world: &World, name: u8) -> Vec<(&str, u64)> {
    let slots = world.facts.iter().rev().find_map(|stamped| match &stamped.fact {
        Fact::SlotsChanged { peer: p, slots } if *p == peer(name) => Some(slots),
        _ => None,
    });
    let slots: &[Slot] = slots.map_or(&[], Vec::as_slice);
    assert!(slots.iter().all(|slot| slot.kind != SlotKind::Screen));
    slots.iter().map(|slot| (slot.mid.as_str(), slot.source.0)).collect()
}

#[test]
fn a_slot_goes_on_without_a_break_when_its_source_changes() {
    let mut world = World::new(5);
    world.join(1, 1, false, (1, 1));
    world.join(2, 1, true, (0, 0));
    world.join(3, 3, true, (0, 0));
    (1..=3).for_each(|name| world.connect(name));
    world.talk();
    world.pass_time(2 * SECOND);

    world.order(Command::Leave { peer: peer(2) });
    world.order(Command::Move { peer: peer(3), room: RoomId(1) });
    world.pass_time(2 * SECOND);

    let client = &world.clients[&1];
    for mid in ["0", "1"] {
        let frames = &client.seen[mid];
        assert_eq!((frames.first().map(|f| f.from), frames.last().map(|f| f.from)), (Some(2), Some(3)));
        let headers = &client.packets[mid];
        assert!(headers.windows(2).all(|pair| pair[1].sequence_number == pair[0].sequence_number.wrapping_add(1)));
        assert!(headers.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 1 << 31));
        assert!(headers.iter().all(|header| header.ssrc == headers[0].ssrc));
    }
}

#[test]
fn a_client_whose_address_changes_keeps_its_call() {
    let mut world = pair(6);
    world.pass_time(2 * SECOND);
    let before = whole(&world.clients[&1], "5");

    let outside = SocketAddr::from(([203, 0, 113, 9], 40_001));
    world.nat.insert(world.clients[&1].address, outside);
    world.pass_time(10 * SECOND);

    let after = whole(&world.clients[&1], "5");
    assert!(after - before > 150, "{before} then {after}: media follows the client");
    assert!(world.traffic[&outside].1 > 500);
    assert!(!world.told(|f| matches!(f, Fact::Lost { .. })));
}

#[test]
fn a_handshake_whose_flights_are_lost_still_completes() {
    for lost in 1..=4 {
        let mut world = World::new(7 + lost);
        let mut left = lost;
        world.pass = Box::new(move |from, _, datagram| {
            let dtls = from == world::server() && (20..64).contains(&datagram[0]);
            left = if dtls && left > 0 { left - 1 } else { return true };
            false
        });

        world.join(1, 7, true, (1, 1));
        world.connect(1);
        world.pass_time(3 * SECOND);

        assert_eq!(world.clients[&1].state, RTCPeerConnectionState::Connected, "after {lost} lost datagrams");
    }
}

#[test]
fn clients_with_other_srtp_profiles_and_of_both_address_families_meet() {
    use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile::{
        Srtp_Aead_Aes_128_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80,
    };
    let mut world = World::new(19);
    let mut shape = Shape::new(true, (1, 1));
    shape.profiles = vec![Srtp_Aes128_Cm_Hmac_Sha1_80];
    world.join_as(1, 7, SocketAddr::from(([10, 0, 0, 1], 5000)), &shape);
    shape.profiles = vec![Srtp_Aes128_Cm_Hmac_Sha1_80, Srtp_Aead_Aes_128_Gcm];
    world.join_as(2, 7, "[2001:db8::2]:5000".parse().expect("an address"), &shape);
    world.connect(1);
    world.connect(2);

    world.talk();
    world.pass_time(2 * SECOND);

    assert!(whole(&world.clients[&1], "2") > 90 && whole(&world.clients[&1], "3") > 55);
    assert!(whole(&world.clients[&2], "2") > 90 && whole(&world.clients[&2], "3") > 55);
}

#[test]
fn a_client_with_another_certificate_never_believes_itself_connected() {
    let mut world = World::new(12);
    let address = SocketAddr::from(([10, 0, 0, 1], 5000));
    let mut client = Client::new(1, address, &Shape::new(true, (1, 1)), 0, world.now.mono);
    let at = client.offer.find("sha-256 ").expect("a fingerprint") + 8;
    let other = if &client.offer[at..=at] == "A" { "B" } else { "A" };
    client.offer.replace_range(at..=at, other);

    world.admit(client, 7);
    world.pass_time(5 * SECOND);

    assert!(world.told(|f| matches!(f, Fact::Lost { reason: LostReason::WrongCertificate, .. })));
    assert!(!world.told(|f| matches!(f, Fact::Connected { .. })));
    assert_ne!(world.clients[&1].state, RTCPeerConnectionState::Connected);
}

#[test]
fn silence_interrupts_after_three_seconds_and_ends_after_fifteen() {
    let mut world = pair(13);
    world.pass_time(2 * SECOND);
    let gone = world.clients[&1].address;

    world.pass = Box::new(move |from, _, _| from != gone);
    let start = world.now.wall;
    world.pass_time(16 * SECOND);

    let at = |wanted: fn(&Fact) -> bool| {
        let told = world.facts.iter().find(|stamped| wanted(&stamped.fact)).expect("it is told");
        told.at - start
    };
    assert!((2_900..3_100).contains(&at(|f| matches!(f, Fact::Interrupted { .. }))));
    assert!((14_900..15_100).contains(&at(|f| matches!(f, Fact::Lost { reason: LostReason::Silent, .. }))));
    assert_eq!(slots(&world, 2), [], "nobody is shown any more");
}

#[test]
fn an_interruption_ends_when_packets_arrive_again() {
    let mut world = pair(14);
    world.pass_time(2 * SECOND);
    let gone = world.clients[&1].address;
    world.pass = Box::new(move |from, to, _| from != gone && to != gone);
    world.pass_time(5 * SECOND);

    world.pass = Box::new(|_, _, _| true);
    world.pass_time(3 * SECOND);

    let silent = world.facts.iter().find_map(|stamped| match stamped.fact {
        Fact::Resumed { peer: p, silent_ms } if p == peer(1) => Some(silent_ms),
        _ => None,
    });
    assert!((4_900..5_300).contains(&silent.expect("it resumed")), "{silent:?}");
    assert_eq!(last_totals(&world, 1).interruptions, 1);
    let recent: Vec<Frame> = world.clients[&2].seen["5"].iter().rev().take(10).copied().collect();
    assert!(recent.windows(2).all(|pair| pair[0].number == pair[1].number + 1), "the picture is back");
}

#[test]
fn a_client_that_closes_is_lost_at_once() {
    let mut world = pair(15);
    world.pass_time(SECOND);

    let now = world.now.mono;
    world.client(1).talking = false;
    rtc::sansio::Protocol::close(&mut world.client(1).pc).expect("it closes");
    let _ = now;
    world.collect(1);
    world.pass_time(SECOND);

    assert!(world.told(|f| matches!(f, Fact::Lost { peer: p, reason: LostReason::Closed } if *p == peer(1))));
}

#[test]
fn a_client_that_is_sent_away_is_told_goodbye() {
    let mut world = pair(20);
    world.pass_time(SECOND);
    let goodbyes = Rc::new(Cell::new(0));
    let counter = goodbyes.clone();
    world.pass = Box::new(move |from, _, datagram| {
        // An encrypted alert record: close_notify.
        counter.set(counter.get() + u32::from(from == world::server() && datagram[0] == 21));
        true
    });

    world.order(Command::Leave { peer: peer(1) });
    assert_eq!(goodbyes.get(), 1);
    world.order(Command::CloseRoom { room: RoomId(7) });
    assert_eq!(goodbyes.get(), 2);

    assert!(!world.told(|f| matches!(f, Fact::Lost { .. })), "an order is no loss");
    // Deadlines of those who are gone pass by.
    world.pass_time(40 * SECOND);
    assert_eq!(world.sfu.poll_timeout(), None, "an empty worker sleeps");
}

#[test]
fn two_way_seconds_of_both_peers_agree_and_need_media_of_both() {
    let mut world = pair(16);
    world.pass_time(4 * SECOND);
    world.client(1).talking = false;
    world.pass_time(4 * SECOND);

    let (first, second) = (seconds(&world, 1), seconds(&world, 2));

    let two_way = |seconds: &[Second]| seconds.iter().filter(|second| second.two_way).count();
    assert_eq!(two_way(&first), two_way(&second));
    assert!((4..=5).contains(&two_way(&first)), "{}", two_way(&first));
    assert!(first.iter().filter(|s| s.talk).count() >= 4, "its level says voice");
    assert!(second.last().is_some_and(|s| s.audio_alive && s.video_alive && !s.two_way));
}

#[test]
fn the_two_way_seconds_of_two_who_meet_are_their_time_rounded() {
    let ms = Duration::from_millis;
    for (away, together) in [(300, 3_900), (950, 3_050), (10, 4_400), (600, 2_600)] {
        let mut world = pair(19);
        world.pass_time(2 * SECOND + ms(away));
        world.order(Command::Move { peer: peer(2), room: RoomId(2) });
        world.pass_time(2 * SECOND + ms(away));
        world.facts.clear();

        world.order(Command::Move { peer: peer(2), room: RoomId(7) });
        world.pass_time(ms(together));
        world.order(Command::Move { peer: peer(2), room: RoomId(2) });
        world.pass_time(2 * SECOND);

        for name in [1, 2] {
            let two_way = seconds(&world, name).iter().filter(|second| second.two_way).count();
            assert_eq!(two_way, ((together + 500) / 1_000) as usize, "{together} ms together, of peer {name}");
        }
    }
}

#[test]
fn the_seconds_of_two_who_meet_begin_with_the_media_of_both() {
    let ms = Duration::from_millis;
    for (silent, together) in [(450, 3_300), (550, 3_400), (900, 2_700), (2_300, 4_400)] {
        let mut world = pair(20);
        world.pass_time(2 * SECOND);
        world.order(Command::Move { peer: peer(2), room: RoomId(2) });
        world.client(2).talking = false;
        world.pass_time(2 * SECOND);
        world.facts.clear();

        world.order(Command::Move { peer: peer(2), room: RoomId(7) });
        world.pass_time(ms(silent));
        world.client(2).talking = true;
        world.pass_time(ms(together));
        world.order(Command::Move { peer: peer(2), room: RoomId(2) });
        world.pass_time(2 * SECOND);

        for name in [1, 2] {
            let two_way = seconds(&world, name).iter().filter(|second| second.two_way).count();
            assert_eq!(two_way, ((together + 500) / 1_000) as usize, "{together} ms together, of peer {name}");
        }
    }
}

fn seconds(world: &World, name: u8) -> Vec<Second> {
    let seconds = world.facts.iter().filter_map(|stamped| match stamped.fact {
        Fact::Second { peer: p, second, .. } if p == peer(name) => Some(second),
        _ => None,
    });
    seconds.collect()
}

#[test]
fn publishers_hear_when_their_packets_arrived_and_receivers_get_the_publishers_clock() {
    let mut world = pair(17);

    world.pass_time(5 * SECOND);

    let client = world.client(1);
    assert!(client.feedbacks > 30, "{} transport-cc feedbacks", client.feedbacks);
    let ssrcs: std::collections::BTreeSet<u32> = client.reports.iter().map(|report| report.ssrc).collect();
    assert_eq!(ssrcs.len(), 2, "one audio and one video slot in use");
    let totals = last_totals(&world, 1);
    assert!((15_000..30_000).contains(&totals.rtt_us), "20 ms of network: {totals:?}");
    assert_eq!((totals.lost_in, totals.lost_out, totals.auth_failures), (0, 0, 0));
}

#[test]
fn a_peer_that_joins_again_takes_its_seat_with_a_new_transport() {
    let mut world = pair(18);
    world.pass_time(SECOND);

    world.join(1, 7, true, (3, 4));
    world.facts.retain(|stamped| !matches!(stamped.fact, Fact::Connected { .. }));
    world.connect(1);
    world.talk();
    world.pass_time(2 * SECOND);

    assert!(whole(&world.clients[&1], "5") > 30);
    assert_eq!(slots(&world, 2), [("2", 1), ("5", 1)]);
    assert!(!world.told(|f| matches!(f, Fact::Lost { .. })));
}
