//! What one side reports of the other (举报), what the office may decide, and what that means for whoever it is about.
//!
//! A supervisor looks at every report. About an asker the supervisor dismisses it, warns, or blocks until a date, and may lift the
//! block. About a lawyer it goes the way of qualifications: the supervisor dismisses it, suspends at once, or refers it to the
//! `DISPATCHER`, who warns, suspends or dismisses.
use serde::Serialize;
use yunfa_signaling::{
    ids::WarningId,
    time::Timestamp,
    words::{ReportCause, Role},
};

use super::people::{Qualification, words};

/// Longest text of a report.
pub const MAX_TEXT_CHARS: usize = 500;
/// Shortest reason of a decision.
pub const MIN_REASON_CHARS: usize = 2;
/// Longest reason of a decision.
pub const MAX_REASON_CHARS: usize = 500;
/// Longest block: whoever must be kept out for longer is looked at anew.
pub const MAX_BLOCK_DAYS: u32 = 365;
/// How long after its end something may be reported: as long as a matter may be reopened.
pub const REPORTABLE_MS: i64 = 30 * DAY_MS;
/// Reports of one person that may be open.
pub const MOST_OPEN: i64 = 30;
/// So many digits in a row are a telephone, a card or an account, and nobody's business in the office.
const NUMBER_DIGITS: usize = 6;
const DAY_MS: i64 = 24 * 3_600_000;

words! {
    /// Who is reported; the other side reports.
    About {
        /// The asker.
        Citizen = "CITIZEN",
        /// The lawyer.
        Lawyer = "LAWYER",
    }

    /// Where a report stands.
    ReportState {
        /// Nobody has looked at it.
        Open = "OPEN",
        /// Handed on to those who decide about qualifications.
        Referred = "REFERRED",
        /// Nothing follows.
        Dismissed = "DISMISSED",
        /// Whoever it is about was warned.
        Warned = "WARNED",
        /// The asker is blocked, or was.
        Blocked = "BLOCKED",
        /// The block was lifted before its time.
        Lifted = "LIFTED",
        /// The lawyer was suspended.
        Suspended = "SUSPENDED",
    }
}

/// Why a decision is not taken; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not follow from where the report stands, or not by this role.
    #[error("this does not follow")]
    NoSuchStep,
    /// The reason is missing, or a novel.
    #[error("a reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")]
    Reason,
}

impl About {
    /// Whether the other side may say this of them.
    pub const fn fits(self, cause: ReportCause) -> bool {
        match cause {
            ReportCause::Solicitation => matches!(self, Self::Lawyer),
            ReportCause::Disruption => matches!(self, Self::Citizen),
            ReportCause::Insult
            | ReportCause::Threat
            | ReportCause::Harassment
            | ReportCause::Illegal
            | ReportCause::Privacy
            | ReportCause::Other => true,
        }
    }
}

impl ReportState {
    /// What this role may decide from here, in the order in which pages offer it.
    pub const fn next(self, about: About, role: Role) -> &'static [Self] {
        match (about, self, role) {
            (About::Citizen, Self::Open, Role::Supervisor) => &[Self::Dismissed, Self::Warned, Self::Blocked],
            (About::Citizen, Self::Blocked, Role::Supervisor) => &[Self::Lifted],
            (About::Lawyer, Self::Open, Role::Supervisor) => &[Self::Dismissed, Self::Referred, Self::Suspended],
            (About::Lawyer, Self::Referred, Role::Dispatcher) => &[Self::Dismissed, Self::Warned, Self::Suspended],
            _ => &[],
        }
    }

    /// Whether somebody still has to decide.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Referred)
    }

    /// The step of the qualification that a decision about a lawyer is.
    pub const fn qualification(self, about: About) -> Option<Qualification> {
        match (about, self) {
            (About::Lawyer, Self::Warned) => Some(Qualification::Warned),
            (About::Lawyer, Self::Suspended) => Some(Qualification::Suspended),
            _ => None,
        }
    }
}

/// Whether `role` may decide this now, with this reason.
///
/// # Errors
/// Says what is in the way.
pub fn decide(about: About, from: ReportState, to: ReportState, role: Role, reason: &str) -> Result<(), Refused> {
    if !from.next(about, role).contains(&to) {
        return Err(Refused::NoSuchStep);
    }
    if !(MIN_REASON_CHARS..=MAX_REASON_CHARS).contains(&reason.trim().chars().count()) {
        return Err(Refused::Reason);
    }
    Ok(())
}

/// When a block of so many days ends.
pub const fn ends(from: Timestamp, days: u32) -> Timestamp {
    Timestamp(from.0.saturating_add((days as i64).saturating_mul(DAY_MS)))
}

/// Whether something whose last sign of life was then may still be reported.
pub const fn is_reportable(last: Timestamp, now: Timestamp) -> bool {
    now.0.saturating_sub(last.0) <= REPORTABLE_MS
}

