//! How grave a matter is (分级), who may say so, which rules say so by themselves, and what the office owes a grave one.
//!
//! A lawyer raises the grade of a matter that they answered, a supervisor sets any, and rules only ever raise:
//! - a sign that the lawyer ticked: threatened violence or suicide is MAJOR, wages of many or a clash over land SENSITIVE;
//! - five matters of one place and one practice area within 24 hours are SENSITIVE;
//! - an incident tag of ten people or more is SENSITIVE, of three matters or more ATTENTION;
//! - an outcome of abuse is ATTENTION.
use yunfa_signaling::{
    time::Timestamp,
    words::{Grade, Outcome, Role},
};

use super::people::words;

/// Matters of one place and one practice area that are a wave.
pub const WAVE: u32 = 5;
/// The time in which they are.
pub const WAVE_MS: i64 = 24 * HOUR_MS;
/// People of one incident that are a crowd.
pub const CROWD: u32 = 10;
/// Matters of one incident that are a group.
pub const GROUP: u32 = 3;
/// Shortest reason or note.
pub const MIN_REASON_CHARS: usize = 2;
/// Longest reason or note.
pub const MAX_REASON_CHARS: usize = 500;
const HOUR_MS: i64 = 3_600_000;
/// A MAJOR matter is told on within the hour (信访工作条例 Art. 25).
const MAJOR_MS: i64 = HOUR_MS;
/// A SENSITIVE one within a day.
const SENSITIVE_MS: i64 = 24 * HOUR_MS;
/// Nobody has said that they heard: by another way.
const ACK_MS: i64 = 4 * HOUR_MS;

words! {
    /// Who or what set a grade.
    GradeBy {
        /// The lawyer who answered.
        Lawyer = "LAWYER",
        /// A supervisor.
        Supervisor = "SUPERVISOR",
        /// A sign that the lawyer ticked.
        Sign = "RULE_SIGN",
        /// Many matters of one place and one practice area.
        Wave = "RULE_WAVE",
        /// Many people or matters of one incident.
        Crowd = "RULE_CROWD",
        /// The outcome.
        Outcome = "RULE_OUTCOME",
    }

    /// What a lawyer may have seen.
    Sign {
        /// Somebody threatens violence.
        Violence = "VIOLENCE",
        /// Somebody may harm themselves.
        SuicideRisk = "SUICIDE_RISK",
        /// Wages of many are not paid.
        MassWages = "MASS_WAGES",
        /// A clash over land.
        LandClash = "LAND_CLASH",
    }

    /// Where an escalation stands.
    EscalationState {
        /// Nobody of the office has looked at it.
        Flagged = "FLAGGED",
        /// A supervisor has confirmed the grade.
        Graded = "GRADED",
        /// It is nothing.
        Dismissed = "DISMISSED",
        /// Those who must know were told.
        Pushed = "PUSHED",
        /// They said that they heard.
        Acked = "ACKED",
        /// They did something.
        Handled = "HANDLED",
        /// Over.
        Closed = "CLOSED",
    }

    /// What a supervisor does about it.
    EscalationAct {
        /// Confirms the grade.
        Confirm = "CONFIRM",
        /// It is nothing.
        Dismiss = "DISMISS",
        /// Told somebody; again by another way when nobody answers.
        Push = "PUSH",
        /// They heard.
        Ack = "ACK",
        /// They did something.
        Handle = "HANDLE",
        /// Over.
        Close = "CLOSE",
    }
}

/// What rules look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The last outcome.
    pub outcome: Option<Outcome>,
    /// Matters of the same place and practice area within [`WAVE_MS`], this one included.
    pub alike: u32,
    /// People of its incident.
    pub people: u32,
    /// Matters of its incident, this one included.
    pub linked: u32,
}

