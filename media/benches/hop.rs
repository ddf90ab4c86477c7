//! The whole hop through the SFU without sockets: `cargo bench --bench hop`.
//!
//! One iteration is one video packet of a publisher: demux, gate, open, statistics, feedback, cache, and for each
//! subscriber rewriting and sealing. The virtual clock moves 7 ms per packet; reports, feedback and seconds fall due in
//! it, and each subscriber sends a receiver report a second, as real ones do. System calls are not in it.
mod cpu;
#[expect(dead_code, reason = "tests use the rest of it")]
#[path = "../tests/raw/mod.rs"]
mod raw;

use std::{hint::black_box, time::Duration};

use cpu::CpuTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raw::{
    Raw,
    stage::{Camera, Stage},
};
use yunfa_media::{
    rtcp::{self, Block},
    rtp::{self, MAX_HEAD, NewHead},
    sfu::{Input, Sfu},
    srtp::{self, Profile, RTP_OVERHEAD, Seal, Side},
    time::Now,
};

/// Payload of a video packet.
const SIZE: usize = 1_100;
/// 140 packets a second: 1.2 Mbit/s.
const PERIOD: Duration = Duration::from_millis(7);
const PER_SECOND: u64 = 140;

/// A publisher, its subscribers and the SFU between them.
struct Hop {
    sfu: Sfu,
    now: Now,
    publisher: Raw,
    subscribers: Vec<Raw>,
    camera: Camera,
}

/// What happens in one iteration.
struct Turn {
    packet: Vec<u8>,
    reports: Vec<Vec<u8>>,
}

impl Hop {
    fn new(subscribers: u16) -> Self {
        let Stage { sfu, now, publisher, subscribers, .. } = Stage::new(subscribers);
        let mut hop = Self { sfu, now, publisher, subscribers, camera: Camera::default() };
        let first = hop.next_turn();
        assert_eq!(hop.turn(first), hop.subscribers.len(), "everybody is sent the first keyframe");
        hop
    }

    fn next_turn(&mut self) -> Turn {
        let packet = self.camera.next(&self.publisher, 1, SIZE);
        let mut reports = Vec::new();
        if self.camera.packets().is_multiple_of(PER_SECOND) {
            for subscriber in &mut self.subscribers {
                let ssrc = subscriber.video_slots()[0];
                let mut compound = Vec::new();
                rtcp::receiver_report(&mut compound, 1, &[Block { ssrc, ..Block::default() }]);
                reports.push(subscriber.rtcp(&compound));
            }
        }
        Turn { packet, reports }
    }

    /// Runs one iteration; tells how many datagrams left.
    fn turn(&mut self, mut turn: Turn) -> usize {
        self.now = self.now.after(PERIOD);
        let (sfu, now) = (&mut self.sfu, self.now);
        for (report, subscriber) in turn.reports.iter_mut().zip(&self.subscribers) {
            raw::hand(sfu, subscriber.address, report, now);
        }
        raw::hand(sfu, self.publisher.address, &mut turn.packet, now);
        let sent = sfu.transmits().list.len();
        while sfu.poll_timeout().is_some_and(|at| at <= now.mono) {
            sfu.handle(Input::Timeout, now);
        }
        black_box(sfu.transmits().arena.len());
        sfu.clear_transmits();
        while let Some(fact) = sfu.poll_fact() {
            black_box(&fact);
        }
        sent
    }
}

fn hop(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("hop");
    for fan_out in [1_u16, 10, 100] {
        group.throughput(Throughput::Elements(u64::from(fan_out)));
        let hop = std::cell::RefCell::new(Hop::new(fan_out));
        group.bench_function(BenchmarkId::new("through the SFU", fan_out), |b| {
            b.iter_batched(
                || hop.borrow_mut().next_turn(),
                |turn| {
                    let sent = hop.borrow_mut().turn(turn);
                    assert!(sent >= usize::from(fan_out), "every subscriber is sent the packet");
                },
                BatchSize::NumIterations(64),
            );
        });
        floor(&mut group, fan_out);
    }
    group.finish();
}

/// The least that a fan-out can cost: the header copied and the payload sealed, for as many receivers with keys of
/// their own.
fn floor(group: &mut BenchmarkGroup<'_, CpuTime>, fan_out: u16) {
    let seals: Vec<Seal> = (0..fan_out)
        .map(|i| {
            let material: Vec<u8> = (0..56).map(|byte| byte ^ i as u8).collect();
            srtp::pair(Profile::AeadAes128Gcm, &material, Side::Server).expect("right length").1
        })
        .collect();
    let payload = raw::vp8(false, true, 1, SIZE);
    let mut out = vec![0; usize::from(fan_out) * (MAX_HEAD + SIZE + RTP_OVERHEAD)];
    let mut index = 0_u64;
    group.bench_function(BenchmarkId::new("floor: write header, seal", fan_out), |b| {
        b.iter(|| {
            index += 1;
            let mut used = 0;
            for seal in &seals {
                let head = NewHead { marker: false, payload_type: 96, sequence: index as u16, timestamp: 1, ssrc: 7 };
                let elements: [(u8, &[u8]); 3] = [(4, b"1"), (3, &[0, 1]), (2, &[0, 1, 2])];
                let out = &mut out[used..];
                let len = rtp::write_head(out, &head, &elements).expect("room");
                used += seal.rtp_from(index, out, len, black_box(&payload)).expect("room");
            }
            used
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = hop
}
criterion_main!(benches);
