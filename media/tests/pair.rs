//! Two and more real peers against the SFU: a virtual clock, a seeded lossy network, no socket.
#[path = "pair/client.rs"]
mod client;
#[path = "pair/world.rs"]
mod world;

use std::time::Duration;

use world::World;
use yunfa_media::fact::{Fact, MediaKind};

use crate::world::peer;

#[test]
fn a_client_connects_and_two_of_them_see_and_hear_each_other() {
    let mut world = World::new(1);
    world.join(1, 7, true, (3, 4));
    world.join(2, 7, true, (3, 4));
    world.connect(1);
    world.connect(2);

    world.talk();
    world.pass_time(Duration::from_secs(5));

    assert!(world.told(|f| matches!(f, Fact::FirstMedia { peer: p, kind: MediaKind::Video } if *p == peer(1))));
    for name in [1, 2] {
        let client = &world.clients[&name];
        eprintln!("{name}: {:?} {:?}", client.seen.iter().map(|(k, v)| (k, v.len())).collect::<Vec<_>>(), client.mids);
    }
}
