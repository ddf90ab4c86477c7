//! Which question a caller of the `pairs` scenario may ask now, so that whoever takes what was asked before, a lawyer is left.
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use yunfa_signaling::words::PracticeArea;

/// The lawyers of a run who are free, and the questions that nobody has taken yet. A lawyer takes only what is of one of the
/// lawyer's own fields, and of those whoever is fastest takes it: so three who may ask about families, where three lawyers
/// answer that and one of these is the last free one for traffic, would leave the fourth without anybody.
#[derive(Debug)]
pub(crate) struct Floor {
    fields: Vec<Vec<PracticeArea>>,
    state: Mutex<State>,
    moved: Notify,
}

/// The same for a moment.
#[derive(Clone, Debug, Default)]
struct State {
    free: Vec<usize>,
    asked: Vec<PracticeArea>,
}

impl Floor {
    /// A floor on which nobody is free yet; the fields of every lawyer.
    pub(crate) fn new(fields: Vec<Vec<PracticeArea>>) -> Self {
        Self { fields, state: Mutex::default(), moved: Notify::new() }
    }

    /// A lawyer is free.
    pub(crate) fn free(&self, lawyer: usize) {
        self.state().free.push(lawyer);
        self.moved.notify_waiters();
    }

    /// A lawyer is about to take a question. Whose it is is known later, by [`Floor::answered`].
    pub(crate) fn take(&self, lawyer: usize) {
        self.state().free.retain(|free| *free != lawyer);
    }

    /// Waits until something may be asked, if possible of a field of this caller's lawyer, and asks it.
    pub(crate) async fn ask(&self, number: usize) -> PracticeArea {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From now on no change is missed.
            moved.as_mut().enable();
            if let Some(area) = self.try_ask(number) {
                return area;
            }
            moved.await;
        }
    }

    /// A question was taken, or was given up.
    pub(crate) fn answered(&self, area: PracticeArea) {
        let mut state = self.state();
        if let Some(at) = state.asked.iter().position(|asked| *asked == area) {
            state.asked.swap_remove(at);
        }
        drop(state);
        self.moved.notify_waiters();
    }

    fn try_ask(&self, number: usize) -> Option<PracticeArea> {
        let mut state = self.state();
        let lawyers = self.fields.len();
        // The lawyers in turn, and the fields of each in turn, so that everybody gets work.
        let area = (0..lawyers).map(|step| (number + step) % lawyers).find_map(|lawyer| {
            let fields = &self.fields[lawyer];
            let first = number / lawyers;
            (0..fields.len()).map(|step| fields[(first + step) % fields.len()]).find(|area| {
                let mut then = state.clone();
                then.asked.push(*area);
                self.leaves_somebody(&then)
            })
        })?;
        state.asked.push(area);
        Some(area)
    }

    /// Whether each question has more free lawyers than there are others that any of these may take before it.
    fn leaves_somebody(&self, state: &State) -> bool {
        state.asked.iter().all(|area| {
            let for_it: Vec<_> =
                state.free.iter().map(|free| &self.fields[*free]).filter(|of| of.contains(area)).collect();
            let rivals = state.asked.iter().filter(|other| for_it.iter().any(|of| of.contains(other))).count();
            // It is among its rivals itself.
            for_it.len() >= rivals && rivals > 0
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use PracticeArea::{Admin, Contract, Criminal, Debt, Family, Labour, Land, Other, Traffic};
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    fn county() -> Vec<Vec<PracticeArea>> {
        vec![
            PracticeArea::ALL.to_vec(),
            vec![Family, Labour, Contract],
            vec![Labour, Traffic],
            vec![Land, Admin],
            vec![Contract, Debt],
            vec![Criminal, Admin, Other],
            vec![Family, Land],
            vec![Traffic, Criminal],
        ]
    }

    /// One of those who may take it takes one of the questions; `false` when nobody may.
    fn taken(
        dice: &mut StdRng,
        fields: &[Vec<PracticeArea>],
        free: &mut Vec<usize>,
        asked: &mut Vec<PracticeArea>,
    ) -> bool {
        let question = dice.random_range(0..asked.len());
        let mut able: Vec<usize> = (0..free.len()).filter(|at| fields[free[*at]].contains(&asked[question])).collect();
        if able.is_empty() {
            return false;
        }
        let at = able.swap_remove(dice.random_range(0..able.len()));
        free.swap_remove(at);
        asked.swap_remove(question);
        true
    }

    #[test]
    fn whoever_takes_what_first_every_question_finds_a_lawyer() {
        for seed in 0..2_000 {
            let (mut dice, fields) = (StdRng::seed_from_u64(seed), county());
            let floor = Floor::new(fields.clone());
            (0..fields.len()).for_each(|lawyer| floor.free(lawyer));
            let take = |dice: &mut StdRng| {
                let State { free, asked } = &mut *floor.state();
                assert!(taken(dice, &fields, free, asked), "seed {seed}: nobody for one of {asked:?}");
            };
            for number in 0..fields.len() {
                while dice.random_bool(0.4) && !floor.state().asked.is_empty() {
                    take(&mut dice);
                }
                while floor.try_ask(number).is_none() {
                    take(&mut dice);
                }
            }
            while !floor.state().asked.is_empty() {
                take(&mut dice);
            }
        }
    }

    #[test]
    fn questions_in_turn_leave_one_without_a_lawyer_when_the_wrong_one_is_fastest() {
        let mut alone = 0;
        for seed in 0..200 {
            let (mut dice, fields) = (StdRng::seed_from_u64(seed), county());
            let mut free: Vec<usize> = (0..fields.len()).collect();
            let mut asked: Vec<PracticeArea> = fields.iter().map(|of| of[0]).collect();
            while !asked.is_empty() && taken(&mut dice, &fields, &mut free, &mut asked) {}
            alone += u32::from(!asked.is_empty());
        }

        assert!(alone > 0, "then there was nothing to mend");
    }
}
