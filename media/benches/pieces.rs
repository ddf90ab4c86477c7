//! What the pieces of the packet path cost, each beside the library that does the same: `cargo bench --bench pieces`.
mod cpu;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use cpu::CpuTime;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rtc_crypto::RTCCryptoProvider;
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};
use rtc_stun::{
    attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
    textattrs::TextAttribute,
};
use yunfa_media::{
    forward::{cache, rewrite::Rewriter},
    quality::Receiver,
    rtcp::{self, Arrivals, Block, Packet},
    rtp::{self, Head, MAX_HEAD, NewHead, Vp8},
    srtp::{self, Open, Profile, RTP_OVERHEAD, Seal, Side},
    stun,
};

/// Payload sizes: a full video packet and an Opus packet.
const SIZES: [usize; 2] = [1_100, 120];
const PASSWORD: &str = "a password of 24 letters";

fn keys(profile: Profile, side: Side) -> (Open, Seal) {
    let material: Vec<u8> = (0..profile.keying_len() as u8).collect();
    srtp::pair(profile, &material, side).expect("right length")
}

/// rtc-srtp with the same keys as our server's sealing half.
fn their_context(profile: ProtectionProfile) -> Context {
    let material: Vec<u8> = (0..60).collect();
    let salt = if matches!(profile, ProtectionProfile::AeadAes128Gcm) { 44..56 } else { 46..60 };
    let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
    Context::new(&material[16..32], &material[salt], profile, None, None, provider.crypto()).expect("right lengths")
}

fn new_head(index: u64) -> NewHead {
    NewHead { marker: false, payload_type: 96, sequence: index as u16, timestamp: index as u32, ssrc: 7 }
}

/// A VP8 packet with mid and transport-cc elements; returns it and the length of its header.
fn plain(index: u64, size: usize) -> (Vec<u8>, usize) {
    let mut bytes = vec![0; MAX_HEAD];
    let elements: [(u8, &[u8]); 2] = [(4, b"1"), (3, &[0, 1])];
    let head = rtp::write_head(&mut bytes, &new_head(index), &elements).expect("room");
    bytes.truncate(head);
    bytes.extend([0x90, 0xE0, 0x81, 0x23, 0x45, 0x40, 0x01]);
    bytes.resize(head + size, 0x5A);
    (bytes, head)
}

fn sealing(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("seal");
    for size in SIZES {
        group.throughput(Throughput::Elements(1));
        let (packet, head) = plain(0, size);
        for (name, profile) in [("gcm", Profile::AeadAes128Gcm), ("cm_sha1_80", Profile::Aes128CmSha1_80)] {
            let (_, seal) = keys(profile, Side::Server);
            let mut out = vec![0; packet.len() + RTP_OVERHEAD];
            let mut index = 0;
            group.bench_function(BenchmarkId::new(format!("{name} scattered"), size), |b| {
                b.iter(|| {
                    index += 1;
                    out[..head].copy_from_slice(&packet[..head]);
                    new_head(index).overwrite(&mut out);
                    seal.rtp_from(index, &mut out, head, black_box(&packet[head..]))
                });
            });
            group.bench_function(BenchmarkId::new(format!("{name} copied, in place"), size), |b| {
                b.iter(|| {
                    index += 1;
                    out[..packet.len()].copy_from_slice(black_box(&packet));
                    new_head(index).overwrite(&mut out);
                    seal.rtp(index, &mut out, head, packet.len() - head)
                });
            });
        }
        for (name, profile) in [
            ("gcm of rtc-srtp", ProtectionProfile::AeadAes128Gcm),
            ("cm_sha1_80 of rtc-srtp", ProtectionProfile::Aes128CmHmacSha1_80),
        ] {
            let mut context = their_context(profile);
            let (mut packet, mut index) = (packet.clone(), 0);
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| {
                    index += 1;
                    new_head(index).overwrite(&mut packet);
                    context.encrypt_rtp(black_box(&packet))
                });
            });
        }
    }
    group.finish();
}

