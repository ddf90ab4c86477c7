//! Text questions: stories in tests/questions, played line by line, and random stories against what must always hold.
//!
//! `YUNFA_WRITE_TRANSCRIPTS=1 cargo test -p yunfa-signaling --test questions` writes down what happens; read the diff.
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use proptest::prelude::*;
use uuid::Uuid;
use yunfa_signaling::{
    error::SessionError,
    ids::{AnswerId, CitizenId, ConsultationId, LawyerId, MessageId},
    private::PersonName,
    profile::Profile,
    question::{Asked, Clocks, Event, Input, MAX_PENDING, Question, SLOTS, Step},
    time::{Instant, Now, Timestamp},
    words::{ConsultationState, DeclineReason, DeviceClass, IdentityMode, Outcome, Pool, PracticeArea, Tier},
};

/// 2026-03-11 10:00 in Shanghai.
const MORNING: Timestamp = Timestamp(1_773_194_400_000);

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn begin() -> Now {
    Now { mono: Instant::since_start(Duration::from_secs(10_000)), wall: MORNING }
}

fn asked(practice_area: PracticeArea) -> Asked {
    Asked {
        citizen: CitizenId::new(id(1)),
        practice_area,
        area: "370521001001".parse().expect("a code"),
        identity_mode: IdentityMode::Guest,
        consent_version: "2026-11".to_owned(),
        entry_source: None,
        device: DeviceClass::Mobile,
        chars: 30,
    }
}

fn profile(pool: Pool, areas: &[PracticeArea]) -> Profile {
    Profile {
        name: PersonName::new("律师"),
        areas: areas.iter().copied().collect(),
        pool,
        county: None,
        villages: vec![],
        may_serve: true,
    }
}

fn question() -> ConsultationId {
    ConsultationId::new(id(7))
}

#[test]
fn every_story_plays_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/questions");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let write = std::env::var("YUNFA_WRITE_TRANSCRIPTS").is_ok_and(|value| value == "1");
    assert!(files.len() >= 12, "a story for every path, not {}", files.len());
    for file in files {
        let written = fs::read_to_string(&file).expect("a story");
        let played = Stage::new().play(&written);
        if write {
            fs::write(&file, &played).expect("the story can be written");
        } else {
            assert_eq!(written, played, "{}", file.display());
        }
    }
}

/// The players of one story.
struct Stage {
    now: Now,
    question: Option<Question>,
    history: Vec<Step>,
    lawyers: BTreeMap<String, (LawyerId, Profile)>,
    minted: u128,
    last_answer: BTreeMap<String, (AnswerId, u32)>,
}

impl Stage {
    fn new() -> Self {
        Self {
            now: begin(),
            question: None,
            history: vec![],
            lawyers: BTreeMap::new(),
            minted: 100,
            last_answer: BTreeMap::new(),
        }
    }

    fn play(mut self, story: &str) -> String {
        let mut out = String::new();
        for line in story.lines().filter(|line| !line.starts_with("    ")) {
            out.push_str(line);
            out.push('\n');
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            for heard in self.line(line) {
                out.push_str("    ");
                out.push_str(&heard);
                out.push('\n');
            }
        }
        out
    }

    fn line(&mut self, line: &str) -> Vec<String> {
        let mut heard = vec![];
        let mut words = line;
        if let Some(rest) = line.strip_prefix('+') {
            let (seconds, rest) = rest.split_once("s").expect("+60s");
            self.pass(Duration::from_secs(seconds.parse().expect("seconds")), &mut heard);
            words = rest.trim();
        }
        if !words.is_empty() {
            self.say(words, &mut heard);
        }
        heard
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, span: Duration, heard: &mut Vec<String>) {
        let end = self.now.after(span);
        while let Some(question) = &mut self.question
            && let Some(due) = question.poll_timeout()
            && due <= end.mono
        {
            self.now = self.now.after(due - self.now.mono);
            question.handle(Input::Timeout, self.now).expect("time always passes");
            self.drain(heard);
        }
        self.now = self.now.after(end.mono - self.now.mono);
    }

