//! Workers over real loopback sockets around a core that only echoes: what the shell itself promises.
mod room;

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};

use super::{DriverConfig, FactReceiver, Handle, start, worker::Core};
use crate::{
    command::{Command, Sdp},
    error::MediaError,
    fact::{Fact, LostReason, MediaKind, Stamped},
    ids::{PeerId, RoomId},
    sfu::{Input, Transmit, Transmits},
    time::Now,
};

/// Sends each datagram back three times; answers each join; a room with this number makes it panic.
const POISON: RoomId = RoomId(13);
/// A `Move` into this room sets a timer of 1 ms, which is told as `RoomFailed`.
const ALARM: RoomId = RoomId(7);

#[derive(Default)]
struct Echo {
    arena: Vec<u8>,
    list: Vec<Transmit>,
    facts: VecDeque<Stamped>,
    deadline: Option<Instant>,
}

impl Echo {
    fn tell(&mut self, fact: Fact, now: Now) {
        self.facts.push_back(Stamped { at: now.wall, fact });
    }
}

impl Core for Echo {
    fn handle(&mut self, input: Input<'_>, now: Now) {
        match input {
            Input::Datagram { from, payload } => {
                for _ in 0..3 {
                    let begin = self.arena.len();
                    self.arena.extend_from_slice(payload);
                    self.list.push(Transmit { to: from, range: begin..self.arena.len() });
                }
            }
            Input::Command(Command::Join { room, peer, offer }) => {
                assert_ne!(room, POISON, "a core that fails outside every room");
                self.tell(Fact::Answered { peer, answer: offer }, now);
            }
            Input::Command(Command::Move { room: ALARM, .. }) => {
                self.deadline = Some(now.mono + Duration::from_millis(1));
            }
            Input::Command(Command::Move { peer, .. }) => {
                self.tell(Fact::FirstMedia { peer, kind: MediaKind::Audio }, now);
            }
            Input::Command(Command::Leave { peer }) => {
                self.tell(Fact::Lost { peer, reason: LostReason::Closed }, now);
            }
            Input::Command(Command::CloseRoom { .. }) => {}
            Input::Timeout => {
                self.deadline = None;
                self.tell(Fact::RoomFailed { room: ALARM }, now);
            }
        }
    }

    fn transmits(&self) -> Transmits<'_> {
        Transmits { list: &self.list, arena: &self.arena }
    }

    fn clear_transmits(&mut self) {
        self.list.clear();
        self.arena.clear();
    }

    fn poll_fact(&mut self) -> Option<Stamped> {
        self.facts.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }
}

fn config() -> DriverConfig {
    DriverConfig::new(0, vec![Ipv4Addr::LOCALHOST.into()])
}

