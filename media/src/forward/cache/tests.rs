//! The ring keeps what is young and forgets the rest.
use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn the_last_packets_are_found_and_earlier_ones_are_not() {
    let (mut cache, now) = (Cache::new(4, MAX_AGE), start());
    for index in 10..20_u64 {
        cache.insert(index, &[index as u8], now);
    }

    assert_eq!(cache.get(15, now), None);
    for index in 16..20 {
        assert_eq!(cache.get(index, now), Some(&[index as u8][..]));
    }
    assert_eq!(cache.get(20, now), None);
}

#[test]
fn a_packet_older_than_a_second_is_not_sent_again() {
    let (mut cache, now) = (Cache::new(4, MAX_AGE), start());
    cache.insert(1, b"old", now);

    assert!(cache.get(1, now + MAX_AGE).is_some());
    assert!(cache.get(1, now + MAX_AGE + Duration::from_millis(1)).is_none());
}

#[test]
fn a_late_packet_does_not_push_out_a_newer_one() {
    let (mut cache, now) = (Cache::new(4, MAX_AGE), start());
    cache.insert(5, b"new", now);

    cache.insert(1, b"late", now);

    assert_eq!(cache.get(5, now), Some(&b"new"[..]));
    assert_eq!(cache.get(1, now), None);
}

#[test]
fn a_full_ring_reuses_its_buffers() {
    let (mut cache, now) = (Cache::new(2, MAX_AGE), start());
    cache.insert(0, &[0; 1_200], now);
    let buffer = cache.get(0, now).expect("kept").as_ptr();

    cache.insert(2, &[2; 1_000], now);

    assert_eq!(cache.get(2, now).expect("kept").as_ptr(), buffer);
}

#[test]
fn nothing_is_left_after_clearing() {
    let (mut cache, now) = (Cache::new(2, MAX_AGE), start());
    cache.insert(7, b"x", now);

    cache.clear();

    assert_eq!(cache.get(7, now), None);
}
