//! A follow-up (回访整改): what the office owes an asker who was not content, as a machine with working days.
//!
//! Only supervisors take its steps, and never the person it is about: a lawyer has no part in it, and somebody of the
//! office who is the same person, by name or by the browser they sit at, is refused too.
use yunfa_signaling::{ids::LawyerId, time::Timestamp, words::Role};

use super::{calendar::Calendar, people::words};

/// Working days after which somebody must have taken it.
pub const START_DAYS: u32 = 1;
/// Working days after which it must be closed (差评整改).
pub const CLOSE_DAYS: u32 = 15;
/// Tries to reach the asker after which nobody need try again.
pub const TRIES: u32 = 3;
/// How long after the close the asker may still give the stars anew.
pub const RERATES_MS: i64 = 7 * 24 * 3_600_000;
/// Longest note of a step, longest complaint.
pub const MAX_NOTE_CHARS: usize = 1000;
/// Shortest: a word says more than a full stop.
pub const MIN_NOTE_CHARS: usize = 2;

words! {
    /// Where a follow-up stands.
    FollowUpState {
        /// Owed, nobody has taken it.
        Open = "OPEN",
        /// Somebody has taken it.
        Assigned = "ASSIGNED",
        /// The asker was reached.
        Contacted = "CONTACTED",
        /// Put right.
        Resolved = "RESOLVED",
        /// Not put right: another lawyer, mediation or a complaint goes on with it.
        Unresolved = "UNRESOLVED",
        /// Nobody answered three times.
        Unreachable = "UNREACHABLE",
        /// Done.
        Closed = "CLOSED",
    }

    /// Why it was opened.
    FollowUpCause {
        /// Two stars or fewer.
        Stars = "STARS",
        /// A complaint.
        Complaint = "COMPLAINT",
    }

    /// What somebody of the office does about it.
    FollowUpAct {
        /// Takes it, also over from somebody else.
        Take = "TAKE",
        /// Tried to reach the asker, in vain.
        NoAnswer = "NO_ANSWER",
        /// Reached the asker.
        Reached = "REACHED",
        /// It is put right.
        Resolve = "RESOLVE",
        /// It cannot be put right here.
        GiveUp = "GIVE_UP",
        /// Closes it, with a result.
        Close = "CLOSE",
    }

    /// What came of it.
    FollowUpResult {
        /// The asker is content now.
        Satisfied = "SATISFIED",
        /// Another lawyer goes on.
        OtherLawyer = "OTHER_LAWYER",
        /// Mediation goes on.
        Mediation = "MEDIATION",
        /// The complaint goes its own way.
        Complaint = "COMPLAINT",
        /// The asker could not be reached.
        Unreachable = "UNREACHABLE",
    }

    /// What an asker complains of.
    ComplaintCause {
        /// The advice was wrong or of no use.
        Advice = "ADVICE",
        /// The tone.
        Attitude = "ATTITUDE",
        /// The lawyer wanted money, or to be hired (招揽).
        Solicitation = "SOLICITATION",
        /// Something was told on.
        Privacy = "PRIVACY",
        /// Something else.
        Other = "OTHER",
    }
}

/// Why a step is not taken; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not follow from where things stand.
    #[error("this does not follow from how it stands")]
    NoSuchStep,
    /// Not by this role.
    #[error("not by this role")]
    NotByRole,
    /// Whom it is about cannot decide it.
    #[error("whom it is about takes no part in it")]
    SamePerson,
    /// The note is missing, or a novel.
    #[error("a note has {MIN_NOTE_CHARS} to {MAX_NOTE_CHARS} characters")]
    Note,
    /// A result is needed to close it, that one fits how it stands, and goes with no other step.
    #[error("the result does not fit how it stands")]
    Result,
}

/// Who takes a step, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    /// In which role.
    pub role: Role,
    /// The person's name.
    pub name: String,
    /// The lawyer who is signed in in the same browser.
    pub beside: Option<LawyerId>,
}

/// Whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Who.
    pub lawyer: LawyerId,
    /// The lawyer's name.
    pub name: String,
}

/// Whether a hand of the office is the lawyer's own. A namesake is taken for the person: somebody else can do it.
pub fn is_same_person(hand: &Hand, about: &About) -> bool {
    let plain = |name: &str| name.chars().filter(|char| !char.is_whitespace()).collect::<String>().to_lowercase();
    hand.beside == Some(about.lawyer) || plain(&hand.name) == plain(&about.name)
}

/// What is said with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// What is done.
    pub act: FollowUpAct,
    /// With a close: what came of it.
    pub result: Option<FollowUpResult>,
    /// What was said or found.
    pub note: &'a str,
}

