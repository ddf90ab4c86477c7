//! Text questions: stories in tests/questions, played line by line; random ones are told in tests/model.
//!
//! `YUNFA_WRITE_TRANSCRIPTS=1 cargo test -p yunfa-signaling --test questions` writes down what happens; read the diff.
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use uuid::Uuid;
use yunfa_signaling::{
    error::SessionError,
    ids::{AnswerId, CitizenId, ConsultationId, LawyerId, MessageId},
    private::PersonName,
    profile::Profile,
    question::{Asked, Clocks, Event, Input, Question, Step},
    time::{Instant, Now, Timestamp},
    words::{DeclineReason, DeviceClass, IdentityMode, Outcome, Pool, PracticeArea, Tier},
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
