//! The seam for send-side bandwidth estimation: where its input arrives and where its result is asked for.
use std::time::Instant;

/// The path to one subscriber. Every subscriber gets what its publishers send: nothing estimates the path yet, and
/// [`Path::allowed`] says so rather than inventing a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    sent: u64,
    feedbacks: u64,
}

impl Path {
    /// A packet of this size left with this transport-wide number.
    pub fn sent(&mut self, _number: u16, bytes: usize, _now: Instant) {
        self.sent += bytes as u64;
    }

    /// A transport-wide feedback of the subscriber arrived, whole with its header, authenticated but otherwise to be
    /// mistrusted: whatever an estimator makes of it must be clamped.
    pub fn feedback(&mut self, _packet: &[u8], _now: Instant) {
        self.feedbacks += 1;
    }

    /// What may be sent, in bits per second; `None` while it is not estimated.
    #[must_use]
    pub fn allowed(&self) -> Option<u64> {
        None
    }

    /// Bytes sent and feedbacks received since the path was set up.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        (self.sent, self.feedbacks)
    }
}