impl FollowUpState {
    /// Where an act leads, `tries` being those before it.
    pub const fn after(self, act: FollowUpAct, tries: u32) -> Option<Self> {
        Some(match (self, act) {
            (Self::Open | Self::Assigned, FollowUpAct::Take) => Self::Assigned,
            (Self::Contacted | Self::Resolved | Self::Unresolved | Self::Unreachable, FollowUpAct::Take) => self,
            (Self::Assigned, FollowUpAct::NoAnswer) if tries + 1 < TRIES => Self::Assigned,
            (Self::Assigned, FollowUpAct::NoAnswer) => Self::Unreachable,
            // Also one who calls back after three tries.
            (Self::Assigned | Self::Unreachable, FollowUpAct::Reached) => Self::Contacted,
            (Self::Contacted | Self::Unresolved, FollowUpAct::Resolve) => Self::Resolved,
            (Self::Contacted, FollowUpAct::GiveUp) => Self::Unresolved,
            (Self::Resolved | Self::Unresolved | Self::Unreachable, FollowUpAct::Close) => Self::Closed,
            _ => return None,
        })
    }

    /// What may be done now, in the order in which pages offer it.
    pub fn acts(self, tries: u32) -> Vec<FollowUpAct> {
        FollowUpAct::ALL.iter().copied().filter(|act| self.after(*act, tries).is_some()).collect()
    }

    /// The results with which it may be closed.
    pub const fn results(self) -> &'static [FollowUpResult] {
        match self {
            Self::Resolved => &[FollowUpResult::Satisfied],
            Self::Unresolved => &[FollowUpResult::OtherLawyer, FollowUpResult::Mediation, FollowUpResult::Complaint],
            Self::Unreachable => &[FollowUpResult::Unreachable],
            Self::Open | Self::Assigned | Self::Contacted | Self::Closed => &[],
        }
    }

    /// Whether the asker may give the stars anew: somebody has spoken, or has tried to.
    pub fn may_rerate(self, closed: Option<Timestamp>, now: Timestamp) -> bool {
        match self {
            Self::Open | Self::Assigned => false,
            Self::Contacted | Self::Resolved | Self::Unresolved | Self::Unreachable => true,
            Self::Closed => closed.is_some_and(|closed| now.ms_since(closed) <= RERATES_MS),
        }
    }

    /// When something must have been done, counted from when it was opened; nothing is due once it is closed.
    pub fn due(self, opened: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        match self {
            Self::Open => Some(calendar.end_of_workday(opened, START_DAYS)),
            Self::Closed => None,
            Self::Assigned | Self::Contacted | Self::Resolved | Self::Unresolved | Self::Unreachable => {
                Some(calendar.end_of_workday(opened, CLOSE_DAYS))
            }
        }
    }
}

/// Whether this hand may take this step now; where it leads.
///
/// # Errors
/// Says what is in the way.
pub fn step(
    (from, tries): (FollowUpState, u32),
    said: Said<'_>,
    hand: &Hand,
    about: Option<&About>,
) -> Result<FollowUpState, Refused> {
    if hand.role != Role::Supervisor {
        return Err(Refused::NotByRole);
    }
    if about.is_some_and(|about| is_same_person(hand, about)) {
        return Err(Refused::SamePerson);
    }
    let to = from.after(said.act, tries).ok_or(Refused::NoSuchStep)?;
    let fits = match (said.act, said.result) {
        (FollowUpAct::Close, Some(result)) => from.results().contains(&result),
        (FollowUpAct::Close, None) => false,
        (_, result) => result.is_none(),
    };
    if !fits {
        return Err(Refused::Result);
    }
    // Taking it says nothing that need be written down.
    let note = said.note.trim().chars().count();
    let is_enough = said.act == FollowUpAct::Take || note >= MIN_NOTE_CHARS;
    if !is_enough || note > MAX_NOTE_CHARS { Err(Refused::Note) } else { Ok(to) }
}

#[cfg(test)]
mod tests {
    use FollowUpAct as Act;
    use FollowUpState::{Assigned, Closed, Contacted, Open, Resolved, Unreachable, Unresolved};

    use super::*;

    fn hand(role: Role, name: &str) -> Hand {
        Hand { role, name: name.to_owned(), beside: None }
    }

    fn about() -> About {
        About { lawyer: LawyerId::new(uuid::Uuid::from_u128(7)), name: "林致远".to_owned() }
    }

