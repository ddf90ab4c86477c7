//! What must hold after every step, whatever happened.
use std::fmt;

/// A rule that holds at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A matter goes as the reference says.
    Reference,
    /// A round has one winner, who was rung.
    OneWinner,
    /// Whatever lives has a deadline ahead of it, and what is over has none.
    Deadline,
    /// What is over stays so.
    OverIsOver,
    /// Nobody is rung, or holds a slot, who is suspended, not on duty or not there, or who has refused.
    WhoMayBeRung,
    /// What is said reaches the two who talk and nobody else.
    Content,
    /// Of two who could be given to a free desk the one who asked first is.
    Order,
    /// One session or ring for a lawyer, three slots for a question, three questions for a lawyer.
    Capacity,
    /// A clock that is set makes nothing happen and moves no deadline.
    Clock,
    /// Versions follow one another, and each event goes on where the last one ended.
    Versions,
    /// What is refused changes nothing; what is said twice is done once.
    Refused,
    /// Presence is what the lawyer does.
    Presence,
}

/// A rule was broken.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.why)
    }
}

pub(crate) type Held = Result<(), Broken>;

impl Rule {
    /// The rule holds, or is broken for this reason.
    pub(crate) fn holds(self, holds: bool, why: impl FnOnce() -> String) -> Held {
        if holds { Ok(()) } else { Err(Broken { rule: self, why: why() }) }
    }
}
