//! One model of the whole county: every machine together, random turns, and what must hold after each of them.
//!
//! Each matter is shadowed by a reference written from the documents; what goes between the machines may be slow. Bugs that
//! are planted between the machines and the shell must be found: a model that would not find them proves nothing.
mod plant;
mod reference;
mod turns;
mod watch;
mod world;

use std::{cell::RefCell, collections::BTreeSet};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use uuid::Uuid;
use yunfa_signaling::ids::AreaCode;

use crate::{
    plant::Plant,
    turns::{Turn, story},
    watch::Rule,
    world::World,
};

/// A UUID that a test can tell from others.
fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f3c4_0000_7000_8000_0000_0000_0000 + n)
}

/// Where everybody lives.
fn village() -> AreaCode {
    "370521001001".parse().expect("twelve digits")
}

/// Stories of a usual run; `PROPTEST_CASES` asks for more.
const STORIES: u32 = 200;

fn stories(cases: u32, seed: Option<u8>) -> TestRunner {
    let rng = match seed {
        None => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
        Some(seed) => TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
    };
    let shrinks = if seed.is_some() { 0 } else { 300 };
    let config = Config { cases, max_shrink_iters: shrinks, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}

fn tell(plant: Option<Plant>, turns: &[Turn], seen: &RefCell<BTreeSet<String>>) -> Result<(), watch::Broken> {
    let mut world = World::new(plant)?;
    for turn in turns {
        world.turn(turn)?;
    }
    world.serve_all()?;
    seen.borrow_mut().append(&mut world.seen);
    Ok(())
}

#[test]
fn whatever_happens_in_the_county_what_must_hold_holds() {
    let seen = RefCell::new(BTreeSet::new());
    let more = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());

    let told = stories(more.unwrap_or(STORIES), None)
        .run(&story(), |turns| tell(None, &turns, &seen).map_err(|broken| TestCaseError::fail(broken.to_string())));

    if let Err(TestError::Fail(why, turns)) = told {
        panic!("{why}\n{turns:?}");
    }
    let seen = seen.into_inner();
    for reached in [
        "MATCHING/CREATED",
        "MATCHING/RINGING",
        "ASSIGNED/CONNECTING",
        "IN_SERVICE/ACTIVE",
        "IN_SERVICE/RECONNECTING",
        "IN_SERVICE/ENDED",
        "ASSIGNED/ENDED",
        "ANSWERED/ENDED",
        "ANSWERED/SEALED",
        "CLOSED/SEALED",
        "UNSERVED/CREATED",
        "UNSERVED/RINGING",
        "ON_HOLD/CREATED",
        "ON_HOLD/RINGING",
        "UNSERVED/MISSED",
        "UNSERVED/FAILED",
        "CANCELLED/ABANDONED",
    ] {
        assert!(seen.contains(reached), "no story came to {reached}: {seen:?}");
    }
}

/// Tells stories of a county with this bug until one of them breaks a rule.
fn finds(plant: Plant) {
    for seed in [1, 2, 3] {
        let nowhere = RefCell::new(BTreeSet::new());
        let told = stories(STORIES, Some(seed)).run(&story(), |turns| {
            tell(Some(plant), &turns, &nowhere).map_err(|broken| TestCaseError::fail(broken.to_string()))
        });
        let Err(TestError::Fail(why, _)) = told else { panic!("{plant:?} is not found with seed {seed}: {told:?}") };
        let is_broken = |rule: &Rule| why.to_string().starts_with(&format!("{rule:?}: "));
        assert!(plant.breaks().iter().any(is_broken), "{plant:?} breaks {:?} and not {why}", plant.breaks());
    }
}

macro_rules! planted_bugs_are_found {
    ($($test:ident: $plant:ident)*) => {$(
        #[test]
        fn $test() {
            finds(Plant::$plant);
        }
    )*};
}

planted_bugs_are_found! {
    who_accepts_second_has_won_too_is_found: TwoWinners
    who_is_to_be_called_back_has_no_deadline_is_found: NoDeadline
    what_is_over_is_woken_is_found: Undead
    a_suspended_lawyer_is_rung_is_found: SuspendedIsRung
    who_has_declined_is_rung_again_is_found: DeclinedIsRung
    the_chat_goes_to_every_desk_is_found: ChatToAll
    who_comes_back_is_last_is_found: LastInsteadOfFirst
    who_has_won_is_free_is_found: WinnerIsFree
    held_questions_are_not_counted_is_found: HoldsUncounted
    the_wall_measures_is_found: WallForMono
}
