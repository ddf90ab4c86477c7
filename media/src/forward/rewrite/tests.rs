//! However sources change, a slot's stream stays unbroken, and no number is ever given to two packets.
use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

fn vp8(picture_id: u16, tl0: u8) -> Vp8 {
    let payload = [0x90, 0xE0, 0x80 | (picture_id >> 8) as u8, picture_id as u8, tl0, 0x40, 0x01];
    Vp8::parse(&payload).expect("whole")
}

/// Maps a packet without a descriptor and gives its index.
fn index(rewriter: &mut Rewriter, source: u64) -> Option<u64> {
    rewriter.map(source, 0, None, start()).map(|mapped| mapped.index)
}

#[test]
fn a_slot_begins_with_the_numbers_it_was_given() {
    let mut rewriter = Rewriter::new(0, 5_000, 90_000);

    let mapped = rewriter.map(70_000, 123, None, start()).expect("the first packet");

    assert_eq!(mapped, Mapped { index: 0, timestamp: 5_000, vp8: None });
    assert_eq!(rewriter.timestamp_of(124), Some(5_001));
}

#[test]
fn another_source_goes_on_where_the_last_one_stopped() {
    let (mut rewriter, now) = (Rewriter::new(100, 5_000, 90_000), start());
    rewriter.map(7, 1_000, Some(&vp8(300, 9)), now);
    let last = rewriter.map(8, 4_000, Some(&vp8(301, 10)), now).expect("the second packet");

    rewriter.switch();
    let later = now + Duration::from_millis(100);
    let first = rewriter.map(40_000, 77, Some(&vp8(0x7FFF, 200)), later).expect("another source");
    let second = rewriter.map(40_001, 3_077, Some(&vp8(0, 201)), later).expect("its second packet");

    assert_eq!((last.index, last.timestamp), (101, 8_000));
    assert_eq!((first.index, first.timestamp), (102, 8_000 + 9_000));
    assert_eq!((second.index, second.timestamp), (103, 8_000 + 12_000));
    let numbers = [last, first, second].map(|mapped| mapped.vp8.expect("a descriptor"));
    assert_eq!(numbers.map(|n| n.picture_id), [2, 3, 4]);
    assert_eq!(numbers.map(|n| n.tl0), [2, 3, 4]);
}

#[test]
fn a_switch_within_no_time_still_moves_the_timestamp() {
    let (mut rewriter, now) = (Rewriter::new(100, 5_000, 48_000), start());
    rewriter.map(7, 1_000, None, now);
    rewriter.switch();

    let first = rewriter.map(9, 1_000, None, now).expect("another source");

    assert_eq!(first.timestamp, 5_001);
}

#[test]
fn packets_out_of_order_and_sent_again_have_the_same_numbers() {
    let mut rewriter = Rewriter::new(100, 0, 90_000);
    assert_eq!(index(&mut rewriter, 1_000), Some(100));
    assert_eq!(index(&mut rewriter, 1_002), Some(102));
    assert_eq!(index(&mut rewriter, 1_001), Some(101));

    assert_eq!(index(&mut rewriter, 1_002), Some(102));
    assert_eq!(rewriter.source_of(101), Some(1_001));
    assert_eq!(rewriter.source_of(103), None, "it was not sent");
    assert_eq!(index(&mut rewriter, 999), None, "it came before the source was shown");
}

#[test]
fn skipped_packets_leave_no_gap_and_get_no_number() {
    let mut rewriter = Rewriter::new(100, 0, 90_000);
    index(&mut rewriter, 1_000);
    rewriter.skip(1_001);
    rewriter.skip(1_002);
    assert_eq!(index(&mut rewriter, 1_003), Some(101));
    rewriter.skip(1_005);
    assert_eq!(index(&mut rewriter, 1_006), Some(103));

    assert_eq!(index(&mut rewriter, 1_004), Some(102));
    assert_eq!([1_001, 1_002, 1_005].map(|skipped| index(&mut rewriter, skipped)), [None; 3]);
    assert_eq!([100, 101, 102, 103].map(|out| rewriter.source_of(out)), [1_000, 1_003, 1_004, 1_006].map(Some));
}

#[test]
fn numbers_of_an_earlier_source_are_not_taken_for_this_ones() {
    let mut rewriter = Rewriter::new(100, 0, 90_000);
    index(&mut rewriter, 1_000);
    rewriter.switch();
    assert_eq!(rewriter.source_of(100), None);
    index(&mut rewriter, 1_000);

    assert_eq!(rewriter.source_of(100), None);
    assert_eq!(rewriter.source_of(101), Some(1_000));
}

#[test]
fn seven_bit_picture_ids_go_on_across_their_wrap() {
    let (mut rewriter, now) = (Rewriter::new(100, 0, 90_000), start());
    let narrow = |id: u8| Vp8::parse(&[0x90, 0x80, id, 0x01]).expect("whole");
    let ids: Vec<u16> = (120..300_u32)
        .map(|n| {
            let mapped = rewriter.map(u64::from(n), n, Some(&narrow((n % 128) as u8)), now).expect("in order");
            mapped.vp8.expect("a descriptor").picture_id & 0x7F
        })
        .collect();

    assert!(ids.windows(2).all(|pair| (pair[0] + 1) & 0x7F == pair[1]), "{ids:?}");
}

/// What may happen to a slot.
#[derive(Clone, Debug)]
enum Step {
    Packet { ahead: i64 },
    Skip { ahead: i64 },
    Switch { to: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (-6_i64..4).prop_map(|ahead| Step::Packet { ahead }),
        2 => (-2_i64..4).prop_map(|ahead| Step::Skip { ahead }),
        1 => (0_u64..1 << 40).prop_map(|to| Step::Switch { to }),
    ]
}

proptest! {
    #[test]
    fn no_number_is_given_to_two_packets(first in 0_u16..0x8000, steps in prop::collection::vec(step(), 1..400)) {
        let (mut rewriter, now) = (Rewriter::new(first, 0, 90_000), start());
        let (mut generation, mut at, mut skipped) = (0, 1 << 20, Vec::new());
        let mut given: BTreeMap<u64, (u32, u64)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Switch { to } => {
                    rewriter.switch();
                    skipped.clear();
                    generation += 1;
                    at = to + (1 << 20);
                }
                Step::Skip { ahead } => {
                    let source = at + ahead.max(0) as u64;
                    // A packet is forwarded or skipped, never both.
                    if !given.values().any(|&known| known == (generation, source)) {
                        rewriter.skip(source);
                        skipped.push(source);
                        at = at.max(source + 1);
                    }
                }
                Step::Packet { ahead } => {
                    let source = at.wrapping_add_signed(ahead);
                    if skipped.contains(&source) {
                        continue;
                    }
                    let Some(mapped) = rewriter.map(source, 0, None, now) else { continue };
                    let before = given.insert(mapped.index, (generation, source));
                    prop_assert!(before.is_none_or(|known| known == (generation, source)), "{} twice", mapped.index);
                    prop_assert_eq!(rewriter.source_of(mapped.index as u16), Some(source));
                    at = at.max(source + 1);
                }
            }
        }
    }
}