/// A text as the office may read it: numbers that name somebody are struck out before it is kept.
pub fn for_the_office(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut run = String::new();
    let mut digits = 0;
    // A number may be written with spaces or hyphens between its digits.
    for char in text.trim().chars().chain(['\0']) {
        let joins = digits > 0 && matches!(char, ' ' | '-');
        if is_digit(char) || joins {
            digits += usize::from(is_digit(char));
            run.push(char);
            continue;
        }
        let is_number = digits >= NUMBER_DIGITS;
        let tail = run.len() - run.trim_end_matches([' ', '-']).len();
        let (number, tail) = run.split_at(run.len() - tail);
        plain.push_str(if is_number { "******" } else { number });
        plain.push_str(tail);
        run.clear();
        digits = 0;
        if char != '\0' {
            plain.push(char);
        }
    }
    plain
}

/// Digits as keyboards type them, narrow or wide.
const fn is_digit(char: char) -> bool {
    char.is_ascii_digit() || matches!(char, '０'..='９')
}

/// A warning that was not read yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Which one.
    pub id: WarningId,
    /// Of what.
    pub cause: ReportCause,
    /// When the office decided.
    pub at: Timestamp,
}

/// What the office holds against somebody now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restraint {
    /// Rises with each decision about them; what is older than what is known is no news.
    pub version: u64,
    /// The end of the longest block that was not lifted; it may be over.
    pub until: Option<Timestamp>,
    /// Warnings that were not read, oldest first.
    pub warnings: Vec<Warning>,
}

impl Restraint {
    /// Until when they are blocked, if they are now.
    pub fn blocked(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use About::{Citizen, Lawyer};
    use ReportState::{Blocked, Dismissed, Lifted, Open, Referred, Suspended, Warned};

    use super::*;

    #[test]
    fn these_decisions_there_are_and_no_others() {
        let mut taken = vec![];
        for about in About::ALL {
            for from in ReportState::ALL {
                for role in
                    [Role::Citizen, Role::Lawyer, Role::Dispatcher, Role::Finance, Role::Supervisor, Role::FirmAdmin]
                {
                    for to in ReportState::ALL {
                        if decide(*about, *from, *to, role, "查实").is_ok() {
                            taken.push((*about, *from, role, *to));
                        }
                    }
                }
            }
        }
        assert_eq!(
            taken,
            [
                (Citizen, Open, Role::Supervisor, Dismissed),
                (Citizen, Open, Role::Supervisor, Warned),
                (Citizen, Open, Role::Supervisor, Blocked),
                (Citizen, Blocked, Role::Supervisor, Lifted),
                (Lawyer, Open, Role::Supervisor, Referred),
                (Lawyer, Open, Role::Supervisor, Dismissed),
                (Lawyer, Open, Role::Supervisor, Suspended),
                (Lawyer, Referred, Role::Dispatcher, Dismissed),
                (Lawyer, Referred, Role::Dispatcher, Warned),
                (Lawyer, Referred, Role::Dispatcher, Suspended),
            ]
        );
    }

    #[test]
    fn a_decision_about_a_lawyer_is_one_that_its_role_may_take_of_a_qualification() {
        for from in [Open, Referred] {
            for role in [Role::Supervisor, Role::Dispatcher] {
                for to in from.next(Lawyer, role) {
                    let Some(step) = to.qualification(Lawyer) else { continue };
                    let may = super::super::qualification::step(Qualification::Active, step, role, "查实");
                    assert_eq!(may, Ok(()), "{to:?} by {role}");
                }
            }
        }
        assert_eq!(Warned.qualification(Citizen), None);
    }

    #[test]
    fn nothing_is_decided_without_a_reason() {
        for reason in ["", " a ", &"长".repeat(501)] {
            assert_eq!(decide(Citizen, Open, Blocked, Role::Supervisor, reason), Err(Refused::Reason));
        }
    }

    #[test]
    fn numbers_that_name_somebody_are_struck_out_and_the_rest_stays() {
        for (said, kept) in [
            ("他骂人三次", "他骂人三次"),
            ("欠我 5000 元", "欠我 5000 元"),
            ("他的电话 13800138000，老打", "他的电话 ******，老打"),
            ("138 0013-8000 ", "******"),
            ("身份证34052419800101001X", "身份证******X"),
            ("１３８００１３８０００ 和 12 号", "****** 和 12 号"),
            ("12-3 月", "12-3 月"),
        ] {
            assert_eq!(for_the_office(said), kept, "{said}");
        }
    }

    #[test]
    fn a_block_ends_by_itself() {
        let until = ends(Timestamp(1000), 1);
        let restraint = Restraint { until: Some(until), ..Restraint::default() };

        assert_eq!(restraint.blocked(Timestamp(until.0 - 1)), Some(until));
        assert_eq!(restraint.blocked(until), None);
        assert_eq!(ends(Timestamp(i64::MAX), MAX_BLOCK_DAYS), Timestamp(i64::MAX));
    }
}