    fn say(&mut self, words: &str, heard: &mut Vec<String>) {
        let words: Vec<&str> = words.split(' ').collect();
        let who = words[0];
        let input = match words[1..] {
            ["is", pool, ref areas @ ..] => {
                let n = u128::try_from(self.lawyers.len()).expect("few") + 1000;
                let areas: Vec<PracticeArea> = areas.iter().map(|area| area.parse().expect("an area")).collect();
                let profile = profile(pool.parse().expect("a pool"), &areas);
                self.lawyers.insert(who.to_owned(), (LawyerId::new(id(n)), profile));
                return;
            }
            ["asks", area] => {
                let asked = asked(area.parse().expect("an area"));
                self.question = Some(Question::ask(question(), asked, Clocks::default(), self.now));
                return self.drain(heard);
            }
            ["restarts"] => {
                let resumed = Question::resume(&self.history, Clocks::default(), self.now).expect("its history");
                heard.push(format!("stands {}", resumed.state()));
                self.question = Some(resumed);
                return;
            }
            ["claims"] | ["writes"] => {
                let (lawyer, profile) = self.lawyer(who);
                Input::Claim { lawyer, profile, holds: 0 }
            }
            ["claims", "holding", holds] => {
                let (lawyer, profile) = self.lawyer(who);
                Input::Claim { lawyer, profile, holds: holds.parse().expect("a number") }
            }
            ["releases"] => Input::Release { lawyer: self.lawyer(who).0 },
            ["declines"] => Input::Decline { lawyer: self.lawyer(who).0, reason: DeclineReason::ConflictOfInterest },
            ["answers", chars] => {
                let (lawyer, profile) = self.lawyer(who);
                let answer = AnswerId::new(self.mint());
                self.last_answer.insert(who.to_owned(), (answer, 1));
                let chars = chars.parse().expect("a number");
                let outcome = Outcome::AdviceGiven;
                Input::Answer { lawyer, profile, answer, chars, outcome, legal_aid_prompted: true }
            }
            ["amends", chars] => {
                let (answer, version) = self.last_answer[who];
                Input::Amend { lawyer: self.lawyer(who).0, answer, version, chars: chars.parse().expect("a number") }
            }
            ["asks", "on", chars] => {
                Input::FollowUp { text: MessageId::new(self.mint()), chars: chars.parse().expect("a number") }
            }
            ["replies", "to", number] => {
                let (lawyer, text) = (self.lawyer(who).0, MessageId::new(self.mint()));
                Input::Reply { lawyer, text, number: number.parse().expect("a number"), chars: 25 }
            }
            ["closes"] => Input::Close,
            ["suspended"] => {
                let (lawyer, profile) = self.lawyers.get_mut(who).expect("a lawyer");
                profile.may_serve = false;
                Input::Withdraw { lawyer: *lawyer }
            }
            _ => panic!("what is `{}`?", words.join(" ")),
        };
        let question = self.question.as_mut().expect("a question");
        let outcome = question.handle(input, self.now);
        self.drain(heard);
        if let Err(refused) = outcome {
            heard.push(format!("{who} is refused: {refused}"));
        }
    }

    fn lawyer(&self, who: &str) -> (LawyerId, Profile) {
        self.lawyers[who].clone()
    }

    fn mint(&mut self) -> Uuid {
        self.minted += 1;
        id(self.minted)
    }

    fn drain(&mut self, heard: &mut Vec<String>) {
        let question = self.question.as_mut().expect("a question");
        while let Some(step) = question.poll_step() {
            let age = step.at.ms_since(MORNING) / 1000;
            heard.push(format!("{age}s {}: {}", step.version, said(&step.event, &self.lawyers)));
            self.history.push(step);
        }
    }
}

fn said(event: &Event, lawyers: &BTreeMap<String, (LawyerId, Profile)>) -> String {
    let name = |lawyer: &LawyerId| {
        lawyers.iter().find(|(_, (known, _))| known == lawyer).map_or("?", |(name, _)| name.as_str()).to_owned()
    };
    match event {
        Event::Asked(asked) => format!("asked {}", asked.practice_area),
        Event::StateChanged { from, to } => format!("{from} -> {to}"),
        Event::Widened { tier } => format!("widened {tier}"),
        Event::Claimed { lawyer, tier } => format!("claimed {} of {tier}", name(lawyer)),
        Event::Renewed { lawyer } => format!("renewed {}", name(lawyer)),
        Event::Freed { lawyer, why } => format!("freed {} {why:?}", name(lawyer)),
        Event::Declined { lawyer, reason } => format!("declined {} {reason}", name(lawyer)),
        Event::Answered { lawyer, rank, chars, latency_ms, outcome, .. } => {
            format!("answered {} rank {rank} chars {chars} after {latency_ms} ms {outcome}", name(lawyer))
        }
        Event::Amended { lawyer, version, chars, .. } => format!("amended {} {version} chars {chars}", name(lawyer)),
        Event::FollowedUp { number, chars, .. } => format!("followed up {number} chars {chars}"),
        Event::Replied { lawyer, number, .. } => format!("replied {} to {number}", name(lawyer)),
        Event::Late { promise } => format!("late {promise:?}"),
        Event::GaveUp {} => "gave up".to_owned(),
        Event::Reminded { number } => format!("reminded {number}"),
        Event::Ended { by_asker } => format!("ended {}", if *by_asker { "by the asker" } else { "by silence" }),
        Event::Reopened {} => "reopened".to_owned(),
    }
}

