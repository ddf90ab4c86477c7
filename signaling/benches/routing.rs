//! What one routing decision costs with a whole province on duty: `cargo bench -p yunfa-signaling --bench routing`.
//!
//! 10 000 lawyers on duty (1 000 of the county, 9 000 of the nation), all of them occupied, and 2 000 who wait. Each input of the
//! duty book is timed with the outputs it leaves; the median, the 99th percentile and the worst of each kind are printed.
use std::{
    collections::BTreeSet,
    collections::VecDeque,
    io::{self, Write as _},
    time::{Duration, Instant as Watch},
};

use uuid::Uuid;
use yunfa_signaling::{
    duty::{Duty, Input, Output, Tab, Wish},
    ids::{ConsultationId, LawyerId},
    output::{Hint, Seek},
    private::PersonName,
    profile::Profile,
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{Channel, Pool, PracticeArea},
};

const LAWYERS: u128 = 10_000;
const OF_THE_COUNTY: u128 = 1_000;
const WAITING: u128 = 2_000;
const ROUNDS: u128 = 20_000;
/// So often something happens while all wait.
const PACE: Duration = Duration::from_millis(2);

/// Times of one kind of input.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn row(&mut self, what: &str) -> io::Result<()> {
        self.0.sort_unstable();
        let at = |share: usize| self.0[(self.0.len() - 1) * share / 1000].as_secs_f64() * 1e6;
        let (p50, p99, worst) = (at(500), at(990), at(1000));
        writeln!(io::stdout(), "{what:<38}{:>8}{p50:>9.1}{p99:>9.1}{worst:>9.1}", self.0.len())
    }
}

struct Book {
    duty: Duty,
    now: Now,
    rung: VecDeque<(ConsultationId, LawyerId)>,
    asked: u128,
}

impl Book {
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    fn feed(&mut self, input: Input, times: &mut Times) {
        let began = Watch::now();
        self.duty.handle(input, self.now).expect("never refused here");
        while let Some(output) = self.duty.poll_output() {
            if let Output::Ring { consultation, lawyer, .. } = output {
                self.rung.push_back((consultation, lawyer));
            }
        }
        times.0.push(began.elapsed());
    }

    fn hear(&mut self, consultation: ConsultationId, hint: Hint, times: &mut Times) {
        self.feed(Input::Heard { consultation, hint }, times);
    }

    fn ask(&mut self, times: &mut Times) {
        self.asked += 1;
        let seek = Seek {
            search: 1,
            practice_area: area(self.asked),
            place: "370521001001".parse().expect("twelve digits"),
            channel: Channel::Voice,
            lawyer: None,
            asked: self.now.mono,
            grade: yunfa_signaling::words::Grade::Normal,
            away: false,
            barred: BTreeSet::new(),
        };
        let id = ConsultationId::new(Uuid::from_u128(1_000_000 + self.asked));
        self.hear(id, Hint::Seek(seek), times);
    }

    fn sign_of_life(&mut self) {
        for n in 0..LAWYERS {
            let seen = Input::DeskSeen { lawyer: lawyer(n), tab: Tab(0) };
            self.duty.handle(seen, self.now).expect("the tab is open");
            while self.duty.poll_output().is_some() {}
        }
    }
}

fn lawyer(n: u128) -> LawyerId {
    LawyerId::new(Uuid::from_u128(n))
}

fn area(n: u128) -> PracticeArea {
    PracticeArea::ALL[usize::try_from(n * 7).expect("small") % 12]
}

fn profile(n: u128) -> Profile {
    Profile {
        name: PersonName::new("律师"),
        areas: (0..3).map(|more| area(n + more)).collect(),
        pool: if n < OF_THE_COUNTY { Pool::Local } else { Pool::National },
        county: None,
        villages: vec![],
        may_serve: true,
    }
}

/// What this process holds of memory, in bytes.
fn resident() -> io::Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    Ok(pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096)
}

fn main() -> io::Result<()> {
    let start = Now { mono: Instant::START, wall: Timestamp(0) };
    let mut book = Book { duty: Duty::new(Timers::default()), now: start, rung: VecDeque::new(), asked: 0 };
    let [mut open, mut duty, mut ask, mut accept, mut release, mut free, mut due] =
        std::array::from_fn(|_| Times::default());
    let before = resident()?;
    for n in 0..LAWYERS {
        let lawyer = lawyer(n);
        book.feed(Input::DeskOpened { lawyer, tab: Tab(0), profile: profile(n) }, &mut open);
        book.feed(Input::PresenceSet { lawyer, wish: Wish::OnDuty }, &mut duty);
    }
    let each = (resident()? - before) / usize::try_from(LAWYERS).expect("small");
    // Everybody asks while everybody is free, until nobody is; then the others wait.
    let (mut busy, mut rings) = (VecDeque::new(), Times::default());
    let mut unseen = Times::default();
    while book.duty.waiting() < usize::try_from(WAITING).expect("small") {
        let somebody_is_free = busy.len() < usize::try_from(LAWYERS).expect("small");
        book.ask(if somebody_is_free { &mut rings } else { &mut unseen });
        while let Some((id, lawyer)) = book.rung.pop_front() {
            if book.duty.presence(lawyer) == yunfa_signaling::words::Presence::Ringing {
                book.hear(id, Hint::Engaged { lawyer }, &mut unseen);
                busy.push_back((id, lawyer));
                book.rung.retain(|(other, _)| *other != id);
            }
        }
        if book.asked.is_multiple_of(1_000) {
            book.sign_of_life();
        }
    }
    for round in 0..ROUNDS {
        book.now = book.now.after(PACE);
        if round.is_multiple_of(5_000) {
            book.sign_of_life();
        }
        book.feed(Input::Timeout, &mut due);
        let (id, lawyer) = busy.pop_front().expect("somebody is busy");
        book.hear(id, Hint::Released { lawyer }, &mut release);
        book.hear(id, Hint::WrittenUp { lawyer }, &mut free);
        let (id, lawyer) = book.rung.pop_front().expect("who becomes free is rung for who waits");
        book.hear(id, Hint::Engaged { lawyer }, &mut accept);
        busy.push_back((id, lawyer));
        book.ask(&mut ask);
    }
    writeln!(io::stdout(), "{LAWYERS} lawyers on duty, {} wait; microseconds", book.duty.waiting())?;
    writeln!(io::stdout(), "{each} bytes per idle presence (with this bench's notes of two inputs)")?;
    writeln!(io::stdout(), "{:<38}{:>8}{:>9}{:>9}{:>9}", "input", "times", "median", "p99", "worst")?;
    open.row("a desk is opened")?;
    duty.row("a lawyer goes on duty")?;
    rings.row("somebody asks, five ring")?;
    ask.row("somebody asks, nobody is free")?;
    free.row("a lawyer is free: who is rung next")?;
    accept.row("a lawyer accepts")?;
    release.row("a session ends")?;
    due.row("the clock: tiers, and places each second")
}
