//! What remains to be done when the session is over: outcome, seal, stars.
use std::time::Duration;

use crate::{
    consultation::SessionIds,
    ids::LawyerId,
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::Outcome,
};

/// A session that ended, and what its matter still waits for.
#[derive(Debug)]
pub(crate) struct Aftermath {
    pub(crate) ids: SessionIds,
    pub(crate) lawyer: LawyerId,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) sealed: bool,
    pub(crate) stars: Option<u8>,
    /// The matter had its stars before.
    pub(crate) was_rated: bool,
    pub(crate) outcome_by: Instant,
    pub(crate) close_by: Instant,
}

impl Aftermath {
    pub(crate) fn new(ids: SessionIds, lawyer: LawyerId, timers: &Timers, now: Now) -> Self {
        Self {
            ids,
            lawyer,
            outcome: None,
            sealed: false,
            stars: None,
            was_rated: false,
            outcome_by: now.mono + timers.outcome,
            close_by: now.mono + timers.close,
        }
    }

    /// The same for a session that ended before this process began: what has passed since then is not waited again.
    pub(crate) fn since(ended: Timestamp, ids: SessionIds, lawyer: LawyerId, timers: &Timers, now: Now) -> Self {
        let passed = Duration::from_millis(u64::try_from(now.wall.ms_since(ended)).unwrap_or(0));
        Self {
            outcome_by: now.mono + timers.outcome.saturating_sub(passed),
            close_by: now.mono + timers.close.saturating_sub(passed),
            ..Self::new(ids, lawyer, timers, now)
        }
    }

    /// The next moment at which something is due; there always is one.
    pub(crate) fn deadline(&self) -> Instant {
        if self.outcome.is_none() { self.outcome_by.min(self.close_by) } else { self.close_by }
    }

    /// Whether the time for writing the outcome is over.
    pub(crate) fn outcome_is_missing(&self, now: Now) -> bool {
        self.outcome.is_none() && self.outcome_by.min(self.close_by) <= now.mono
    }

    /// Whether nothing is waited for any longer.
    pub(crate) fn is_done(&self, now: Now) -> bool {
        (self.sealed && (self.stars.is_some() || self.was_rated))
            || (self.outcome.is_some() && self.close_by <= now.mono)
    }
}