/// What may happen in a random story.
#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Claim(usize),
    Release(usize),
    Decline(usize),
    Answer(usize, u32),
    Amend(usize),
    FollowUp,
    Reply(usize, u32),
    Close,
    Suspend(usize),
    Restart,
    ClockJumps(i64),
}

const PEOPLE: usize = 6;

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (1_u64..400).prop_map(Move::Pass),
        1 => (3_600_u64..300_000).prop_map(Move::Pass),
        5 => (0..PEOPLE).prop_map(Move::Claim),
        1 => (0..PEOPLE).prop_map(Move::Release),
        1 => (0..PEOPLE).prop_map(Move::Decline),
        5 => ((0..PEOPLE), 1_u32..60).prop_map(|(who, chars)| Move::Answer(who, chars)),
        1 => (0..PEOPLE).prop_map(Move::Amend),
        2 => Just(Move::FollowUp),
        2 => ((0..PEOPLE), 0_u32..4).prop_map(|(who, number)| Move::Reply(who, number)),
        1 => Just(Move::Close),
        1 => (0..PEOPLE).prop_map(Move::Suspend),
        1 => Just(Move::Restart),
        1 => (-600_000_i64..600_000).prop_map(Move::ClockJumps),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Random inputs; after each of them everything holds that must.
    #[test]
    fn whatever_happens_what_must_hold_holds(story in proptest::collection::vec(moves(), 1..60)) {
        let mut world = World::new();
        for step in story {
            world.play(&step);
            world.must_hold();
        }
    }
}

struct World {
    now: Now,
    question: Question,
    people: Vec<(LawyerId, Profile)>,
    history: Vec<Step>,
    answers: BTreeMap<LawyerId, (AnswerId, u32)>,
    minted: u128,
}

impl World {
    fn new() -> Self {
        let kinds = [
            profile(Pool::Local, &[PracticeArea::Labour]),
            profile(Pool::Local, &[PracticeArea::Labour]),
            profile(Pool::Local, &[PracticeArea::Labour]),
            profile(Pool::Local, &[PracticeArea::Labour]),
            profile(Pool::Local, &[PracticeArea::Family]),
            profile(Pool::National, &[]),
        ];
        let people = kinds.into_iter().zip(1000..).map(|(profile, n)| (LawyerId::new(id(n)), profile)).collect();
        let question = Question::ask(question(), asked(PracticeArea::Labour), Clocks::default(), begin());
        let mut world =
            Self { now: begin(), question, people, history: vec![], answers: BTreeMap::new(), minted: 5000 };
        world.drain();
        world
    }

    fn mint(&mut self) -> Uuid {
        self.minted += 1;
        id(self.minted)
    }