fn opening(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("open");
    for size in SIZES {
        for (name, profile) in [("gcm", Profile::AeadAes128Gcm), ("cm_sha1_80", Profile::Aes128CmSha1_80)] {
            let ((_, seal), (mut open, _)) = (keys(profile, Side::Server), keys(profile, Side::Client));
            let mut index = 0;
            group.bench_function(BenchmarkId::new(name, size), |b| {
                let sealed = || sealed(&seal, &mut index, size);
                b.iter_batched_ref(sealed, |packet| open_one(&mut open, packet), BatchSize::SmallInput);
            });
        }
        let (_, seal) = keys(Profile::AeadAes128Gcm, Side::Server);
        let mut context = their_context(ProtectionProfile::AeadAes128Gcm);
        let mut index = 0;
        group.bench_function(BenchmarkId::new("gcm of rtc-srtp", size), |b| {
            let sealed = || sealed(&seal, &mut index, size);
            b.iter_batched_ref(sealed, |packet| context.decrypt_rtp(packet), BatchSize::SmallInput);
        });
    }
    let mut replayed = sealed(&keys(Profile::AeadAes128Gcm, Side::Server).1, &mut 0, 1_100);
    let mut forged = replayed.clone();
    forged[1] ^= 0x80;
    let (mut open, _) = keys(Profile::AeadAes128Gcm, Side::Client);
    group.bench_function("gcm, forged/1100", |b| b.iter(|| open_one(&mut open, black_box(&mut forged)).is_err()));
    open_one(&mut open, &mut replayed).expect("once");
    group.bench_function("gcm, replayed/1100", |b| b.iter(|| open_one(&mut open, black_box(&mut replayed)).is_err()));
    group.finish();
}

fn sealed(seal: &Seal, index: &mut u64, size: usize) -> Vec<u8> {
    *index += 1;
    let (mut packet, head) = plain(*index, size);
    let payload = packet.len() - head;
    packet.resize(packet.len() + RTP_OVERHEAD, 0);
    let len = seal.rtp(*index, &mut packet, head, payload).expect("room");
    packet.truncate(len);
    packet
}

fn open_one(open: &mut Open, packet: &mut [u8]) -> Result<u64, srtp::SrtpError> {
    let head = Head::parse(packet).map_err(|_| srtp::SrtpError::TooShort)?;
    open.rtp(packet, &head).map(|opened| opened.index)
}

#[expect(clippy::disallowed_methods, reason = "a bench has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

fn rewriting(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("rewrite");
    let (packet, head_len) = plain(0, 1_100);
    group.bench_function("read header, extensions and descriptor", |b| {
        b.iter(|| {
            let head = Head::parse(black_box(&packet)).expect("well formed");
            let found = rtp::extension(&packet, &head, 3).map(<[u8]>::len);
            (found, Vp8::parse(&packet[head.len..]))
        });
    });
    group.bench_function("map, write header, patch descriptor", |b| {
        let (mut rewriter, now) = (Rewriter::new(0, 0, 90_000), start());
        let (mut out, mut index) = (packet.clone(), 0);
        let vp8 = Vp8::parse(&packet[head_len..]).expect("whole");
        b.iter(|| {
            index += 1;
            let mapped = rewriter.map(index, index as u32, Some(&vp8), now).expect("in order");
            let elements: [(u8, &[u8]); 2] = [(4, b"1"), (3, &[0, 1])];
            let len = rtp::write_head(&mut out, &new_head(mapped.index), &elements).expect("room");
            vp8.patch(&mut out[len..], mapped.vp8.expect("a descriptor"));
            black_box(&mut out);
        });
    });
    group.bench_function("keep in the cache", |b| {
        let (mut cache, now) = (cache::Cache::new(cache::VIDEO_PACKETS, cache::MAX_AGE), start());
        let mut index = 0;
        b.iter(|| {
            index += 1;
            cache.insert(index, black_box(&packet), now);
        });
    });
    group.bench_function("receiver statistics", |b| {
        let (mut receiver, now) = (Receiver::new(90_000), start());
        let mut index = 0;
        b.iter(|| {
            index += 1;
            receiver.arrived(index, (index / 5 * 3_000) as u32, now + Duration::from_millis(index / 5 * 33))
        });
    });
    group.finish();
}

