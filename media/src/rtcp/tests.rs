//! Our RTCP against rtc-rtcp both ways, and against noise.
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rtc_rtcp::{
    goodbye::Goodbye,
    packet::{Packet as Theirs, unmarshal},
    payload_feedbacks::{
        full_intra_request::{FirEntry, FullIntraRequest},
        picture_loss_indication::PictureLossIndication,
    },
    receiver_report::ReceiverReport,
    reception_report::ReceptionReport,
    sender_report::SenderReport,
    source_description::SourceDescription,
    transport_feedbacks::{
        transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc},
        transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers},
    },
};
use rtc_shared::marshal::Marshal;

use super::*;

fn theirs(bytes: &[u8]) -> Vec<Box<dyn Theirs>> {
    unmarshal(&mut &bytes[..]).expect("rtc-rtcp reads what we write")
}

fn as_ref<T: 'static>(packet: &dyn Theirs) -> &T {
    packet.as_any().downcast_ref().expect("this kind of packet")
}

fn some_block() -> Block {
    Block { ssrc: 9, fraction: 3, lost: 77, highest: 0x0001_0203, jitter: 44, lsr: 55, dlsr: 66 }
}

#[test]
fn what_we_write_is_what_rtc_rtcp_reads() {
    let mut out = Vec::new();
    sender_report(&mut out, 1, 0x0102_0304_0506_0708, 2, 3, 4, &[some_block()]);
    sdes_cname(&mut out, 1, "a name");
    receiver_report(&mut out, 5, &[some_block(), some_block()]);
    nack(&mut out, 6, 7, &[10, 11, 26, 27, 65_535, 0]);
    pli(&mut out, 6, 7);
    fir(&mut out, 6, 7, 8);
    bye(&mut out, &[1, 2]);

    let read = theirs(&out);

    let report: &SenderReport = as_ref(read[0].as_ref());
    assert_eq!((report.ssrc, report.ntp_time, report.rtp_time), (1, 0x0102_0304_0506_0708, 2));
    assert_eq!((report.packet_count, report.octet_count, report.reports[0].total_lost), (3, 4, 77));
    let description: &SourceDescription = as_ref(read[1].as_ref());
    assert_eq!(&description.chunks[0].items[0].text[..], b"a name");
    let report: &ReceiverReport = as_ref(read[2].as_ref());
    assert_eq!((report.ssrc, report.reports.len(), report.reports[1].last_sequence_number), (5, 2, 0x0001_0203));
    let asked: &TransportLayerNack = as_ref(read[3].as_ref());
    let numbers: Vec<u16> = asked.nacks.iter().flat_map(|pair| pair.packet_list()).collect();
    assert_eq!(numbers, [10, 11, 26, 27, 65_535, 0]);
    assert_eq!(as_ref::<PictureLossIndication>(read[4].as_ref()).media_ssrc, 7);
    assert_eq!(as_ref::<FullIntraRequest>(read[5].as_ref()).fir, [FirEntry { ssrc: 7, sequence_number: 8 }]);
    assert_eq!(as_ref::<Goodbye>(read[6].as_ref()).sources, [1, 2]);
}

#[test]
fn every_packet_of_a_compound_of_rtc_rtcp_is_read() {
    let block = ReceptionReport {
        ssrc: 9,
        fraction_lost: 3,
        total_lost: 0xFF_FFFE,
        last_sequence_number: 5,
        jitter: 6,
        last_sender_report: 7,
        delay: 8,
    };
    let mut bytes = Vec::new();
    let report = ReceiverReport { ssrc: 1, reports: vec![block], ..Default::default() };
    bytes.extend(report.marshal().expect("fits"));
    let report =
        SenderReport { ssrc: 2, ntp_time: 3, rtp_time: 4, packet_count: 5, octet_count: 6, ..Default::default() };
    bytes.extend(report.marshal().expect("fits"));
    let nacks = nack_pairs_from_sequence_numbers(&[100, 101, 116, 117, 500]);
    bytes.extend(TransportLayerNack { sender_ssrc: 1, media_ssrc: 2, nacks }.marshal().expect("fits"));
    bytes.extend(PictureLossIndication { sender_ssrc: 1, media_ssrc: 3 }.marshal().expect("fits"));
    let fir = vec![FirEntry { ssrc: 4, sequence_number: 5 }];
    bytes.extend(FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir }.marshal().expect("fits"));
    bytes.extend(Goodbye { sources: vec![7, 8], ..Default::default() }.marshal().expect("fits"));

    let mut read = packets(&bytes);

    let Some(Packet::ReceiverReport { ssrc: 1, mut blocks }) = read.next() else { panic!("a report") };
    let expected = Block { ssrc: 9, fraction: 3, lost: -2, highest: 5, jitter: 6, lsr: 7, dlsr: 8 };
    assert_eq!((blocks.next(), blocks.next()), (Some(expected), None));
    let sr = read.next();
    assert!(matches!(sr, Some(Packet::SenderReport { ssrc: 2, ntp: 3, rtp: 4, packets: 5, octets: 6, .. })));
    let Some(Packet::Nack { media: 2, lost }) = read.next() else { panic!("a nack") };
    assert_eq!(lost.collect::<Vec<_>>(), [100, 101, 116, 117, 500]);
    assert!(matches!(read.next(), Some(Packet::Pli { media: 3 })));
    let Some(Packet::Fir { targets }) = read.next() else { panic!("a fir") };
    assert_eq!(targets.collect::<Vec<_>>(), [(4, 5)]);
    let Some(Packet::Bye { ssrcs }) = read.next() else { panic!("a bye") };
    assert_eq!(ssrcs.collect::<Vec<_>>(), [7, 8]);
    assert!(read.next().is_none());
}

