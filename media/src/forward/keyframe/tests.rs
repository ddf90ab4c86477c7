//! Requests are rare, repeated until answered, and nobody can force more.
use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_first_ask_goes_out_at_once_and_others_wait_for_it() {
    let (mut throttle, now) = (Throttle::default(), start());

    assert!(throttle.ask(now));
    assert!(!throttle.ask(now + 100 * MS));
    assert_eq!(throttle.deadline(), Some(now + INTERVAL));
    assert!(!throttle.due(now + 499 * MS));
    assert!(throttle.due(now + 500 * MS));
}

#[test]
fn a_keyframe_ends_the_asking() {
    let (mut throttle, now) = (Throttle::default(), start());
    throttle.ask(now);

    throttle.seen();

    assert_eq!(throttle.deadline(), None);
    assert!(!throttle.due(now + 2 * INTERVAL));
    assert!(throttle.ask(now + 2 * INTERVAL));
}

#[test]
fn a_flood_of_asks_reaches_the_source_twice_a_second() {
    let (mut throttle, now) = (Throttle::default(), start());

    let sent = (0..30_000).filter(|&ms| {
        // The source answers each time, so that every ask is a new one.
        let asked = throttle.ask(now + ms * MS);
        throttle.seen();
        asked
    });

    assert_eq!(sent.count(), 60);
}

#[test]
fn a_source_that_never_answers_is_left_alone_until_somebody_asks_anew() {
    let (mut throttle, now) = (Throttle::default(), start());
    throttle.ask(now);

    let sent = (1..100).filter(|&step| throttle.due(now + step * INTERVAL)).count();

    assert_eq!(sent, 19);
    assert_eq!(throttle.deadline(), None);
    assert!(throttle.ask(now + 100 * INTERVAL));
}

#[test]
fn a_receiver_asks_three_times_in_ten_seconds() {
    let (mut allowance, now) = (Allowance::default(), start());

    let granted: Vec<u64> = (0..25_u64).filter(|&second| allowance.take(now + Duration::from_secs(second))).collect();

    assert_eq!(granted, [0, 1, 2, 10, 11, 12, 20, 21, 22]);
}
