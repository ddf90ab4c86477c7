//! A client that does by hand what a browser does, so that every byte it sends can be chosen: STUN by rtc-stun, DTLS by
//! rtc-dtls, SRTP with its own keys.
pub(crate) mod stage;

#[path = "../../../loadtest/src/handmade.rs"]
mod handmade;

use std::{collections::HashMap, net::SocketAddr, time::Instant};

// All of it, since each of the tests uses another part.
pub(crate) use self::handmade::*;
use yunfa_media::{
    command::{Command, Sdp},
    fact::Fact,
    ids::{PeerId, RoomId},
    rtp::{self, MAX_HEAD, NewHead},
    sfu::{Input, Sfu},
    srtp::{self, Open, Profile, RTCP_OVERHEAD, RTP_OVERHEAD, Seal, Side},
    time::Now,
};

/// The payload type of what repairs H.264.
pub(crate) const H264_RTX: u8 = 103;
/// Where the SFU believes to listen.
pub(crate) const SERVER: &str = "10.9.9.9:7790";

/// What all raw clients of a test share: making a certificate is dear.
pub(crate) struct Kit {
    hand: Hand,
    /// Where clients are that have real sockets.
    pub(crate) sockets: HashMap<u16, SocketAddr>,
    /// Payload types of the video codecs of those who have others than VP8.
    pub(crate) video: HashMap<u16, &'static [u8]>,
}

/// What a client is to be: its number, its room, whether it publishes, how many audio and video slots it has.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) name: u16,
    pub(crate) room: u64,
    pub(crate) publishes: bool,
    pub(crate) slots: (usize, usize),
}

/// A client whose address the SFU believes, before any handshake.
pub(crate) struct Validated {
    pub(crate) address: SocketAddr,
    answer: String,
    access: Access,
}

/// One connected client.
pub(crate) struct Raw {
    pub(crate) peer: PeerId,
    pub(crate) address: SocketAddr,
    pub(crate) open: Open,
    pub(crate) seal: Seal,
    pub(crate) answer: String,
    access: Access,
    checks: u64,
}

impl Kit {
    pub(crate) fn new() -> Self {
        let hand = Hand::new().expect("a provider is compiled in, and makes keys");
        Self { hand, sockets: HashMap::new(), video: HashMap::new() }
    }

    /// Joins a room and connects: microphone and camera if it publishes, and so many audio and video slots.
    pub(crate) fn connect(
        &self,
        sfu: &mut Sfu,
        name: u16,
        room: u64,
        publishes: bool,
        slots: (usize, usize),
        now: Now,
    ) -> Raw {
        self.connect_with(sfu, Who { name, room, publishes, slots }, now, |_| {})
    }

    /// The same, with something that happens between the answer and the handshake.
    pub(crate) fn connect_with(&self, sfu: &mut Sfu, who: Who, now: Now, meanwhile: impl FnOnce(&mut Sfu)) -> Raw {
        let peer = PeerId(u64::from(who.name));
        let Validated { address, answer, access } = self.validated(sfu, who, now, meanwhile);
        let (open, seal) = self.handshake(sfu, address, now);
        let connected = std::iter::from_fn(|| sfu.poll_fact()).any(|s| matches!(s.fact, Fact::Connected { .. }));
        assert!(connected, "the handshake is done on both sides");
        Raw { peer, address, open, seal, answer, access, checks: 0 }
    }

    /// Joins and has its address validated, and no more.
    pub(crate) fn validated(
        &self,
        sfu: &mut Sfu,
        Who { name, room, publishes, slots }: Who,
        now: Now,
        meanwhile: impl FnOnce(&mut Sfu),
    ) -> Validated {
        let peer = PeerId(u64::from(name));
        let made_up = SocketAddr::from(([10, 1, (name >> 8) as u8, name as u8], 5_000));
        let address = self.sockets.get(&name).copied().unwrap_or(made_up);
        let offer = Sdp(self.offer(name, publishes, slots));
        sfu.handle(Input::Command(Command::Join { room: RoomId(room), peer, offer }), now);
        let answer = answer_of(sfu, peer);
        let access = Access::of(&answer).expect("in every answer");
        meanwhile(sfu);
        sfu.clear_transmits();
        hand(sfu, address, &mut self.checked(name, &access, 0, true), now);
        assert!(sfu.poll_transmit().is_some(), "a right check is answered");
        Validated { address, answer, access }
    }

    /// The first flight of a handshake.
    pub(crate) fn hello(&self, address: SocketAddr, now: Now) -> Vec<Vec<u8>> {
        self.begin(address, now).outgoing()
    }