#[test]
fn a_compound_ends_where_a_length_lies() {
    let mut bytes = Vec::new();
    pli(&mut bytes, 1, 2);
    receiver_report(&mut bytes, 1, &[some_block()]);
    let lying = bytes.len();
    pli(&mut bytes, 1, 2);
    let mut too_long = bytes.clone();
    too_long[lying + 3] = 3;
    let mut too_many_blocks = bytes.clone();
    too_many_blocks[12] |= 31;

    assert_eq!(packets(&bytes).count(), 3);
    assert_eq!(packets(&too_long).count(), 2);
    assert_eq!(packets(&too_many_blocks).count(), 1);
}

#[test]
fn a_cname_of_any_length_fills_whole_words() {
    for length in 0..12 {
        let mut out = Vec::new();
        sdes_cname(&mut out, 1, &"n".repeat(length));
        let read = theirs(&out);
        let description: &SourceDescription = as_ref(read[0].as_ref());
        assert_eq!(description.chunks[0].items[0].text.len(), length);
    }
}

#[test]
fn a_nack_is_bounded() {
    let lost: Vec<u16> = (0..2_000).map(|n| n * 20).collect();
    let mut out = Vec::new();

    nack(&mut out, 1, 2, &lost);
    nack(&mut out, 1, 2, &[]);

    assert_eq!(out.len(), 12 + 4 * MAX_NACKED);
}

/// Reads a feedback with rtc-rtcp: `(sequence, ticks since the reference time)` of what was received, and where the
/// feedback ends.
fn told(bytes: &[u8]) -> (Vec<(u16, i64)>, u16) {
    let read = theirs(bytes);
    let feedback: &TransportLayerCc = as_ref(read[0].as_ref());
    let mut symbols = Vec::new();
    for chunk in &feedback.packet_chunks {
        match chunk {
            PacketStatusChunk::RunLengthChunk(run) => {
                symbols.extend(vec![run.packet_status_symbol; usize::from(run.run_length)]);
            }
            PacketStatusChunk::StatusVectorChunk(vector) => symbols.extend(&vector.symbol_list),
        }
    }
    symbols.truncate(usize::from(feedback.packet_status_count));
    assert_eq!(symbols.len(), usize::from(feedback.packet_status_count));
    let mut at = i64::from(feedback.reference_time) * 256;
    let mut deltas = feedback.recv_deltas.iter();
    let mut received = Vec::new();
    for (i, symbol) in symbols.iter().enumerate() {
        if *symbol != SymbolTypeTcc::PacketNotReceived {
            at += deltas.next().expect("a delta for each").delta / 250;
            received.push((feedback.base_sequence_number.wrapping_add(i as u16), at));
        }
    }
    assert!(deltas.next().is_none());
    (received, feedback.base_sequence_number.wrapping_add(feedback.packet_status_count))
}

