//! Loss, repair, jitter and clocks, in virtual time.
use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

const MS: Duration = Duration::from_millis(1);
const RTT: Duration = Duration::from_millis(60);

fn ask(receiver: &mut Receiver, now: Instant) -> Vec<u16> {
    let mut out = vec![9_999];
    receiver.missing(now, RTT, &mut out);
    out
}

#[test]
fn a_gap_is_asked_for_after_reordering_could_have_filled_it_and_again_after_a_round_trip() {
    let (mut receiver, now) = (Receiver::new(90_000), start());
    receiver.arrived(65_534, 0, now);
    receiver.arrived(65_538, 0, now);

    assert!(ask(&mut receiver, now).is_empty());
    assert_eq!(receiver.nack_deadline(), Some(now + 10 * MS));
    assert_eq!(ask(&mut receiver, now + 10 * MS), [65_535, 0, 1]);
    assert!(ask(&mut receiver, now + 60 * MS).is_empty());
    receiver.recovered(65_536, now + 65 * MS);
    assert_eq!(ask(&mut receiver, now + 70 * MS), [65_535, 1]);
}

#[test]
fn a_packet_is_given_up_after_a_second() {
    let (mut receiver, now) = (Receiver::new(90_000), start());
    receiver.arrived(1, 0, now);
    receiver.arrived(3, 0, now);

    let asks = (0..2_000).filter(|&ms| !ask(&mut receiver, now + ms * MS).is_empty()).count();

    assert_eq!(asks, 10);
    assert!(receiver.gave_up());
    assert!(!receiver.gave_up(), "it is told once");
    assert_eq!(receiver.nack_deadline(), None);
    assert_eq!(receiver.lost(), 1);
}

#[test]
fn an_outage_is_not_repaired_packet_by_packet() {
    let (mut receiver, now) = (Receiver::new(90_000), start());
    receiver.arrived(1, 0, now);

    receiver.arrived(1_000, 0, now);

    assert!(receiver.gave_up());
    assert!(ask(&mut receiver, now + 20 * MS).is_empty());
    assert_eq!(receiver.lost(), 998);
}

#[test]
fn a_packet_counts_once_whichever_way_it_comes() {
    let (mut receiver, now) = (Receiver::new(90_000), start());

    assert!(receiver.arrived(10, 0, now));
    assert!(!receiver.arrived(10, 0, now));
    assert!(!receiver.recovered(10, now));
    assert!(receiver.arrived(12, 0, now));
    assert!(receiver.recovered(11, now));
    assert!(!receiver.arrived(11, 0, now));
    assert!(receiver.arrived(9, 0, now), "it was sent before the first that came");
    assert_eq!(receiver.lost(), 0);
}

#[test]
fn reports_tell_what_the_network_lost_and_totals_what_repair_left() {
    let (mut receiver, now) = (Receiver::new(90_000), start());
    (0..100).filter(|index| index % 4 != 3).for_each(|index| {
        receiver.arrived(index, 0, now);
    });
    receiver.recovered(3, now);
    receiver.sender_report(0x1111_2222_3333_4444, now);

    let block = receiver.block(7, now + 500 * MS);

    // 99 did not even leave a gap yet: the highest is 98.
    assert_eq!((block.ssrc, block.lost, block.highest), (7, 24, 98));
    assert_eq!(block.fraction, (24 * 256 / 99) as u8);
    assert_eq!((block.lsr, block.dlsr), (0x2222_3333, 32_768));
    assert_eq!(receiver.block(7, now).fraction, 0, "nothing was lost since");
    assert_eq!(receiver.lost(), 0, "23 may still come");
    ask(&mut receiver, now + 20 * MS);
    ask(&mut receiver, now + Duration::from_secs(2));
    assert_eq!(receiver.lost(), 23);
}

#[test]
fn what_nobody_asks_for_again_is_lost_after_a_second() {
    let (mut receiver, now) = (Receiver::new(48_000), start());
    receiver.arrived(1, 0, now);
    receiver.arrived(5, 0, now);
    assert_eq!(receiver.lost(), 0);

    receiver.arrived(6, 960, now + 1_001 * MS);

    assert_eq!(receiver.lost(), 3);
}

#[test]
fn jitter_follows_the_formula_of_the_rfc() {
    let (mut receiver, now) = (Receiver::new(48_000), start());
    let mut expected = 0_f64;
    for n in 0..200_u32 {
        // Every other packet is 10 ms late: each step of transit is 480 ticks.
        let late = if n % 2 == 1 { 10 } else { 0 };
        receiver.arrived(u64::from(n), n * 960, now + (n * 20 + late) * MS);
        if n > 0 {
            expected += (480.0 - expected) / 16.0;
        }
    }

    let jitter = f64::from(receiver.jitter_us()) * 48.0 / 1_000.0;

    assert!((jitter - expected).abs() < 10.0, "{jitter} against {expected}");
}

#[test]
fn packets_of_one_picture_and_repaired_ones_are_no_jitter() {
    let (mut receiver, now) = (Receiver::new(90_000), start());
    for n in 0..300_u32 {
        receiver.arrived(u64::from(n), n / 3 * 3_000, now + (n / 3 * 33 + n % 3 * 8) * MS);
    }

    assert!(receiver.jitter_us() < 1_000, "{}", receiver.jitter_us());
}

#[test]
fn a_clock_moves_on_with_the_time_since_its_report() {
    let now = start();
    let clock = SenderClock::new(10 << 32, u32::MAX, now);

    let (ntp, rtp) = clock.at(now + 500 * MS, 90_000);

    assert_eq!((ntp, rtp), ((10 << 32) + (1 << 31), 44_999));
    assert_eq!(clock.reported(), now);
}

#[test]
fn a_round_trip_is_what_the_receiver_did_not_hold() {
    assert_eq!(round_trip(560 * MS, 32_768), Some(60 * MS));
    assert_eq!(round_trip(400 * MS, 32_768), None, "a lie");
    assert_eq!(round_trip(400 * MS, u32::MAX), None);
}

proptest! {
    #[test]
    fn any_order_of_packets_keeps_bounds_and_counts(steps in prop::collection::vec((-1_500_i64..400, 0_u64..40, any::<bool>()), 1..500)) {
        let (mut receiver, mut now) = (Receiver::new(90_000), start());
        let (mut index, mut out) = (1_u64 << 20, Vec::new());
        let mut seen = std::collections::BTreeSet::new();
        for (step, wait, repair) in steps {
            index = index.saturating_add_signed(if step > 20 && step < 390 { 1 } else { step });
            now += Duration::from_millis(wait);
            let new = if repair { receiver.recovered(index, now) } else { receiver.arrived(index, 0, now) };
            prop_assert!(!(new && seen.contains(&index)), "{} twice", index);
            seen.insert(index);
            receiver.missing(now, Duration::ZERO, &mut out);
            prop_assert!(out.len() <= 128);
            receiver.block(1, now);
        }
        let range = seen.last().expect("some") - seen.first().expect("some") + 1;
        prop_assert!(receiver.lost() <= range);
    }
}
