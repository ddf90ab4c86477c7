//! An SFU and its clients on a network that is made of a queue: seeded loss, fixed delay, no socket and no clock.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use yunfa_media::{
    command::{Command, Sdp},
    config::Config,
    fact::{Fact, Stamped},
    ids::{PeerId, RoomId},
    sfu::{Input, Sfu},
    time::Now,
};

use crate::client::{Client, Shape};

/// Where the SFU listens.
pub(crate) const SERVER: &str = "10.9.9.9:7790";
/// One way.
pub(crate) const DELAY: Duration = Duration::from_millis(10);

type Flight = Reverse<(Instant, u64, SocketAddr, SocketAddr, Vec<u8>)>;

/// Everything there is.
pub(crate) struct World {
    pub(crate) sfu: Sfu,
    pub(crate) now: Now,
    pub(crate) clients: BTreeMap<u8, Client>,
    pub(crate) facts: Vec<Stamped>,
    network: BinaryHeap<Flight>,
    sent: u64,
    dice: u64,
    /// Share of datagrams lost, in thousandths, once connected.
    pub(crate) loss: u64,
    /// What the SFU sent to each address, in bytes and datagrams.
    pub(crate) traffic: BTreeMap<SocketAddr, (usize, usize)>,
    /// Datagrams for which it is false are lost: from, to, bytes.
    #[expect(clippy::type_complexity, reason = "a hook of the tests")]
    pub(crate) pass: Box<dyn FnMut(SocketAddr, SocketAddr, &[u8]) -> bool>,
    /// Every datagram that a client sent, for replays.
    pub(crate) captured: Vec<(SocketAddr, Vec<u8>)>,
    /// A client's datagrams come from another address: NAT.
    pub(crate) nat: BTreeMap<SocketAddr, SocketAddr>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(Config { candidates: vec![server(), server_v6()], ..Config::default() }, seed)
    }

    pub(crate) fn with(config: Config, seed: u64) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the virtual clock has to begin at some instant")]
        let now = Now { mono: Instant::now(), wall: 1_800_000_000_000 };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            sfu: Sfu::new(config, bytes, now).expect("an sfu"),
            now,
            clients: BTreeMap::new(),
            facts: Vec::new(),
            network: BinaryHeap::new(),
            sent: 0,
            dice: seed | 1,
            loss: 0,
            traffic: BTreeMap::new(),
            pass: Box::new(|_, _, _| true),
            captured: Vec::new(),
            nat: BTreeMap::new(),
        }
    }

    /// A client with microphone, camera and this many receive slots joins a room; it is answered at once.
    pub(crate) fn join(&mut self, name: u8, room: u64, publishes: bool, slots: (usize, usize)) {
        let address = SocketAddr::from(([10, 0, 0, name], 5000));
        self.join_as(name, room, address, &Shape::new(publishes, slots));
    }

    pub(crate) fn join_as(&mut self, name: u8, room: u64, address: SocketAddr, shape: &Shape) {
        let client = Client::new(name, address, shape, self.sent as u32, self.now.mono);
        self.admit(client, room);
    }

    pub(crate) fn admit(&mut self, client: Client, room: u64) {
        let name = client.name;
        let offer = Sdp(client.offer.clone());
        self.clients.insert(name, client);
        self.order(Command::Join { room: RoomId(room), peer: peer(name), offer });
        let answer = self.answer_to(name).expect("the offer is answered");
        let now = self.now.mono;
        self.client(name).answered(&answer, now);
        self.collect(name);
    }

    pub(crate) fn answer_to(&self, name: u8) -> Option<String> {
        self.facts.iter().rev().find_map(|stamped| match &stamped.fact {
            Fact::Answered { peer: of, answer } if *of == peer(name) => Some(answer.0.clone()),
            _ => None,
        })
    }

    pub(crate) fn client(&mut self, name: u8) -> &mut Client {
        self.clients.get_mut(&name).expect("a client of this name")
    }

    pub(crate) fn order(&mut self, command: Command) {
        self.sfu.handle(Input::Command(command), self.now);
        self.flush();
    }

    /// Gives the SFU a datagram now.
    pub(crate) fn hand(&mut self, from: SocketAddr, datagram: &[u8]) {
        let mut payload = datagram.to_vec();
        self.sfu.handle(Input::Datagram { from, payload: &mut payload }, self.now);
        self.flush();
    }

    /// Lets everybody talk who is there.
    pub(crate) fn talk(&mut self) {
        let now = self.now.mono;
        self.clients.values_mut().for_each(|client| client.talk(now));
    }

    /// Lets time pass, from one deadline to the next.
    pub(crate) fn pass_time(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            let network = self.network.peek().map(|Reverse((at, ..))| *at);
            let clients = self.clients.values_mut().filter_map(Client::deadline).min();
            let next = [network, clients, self.sfu.poll_timeout()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.advance(next);
            self.step();
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Instant) {
        if to > self.now.mono {
            self.now = self.now.after(to - self.now.mono);
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while self.network.peek().is_some_and(|Reverse((at, ..))| *at <= now.mono) {
            let Some(Reverse((_, _, from, to, mut datagram))) = self.network.pop() else { break };
            if to == server() || to == server_v6() {
                self.sfu.handle(Input::Datagram { from, payload: &mut datagram }, now);
                self.flush();
                continue;
            }
            // Back through the NAT.
            let inside = self.nat.iter().find(|(_, outside)| **outside == to).map_or(to, |(inside, _)| *inside);
            let reached = self.clients.values_mut().find(|client| client.address == inside);
            if let Some(client) = reached.filter(|_| inside != to || !self.nat.contains_key(&to)) {
                client.read(from, &datagram, now.mono);
                let name = client.name;
                self.collect(name);
            }
        }
        if self.sfu.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.sfu.handle(Input::Timeout, now);
            self.flush();
        }
        for name in self.clients.keys().copied().collect::<Vec<_>>() {
            if self.client(name).deadline().is_some_and(|at| at <= now.mono) {
                self.client(name).wake(now.mono);
                self.collect(name);
            }
        }
    }

    /// Takes what a client sends.
    pub(crate) fn collect(&mut self, name: u8) {
        let from = self.client(name).address;
        let from = self.nat.get(&from).copied().unwrap_or(from);
        for (to, datagram) in self.client(name).transmits() {
            self.captured.push((from, datagram.clone()));
            self.carry(from, to, datagram);
        }
    }

    /// Takes what the SFU sends and says.
    fn flush(&mut self) {
        while let Some((to, datagram)) = self.sfu.poll_transmit() {
            let traffic = self.traffic.entry(to).or_default();
            traffic.0 += datagram.len();
            traffic.1 += 1;
            let from = if to.is_ipv4() { server() } else { server_v6() };
            self.carry(from, to, datagram);
        }
        while let Some(fact) = self.sfu.poll_fact() {
            self.facts.push(fact);
        }
    }

    fn carry(&mut self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        if !(self.pass)(from, to, &datagram) || self.roll() % 1000 < self.loss {
            return;
        }
        self.sent += 1;
        self.network.push(Reverse((self.now.mono + DELAY, self.sent, from, to, datagram)));
    }

    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice >> 11
    }

    /// Whether a fact like this was told.
    pub(crate) fn told(&self, wanted: impl Fn(&Fact) -> bool) -> bool {
        self.facts.iter().any(|stamped| wanted(&stamped.fact))
    }

    /// Lets time pass until this client is connected on both sides.
    pub(crate) fn connect(&mut self, name: u8) {
        for _ in 0..100 {
            if self.told(|fact| matches!(fact, Fact::Connected { peer: of, .. } if *of == peer(name))) {
                return self.pass_time(Duration::from_millis(50));
            }
            self.pass_time(Duration::from_millis(100));
        }
        panic!("client {name} never connected: {:?}", self.facts);
    }
}

pub(crate) fn server() -> SocketAddr {
    SERVER.parse().expect("an address")
}

pub(crate) fn server_v6() -> SocketAddr {
    "[2001:db8::9]:7790".parse().expect("an address")
}

pub(crate) fn peer(name: u8) -> PeerId {
    PeerId(u64::from(name))
}
