//! How long everything may take for a text question, and how many of what: each number with its reason.
use std::time::Duration;

/// Answers that a question gets: after so many it takes no further one.
pub const SLOTS: usize = 3;
/// Characters under which a text is no answer (`UNDER_MIN`).
pub const MIN_ANSWER_CHARS: u32 = 20;
/// Longest question, answer, follow-up or reply in characters: a long story fits.
pub const MAX_TEXT_CHARS: usize = 4000;
/// Follow-ups and replies of one question. Free and unlimited for people; a program that goes on and on is stopped.
pub const MAX_LINES: usize = 2000;
/// Follow-ups that may wait for a reply at once.
pub const MAX_PENDING: usize = 20;
/// Versions of one answer.
pub const MAX_VERSIONS: u32 = 50;

/// The clocks of a question. The defaults are the county's; tests turn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// How long a slot is held for a lawyer who shows no sign of writing.
    pub claim: Duration,
    /// How long a slot is held at most, however much is written: the ten minutes of the whole promise.
    pub longest_claim: Duration,
    /// In which the first answer is promised.
    pub first: Duration,
    /// In which three answers are promised.
    pub three: Duration,
    /// From the asking, or from a follow-up, to the first two reminders.
    pub remind: Duration,
    /// Between the reminders after those.
    pub remind_later: Duration,
    /// After so long all lawyers of the county may answer, whatever their field.
    pub local_any: Duration,
    /// After so long the national pool may answer too.
    pub national: Duration,
    /// When a question takes no further answers, whatever there is.
    pub give_up: Duration,
    /// From the last word to the close: three days of silence are an answer.
    pub close: Duration,
    /// How long after the close a follow-up opens the matter again; later it is a new one.
    pub reopen: Duration,
    /// Questions that one lawyer may hold at once.
    pub held_per_lawyer: usize,
}

impl Default for Clocks {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            claim: Duration::from_secs(120),
            longest_claim: Duration::from_secs(600),
            first: Duration::from_secs(600),
            three: Duration::from_secs(600),
            remind: Duration::from_secs(300),
            remind_later: Duration::from_secs(HOUR),
            local_any: Duration::from_secs(180),
            national: Duration::from_secs(360),
            give_up: Duration::from_secs(24 * HOUR),
            close: Duration::from_secs(72 * HOUR),
            reopen: Duration::from_secs(30 * 24 * HOUR),
            held_per_lawyer: 3,
        }
    }
}
