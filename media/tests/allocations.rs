//! In steady state nothing is allocated for a packet: counted at the allocator, packet by packet.
#[expect(dead_code, reason = "other tests use the rest of it")]
mod raw;

use std::time::Duration;

use allocation_counter::measure;
use raw::stage::{Camera, Stage};
use yunfa_media::{
    rtcp::{self, Block},
    rtp::{Head, NewHead},
    sfu::{Input, Sfu},
    time::Now,
};

/// 140 video packets a second, as many as the cache keeps in less than two.
const PERIOD: Duration = Duration::from_millis(7);
const PER_SECOND: u64 = 140;
/// Allocations at the end of a second of a worker with one room.
const PER_SECOND_END: u64 = 4;
const SUBSCRIBERS: u16 = 10;

/// A call that runs, and what it allocated.
struct Call {
    stage: Stage,
    camera: Camera,
    words: u64,
    /// Sequence number and SSRC that the first subscriber was sent last.
    seen: Option<(u16, u32)>,
    /// Allocations while datagrams were handled, and while deadlines were.
    datagrams: u64,
    deadlines: u64,
    forwarded: usize,
    resent: usize,
}

impl Call {
    fn new() -> Self {
        let (stage, camera) = (Stage::new(SUBSCRIBERS), Camera::default());
        Self { stage, camera, words: 0, seen: None, datagrams: 0, deadlines: 0, forwarded: 0, resent: 0 }
    }

    /// One period: a packet of video, a third of the time one of audio, feedback of the subscribers, what falls due.
    fn turn(&mut self) {
        self.stage.now = self.stage.now.after(PERIOD);
        let publisher = self.stage.publisher.address;
        let video = self.camera.next(&self.stage.publisher, 1, 1_100);
        self.forwarded += self.hand(publisher, video);
        if self.camera.packets().is_multiple_of(3) {
            let audio = self.word();
            self.forwarded += self.hand(publisher, audio);
        }
        // The first subscriber loses a packet now and then, and all of them report.
        if let Some((sequence, ssrc)) = self.seen.filter(|_| self.camera.packets().is_multiple_of(20)) {
            let mut nack = Vec::new();
            rtcp::nack(&mut nack, 1, ssrc, &[sequence]);
            let nack = self.stage.subscribers[0].rtcp(&nack);
            self.resent += self.hand(self.stage.subscribers[0].address, nack);
        }
        if self.camera.packets().is_multiple_of(PER_SECOND) {
            for i in 0..self.stage.subscribers.len() {
                let subscriber = &mut self.stage.subscribers[i];
                let mut report = Vec::new();
                let block = Block { ssrc: subscriber.video_slots()[0], ..Block::default() };
                rtcp::receiver_report(&mut report, 1, &[block]);
                let report = subscriber.rtcp(&report);
                self.hand(self.stage.subscribers[i].address, report);
            }
        }
        let (sfu, now) = (&mut self.stage.sfu, self.stage.now);
        self.deadlines += measure(|| wake(sfu, now)).count_total;
        sfu.clear_transmits();
        while sfu.poll_fact().is_some() {}
    }

    fn word(&mut self) -> Vec<u8> {
        self.words += 1;
        let head = NewHead {
            marker: false,
            payload_type: raw::OPUS,
            sequence: self.words as u16,
            timestamp: (self.words * 960) as u32,
            ssrc: raw::audio_ssrc(1),
        };
        self.stage.publisher.rtp_with(&head, self.words, &[(1, &[20]), (3, &[0, 1])], &[7; 80])
    }

    /// Hands over one datagram; tells how many left for it.
    fn hand(&mut self, from: std::net::SocketAddr, mut datagram: Vec<u8>) -> usize {
        let (sfu, now) = (&mut self.stage.sfu, self.stage.now);
        self.datagrams += measure(|| raw::hand(sfu, from, &mut datagram, now)).count_total;
        let first = self.stage.subscribers[0].address;
        let to_first = sfu.transmits().iter().filter(|(to, _)| *to == first);
        let heads = to_first.filter_map(|(_, bytes)| Head::parse(bytes).ok());
        self.seen = heads.filter(|h| h.payload_type == raw::VP8).last().map(|h| (h.sequence, h.ssrc)).or(self.seen);
        let sent = sfu.transmits().list.len();
        sfu.clear_transmits();
        sent
    }
}

fn wake(sfu: &mut Sfu, now: Now) {
    while sfu.poll_timeout().is_some_and(|at| at <= now.mono) {
        sfu.handle(Input::Timeout, now);
    }
}

#[test]
fn a_call_that_runs_allocates_nothing_for_its_packets() {
    let mut call = Call::new();
    (0..10 * PER_SECOND).for_each(|_| call.turn());
    (call.datagrams, call.deadlines, call.forwarded, call.resent) = (0, 0, 0, 0);

    (0..10 * PER_SECOND).for_each(|_| call.turn());

    assert!(call.forwarded >= 18_000, "{} packets were forwarded", call.forwarded);
    assert!(call.resent >= 50, "{} packets were sent again", call.resent);
    assert_eq!(call.datagrams, 0, "allocations for {} forwarded packets", call.forwarded);
    // What ends a second looks at every room once, however many packets there were.
    assert!(call.deadlines <= 10 * PER_SECOND_END, "{} allocations in 10 s", call.deadlines);
}
