//! What cannot be reached from outside: a panic in the middle of a room.
use std::time::{Duration, Instant};

use super::*;
use crate::{
    command::Sdp,
    fact::{Fact, LostReason},
    ids::{PeerId, RoomId},
    peer::Phase,
};

/// A page's offer with a microphone and one slot.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:\
    22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n";

fn sfu() -> (Sfu, Now) {
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    let now = Now { mono: Instant::now(), wall: 1_800_000_000_000 };
    let config = Config { candidates: vec!["192.0.2.1:1".parse().unwrap()], max_peers: 3, ..Config::default() };
    (Sfu::new(config, [7; 32], now).unwrap(), now)
}

fn join(room: u64, peer: u64) -> Input<'static> {
    Input::Command(Command::Join { room: RoomId(room), peer: PeerId(peer), offer: Sdp(OFFER.to_owned()) })
}

fn lost(peer: u64) -> Fact {
    Fact::Lost { peer: PeerId(peer), reason: LostReason::RoomFailed }
}

fn subject(fact: &Fact) -> Option<PeerId> {
    match fact {
        Fact::Second { peer, .. } => Some(*peer),
        _ => None,
    }
}

fn facts(sfu: &mut Sfu) -> Vec<Fact> {
    std::iter::from_fn(|| sfu.poll_fact()).map(|stamped| stamped.fact).collect()
}

#[test]
fn a_panic_closes_the_room_in_which_it_happened_and_no_other() {
    let (mut sfu, now) = sfu();
    sfu.handle(join(1, 1), now);
    sfu.handle(join(1, 2), now);
    sfu.handle(join(2, 3), now);
    facts(&mut sfu);

    sfu.trap(RoomId(1));
    sfu.handle(Input::Command(Command::Leave { peer: PeerId(2) }), now);

    assert_eq!(facts(&mut sfu), [lost(1), lost(2), Fact::RoomFailed { room: RoomId(1) }]);
    assert_eq!((sfu.core.peers.len(), sfu.core.rooms.len()), (1, 1));
    sfu.handle(join(2, 1), now);
    assert!(matches!(
        &facts(&mut sfu)[..],
        [Fact::Answered { .. }, Fact::SlotsChanged { .. }, Fact::SlotsChanged { .. }]
    ));
}

#[test]
fn whoever_joins_a_room_that_fails_is_refused_and_leaves_nothing_behind() {
    let (mut sfu, now) = sfu();
    sfu.handle(join(1, 1), now);
    facts(&mut sfu);

    sfu.trap(RoomId(1));
    sfu.handle(join(1, 2), now);

    let refused = Fact::Refused { peer: PeerId(2), error: MediaError::Failed };
    assert_eq!(facts(&mut sfu), [refused, lost(1), lost(2), Fact::RoomFailed { room: RoomId(1) }]);
    let core = &sfu.core;
    assert_eq!((core.peers.len(), core.tracks.len(), core.slots.len(), core.legs.len()), (0, 0, 0, 0));
    assert!(core.rooms.is_empty() && core.by_id.is_empty() && core.by_ufrag.is_empty());
}

#[test]
fn a_room_that_fails_at_the_end_of_a_second_costs_no_other_room_its_second() {
    let (mut sfu, now) = sfu();
    (1..=3).for_each(|room| sfu.handle(join(room, room), now));
    // A second is told of connected peers only.
    let keys: Vec<_> = sfu.core.by_id.values().copied().collect();
    for key in keys {
        sfu.core.peers.get_mut(key).expect("it has joined").phase = Phase::Connected;
    }
    facts(&mut sfu);

    sfu.trap(RoomId(2));
    let now = now.after(Duration::from_millis(1_000));
    let mut turns = 0;
    while sfu.poll_timeout().is_some_and(|at| at <= now.mono) {
        sfu.handle(Input::Timeout, now);
        turns += 1;
        assert!(turns < 10, "it comes to an end");
    }

    let facts = facts(&mut sfu);
    let of_second = |fact: &Fact| matches!(fact, Fact::Second { .. });
    let seconds: Vec<_> = facts.iter().filter(|fact| of_second(fact)).map(subject).collect();
    assert_eq!(seconds, [Some(PeerId(1)), Some(PeerId(3))]);
    assert!(facts.contains(&Fact::RoomFailed { room: RoomId(2) }));
}

#[test]
fn a_full_worker_refuses_the_next_peer_but_not_one_that_comes_again() {
    let (mut sfu, now) = sfu();
    (1..=3).for_each(|peer| sfu.handle(join(1, peer), now));
    facts(&mut sfu);

    sfu.handle(join(1, 4), now);
    assert_eq!(facts(&mut sfu), [Fact::Refused { peer: PeerId(4), error: MediaError::Full }]);

    sfu.handle(join(1, 2), now);
    assert!(facts(&mut sfu).iter().any(|fact| matches!(fact, Fact::Answered { peer: PeerId(2), .. })));
}

#[test]
fn a_peer_that_never_connects_is_given_up_and_leaves_nothing_behind() {
    let (mut sfu, mut now) = sfu();
    sfu.handle(join(1, 1), now);

    while let Some(at) = sfu.poll_timeout() {
        now = now.after(at - now.mono);
        sfu.handle(Input::Timeout, now);
    }

    let lost = facts(&mut sfu).into_iter().any(|fact| matches!(fact, Fact::Lost { peer: PeerId(1), .. }));
    assert!(lost);
    let core = &sfu.core;
    assert_eq!((core.peers.len(), core.tracks.len(), core.slots.len(), core.legs.len()), (0, 0, 0, 0));
    assert!(core.rooms.is_empty() && core.by_id.is_empty() && core.by_ufrag.is_empty());
    assert!(sfu.transmits().is_empty());
}