fn reports(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("rtcp");
    let mut compound = Vec::new();
    rtcp::receiver_report(&mut compound, 1, &[Block { ssrc: 7, ..Block::default() }]);
    rtcp::nack(&mut compound, 1, 7, &[10, 11, 12, 40]);
    group.bench_function("parse RR and NACK", |b| {
        b.iter(|| {
            rtcp::packets(black_box(&compound))
                .map(|packet| match packet {
                    Packet::ReceiverReport { blocks, .. } => blocks.count(),
                    Packet::Nack { lost, .. } => lost.count(),
                    _ => 0,
                })
                .sum::<usize>()
        });
    });
    group.bench_function("parse RR and NACK with rtc-rtcp", |b| {
        b.iter(|| rtc_rtcp::packet::unmarshal(&mut black_box(&compound[..])));
    });
    group.bench_function("record and tell 100 arrivals", |b| {
        let (mut arrivals, mut at, mut sequence) = (Arrivals::new(), start(), 0_u16);
        let mut out = Vec::new();
        b.iter(|| {
            for _ in 0..100 {
                sequence = sequence.wrapping_add(1);
                at += Duration::from_micros(700);
                arrivals.record(sequence, at);
            }
            out.clear();
            while arrivals.write(&mut out, 1, 2) {}
            out.len()
        });
    });
    group.finish();
}

fn checks(c: &mut Criterion<CpuTime>) {
    let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
    let request = binding_request(provider.as_ref(), PASSWORD);
    let forged = binding_request(provider.as_ref(), "another password");
    let mapped = "192.0.2.7:4711".parse().expect("an address");
    let mut group = c.benchmark_group("stun");
    let key = stun::Key::new(PASSWORD);
    group.bench_function("read and find the user", |b| {
        b.iter(|| stun::Request::parse(black_box(&request)).map(|r| r.local_ufrag().len()));
    });
    group.bench_function("read and verify", |b| {
        b.iter(|| stun::Request::parse(black_box(&request)).is_ok_and(|r| r.verify(&key)));
    });
    group.bench_function("read and verify with rtc-stun", |b| {
        b.iter(|| {
            let mut message = Message::new();
            message.unmarshal_binary(black_box(&request)).expect("well formed");
            FINGERPRINT.check(&message).expect("right");
            MessageIntegrity::check(&mut message, PASSWORD.as_bytes(), provider.crypto()).is_ok()
        });
    });
    group.bench_function("read and refuse, right user", |b| {
        b.iter(|| stun::Request::parse(black_box(&forged)).is_ok_and(|r| r.verify(&key)));
    });
    group.bench_function("answer", |b| {
        let mut out = [0; stun::MAX_SUCCESS];
        b.iter(|| stun::write_success(&mut out, black_box(&[7; 12]), mapped, &key));
    });
    group.finish();
}

fn binding_request(provider: &dyn RTCCryptoProvider, password: &str) -> Vec<u8> {
    let mut message = Message::new();
    message.set_type(BINDING_REQUEST);
    message.transaction_id = TransactionId([7; 12]);
    message.write_header();
    TextAttribute::new(ATTR_USERNAME, "serverserver:clie".into()).add_to(&mut message).expect("fits");
    message.add(ATTR_PRIORITY, &[0; 4]);
    message.add(AttrType(0x802A), &[0; 8]);
    message.add(ATTR_USE_CANDIDATE, &[]);
    MessageIntegrity::new_raw_integrity_with_provider(password, provider.crypto())
        .add_to(&mut message)
        .expect("no fingerprint yet");
    FINGERPRINT.add_to(&mut message).expect("fits");
    message.raw.to_vec()
}

criterion_group! {
    name = pieces;
    config = Criterion::default().with_measurement(CpuTime).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = sealing, opening, rewriting, reports, checks
}
criterion_main!(pieces);