/// The grade that the rules give, and by which; the highest one.
pub fn by_rules(facts: Facts) -> Option<(Grade, GradeBy)> {
    [
        (facts.alike >= WAVE).then_some((Grade::Sensitive, GradeBy::Wave)),
        (facts.people >= CROWD).then_some((Grade::Sensitive, GradeBy::Crowd)),
        (facts.linked >= GROUP).then_some((Grade::Attention, GradeBy::Crowd)),
        (facts.outcome == Some(Outcome::Abuse)).then_some((Grade::Attention, GradeBy::Outcome)),
    ]
    .into_iter()
    .flatten()
    // The first of those that are equally grave.
    .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// The grade that signs give.
pub fn by_signs(signs: &[Sign]) -> Option<Grade> {
    let grade = |sign: &Sign| match sign {
        Sign::Violence | Sign::SuicideRisk => Grade::Major,
        Sign::MassWages | Sign::LandClash => Grade::Sensitive,
    };
    signs.iter().map(grade).max()
}

/// Whether a role may move a grade so.
pub fn may_set(role: Role, from: Grade, to: Grade) -> bool {
    match role {
        Role::Supervisor => from != to,
        Role::Lawyer => to > from,
        Role::Citizen | Role::Dispatcher | Role::Finance | Role::FirmAdmin => false,
    }
}

/// Whether a reason is one.
pub fn is_reason(text: &str) -> bool {
    (MIN_REASON_CHARS..=MAX_REASON_CHARS).contains(&text.trim().chars().count())
}

/// Whether the office must deal with a matter of this grade.
pub fn is_grave(grade: Grade) -> bool {
    grade >= Grade::Sensitive
}

impl EscalationState {
    /// Where an act leads.
    pub const fn after(self, act: EscalationAct) -> Option<Self> {
        Some(match (self, act) {
            (Self::Flagged, EscalationAct::Confirm) => Self::Graded,
            (Self::Flagged | Self::Graded, EscalationAct::Dismiss) => Self::Dismissed,
            (Self::Graded | Self::Pushed, EscalationAct::Push) => Self::Pushed,
            (Self::Pushed, EscalationAct::Ack) => Self::Acked,
            (Self::Acked, EscalationAct::Handle) => Self::Handled,
            (Self::Handled, EscalationAct::Close) => Self::Closed,
            _ => return None,
        })
    }

    /// What may be done now.
    pub fn acts(self) -> Vec<EscalationAct> {
        EscalationAct::ALL.iter().copied().filter(|act| self.after(*act).is_some()).collect()
    }

    /// Whether it is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Dismissed | Self::Closed)
    }

    /// When something must have been done, of an escalation of this grade that was flagged, and that moved last, then.
    pub fn due(self, grade: Grade, flagged: Timestamp, moved: Timestamp) -> Option<Timestamp> {
        let after = |from: Timestamp, ms: i64| Some(Timestamp(from.0.saturating_add(ms)));
        match (self, grade) {
            (Self::Flagged | Self::Graded, Grade::Major) => after(flagged, MAJOR_MS),
            (Self::Flagged | Self::Graded, _) => after(flagged, SENSITIVE_MS),
            (Self::Pushed, _) => after(moved, ACK_MS),
            (Self::Acked | Self::Handled | Self::Dismissed | Self::Closed, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use EscalationAct as Act;
    use EscalationState::{Acked, Closed, Dismissed, Flagged, Graded, Handled, Pushed};

    use super::*;

    #[test]
    fn rules_give_the_gravest_and_only_what_they_see() {
        let none = Facts::default();
        let cases = [
            (none, None),
            (Facts { alike: WAVE - 1, people: CROWD - 1, linked: GROUP - 1, ..none }, None),
            (Facts { alike: WAVE, ..none }, Some((Grade::Sensitive, GradeBy::Wave))),
            (Facts { people: CROWD, linked: GROUP, ..none }, Some((Grade::Sensitive, GradeBy::Crowd))),
            (Facts { linked: GROUP, ..none }, Some((Grade::Attention, GradeBy::Crowd))),
            (Facts { outcome: Some(Outcome::Abuse), ..none }, Some((Grade::Attention, GradeBy::Outcome))),
            (Facts { outcome: Some(Outcome::AdviceGiven), ..none }, None),
        ];
        for (facts, expected) in cases {
            assert_eq!(by_rules(facts), expected, "{facts:?}");
        }
        assert_eq!(by_signs(&[Sign::MassWages, Sign::Violence]), Some(Grade::Major));
        assert_eq!((by_signs(&[Sign::LandClash]), by_signs(&[])), (Some(Grade::Sensitive), None));
    }

    #[test]
    fn a_lawyer_raises_a_supervisor_sets_and_nobody_else_does() {
        for from in Grade::ALL {
            for to in Grade::ALL {
                assert_eq!(may_set(Role::Lawyer, *from, *to), to > from);
                assert_eq!(may_set(Role::Supervisor, *from, *to), to != from);
                assert!(
                    ![Role::Citizen, Role::Dispatcher, Role::Finance, Role::FirmAdmin]
                        .iter()
                        .any(|role| may_set(*role, *from, *to))
                );
            }
        }
        assert_eq!(Grade::ALL.iter().filter(|grade| is_grave(**grade)).count(), 2);
    }

    #[test]
    fn every_edge_of_an_escalation_is_one_of_these() {
        let mut edges = vec![];
        for from in EscalationState::ALL {
            for act in Act::ALL {
                edges.extend(from.after(*act).map(|to| (*from, *act, to)));
            }
        }
        edges.sort();

        let mut expected = vec![
            (Flagged, Act::Confirm, Graded),
            (Flagged, Act::Dismiss, Dismissed),
            (Graded, Act::Dismiss, Dismissed),
            (Graded, Act::Push, Pushed),
            (Pushed, Act::Push, Pushed),
            (Pushed, Act::Ack, Acked),
            (Acked, Act::Handle, Handled),
            (Handled, Act::Close, Closed),
        ];
        expected.sort();
        assert_eq!(edges, expected);
    }

    #[test]
    fn a_major_one_is_due_within_the_hour_and_who_does_not_answer_is_told_again() {
        let (flagged, moved) = (Timestamp(0), Timestamp(10));

        assert_eq!(Flagged.due(Grade::Major, flagged, moved), Some(Timestamp(HOUR_MS)));
        assert_eq!(Graded.due(Grade::Sensitive, flagged, moved), Some(Timestamp(24 * HOUR_MS)));
        assert_eq!(Pushed.due(Grade::Major, flagged, moved), Some(Timestamp(10 + 4 * HOUR_MS)));
        assert_eq!((Acked.due(Grade::Major, flagged, moved), Closed.due(Grade::Major, flagged, moved)), (None, None));
    }
}