    const fn said(act: Act, result: Option<FollowUpResult>) -> Said<'static> {
        Said { act, result, note: "已电话回访" }
    }

    #[test]
    fn every_edge_of_the_machine_is_one_of_these() {
        let mut edges = vec![];
        for from in FollowUpState::ALL {
            for act in Act::ALL {
                for tries in 0..=TRIES {
                    edges.extend(from.after(*act, tries).map(|to| (*from, *act, to)));
                }
            }
        }
        edges.sort();
        edges.dedup();

        let mut expected = vec![
            (Open, Act::Take, Assigned),
            (Assigned, Act::Take, Assigned),
            (Assigned, Act::NoAnswer, Assigned),
            (Assigned, Act::NoAnswer, Unreachable),
            (Assigned, Act::Reached, Contacted),
            (Contacted, Act::Take, Contacted),
            (Contacted, Act::Resolve, Resolved),
            (Contacted, Act::GiveUp, Unresolved),
            (Resolved, Act::Take, Resolved),
            (Resolved, Act::Close, Closed),
            (Unresolved, Act::Take, Unresolved),
            (Unresolved, Act::Resolve, Resolved),
            (Unresolved, Act::Close, Closed),
            (Unreachable, Act::Take, Unreachable),
            (Unreachable, Act::Reached, Contacted),
            (Unreachable, Act::Close, Closed),
        ];
        expected.sort();
        assert_eq!(edges, expected);
    }

    #[test]
    fn nobody_answers_three_times_before_it_is_given_up() {
        assert_eq!(Assigned.after(Act::NoAnswer, 1), Some(Assigned));
        assert_eq!(Assigned.after(Act::NoAnswer, 2), Some(Unreachable));
    }

    #[test]
    fn only_a_supervisor_who_is_somebody_else_takes_a_step() {
        let take = |hand: &Hand| step((Open, 0), said(Act::Take, None), hand, Some(&about()));

        assert_eq!(take(&hand(Role::Supervisor, "沈如松")), Ok(Assigned));
        for role in [Role::Citizen, Role::Lawyer, Role::Dispatcher, Role::Finance, Role::FirmAdmin] {
            assert_eq!(take(&hand(role, "沈如松")), Err(Refused::NotByRole), "{role}");
        }
        assert_eq!(take(&hand(Role::Supervisor, " 林 致远")), Err(Refused::SamePerson));
        let here = Hand { beside: Some(about().lawyer), ..hand(Role::Supervisor, "沈如松") };
        assert_eq!(take(&here), Err(Refused::SamePerson));
    }

    #[test]
    fn it_is_closed_with_a_result_that_fits_and_a_note() {
        let close = |from, result| step((from, 3), said(Act::Close, result), &hand(Role::Supervisor, "沈"), None);
        for from in FollowUpState::ALL {
            let fitting: Vec<_> =
                FollowUpResult::ALL.iter().copied().filter(|result| close(*from, Some(*result)).is_ok()).collect();
            assert_eq!(fitting, from.results(), "{from:?}");
        }
        assert_eq!(close(Resolved, None), Err(Refused::Result));
        let silent = Said { note: " ", ..said(Act::Reached, None) };
        assert_eq!(step((Assigned, 0), silent, &hand(Role::Supervisor, "沈"), None), Err(Refused::Note));
        let both = said(Act::Reached, Some(FollowUpResult::Satisfied));
        assert_eq!(step((Assigned, 0), both, &hand(Role::Supervisor, "沈"), None), Err(Refused::Result));
    }

    #[test]
    fn a_follow_up_is_due_in_working_days() {
        let at = |utc: &str| Timestamp(utc.parse::<jiff::Timestamp>().expect("a moment").as_millisecond());
        // A Friday evening: Monday is the first working day, and the fifteenth is the Friday two weeks after.
        let opened = at("2026-03-13T12:00:00Z");
        let calendar = Calendar::default();

        assert_eq!(Open.due(opened, &calendar), Some(at("2026-03-16T09:00:00Z")));
        assert_eq!(Assigned.due(opened, &calendar), Some(at("2026-04-03T09:00:00Z")));
        assert_eq!(Closed.due(opened, &calendar), None);
    }

    #[test]
    fn stars_are_given_anew_once_somebody_has_spoken_and_for_a_week_after() {
        let closed = Some(Timestamp(0));
        let states: Vec<_> = FollowUpState::ALL.iter().filter(|state| state.may_rerate(closed, Timestamp(1))).collect();

        assert_eq!(states, [&Contacted, &Resolved, &Unresolved, &Unreachable, &Closed]);
        assert!(!Closed.may_rerate(closed, Timestamp(RERATES_MS + 1)));
    }
}
