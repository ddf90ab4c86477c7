//! A second counts as talk if somebody really spoke in it.
use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
fn start() -> Instant {
    Instant::now()
}

const FRAME: Duration = Duration::from_millis(20);

fn level(byte: u8) -> Level {
    Level::parse(&[byte]).expect("a byte")
}

#[test]
fn the_element_is_read() {
    assert_eq!(level(0x80 | 30), Level { voice: true, below_full_scale: 30 });
    assert_eq!(level(127), Level { voice: false, below_full_scale: 127 });
    assert_eq!(Level::parse(&[]), None);
    assert!(level(50).is_voice() && !level(51).is_voice() && level(0x80 | 127).is_voice());
}

#[test]
fn ten_frames_of_voice_are_talk_and_nine_are_not() {
    for (frames, talk) in [(9, false), (10, true)] {
        let (mut heard, now) = (Talk::default(), start());
        for frame in 0..50 {
            heard.heard(level(if frame < frames { 40 } else { 90 }), now + frame * FRAME);
        }

        assert_eq!(heard.take_second(), talk);
        assert!(!heard.take_second(), "the next second begins empty");
    }
}

#[test]
fn a_gap_is_not_voice() {
    let (mut heard, now) = (Talk::default(), start());
    heard.heard(level(20), now);
    heard.heard(level(20), now + Duration::from_millis(900));

    assert!(!heard.take_second());
}
