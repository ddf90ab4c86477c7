//! What remains to be done when the session is over: outcome, seal, stars.
use crate::{
    consultation::SessionIds,
    ids::LawyerId,
    time::{Instant, Now},
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
    outcome_by: Instant,
    close_by: Instant,
}

impl Aftermath {
    pub(crate) fn new(ids: SessionIds, lawyer: LawyerId, timers: &Timers, now: Now) -> Self {
        Self {
            ids,
            lawyer,
            outcome: None,
            sealed: false,
            stars: None,
            outcome_by: now.mono + timers.outcome,
            close_by: now.mono + timers.close,
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
        (self.sealed && self.stars.is_some()) || (self.outcome.is_some() && self.close_by <= now.mono)
    }
}
