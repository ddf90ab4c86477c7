//! Who can be rung and who waits: presence as leases, one fair queue, and which desk rings for which matter.
use std::{collections::BTreeSet, time::Duration};

use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId},
    message::ServerMessage,
    output::Hint,
    private::PersonName,
    time::{Instant, Now},
    words::{PracticeArea, Presence},
};

/// How long a tab counts as there without having said anything; the shell says `DeskSeen` at least every 15 s.
pub const TAB_LEASE: Duration = Duration::from_secs(45);
/// How long going on duty outlives the last tab: as long as a socket may be resumed.
pub const DUTY_GRACE: Duration = Duration::from_secs(60);
/// Longest time for writing an outcome before the desk is rung again.
pub const WRAP_UP: Duration = Duration::from_secs(120);
/// Rings missed in a row that make a break.
pub const MISSED_RINGS: u8 = 2;
/// Tabs one lawyer may have open.
pub const MAX_TABS: usize = 8;
/// Matters that may wait at once.
pub const MAX_WAITING: usize = 10_000;
/// Desks rung at once for one matter: all lawyers of a county, not all of a province.
pub const MAX_RINGS: usize = 200;

/// One tab of a desk: a connection, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tab(pub u64);

/// What may happen to the duty book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A lawyer's tab has said hello, or resumed.
    DeskOpened {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
        /// The name askers see.
        name: PersonName,
        /// What the lawyer answers.
        areas: BTreeSet<PracticeArea>,
    },
    /// A tab gave a sign of life.
    DeskSeen {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
    },
    /// A tab's socket is gone.
    DeskClosed {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
    },
    /// `setPresence`.
    PresenceSet {
        /// Whose.
        lawyer: LawyerId,
        /// May be rung.
        on_duty: bool,
        /// On duty but paused.
        on_break: bool,
    },
    /// A consultation said something (`output::Output::Duty`).
    Heard {
        /// Which.
        consultation: ConsultationId,
        /// What.
        hint: Hint,
    },
    /// A consultation's task is gone without having said so: whoever it held is free.
    ConsultationGone {
        /// Which.
        consultation: ConsultationId,
    },
    /// The deadline of `poll_timeout` has come.
    Timeout,
}

/// One order to the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ring this desk for this matter: `consultation::Input::Ring` with a fresh offer id. If the matter refuses or is
    /// gone, nothing needs to be said: it has left the queue, or is about to.
    Ring {
        /// Which matter.
        consultation: ConsultationId,
        /// Whose desk.
        lawyer: LawyerId,
        /// The name the asker will see.
        name: PersonName,
    },
    /// Tell a waiting matter where it stands: `consultation::Input::Place`.
    Place {
        /// Which matter.
        consultation: ConsultationId,
        /// 1 is next.
        place: u32,
        /// Lawyers on duty who may be rung for it, free or not.
        on_duty: u32,
        /// Those of them who are occupied and will be rung when they are free.
        occupied: u32,
    },
    /// To every tab of this lawyer: its presence.
    ToLawyer(LawyerId, ServerMessage),
}

/// The duty book: one value, one owner. Feed one input with `now`, drain the outputs, sleep until the next deadline.
#[derive(Debug, Default)]
pub struct Duty {}

impl Duty {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        let _ = (input, now);
        Err(SessionError::Unexpected)
    }

    /// The next order to the shell.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When `Input::Timeout` is due; `None` while nothing can lapse.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// A lawyer's presence now.
    pub fn presence(&self, lawyer: LawyerId) -> Presence {
        let _ = lawyer;
        Presence::Offline
    }

    /// Rings this lawyer missed in a row.
    pub fn missed_rings(&self, lawyer: LawyerId) -> u8 {
        let _ = lawyer;
        0
    }

    /// How many matters wait, for metrics.
    pub fn waiting(&self) -> usize {
        0
    }

    /// How many lawyers are on duty (available, rung, busy or writing up), for metrics.
    pub fn on_duty(&self) -> usize {
        0
    }
}
