//! A lawyer's qualification as a machine: which step follows which, who may take it, and why.
//!
//! `DISPATCHER` is the bureau's operating role and decides. `SUPERVISOR` audits, so takes nobody on and lets nobody back in; but a
//! supervisor who sees harm done may stop it at once, and whoever stops cannot by the same role undo it. Firms and lawyers decide nothing.
use yunfa_signaling::{private::PersonName, time::Timestamp, words::Role};

use super::people::Qualification;

/// Shortest reason: a word says more than a full stop.
pub const MIN_REASON_CHARS: usize = 2;
/// Longest reason.
pub const MAX_REASON_CHARS: usize = 500;

/// Why a step is not taken; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This does not follow from where the qualification stands.
    #[error("{to:?} does not follow {from:?}")]
    NoSuchStep {
        /// Where it stands.
        from: Qualification,
        /// What was asked for.
        to: Qualification,
    },
    /// It follows, but not by this role.
    #[error("not by this role")]
    NotByRole,
    /// The reason is missing, or a novel.
    #[error("a reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")]
    Reason,
}

/// One step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// From where.
    pub from: Qualification,
    /// To where.
    pub to: Qualification,
    /// Why, in the office's words.
    pub reason: String,
    /// By whom; a name of the office.
    pub by: PersonName,
    /// When.
    pub at: Timestamp,
}

impl Qualification {
    /// Whether a lawyer may be offered anything.
    pub const fn may_serve(self) -> bool {
        match self {
            Self::Active | Self::Warned | Self::Reinstated => true,
            Self::Applied | Self::Verified | Self::Suspended | Self::Removed => false,
        }
    }

    /// Whether a lawyer may sign in; who is suspended may, to finish and to read.
    pub const fn may_sign_in(self) -> bool {
        !matches!(self, Self::Removed)
    }

    /// What may follow, in the order in which pages offer it.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Applied => &[Self::Verified, Self::Removed],
            Self::Verified => &[Self::Active, Self::Removed],
            Self::Active | Self::Reinstated => &[Self::Warned, Self::Suspended, Self::Removed],
            // A warning that was heeded is lifted.
            Self::Warned => &[Self::Active, Self::Suspended, Self::Removed],
            Self::Suspended => &[Self::Reinstated, Self::Removed],
            // Whoever is taken on again applies as a new person; the licence is free for that.
            Self::Removed => &[],
        }
    }
}

/// Whether `role` may take this step now, with this reason.
///
/// # Errors
/// Says what is in the way.
pub fn step(from: Qualification, to: Qualification, role: Role, reason: &str) -> Result<(), Refused> {
    let may = match role {
        Role::Dispatcher => true,
        Role::Supervisor => to == Qualification::Suspended,
        Role::Citizen | Role::Lawyer | Role::Finance | Role::FirmAdmin => false,
    };
    if !may {
        return Err(Refused::NotByRole);
    }
    if !from.next().contains(&to) {
        return Err(Refused::NoSuchStep { from, to });
    }
    if !(MIN_REASON_CHARS..=MAX_REASON_CHARS).contains(&reason.trim().chars().count()) {
        return Err(Refused::Reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use Qualification::{Active, Applied, Reinstated, Removed, Suspended, Verified, Warned};

    use super::*;

    const ALL: [Qualification; 7] = [Applied, Verified, Active, Warned, Suspended, Reinstated, Removed];
    const ROLES: [Role; 6] =
        [Role::Citizen, Role::Lawyer, Role::Dispatcher, Role::Finance, Role::Supervisor, Role::FirmAdmin];

    #[test]
    fn the_dispatcher_may_take_exactly_these_steps() {
        let mut taken = vec![];
        for from in ALL {
            for to in ALL {
                if step(from, to, Role::Dispatcher, "依据评议").is_ok() {
                    taken.push((from, to));
                }
            }
        }
        assert_eq!(
            taken,
            [
                (Applied, Verified),
                (Applied, Removed),
                (Verified, Active),
                (Verified, Removed),
                (Active, Warned),
                (Active, Suspended),
                (Active, Removed),
                (Warned, Active),
                (Warned, Suspended),
                (Warned, Removed),
                (Suspended, Reinstated),
                (Suspended, Removed),
                (Reinstated, Warned),
                (Reinstated, Suspended),
                (Reinstated, Removed),
            ]
        );
    }

    #[test]
    fn a_supervisor_stops_and_does_nothing_else_and_others_do_nothing() {
        for from in ALL {
            for to in ALL {
                for role in ROLES.into_iter().filter(|role| *role != Role::Dispatcher) {
                    let done = step(from, to, role, "投诉属实").is_ok();
                    let may = role == Role::Supervisor && to == Suspended && from.may_serve();
                    assert_eq!(done, may, "{role} {from:?} {to:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_decided_without_a_reason() {
        for reason in ["", " ", "a", "  x  ", &"长".repeat(501)] {
            assert_eq!(step(Active, Suspended, Role::Dispatcher, reason), Err(Refused::Reason), "{reason}");
        }
        assert_eq!(step(Active, Suspended, Role::Dispatcher, "缺勤"), Ok(()));
    }

    #[test]
    fn who_may_serve_may_be_stopped_and_who_is_stopped_may_not_serve() {
        for state in ALL {
            assert_eq!(state.next().contains(&Suspended), state.may_serve(), "{state:?}");
        }
        assert!(!Suspended.may_serve() && Suspended.may_sign_in() && !Removed.may_sign_in());
    }
}