const TICK: Duration = Duration::from_micros(250);

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn arrivals_are_told_with_their_times_and_gaps() {
    let (mut arrivals, start) = (Arrivals::new(), start());
    for (sequence, ticks) in [(65_534, 0), (65_535, 20), (1, 300), (2, 1_000), (0, 1_001)] {
        arrivals.record(sequence, start + TICK * ticks);
    }
    let mut out = Vec::new();

    assert!(arrivals.write(&mut out, 1, 2));

    assert_eq!(told(&out).0, [(65_534, 0), (65_535, 20), (0, 1_001), (1, 300), (2, 1_000)]);
    assert!(!arrivals.write(&mut out, 1, 2), "there is nothing new");
}

#[test]
fn a_late_packet_is_told_in_the_next_feedback() {
    let (mut arrivals, start) = (Arrivals::new(), start());
    arrivals.record(10, start);
    arrivals.record(12, start + TICK);
    arrivals.write(&mut Vec::new(), 1, 2);
    arrivals.record(11, start + TICK * 9);
    let mut out = Vec::new();

    assert!(arrivals.write(&mut out, 1, 2));

    assert_eq!(told(&out).0, [(11, 9), (12, 1)]);
}

#[test]
fn a_long_pause_begins_another_feedback() {
    let (mut arrivals, start) = (Arrivals::new(), start());
    arrivals.record(1, start);
    arrivals.record(2, start + Duration::from_secs(60));
    let (mut first, mut second) = (Vec::new(), Vec::new());

    assert!(arrivals.write(&mut first, 1, 2));
    assert!(arrivals.write(&mut second, 1, 2));

    assert_eq!(told(&first).0, [(1, 0)]);
    assert_eq!(told(&second).0, [(2, 240_000)]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_run_on(mut bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 199_u8..208) {
        if bytes.len() > 4 {
            bytes[0] = 0x80 | (bytes[0] & 0x3F);
            bytes[1] = kind;
            bytes[2] = 0;
        }
        let mut items = 0;
        for packet in packets(&bytes) {
            items += match packet {
                Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => blocks.count(),
                Packet::Nack { lost, .. } => lost.count(),
                Packet::Fir { targets } => targets.count(),
                Packet::Bye { ssrcs } => ssrcs.count(),
                Packet::Pli { .. } | Packet::TransportCc(_) | Packet::Other => 1,
            };
        }
        prop_assert!(items <= 17 * bytes.len());
    }

    #[test]
    fn nacked_numbers_are_read_back(mut lost in prop::collection::btree_set(any::<u16>(), 1..100)) {
        let mut out = Vec::new();
        let asked: Vec<u16> = std::mem::take(&mut lost).into_iter().collect();

        nack(&mut out, 1, 2, &asked);

        let Some(Packet::Nack { media: 2, lost }) = packets(&out).next() else { panic!("a nack") };
        prop_assert_eq!(lost.collect::<Vec<_>>(), asked);
    }

    #[test]
    fn feedback_tells_exactly_what_arrived(steps in prop::collection::vec((0_u16..60, 0_u32..3_000), 1..600), first: u16) {
        let (mut arrivals, start) = (Arrivals::new(), start());
        let (mut sequence, mut ticks) = (first, 0);
        let mut expected = vec![(sequence, 0)];
        arrivals.record(sequence, start);
        let mut seen = Vec::new();
        let mut told_all = |arrivals: &mut Arrivals| {
            let mut out = Vec::new();
            while arrivals.write(&mut out, 1, 2) {
                assert!(out.len() <= 680, "{}", out.len());
                seen.extend(told(&out).0);
                out.clear();
            }
        };
        for (i, (gap, wait)) in steps.into_iter().enumerate() {
            sequence = sequence.wrapping_add(1 + gap / 10);
            ticks += wait / 30;
            arrivals.record(sequence, start + TICK * ticks);
            arrivals.record(sequence, start + TICK * (ticks + 5));
            expected.push((sequence, i64::from(ticks)));
            if i % 70 == 69 {
                told_all(&mut arrivals);
            }
        }
        told_all(&mut arrivals);
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn hostile_numbers_and_times_keep_feedback_bounded(steps in prop::collection::vec((any::<u16>(), 0_u64..100_000), 1..400)) {
        let (mut arrivals, start) = (Arrivals::new(), start());
        for (sequence, at) in steps {
            arrivals.record(sequence, start + Duration::from_millis(at));
        }
        let (mut out, mut rounds) = (Vec::new(), 0);
        while arrivals.write(&mut out, 1, 2) {
            prop_assert!(out.len() <= 680);
            told(&out);
            out.clear();
            rounds += 1;
            prop_assert!(rounds <= WINDOW_ROUNDS);
        }
    }
}

const WINDOW_ROUNDS: usize = 512;