fn echo(config: &DriverConfig) -> (Handle, FactReceiver) {
    start(config, |_| Ok(Echo::default())).expect("loopback sockets")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

fn join(room: RoomId, peer: u64) -> Command {
    Command::Join { room, peer: PeerId(peer), offer: Sdp(String::from("v=0")) }
}

#[test]
fn a_burst_of_datagrams_comes_back_whole_and_in_order() {
    let (handle, _facts) = echo(&config());
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.connect(("127.0.0.1", handle.ports()[0])).unwrap();

    for number in 0..60u8 {
        client.send(&[number; 100]).unwrap();
    }

    let mut buffer = [0; 200];
    let mut back = Vec::new();
    while back.len() < 180 {
        let length = client.recv(&mut buffer).unwrap();
        back.push((length, buffer[0]));
    }
    let expected: Vec<(usize, u8)> = (0..60).flat_map(|number| [(100, number); 3]).collect();
    assert_eq!(back, expected);
    handle.stop();
}

#[test]
fn an_order_wakes_a_sleeping_worker_and_its_fact_comes_back_with_the_workers_number() {
    let (handle, mut facts) = echo(&DriverConfig { workers: 2, ..config() });

    runtime().block_on(async {
        handle.send(1, join(RoomId(1), 5)).await.unwrap();
        let (worker, stamped) = facts.recv().await.unwrap();

        assert_eq!(worker, 1);
        assert_eq!(stamped.fact, Fact::Answered { peer: PeerId(5), answer: Sdp(String::from("v=0")) });
    });
}

#[test]
fn a_deadline_is_kept_without_any_traffic() {
    let (handle, mut facts) = echo(&config());

    runtime().block_on(async {
        handle.send(0, Command::Move { peer: PeerId(1), room: ALARM }).await.unwrap();

        assert_eq!(facts.recv().await.unwrap().1.fact, Fact::RoomFailed { room: ALARM });
    });
}

#[test]
fn facts_that_find_the_channel_full_wait_and_none_is_lost() {
    let (handle, mut facts) = echo(&DriverConfig { fact_queue: 2, command_queue: 4, ..config() });

    runtime().block_on(async {
        for peer in 0..500 {
            handle.send(0, Command::Move { peer: PeerId(peer), room: RoomId(1) }).await.unwrap();
        }
        for peer in 0..500 {
            let (_, stamped) = facts.recv().await.unwrap();
            assert_eq!(stamped.fact, Fact::FirstMedia { peer: PeerId(peer), kind: MediaKind::Audio });
        }
    });
}

#[test]
fn peers_are_packed_onto_one_worker_and_then_spread() {
    let (handle, mut facts) = echo(&DriverConfig { workers: 2, peers_per_worker: 2, ..config() });

    let placed = runtime().block_on(async {
        let mut placed = Vec::new();
        for peer in 0..6 {
            let worker = handle.place();
            placed.push(worker);
            handle.send(worker, join(RoomId(peer), peer)).await.unwrap();
            facts.recv().await.unwrap();
        }
        placed
    });

    assert_eq!(placed, [0, 0, 1, 1, 0, 1]);
}

#[test]
fn a_worker_that_fails_reports_its_peers_lost_and_refuses_orders_while_the_others_go_on() {
    let (handle, mut facts) = echo(&DriverConfig { workers: 2, ..config() });

    runtime().block_on(async {
        handle.send(0, join(RoomId(1), 1)).await.unwrap();
        facts.recv().await.unwrap();
        handle.send(0, join(POISON, 2)).await.unwrap();

        for peer in [1, 2] {
            let lost = Fact::Lost { peer: PeerId(peer), reason: LostReason::WorkerFailed };
            assert_eq!(facts.recv().await.unwrap().1.fact, lost);
        }
        let refused = handle.send(0, join(RoomId(1), 3)).await;
        assert_eq!(refused, Err(MediaError::Stopped));
        assert_eq!(handle.place(), 1);
        handle.send(1, join(RoomId(1), 4)).await.unwrap();
        assert_eq!(facts.recv().await.unwrap().0, 1);
    });
}

#[test]
fn after_a_stop_the_facts_end_and_orders_are_refused() {
    let (handle, mut facts) = echo(&DriverConfig { workers: 2, ..config() });

    runtime().block_on(async {
        handle.stop();

        assert_eq!(facts.recv().await, None);
        assert_eq!(handle.send(0, join(RoomId(1), 1)).await, Err(MediaError::Stopped));
    });
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_bound() {
    let none = Vec::new();
    for wrong in [
        DriverConfig { workers: 0, ..config() },
        DriverConfig { base_port: 65_535, workers: 2, ..config() },
        DriverConfig { addresses: none, ..config() },
        DriverConfig { fact_queue: 0, ..config() },
    ] {
        let error = start(&wrong, |_| Ok(Echo::default())).expect_err("a refusal");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn each_core_is_told_the_addresses_at_which_its_own_socket_is_reached() {
    let mut told = Vec::new();
    let config = DriverConfig { workers: 2, ..config() };

    let (handle, _facts) = start(&config, |candidates| {
        told.extend(candidates);
        Ok(Echo::default())
    })
    .unwrap();

    let expected: Vec<SocketAddr> =
        handle.ports().into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect();
    assert_eq!(told, expected);
    assert_ne!(told[0], told[1]);
}
