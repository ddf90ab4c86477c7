//! What strangers put on the wire: datagrams of every shape, from any address and port they like.
use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    handmade::{Access, Hand, null_hello, record},
    space::Space,
};

/// IPPROTO_RAW: the header is ours too.
const RAW: i32 = 255;
/// How finely floods are paced.
const TICK: Duration = Duration::from_millis(2);
/// How much of what was held up is made good.
const LATE: Duration = Duration::from_millis(10);
/// From so many source ports strangers send.
pub(super) const PORTS: u16 = 5_000;
const FIRST_PORT: u16 = 20_000;

/// The shapes of what a stranger sends, by name.
pub(super) const SHAPES: [&str; 12] = [
    "bare STUN binding",
    "right ufrag, wrong integrity",
    "unknown ufrag",
    "role conflict without integrity",
    "use-candidate, wrong integrity",
    "STUN success response",
    "ClientHello",
    "early record of the next DTLS epoch",
    "RTP",
    "RTCP",
    "ChannelData",
    "garbage, empty or 8 KiB long",
];

/// Sends whole IPv4 packets, with any source.
pub(super) struct Forger {
    socket: Socket,
    to: SocketAddrV4,
}

impl Forger {
    /// One that stands in this namespace.
    pub(super) fn new(space: &Space, to: SocketAddrV4) -> anyhow::Result<Self> {
        let open = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)));
        Ok(Self { socket: space.within(open)?.context("a raw socket")?, to })
    }

    /// Sends a datagram as if from there.
    pub(super) fn send(&self, from: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        let length = (28 + datagram.len()) as u16;
        let mut packet = Vec::with_capacity(length.into());
        // Version and header length, then what the system fills in: identification and checksum.
        packet.extend([0x45, 0]);
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
        packet.extend(from.ip().octets());
        packet.extend(self.to.ip().octets());
        packet.extend(from.port().to_be_bytes());
        packet.extend(self.to.port().to_be_bytes());
        packet.extend((length - 20).to_be_bytes());
        // Over IPv4 a checksum of zero means that there is none (RFC 768).
        packet.extend([0, 0]);
        packet.extend(datagram);
        let to = SocketAddrV4::new(*self.to.ip(), 0).into();
        loop {
            match self.socket.send_to(&packet, &to) {
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => thread::sleep(TICK),
                sent => return sent.map(|_| ()),
            }
        }
    }
}

/// Calls `each` so many times, at this rate, until told to stop; the answer is how often it was called. Blocks.
pub(super) fn paced(
    count: u64,
    per_second: u64,
    stop: &AtomicBool,
    mut each: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut begun = Instant::now();
    for number in 0..count {
        let due = Duration::from_micros(number * 1_000_000 / per_second.max(1));
        match due.checked_sub(begun.elapsed()) {
            Some(early) if early >= TICK => thread::sleep(early),
            Some(_) => {}
            // What the machine held up is not made good by a burst: that would be another attack.
            None => begun += begun.elapsed().saturating_sub(due).saturating_sub(LATE),
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(number);
        }
        each(number)?;
    }
    Ok(count)
}

/// One of the source ports.
pub(super) fn stranger(address: Ipv4Addr, number: u64) -> SocketAddrV4 {
    SocketAddrV4::new(address, FIRST_PORT + (number % u64::from(PORTS)) as u16)
}

/// Makes datagrams of every shape.
pub(super) struct Shapes<'a> {
    hand: &'a Hand,
    /// Of a participant; its password strangers do not know.
    ufrag: String,
    dice: StdRng,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(hand: &'a Hand, ufrag: String, seed: u64) -> Self {
        Self { hand, ufrag, dice: StdRng::seed_from_u64(seed) }
    }

    /// The next datagram of a shape.
    pub(super) fn next(&mut self, shape: usize) -> anyhow::Result<Vec<u8>> {
        Ok(match shape {
            0 => self.stun([0, 1], &[]),
            1 => self.guess(self.ufrag.clone(), false)?,
            2 => self.unknown()?,
            3 => self.stun([0, 1], &[0x80, 0x29, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]),
            4 => self.guess(self.ufrag.clone(), true)?,
            5 => self.stun([1, 1], &[0, 0x20, 0, 8, 0, 1, 0x11, 0x2B, 0x5E, 0x12, 0xA4, 0x43]),
            6 => null_hello(),
            7 => record(22, 1, &[7; 1_000]),
            8 => self.rtp(111, 100),
            9 => self.rtp(201, 60),
            10 => [&[0x40, 1, 0, 100][..], &self.bytes(100)].concat(),
            _ => match self.dice.random_range(0..3) {
                0 => vec![],
                1 => self.bytes(8_192),
                _ => {
                    let size = self.dice.random_range(1..1_400);
                    self.bytes(size)
                }
            },
        })
    }

    /// A check with a name that nobody has.
    pub(super) fn unknown(&mut self) -> anyhow::Result<Vec<u8>> {
        let ufrag = self.letters(16);
        self.guess(ufrag, true)
    }

    /// A check whose password is guessed.
    pub(super) fn guess(&mut self, ufrag: String, nominates: bool) -> anyhow::Result<Vec<u8>> {
        let (password, number) = (self.letters(24), self.dice.next_u64());
        Ok(self.hand.check(9, &Access { ufrag, password }, number, nominates)?)
    }

    /// A packet with a right head and this second byte, and nothing but noise in it.
    pub(super) fn rtp(&mut self, second: u8, size: usize) -> Vec<u8> {
        let noise = self.bytes(10 + size);
        [&[0x80, second][..], &noise].concat()
    }

    fn stun(&mut self, kind: [u8; 2], attributes: &[u8]) -> Vec<u8> {
        let length = (attributes.len() as u16).to_be_bytes();
        [&kind[..], &length, &[0x21, 0x12, 0xA4, 0x42], &self.bytes(12), attributes].concat()
    }

    fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.dice.fill_bytes(&mut bytes);
        bytes
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.dice.random_range(b'a'..=b'z'))).collect()
    }
}
