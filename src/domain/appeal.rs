//! A lawyer's objection to stars, as a machine: two persons of the office who are of one mind decide it.
use yunfa_signaling::{time::Timestamp, words::Role};

use super::{
    calendar::Calendar,
    follow_up::{About, Hand, is_same_person},
    people::words,
};

/// Working days within which a lawyer may object.
pub const APPEAL_DAYS: u32 = 5;
/// Shortest reason.
pub const MIN_REASON_CHARS: usize = 2;
/// Longest reason.
pub const MAX_REASON_CHARS: usize = 1000;

words! {
    /// Where an appeal stands.
    AppealState {
        /// Nobody has said anything yet.
        Filed = "FILED",
        /// One person has.
        Heard = "HEARD",
        /// Two persons were of two minds: a third decides.
        Split = "SPLIT",
        /// The stars are taken back.
        Upheld = "UPHELD",
        /// The stars stay.
        Rejected = "REJECTED",
    }
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is decided.
    #[error("it is decided")]
    Decided,
    /// This person has spoken.
    #[error("nobody votes twice")]
    Twice,
    /// Not by this role.
    #[error("not by this role")]
    NotByRole,
    /// Whom it is about does not decide it.
    #[error("whom it is about takes no part in it")]
    SamePerson,
    /// The reason is missing, or a novel.
    #[error("a reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")]
    Reason,
}

/// One vote that was given: by whom, and whether for the lawyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who, by id.
    pub actor: String,
    /// The stars are to be taken back.
    pub uphold: bool,
}

impl AppealState {
    /// Where votes lead: two of one mind decide, and of three there always are two.
    pub fn of(votes: &[Vote]) -> Self {
        let upheld = votes.iter().filter(|vote| vote.uphold).count();
        match (upheld, votes.len() - upheld) {
            (2.., _) => Self::Upheld,
            (_, 2..) => Self::Rejected,
            (1, 1) => Self::Split,
            (0, 0) => Self::Filed,
            _ => Self::Heard,
        }
    }

    /// Whether it is over.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Upheld | Self::Rejected)
    }
}

/// Whether a reason is one.
pub fn is_reason(reason: &str) -> bool {
    (MIN_REASON_CHARS..=MAX_REASON_CHARS).contains(&reason.trim().chars().count())
}

/// Until when a lawyer may object to stars that were given at `rated`.
pub fn until(rated: Timestamp, calendar: &Calendar) -> Timestamp {
    calendar.end_of_workday(rated, APPEAL_DAYS)
}

/// Whether this hand may vote, and where that leads.
///
/// # Errors
/// Says what is in the way.
pub fn vote(
    votes: &[Vote],
    (actor, uphold, reason): (&str, bool, &str),
    hand: &Hand,
    about: &About,
) -> Result<AppealState, Refused> {
    if !matches!(hand.role, Role::Supervisor | Role::Dispatcher) {
        return Err(Refused::NotByRole);
    }
    if is_same_person(hand, about) {
        return Err(Refused::SamePerson);
    }
    if AppealState::of(votes).is_decided() {
        return Err(Refused::Decided);
    }
    if votes.iter().any(|vote| vote.actor == actor) {
        return Err(Refused::Twice);
    }
    if !is_reason(reason) {
        return Err(Refused::Reason);
    }
    let mut all = votes.to_vec();
    all.push(Vote { actor: actor.to_owned(), uphold });
    Ok(AppealState::of(&all))
}

#[cfg(test)]
mod tests {
    use AppealState::{Filed, Heard, Rejected, Split, Upheld};
    use yunfa_signaling::ids::LawyerId;

    use super::*;

    fn votes(minds: &[bool]) -> Vec<Vote> {
        let vote = |(n, uphold): (usize, &bool)| Vote { actor: format!("staff-{n}"), uphold: *uphold };
        minds.iter().enumerate().map(vote).collect()
    }

    #[test]
    fn two_of_one_mind_decide_and_of_three_there_always_are_two() {
        let states: Vec<_> = [
            &[][..],
            &[true],
            &[false],
            &[true, true],
            &[false, false],
            &[true, false],
            &[true, false, true],
            &[false, true, false],
        ]
        .iter()
        .map(|minds| AppealState::of(&votes(minds)))
        .collect();

        assert_eq!(states, [Filed, Heard, Heard, Upheld, Rejected, Split, Upheld, Rejected]);
    }

    #[test]
    fn nobody_votes_twice_after_the_end_or_on_oneself() {
        let about = About { lawyer: LawyerId::new(uuid::Uuid::from_u128(7)), name: "林致远".to_owned() };
        let hand = |role, name: &str| Hand { role, name: name.to_owned(), beside: None };
        let said = |votes: &[Vote], actor, hand: &Hand| vote(votes, (actor, true, "恶意差评"), hand, &about);
        let shen = hand(Role::Supervisor, "沈如松");

        assert_eq!(said(&[], "a", &shen), Ok(Heard));
        assert_eq!(said(&votes(&[true]), "b", &hand(Role::Dispatcher, "钱小满")), Ok(Upheld));
        assert_eq!(said(&votes(&[true]), "staff-0", &shen), Err(Refused::Twice));
        assert_eq!(said(&votes(&[true, true]), "c", &shen), Err(Refused::Decided));
        assert_eq!(said(&[], "a", &hand(Role::Supervisor, "林致远")), Err(Refused::SamePerson));
        assert_eq!(said(&[], "a", &hand(Role::Lawyer, "沈如松")), Err(Refused::NotByRole));
        assert_eq!(vote(&[], ("a", true, " "), &shen, &about), Err(Refused::Reason));
    }

    #[test]
    fn a_lawyer_has_five_working_days() {
        let at = |utc: &str| Timestamp(utc.parse::<jiff::Timestamp>().expect("a moment").as_millisecond());

        assert_eq!(until(at("2026-03-11T02:00:00Z"), &Calendar::default()), at("2026-03-18T09:00:00Z"));
    }
}
