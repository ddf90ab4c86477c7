//! A real worker with real rooms, in one of which handling panics.
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/raw/mod.rs"]
mod raw;

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use self::raw::{Kit, Raw, stage::Camera};
use super::{
    super::{FactReceiver, clock, start, worker::Core},
    config, runtime,
};
use crate::{
    command::{Command, Sdp},
    config::Config,
    fact::{Fact, LostReason, Stamped},
    ids::{PeerId, RoomId},
    rtp::Head,
    sfu::{Input, Sfu, Transmits},
    time::Now,
};

/// An [`Sfu`] that panics in the middle of handling the room of this number, once.
struct Trapped {
    sfu: Sfu,
    room: Arc<AtomicU64>,
}

impl Core for Trapped {
    fn handle(&mut self, input: Input<'_>, now: Now) {
        let room = self.room.swap(0, Relaxed);
        if room != 0 {
            self.sfu.trap(RoomId(room));
        }
        self.sfu.handle(input, now);
    }

    fn transmits(&self) -> Transmits<'_> {
        self.sfu.transmits()
    }

    fn clear_transmits(&mut self) {
        self.sfu.clear_transmits();
    }

    fn poll_fact(&mut self) -> Option<Stamped> {
        self.sfu.poll_fact()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.sfu.poll_timeout()
    }
}

/// A room's publisher and viewer, on sockets of their own.
struct Pair {
    publisher: Raw,
    viewer: Raw,
    camera: Camera,
    sockets: [UdpSocket; 2],
}

impl Pair {
    /// Connects clients `room * 2 - 1` and `room * 2`.
    fn new(kit: &mut Kit, sfu: &mut Sfu, room: u16, now: Now) -> Self {
        let names = [room * 2 - 1, room * 2];
        let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        for (name, socket) in names.iter().zip(&sockets) {
            socket.set_read_timeout(Some(Duration::from_millis(500))).expect("not zero");
            kit.sockets.insert(*name, socket.local_addr().expect("bound"));
        }
        let publisher = kit.connect(sfu, names[0], room.into(), true, (0, 0), now);
        let viewer = kit.connect(sfu, names[1], room.into(), false, (1, 1), now);
        Self { publisher, viewer, camera: Camera::default(), sockets }
    }

    /// Publishes a packet; tells whether the viewer got it, authentic.
    fn publish(&mut self, port: u16) -> bool {
        let packet = self.camera.next(&self.publisher, self.publisher.peer.0 as u16, 500);
        self.sockets[0].send_to(&packet, ("127.0.0.1", port)).expect("loopback takes it");
        let mut buffer = [0; 1_500];
        while let Ok(size) = self.sockets[1].recv(&mut buffer) {
            let video = Head::parse(&buffer[..size]).ok().filter(|head| head.payload_type == raw::VP8);
            if let Some(head) = video {
                return self.viewer.open.rtp(&mut buffer[..size], &head).is_ok();
            }
        }
        false
    }
}

/// Waits until this room has failed; gives the facts until then that are about an end.
async fn until_failed(facts: &mut FactReceiver, room: RoomId) -> Vec<Fact> {
    let mut ends = Vec::new();
    while let Some((_, Stamped { fact, .. })) = facts.recv().await {
        let done = fact == Fact::RoomFailed { room };
        if matches!(fact, Fact::Lost { .. } | Fact::RoomFailed { .. }) {
            ends.push(fact);
        }
        if done {
            break;
        }
    }
    ends
}

#[test]
fn a_panic_in_one_room_of_a_live_worker_closes_that_room_and_the_other_goes_on() {
    let trap = Arc::new(AtomicU64::new(0));
    let mut kit = Kit::new();
    let mut pairs = Vec::new();
    let (handle, mut facts) = start(&config(), |candidates| {
        let now = clock::now();
        let mut sfu = Sfu::new(Config { candidates, ..Config::default() }, [7; 32], now).expect("an sfu");
        pairs = [1, 2].map(|room| Pair::new(&mut kit, &mut sfu, room, now)).into();
        sfu.clear_transmits();
        Ok(Trapped { sfu, room: Arc::clone(&trap) })
    })
    .expect("loopback sockets");
    let port = handle.ports()[0];
    let [mut first, mut second] = <[Pair; 2]>::try_from(pairs).unwrap_or_else(|_| unreachable!("two were made"));
    assert!(first.publish(port) && second.publish(port), "both rooms are forwarded");

    trap.store(1, Relaxed);

    assert!(!first.publish(port), "the room is closed");
    let lost = |peer| Fact::Lost { peer: PeerId(peer), reason: LostReason::RoomFailed };
    let ends = runtime().block_on(until_failed(&mut facts, RoomId(1)));
    assert_eq!(ends, [lost(1), lost(2), Fact::RoomFailed { room: RoomId(1) }]);
    assert_eq!(handle.traffic()[0].failed_rooms, 1);
    assert!((0..20).all(|_| second.publish(port)), "the other room goes on");
    assert!(!first.publish(port), "its keys are forgotten");
    // The same room can be opened anew, on the same worker.
    runtime().block_on(async {
        let offer = Sdp(kit.offer(1, true, (1, 1)));
        handle.send(0, Command::Join { room: RoomId(1), peer: PeerId(1), offer }).await.expect("it runs");
        let answered = async {
            while let Some((_, stamped)) = facts.recv().await {
                if matches!(stamped.fact, Fact::Answered { peer: PeerId(1), .. }) {
                    return true;
                }
            }
            false
        };
        assert!(answered.await);
    });
    handle.stop();
}