    fn drain(&mut self) {
        while let Some(step) = self.question.poll_step() {
            assert_eq!(step.version, self.history.len() as u64 + 1, "no version is left out");
            self.history.push(step);
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        let mut rounds = 0;
        while let Some(due) = self.question.poll_timeout().filter(|due| *due <= end.mono) {
            self.now = self.now.after(due - self.now.mono);
            let before = self.history.len();
            self.question.handle(Input::Timeout, self.now).expect("time always passes");
            self.drain();
            assert!(self.history.len() > before, "what is due happens");
            rounds += 1;
            assert!(rounds < 1000, "time stands still");
        }
        self.now = self.now.after(end.mono - self.now.mono);
    }

    fn play(&mut self, step: &Move) {
        let input = match step {
            Move::Pass(seconds) => return self.pass(Duration::from_secs(*seconds)),
            Move::ClockJumps(ms) => {
                self.now.wall = Timestamp(self.now.wall.0 + ms);
                return;
            }
            Move::Restart => {
                let resumed = Question::resume(&self.history, Clocks::default(), self.now).expect("its history");
                assert_eq!(resumed.state(), self.question.state());
                assert_eq!(resumed.version(), self.question.version());
                assert_eq!(resumed.free_slots(), self.question.free_slots());
                assert_eq!(resumed.pending(), self.question.pending());
                assert_eq!(resumed.holders().collect::<Vec<_>>(), self.question.holders().collect::<Vec<_>>());
                self.question = resumed;
                return;
            }
            Move::Claim(who) => {
                let (lawyer, profile) = self.people[*who].clone();
                Input::Claim { lawyer, profile, holds: 0 }
            }
            Move::Release(who) => Input::Release { lawyer: self.people[*who].0 },
            Move::Decline(who) => Input::Decline { lawyer: self.people[*who].0, reason: DeclineReason::Busy },
            Move::Answer(who, chars) => {
                let (lawyer, profile) = self.people[*who].clone();
                let answer = AnswerId::new(self.mint());
                let outcome = Outcome::AdviceGiven;
                Input::Answer { lawyer, profile, answer, chars: *chars, outcome, legal_aid_prompted: false }
            }
            Move::Amend(who) => {
                let lawyer = self.people[*who].0;
                let (answer, version) = self.answers.get(&lawyer).copied().unwrap_or((AnswerId::new(id(3)), 1));
                Input::Amend { lawyer, answer, version, chars: 40 }
            }
            Move::FollowUp => Input::FollowUp { text: MessageId::new(self.mint()), chars: 10 },
            Move::Reply(who, number) => {
                let (lawyer, text) = (self.people[*who].0, MessageId::new(self.mint()));
                Input::Reply { lawyer, text, number: *number, chars: 10 }
            }
            Move::Close => Input::Close,
            Move::Suspend(who) => {
                self.people[*who].1.may_serve = false;
                Input::Withdraw { lawyer: self.people[*who].0 }
            }
        };
        // What is due by now happens by itself; only then is the input looked at.
        self.question.handle(Input::Timeout, self.now).expect("time always passes");
        self.drain();
        let before = self.history.len();
        let (state, was_final) = (self.question.state(), self.question.is_final());
        let taken = self.question.handle(input.clone(), self.now);
        self.drain();
        let new = self.history[before..].to_vec();
        if taken.is_err() {
            assert!(new.is_empty(), "a refused input changes nothing: {input:?} {new:?}");
        }
        if was_final {
            assert!(new.is_empty() && self.question.state() == state, "final is final: {input:?}");
        }
        for step in new {
            match step.event {
                Event::Answered { answer, lawyer, rank, chars, .. } => {
                    assert!(chars >= 20 && rank as usize == self.question.answered());
                    assert!(self.serves(lawyer), "no answer of somebody who may not serve");
                    self.answers.insert(lawyer, (answer, 1));
                }
                Event::Amended { lawyer, version, .. } => {
                    let known = self.answers.get_mut(&lawyer).expect("an answer of theirs");
                    assert_eq!(version, known.1 + 1, "versions follow one another");
                    known.1 = version;
                }
                Event::Claimed { lawyer, tier } => {
                    assert!(self.serves(lawyer) && tier <= self.question.tier());
                }
                _ => {}
            }
        }
    }

    fn serves(&self, lawyer: LawyerId) -> bool {
        self.people.iter().any(|(known, profile)| *known == lawyer && profile.may_serve)
    }

    fn must_hold(&self) {
        let question = &self.question;
        let state = question.state();
        assert!(question.answered() + question.claimed() <= SLOTS, "three slots and no more");
        assert!(question.pending() <= MAX_PENDING);
        let is_over =
            matches!(state, ConsultationState::Unserved | ConsultationState::Cancelled | ConsultationState::Closed);
        assert_eq!(
            question.poll_timeout().is_none(),
            is_over,
            "whoever lives has a deadline, and nobody else: {state}"
        );
        for holder in question.holders() {
            assert!(self.serves(holder), "nobody holds a slot who may not serve");
            assert!(!question.answerers().any(|answerer| answerer == holder), "one answer each");
        }
        assert!(!is_over || question.claimed() == 0);
        if state == ConsultationState::Answered {
            assert!(question.answered() > 0 && question.pending() == 0 && question.free_slots() == 0);
        }
        let mut answerers: Vec<_> = question.answerers().collect();
        answerers.dedup();
        assert_eq!(answerers.len(), question.answered());
    }
}

#[test]
fn who_is_of_the_village_or_the_field_comes_first_the_nation_last() {
    use yunfa_signaling::question::tier_of;
    let village = "370521001001".parse().expect("a code");
    let adviser = Profile { villages: vec!["370521001001".parse().expect("a code")], ..profile(Pool::Local, &[]) };

    let tier = |profile: &Profile, area| tier_of(profile, area, &village);

    assert_eq!(tier(&adviser, PracticeArea::Labour), Tier::LocalArea);
    assert_eq!(tier(&profile(Pool::Local, &[]), PracticeArea::Labour), Tier::LocalAny);
    assert_eq!(tier(&profile(Pool::Local, &[]), PracticeArea::Other), Tier::LocalArea);
    assert_eq!(tier(&profile(Pool::National, &[PracticeArea::Labour]), PracticeArea::Labour), Tier::National);
}

#[test]
fn a_thousand_claims_at_once_have_three_winners() {
    let mut question = Question::ask(question(), asked(PracticeArea::Labour), Clocks::default(), begin());

    let outcomes: Vec<_> = (0..1000)
        .map(|n| {
            let profile = profile(Pool::Local, &[PracticeArea::Labour]);
            question.handle(Input::Claim { lawyer: LawyerId::new(id(n)), profile, holds: 0 }, begin())
        })
        .collect();

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(SessionError::Taken)).count(), 997);
}
