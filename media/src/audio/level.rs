//! Client-to-mixer audio levels (RFC 6464), and the seconds in which somebody talked.
use std::time::{Duration, Instant};

/// At most this far below full scale, in dB, sound counts as voice even if the client does not say so.
const VOICE: u8 = 50;
/// This much voice makes a second one of talk: shorter than a word, longer than a click.
const TALK: Duration = Duration::from_millis(200);
/// What one packet counts at most: the longest Opus frame that browsers send, so that a gap is not voice.
const LONGEST_FRAME: Duration = Duration::from_millis(60);
/// What a packet counts whose predecessor is unknown: the frame length of every browser.
const USUAL_FRAME: Duration = Duration::from_millis(20);

/// The element of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The V bit: the client's own voice detection.
    pub voice: bool,
    /// dB below full scale: 0 is loudest, 127 silence.
    pub below_full_scale: u8,
}

impl Level {
    /// Reads the value of the element, in one-byte and two-byte form the same (RFC 6464 3).
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        value.first().map(|&byte| Self { voice: byte & 0x80 != 0, below_full_scale: byte & 0x7F })
    }

    /// Whether it counts as voice.
    #[must_use]
    pub fn is_voice(self) -> bool {
        self.voice || self.below_full_scale <= VOICE
    }
}

/// Adds up voice, second by second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Talk {
    last: Option<Instant>,
    voice: Duration,
}

impl Talk {
    /// A packet with this level arrived.
    pub fn heard(&mut self, level: Level, at: Instant) {
        let since = self.last.map_or(USUAL_FRAME, |last| at.saturating_duration_since(last));
        self.last = Some(at);
        if level.is_voice() {
            self.voice += since.min(LONGEST_FRAME);
        }
    }

    /// Whether there was talk since the last call; called once a second.
    pub fn take_second(&mut self) -> bool {
        std::mem::take(&mut self.voice) >= TALK
    }
}

#[cfg(test)]
mod tests;