    fn begin(&self, address: SocketAddr, now: Now) -> Handshake {
        self.hand.handshake(address, server(), now.mono).expect("a handshake")
    }

    /// A connectivity check (RFC 8445 7.2).
    pub(crate) fn check(&self, name: u16, ufrag: &str, password: &str, number: u64, nominates: bool) -> Vec<u8> {
        let access = Access { ufrag: ufrag.to_owned(), password: password.to_owned() };
        self.checked(name, &access, number, nominates)
    }

    fn checked(&self, name: u16, access: &Access, number: u64, nominates: bool) -> Vec<u8> {
        self.hand.check(name, access, number, nominates).expect("fits")
    }

    /// Another check of a connected client, from whatever address it is then sent.
    pub(crate) fn another_check(&self, raw: &mut Raw, nominates: bool) -> Vec<u8> {
        raw.checks += 1;
        self.checked(raw.peer.0 as u16, &raw.access, raw.checks, nominates)
    }

    fn handshake(&self, sfu: &mut Sfu, address: SocketAddr, now: Now) -> (Open, Seal) {
        let mut handshake = self.begin(address, now);
        for _ in 0..20 {
            for mut datagram in handshake.outgoing() {
                hand(sfu, address, &mut datagram, now);
            }
            while let Some((_, datagram)) = sfu.poll_transmit() {
                if let Some(material) = handshake.read(&datagram, now.mono).expect("no alert") {
                    return srtp::pair(Profile::AeadAes128Gcm, &material, Side::Client).expect("right length");
                }
            }
        }
        panic!("the handshake did not finish");
    }

    /// What a browser would offer, shortened to what matters.
    pub(crate) fn offer(&self, name: u16, publishes: bool, slots: (usize, usize)) -> String {
        let video = self.video.get(&name).copied().unwrap_or(&[VP8]);
        self.hand.offer(name, publishes, slots, video)
    }
}

impl Raw {
    /// Seals an RTP packet with this transport-wide number and payload.
    pub(crate) fn rtp(&self, head: &NewHead, index: u64, number: u16, payload: &[u8]) -> Vec<u8> {
        self.rtp_with(head, index, &[(3, &number.to_be_bytes())], payload)
    }

    /// Seals an RTP packet with these header extension elements.
    pub(crate) fn rtp_with(&self, head: &NewHead, index: u64, elements: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; MAX_HEAD + payload.len() + RTP_OVERHEAD];
        let len = rtp::write_head(&mut packet, head, elements).expect("room");
        let size = self.seal.rtp_from(index, &mut packet, len, payload).expect("room");
        packet.truncate(size);
        packet
    }

    /// Seals a compound RTCP packet.
    pub(crate) fn rtcp(&mut self, compound: &[u8]) -> Vec<u8> {
        let mut packet = compound.to_vec();
        packet.resize(compound.len() + RTCP_OVERHEAD, 0);
        let size = self.seal.rtcp(&mut packet, compound.len()).expect("room");
        packet.truncate(size);
        packet
    }

    /// The SSRCs that the answer announces for its video slots, without those of retransmissions.
    pub(crate) fn video_slots(&self) -> Vec<u32> {
        self.slots("m=video")
    }

    /// Those of its audio slots.
    pub(crate) fn audio_slots(&self) -> Vec<u32> {
        self.slots("m=audio")
    }

    fn slots(&self, kind: &str) -> Vec<u32> {
        let sections = self.answer.split("m=").map(|section| format!("m={section}"));
        sections
            .filter(|section| section.starts_with(kind))
            .filter_map(|section| {
                let line = section.lines().find_map(|line| line.strip_prefix("a=ssrc:"))?;
                line.split(' ').next()?.parse().ok()
            })
            .collect()
    }
}

pub(crate) fn server() -> SocketAddr {
    SERVER.parse().expect("an address")
}

pub(crate) fn hand(sfu: &mut Sfu, from: SocketAddr, datagram: &mut [u8], now: Now) {
    sfu.handle(Input::Datagram { from, payload: datagram }, now);
}

/// Some instant to begin with.
#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin at some instant")]
pub(crate) fn start() -> Now {
    Now { mono: Instant::now(), wall: 1_800_000_000_000 }
}

fn answer_of(sfu: &mut Sfu, peer: PeerId) -> String {
    let facts = std::iter::from_fn(|| sfu.poll_fact());
    let answer = facts.filter_map(|stamped| match stamped.fact {
        Fact::Answered { peer: of, answer } if of == peer => Some(answer.0),
        Fact::Refused { error, .. } => panic!("refused: {error}"),
        _ => None,
    });
    answer.last().expect("the offer is answered")
}
