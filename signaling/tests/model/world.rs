//! All machines together, and the little shell between them: mailboxes that may be slow, pages, transports, and a clock.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use yunfa_signaling::{
    consultation::{Again, Consultation, Continuation, Input, Known, MediaFact, Opening, Party, SessionIds},
    duty::{self, Duty, Tab, Wish},
    error::SessionError,
    ids::{AnswerId, CitizenId, ConsultationId, LawyerId, LegId, MessageId, OfferId, RecordId, RequestId, SessionId},
    message::{ClientMessage, ServerMessage},
    milestone::{Event, Milestone},
    output::{Hint, MediaOrder, Output, RingOver},
    private::{ChatText, PersonName},
    profile::Profile,
    question::{self, Clocks, MAX_PENDING, Question, SLOTS},
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{
        Channel, ConsultationState, DeclineReason, DeviceClass, DeviceState, Grade, IdentityMode, Outcome, Pool,
        PracticeArea, Presence, RouteMode, SessionState,
    },
};

use crate::{
    plant::{self, Plant},
    reference::{Answer, LAWYERS, Model, Side, Step, lawyer},
    turns::{Said, Turn},
    uuid, village,
    watch::{Broken, Held, Rule},
};

/// How long a tab counts as there.
const LEASE: u64 = duty::TAB_LEASE.as_secs();
/// How often a tab gives a sign of life.
const SIGN_OF_LIFE: u64 = 15;
/// No deadline is further away than the silence that closes a matter, and that of the longest question.
const LONGEST: Duration = Duration::from_secs(72 * 3600);
/// What an asker writes; nobody else may ever see it.
const SECRET: &str = "只有两个人知道的话";
/// How an asker is called; whoever only rings does not know it.
const ALIAS: &str = "群众甲乙丙";

/// What the shell knows of a tab.
struct Page {
    seen: u64,
    silent: bool,
}

/// What is true of a desk, as far as the duty book was told.
struct Desk {
    profile: Profile,
    /// The book knows that the lawyer may serve.
    may_serve: bool,
    pages: BTreeMap<Tab, Page>,
    /// Tabs of which the book has heard, and when each gave its last sign of life.
    told: BTreeMap<Tab, u64>,
    wants: bool,
    missed: u32,
    up: bool,
    work: Option<ConsultationId>,
}

/// What is true of a matter in the queue, as far as the duty book was told.
struct Queued {
    waits: bool,
    away: bool,
    grade: Grade,
    refused: BTreeSet<usize>,
    rung: BTreeSet<usize>,
    alone: bool,
    /// Since when whoever is first gets it.
    open: Option<u64>,
}

/// A live matter and what must be true of it.
struct Case {
    machine: plant::Matter,
    /// `None` once nothing can be foretold: the wall was set before a restart.
    shadow: Option<Model>,
    wall_was_set: bool,
    asked: u64,
    area: PracticeArea,
    channel: Channel,
    wish: Option<usize>,
    /// Who has a conflict in it, and how grave it is, as the store knows.
    known: Known,
    history: Vec<Milestone>,
    offers: [OfferId; LAWYERS],
    /// Which search it was put into the queue for.
    search: u32,
    session: SessionId,
    state: ConsultationState,
    rung: BTreeSet<usize>,
    with: Option<usize>,
    /// Who ever won.
    had: BTreeSet<usize>,
    over: BTreeSet<SessionId>,
    up: bool,
    done: bool,
}

/// A text question and what must be true of it.
struct Paper {
    machine: Question,
    history: Vec<question::Step>,
    answers: BTreeMap<usize, (AnswerId, u32)>,
    holders: BTreeSet<usize>,
}

/// What is under way to a matter.
enum Mail {
    Plain(Input),
    Ring { search: u32, lawyer: LawyerId, name: PersonName, mode: RouteMode, tier: yunfa_signaling::words::Tier },
}

/// The whole county.
pub(crate) struct World {
    plant: Option<Plant>,
    second: u64,
    boot: u64,
    wall_offset_ms: i64,
    duty: plant::Book,
    desks: Vec<Desk>,
    book: BTreeMap<ConsultationId, Queued>,
    matters: BTreeMap<ConsultationId, Case>,
    papers: Vec<Paper>,
    to_duty: VecDeque<duty::Input>,
    to_matter: BTreeMap<ConsultationId, VecDeque<Mail>>,
    slow: bool,
    minted: u128,
    asked: u128,
    /// Where matters have been.
    pub(crate) seen: BTreeSet<String>,
}

fn profile(n: usize) -> Profile {
    let areas: &[PracticeArea] = match n {
        0 => &[PracticeArea::Labour],
        1 => &[PracticeArea::Labour, PracticeArea::Family],
        2 => &[PracticeArea::Criminal],
        _ => &[PracticeArea::Family],
    };
    Profile {
        name: PersonName::new("律师"),
        areas: areas.iter().copied().collect(),
        pool: if n == LAWYERS - 1 { Pool::National } else { Pool::Local },
        county: None,
        villages: if n == 3 { vec![village()] } else { vec![] },
        may_serve: true,
    }
}

fn number(lawyer: LawyerId) -> usize {
    (0..LAWYERS).find(|n| self::lawyer(*n) == lawyer).unwrap_or(usize::MAX)
}

impl World {
    pub(crate) fn new(plant: Option<Plant>) -> Result<Self, Broken> {
        let desk = |n| Desk {
            profile: profile(n),
            may_serve: true,
            pages: BTreeMap::new(),
            told: BTreeMap::new(),
            wants: false,
            missed: 0,
            up: false,
            work: None,
        };
        let mut world = Self {
            plant,
            second: 0,
            boot: 0,
            wall_offset_ms: 0,
            duty: plant::Book::new(Duty::new(Timers::default()), plant),
            desks: (0..LAWYERS).map(desk).collect(),
            book: BTreeMap::new(),
            matters: BTreeMap::new(),
            papers: vec![],
            to_duty: VecDeque::new(),
            to_matter: BTreeMap::new(),
            slow: false,
            minted: 1_000_000,
            asked: 0,
            seen: BTreeSet::new(),
        };
        for n in 0..LAWYERS {
            world.open_tab(n, 0)?;
        }
        Ok(world)
    }

    fn now(&self) -> Now {
        let mono = Instant::since_start(Duration::from_secs(100 + self.second - self.boot));
        let passed = i64::try_from(self.second * 1000).unwrap_or(i64::MAX);
        Now { mono, wall: Timestamp(1_763_000_000_000 + passed + self.wall_offset_ms) }
    }

    /// A reading of the machines' clock in the county's seconds; what is due within a second is due at its end.
    fn second_of(&self, at: Instant) -> u64 {
        at.micros().div_ceil(1_000_000) + self.boot - 100
    }

    fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    fn minted_ids(&mut self) -> SessionIds {
        SessionIds {
            session: SessionId::new(uuid(self.mint())),
            citizen: LegId::new(uuid(self.mint())),
            lawyer: LegId::new(uuid(self.mint())),
        }
    }

    /// The k-th matter, oldest first.
    fn matter(&self, k: usize) -> Option<ConsultationId> {
        let count = self.matters.len();
        (count > 0).then(|| self.matters.keys().nth(k % count).copied()).flatten()
    }

    /// One turn, and everything that follows from it.
    pub(crate) fn turn(&mut self, turn: &Turn) -> Held {
        self.take(turn)?;
        if !self.slow {
            self.flush()?;
        }
        self.check()
    }

    fn take(&mut self, turn: &Turn) -> Held {
        match turn.clone() {
            Turn::Pass(seconds) => self.pass(seconds),
            Turn::Night(seconds) => self.night(seconds),
            Turn::Jump(seconds) => self.jump(seconds),
            Turn::SetWall(ms) => self.set_wall(ms),
            Turn::Slow(slow) => {
                self.slow = slow;
                Ok(())
            }
            Turn::Deliver(n) => self.deliver(n),
            Turn::Restart => self.restart(),
            Turn::OpenTab(n, tab) => self.open_tab(n, tab),
            Turn::CloseTab(n, tab) => self.close_tab(n, tab),
            Turn::FallSilent(n, tab) => {
                if let Some(page) = self.desks[n].pages.get_mut(&Tab(tab)) {
                    page.silent = true;
                }
                Ok(())
            }
            Turn::Want(n, wish) => {
                self.to_duty.push_back(duty::Input::PresenceSet { lawyer: lawyer(n), wish });
                Ok(())
            }
            Turn::Qualify(n, may_serve) => self.qualify(n, may_serve),
            Turn::Ask { area, channel, wish, goes_on } => self.ask(area, channel, wish, goes_on),
            Turn::AskAgain { asker, another } => self.ask_again(asker, another),
            Turn::Grab(k) => self.grab(k),
            Turn::Ring(n, said) => self.at_ring(n, &said),
            Turn::Asker(k, said) => match self.matter(k) {
                Some(id) => self.says(id, Side::Asker, &said),
                None => Ok(()),
            },
            Turn::Desk(n, said) => match self.served_by(n) {
                Some(id) => self.says(id, Side::Lawyer(n), &said),
                None => Ok(()),
            },
            Turn::Stranger(n, k, said) => match self.matter(k) {
                Some(id) => self.says(id, Side::Lawyer(n), &said),
                None => Ok(()),
            },
            Turn::Away(k, lost) => match self.matter(k) {
                Some(id) => {
                    let party = Party::Citizen;
                    self.feed(id, if lost { Input::SocketLost { party } } else { Input::SocketBack { party } })
                }
                None => Ok(()),
            },
            Turn::Media(k, up) => match self.matter(k) {
                Some(id) => {
                    if let Some(case) = self.matters.get_mut(&id) {
                        case.up = up;
                    }
                    self.media(id, Party::Citizen, up)
                }
                None => Ok(()),
            },
            Turn::DeskMedia(n, up) => {
                self.desks[n].up = up;
                match self.served_by(n) {
                    Some(id) => self.media(id, Party::Lawyer(lawyer(n)), up),
                    None => Ok(()),
                }
            }
            Turn::Block(k) => match self.matter(k) {
                Some(id) => self.feed(id, Input::AskerBlocked),
                None => Ok(()),
            },
            Turn::SupervisorEnds(k) => match self.matter(k).map(|id| (id, self.matters[&id].session)) {
                Some((id, session)) => self.feed(id, Input::SupervisorEnds { session }),
                None => Ok(()),
            },
            Turn::Stray(n, k) => match self.matter(k) {
                Some(id) => {
                    let session = self.matters[&id].session;
                    self.feed(id, Input::Withdraw { lawyer: lawyer(n) })?;
                    self.feed(id, Input::TwoWay { session, seconds: 7 })?;
                    self.feed(id, Input::Sealed { session, record: RecordId::new(uuid(5)) })
                }
                None => Ok(()),
            },
            Turn::Known(k, n, grade) => self.is_known(k, n, grade),
            Turn::Crash(k) => {
                if let Some(id) = self.matter(k) {
                    self.matters.remove(&id);
                    self.to_matter.remove(&id);
                    self.to_duty.push_back(duty::Input::ConsultationGone { consultation: id });
                }
                Ok(())
            }
            Turn::Stop(k) => match self.matter(k) {
                Some(id) => self.feed(id, Input::Stop),
                None => Ok(()),
            },
            Turn::Paper(paper) => self.paper(&paper),
        }
    }

    // Time.

    fn pass(&mut self, seconds: u64) -> Held {
        self.flush()?;
        let until = self.second + seconds;
        loop {
            self.signs_of_life()?;
            let matters = self.matters.values().filter_map(|case| case.machine.poll_timeout());
            let papers = self.papers.iter().filter_map(|paper| paper.machine.poll_timeout());
            let due = matters.chain(papers).chain(self.duty.poll_timeout()).map(|due| self.second_of(due));
            let life = self.pages().map(|page| page.seen + SIGN_OF_LIFE);
            let Some(next) = due.chain(life).min().filter(|next| *next <= until) else { break };
            self.second = self.second.max(next);
            self.due(true, false)?;
        }
        self.second = until;
        Ok(())
    }

    /// Everybody goes home for so long.
    fn night(&mut self, seconds: u64) -> Held {
        for n in 0..LAWYERS {
            for tab in self.desks[n].pages.keys().copied().collect::<Vec<_>>() {
                self.close_tab(n, tab.0)?;
            }
        }
        self.pass(seconds)
    }

    fn pages(&self) -> impl Iterator<Item = &Page> {
        self.desks.iter().flat_map(|desk| desk.pages.values()).filter(|page| !page.silent)
    }

    /// Every clock has moved and nobody noticed until now: tabs have lapsed, rings have ended, a day is gone.
    fn jump(&mut self, seconds: u64) -> Held {
        self.flush()?;
        self.second += seconds;
        self.due(seconds.is_multiple_of(2), false)?;
        self.signs_of_life()?;
        self.flush()
    }

    /// Everything that is due happens, whose turn it is first is up to the machine that runs them; or everybody is asked.
    fn due(&mut self, duty_first: bool, everybody: bool) -> Held {
        let now = self.now().mono;
        let is_due = |due: Option<Instant>| everybody || due.is_some_and(|due| due <= now);
        let matters = self.matters.iter().filter(|(_, case)| is_due(case.machine.poll_timeout()));
        let matters: Vec<_> = matters.map(|(id, _)| *id).collect();
        let papers = (0..self.papers.len()).filter(|at| is_due(self.papers[*at].machine.poll_timeout()));
        let papers: Vec<_> = papers.collect();
        if duty_first {
            let _never_refused = self.feed_duty(duty::Input::Timeout)?;
        }
        for id in matters {
            self.feed(id, Input::Timeout)?;
        }
        for at in papers {
            self.feed_paper(at, question::Input::Timeout)?;
        }
        if !duty_first {
            let _never_refused = self.feed_duty(duty::Input::Timeout)?;
        }
        self.flush()
    }

    fn signs_of_life(&mut self) -> Held {
        for n in 0..LAWYERS {
            let second = self.second;
            let due = |page: &Page| !page.silent && page.seen + SIGN_OF_LIFE <= second;
            let tabs: Vec<Tab> =
                self.desks[n].pages.iter().filter(|(_, page)| due(page)).map(|(tab, _)| *tab).collect();
            for tab in tabs {
                let lawyer = lawyer(n);
                if self.feed_duty(duty::Input::DeskSeen { lawyer, tab })?.is_err() {
                    // It lapsed in a jump of the clock: the page says hello again.
                    let profile = self.desks[n].profile.clone();
                    let _refused = self.feed_duty(duty::Input::DeskOpened { lawyer, tab, profile })?;
                }
            }
        }
        Ok(())
    }

    /// The wall is set: nothing happens by that, and no deadline moves.
    fn set_wall(&mut self, ms: i64) -> Held {
        self.flush()?;
        let deadlines = |world: &Self| -> Vec<Option<Instant>> {
            let matters = world.matters.values().map(|case| case.machine.poll_timeout());
            let papers = world.papers.iter().map(|paper| paper.machine.poll_timeout());
            matters.chain(papers).chain([world.duty.poll_timeout()]).collect()
        };
        let before = (deadlines(self), self.events());
        self.wall_offset_ms += ms;
        for case in self.matters.values_mut() {
            case.wall_was_set = true;
        }
        let outcome = self.due(true, true);
        let after = (deadlines(self), self.events());
        Rule::Clock.holds(before == after, || format!("the wall was set by {ms} ms: {before:?} {after:?}"))?;
        outcome
    }

    fn events(&self) -> usize {
        self.matters.values().map(|case| case.history.len()).sum::<usize>()
            + self.papers.iter().map(|paper| paper.history.len()).sum::<usize>()
    }

    /// The process ends and another one takes up what it can.
    fn restart(&mut self) -> Held {
        self.pass(0)?;
        self.due(true, false)?;
        let old = std::mem::take(&mut self.matters);
        self.boot = self.second;
        self.duty = plant::Book::new(Duty::new(Timers::default()), self.plant);
        self.book.clear();
        self.to_matter.clear();
        for desk in &mut self.desks {
            (desk.wants, desk.missed, desk.work, desk.up) = (false, 0, None, false);
            desk.told.clear();
            desk.may_serve = desk.profile.may_serve;
        }
        for (id, case) in old {
            self.resume(id, case)?;
        }
        let now = self.now();
        for paper in &mut self.papers {
            let (before, resumed) = (&paper.machine, Question::resume(&paper.history, Clocks::default(), now));
            let same = resumed.as_ref().is_some_and(|resumed| {
                (resumed.state(), resumed.version(), resumed.free_slots(), resumed.pending())
                    == (before.state(), before.version(), before.free_slots(), before.pending())
                    && resumed.holders().eq(before.holders())
                    && resumed.answerers().eq(before.answerers())
            });
            Rule::Reference.holds(same, || format!("a question stands where it stood: {before:?} {resumed:?}"))?;
            paper.machine = resumed.unwrap_or_else(|| paper.machine.clone());
        }
        for n in 0..LAWYERS {
            for tab in self.desks[n].pages.keys().copied().collect::<Vec<_>>() {
                self.open_tab(n, tab.0)?;
            }
        }
        self.flush()?;
        self.due(true, false)
    }

    fn resume(&mut self, id: ConsultationId, mut case: Case) -> Held {
        let sessions = [self.minted_ids(), self.minted_ids(), self.minted_ids()];
        let again = Again { alias: PersonName::new(ALIAS), locality: "永安镇".to_owned(), sessions };
        let (now, timers) = (self.now(), Timers::default());
        let held = Consultation::resume_on_hold(&case.history, again, timers, now);
        let is_held = case.machine.state() == ConsultationState::OnHold;
        let is_over = matches!(case.machine.session_state(), SessionState::Ended | SessionState::Sealed)
            && case.machine.poll_timeout().is_some();
        let over = Consultation::resume(&case.history, timers, now);
        Rule::Reference.holds((held.is_some(), over.is_some()) == (is_held, is_over), || {
            format!("what can be taken up is taken up: {:?} {:?}", case.machine.state(), case.machine.session_state())
        })?;
        let Some(resumed) = held.or(over) else { return Ok(()) };
        Rule::Reference.holds(
            (resumed.state(), resumed.answered_by()) == (case.machine.state(), case.machine.answered_by()),
            || format!("a matter stands where it stood: {:?}", case.machine.view()),
        )?;
        case.machine = plant::Matter::new(resumed, self.plant, now);
        if is_held {
            (case.asked, case.up) = (self.second, false);
            case.rung.clear();
        }
        if case.wall_was_set {
            case.shadow = None;
        }
        case.offers = [OfferId::new(uuid(999)); LAWYERS];
        if let Some(shadow) = &mut case.shadow {
            let _always_done = shadow.step(&Step::Restart);
        }
        let known = case.known.clone();
        self.matters.insert(id, case);
        self.obey(id)?;
        for lawyer in known.barred {
            self.feed(id, Input::Known(Known { grade: known.grade, barred: [lawyer].into() }))?;
        }
        self.feed(id, Input::Timeout)
    }

    // Mail.

    /// Delivers until nothing is under way.
    fn flush(&mut self) -> Held {
        while !self.to_duty.is_empty() || !self.to_matter.is_empty() {
            self.deliver(0)?;
        }
        Ok(())
    }

    /// Delivers the oldest letter of one of the mailboxes that hold any.
    fn deliver(&mut self, n: usize) -> Held {
        let boxes = self.to_matter.len() + usize::from(!self.to_duty.is_empty());
        if boxes == 0 {
            return Ok(());
        }
        let n = n % boxes;
        if n == 0
            && let Some(input) = self.to_duty.pop_front()
        {
            return self.feed_duty(input).map(|_| ());
        }
        let at = n - usize::from(!self.to_duty.is_empty());
        let Some(id) = self.to_matter.keys().nth(at).copied() else { return Ok(()) };
        let mail = self.to_matter.get_mut(&id).and_then(VecDeque::pop_front);
        if self.to_matter.get(&id).is_none_or(VecDeque::is_empty) {
            self.to_matter.remove(&id);
        }
        match mail {
            None => Ok(()),
            Some(_) if !self.matters.contains_key(&id) => {
                self.to_duty.push_back(duty::Input::ConsultationGone { consultation: id });
                Ok(())
            }
            Some(Mail::Plain(input)) => self.feed(id, input),
            Some(Mail::Ring { search, lawyer, name, mode, tier }) => {
                let offer = OfferId::new(uuid(self.mint()));
                self.feed(id, Input::Ring { search, offer, lawyer, name, mode, tier })
            }
        }
    }

    fn post(&mut self, id: ConsultationId, mail: Mail) {
        self.to_matter.entry(id).or_default().push_back(mail);
    }

    // Desks.

    fn open_tab(&mut self, n: usize, tab: u64) -> Held {
        let was_there = self.desks[n].pages.values().any(|page| !page.silent);
        self.desks[n].pages.insert(Tab(tab), Page { seen: self.second, silent: false });
        let (lawyer, profile) = (lawyer(n), self.desks[n].profile.clone());
        self.to_duty.push_back(duty::Input::DeskOpened { lawyer, tab: Tab(tab), profile });
        if was_there { Ok(()) } else { self.desk_socket(n, false) }
    }

    fn close_tab(&mut self, n: usize, tab: u64) -> Held {
        let Some(page) = self.desks[n].pages.remove(&Tab(tab)) else { return Ok(()) };
        self.to_duty.push_back(duty::Input::DeskClosed { lawyer: lawyer(n), tab: Tab(tab) });
        let is_there = self.desks[n].pages.values().any(|page| !page.silent);
        if is_there || page.silent { Ok(()) } else { self.desk_socket(n, true) }
    }

    /// A lawyer's last page is gone, or the first is back.
    fn desk_socket(&mut self, n: usize, lost: bool) -> Held {
        let party = Party::Lawyer(lawyer(n));
        let here =
            |case: &Case| case.machine.offer_view(lawyer(n)).is_some() || case.machine.session_view(party).is_some();
        let ids: Vec<_> = self.matters.iter().filter(|(_, case)| here(case)).map(|(id, _)| *id).collect();
        for id in ids {
            self.feed(id, if lost { Input::SocketLost { party } } else { Input::SocketBack { party } })?;
        }
        Ok(())
    }

    fn qualify(&mut self, n: usize, may_serve: bool) -> Held {
        self.desks[n].profile.may_serve = may_serve;
        let profile = self.desks[n].profile.clone();
        self.to_duty.push_back(duty::Input::ProfileChanged { lawyer: lawyer(n), profile });
        if !may_serve {
            for paper in 0..self.papers.len() {
                self.feed_paper(paper, question::Input::Withdraw { lawyer: lawyer(n) })?;
            }
        }
        Ok(())
    }

    /// The matter in which a lawyer sits; failing that, the one whose outcome is due, or the last one.
    fn served_by(&self, n: usize) -> Option<ConsultationId> {
        let of = |found: &dyn Fn(&Case) -> bool| self.matters.iter().find(|(_, case)| found(case)).map(|(id, _)| *id);
        of(&|case| case.machine.session_view(Party::Lawyer(lawyer(n))).is_some())
            .or_else(|| of(&|case| case.machine.outcome_due(lawyer(n)).is_some()))
            .or_else(|| of(&|case| case.with == Some(n)))
    }

    /// What a lawyer makes of the ring at the desk.
    fn at_ring(&mut self, n: usize, said: &Said) -> Held {
        let party = Party::Lawyer(lawyer(n));
        let has_page = self.desks[n].pages.values().any(|page| !page.silent);
        let talks = self.matters.values().any(|case| case.machine.session_view(party).is_some());
        // The person's task lets nobody take a call who is in one.
        if !has_page || (talks && *said == Said::Accept) {
            return Ok(());
        }
        let rings = self.matters.iter().find(|(_, case)| case.machine.offer_view(lawyer(n)).is_some());
        match rings.map(|(id, _)| *id) {
            Some(id) => self.says(id, Side::Lawyer(n), said),
            None => Ok(()),
        }
    }

    /// All who are rung for a matter accept before any of them hears of the others.
    fn grab(&mut self, k: usize) -> Held {
        let Some(id) = self.matter(k) else { return Ok(()) };
        let rung = |n: &usize| self.matters[&id].machine.offer_view(lawyer(*n)).is_some();
        for n in (0..LAWYERS).filter(rung).collect::<Vec<_>>() {
            self.says(id, Side::Lawyer(n), &Said::Accept)?;
        }
        Ok(())
    }

    /// Whether it is under way that this lawyer is suspended.
    fn is_taken_back(&self, id: ConsultationId, who: LawyerId) -> bool {
        let at_duty =
            |input: &duty::Input| matches!(input, duty::Input::ProfileChanged { lawyer, .. } if *lawyer == who);
        let at_matter = |mail: &Mail| matches!(mail, Mail::Plain(Input::Withdraw { lawyer }) if *lawyer == who);
        self.to_duty.iter().any(at_duty) || self.to_matter.get(&id).is_some_and(|mail| mail.iter().any(at_matter))
    }

    // Matters.

    fn ask(&mut self, area: PracticeArea, channel: Channel, wish: Option<usize>, goes_on: Option<bool>) -> Held {
        self.asked += 1;
        let id = ConsultationId::new(uuid(3000 + self.asked));
        let sessions = [self.minted_ids(), self.minted_ids(), self.minted_ids()];
        let opening = Opening {
            consultation: id,
            citizen: CitizenId::new(id.uuid()),
            alias: PersonName::new(ALIAS),
            practice_area: area,
            area: village(),
            locality: "永安镇".to_owned(),
            channel,
            lawyer: wish.map(lawyer),
            identity_mode: IdentityMode::Guest,
            consent_version: "1".to_owned(),
            entry_source: None,
            device: DeviceClass::Mobile,
            sessions,
        };
        let session = opening.sessions[0].session;
        let now = self.now();
        let machine = plant::Matter::new(Consultation::open(opening, Timers::default(), now), self.plant, now);
        let case = Case {
            machine,
            shadow: Some(Model::new(channel, self.second)),
            wall_was_set: false,
            asked: self.second,
            area,
            channel,
            wish,
            known: Known::default(),
            history: vec![],
            offers: [OfferId::new(uuid(999)); LAWYERS],
            search: 0,
            session,
            state: ConsultationState::Open,
            rung: BTreeSet::new(),
            with: None,
            had: BTreeSet::new(),
            over: BTreeSet::new(),
            up: false,
            done: false,
        };
        self.matters.insert(id, case);
        if let Some(rated) = goes_on {
            let (matter, services, grade) = (ConsultationId::new(uuid(7)), 1, Grade::Sensitive);
            self.feed(id, Input::Continues(Continuation { matter, services, rated, grade }))?;
        }
        self.settle(id)
    }

    /// The store learns of a conflict, and of a grade; what is live is told.
    fn is_known(&mut self, k: usize, n: usize, grade: Grade) -> Held {
        let Some(id) = self.matter(k) else { return Ok(()) };
        if let Some(case) = self.matters.get_mut(&id) {
            case.known.grade = case.known.grade.max(grade);
            case.known.barred.insert(lawyer(n));
        }
        self.feed(id, Input::Known(Known { grade, barred: [lawyer(n)].into() }))
    }

    /// The same page, or another one of the same citizen, asks again.
    fn ask_again(&mut self, asker: usize, another: bool) -> Held {
        let Some(id) = self.matter(asker) else { return Ok(()) };
        let consultation = if another { ConsultationId::new(uuid(self.mint())) } else { id };
        let request = RequestId::new(uuid(self.mint()));
        let area = village();
        let message = ClientMessage::RequestConsultation {
            consultation,
            practice_area: PracticeArea::Labour,
            area,
            channel: Channel::Text,
            lawyer: None,
        };
        let case = &self.matters[&id];
        let stood = (case.history.len(), case.machine.state(), case.machine.poll_timeout());
        let outcome = self.hand_in(id, Input::Said { from: Party::Citizen, request, message }, false)?;
        let case = &self.matters[&id];
        Rule::Refused.holds(outcome.is_ok() != another, || format!("asked again, another: {another}: {outcome:?}"))?;
        Rule::Refused.holds(stood == (case.history.len(), case.machine.state(), case.machine.poll_timeout()), || {
            "a citizen who calls twice has called once".to_owned()
        })
    }

    fn media(&mut self, id: ConsultationId, party: Party, up: bool) -> Held {
        let fact = if up { MediaFact::Connected } else { MediaFact::Interrupted };
        self.feed(id, Input::Media { party, fact })
    }

    /// A side says something; said again under the same id it is done once.
    fn says(&mut self, consultation: ConsultationId, side: Side, said: &Said) -> Held {
        let case = &self.matters[&consultation];
        let session = case.session;
        let offer = match side {
            Side::Lawyer(n) => case.offers[n],
            Side::Asker => OfferId::new(uuid(998)),
        };
        let message = match *said {
            Said::Accept => ClientMessage::AcceptOffer { offer },
            Said::Decline => ClientMessage::DeclineOffer { offer, reason: DeclineReason::ConflictOfInterest },
            Said::Delivered => ClientMessage::OfferDelivered { offer },
            Said::Seen => ClientMessage::OfferSeen { offer },
            Said::Cancel => ClientMessage::CancelConsultation { consultation },
            Said::KeepWaiting => ClientMessage::KeepWaiting { consultation },
            Said::CallMeBack => ClientMessage::CallMeBack { consultation },
            Said::TakeCall => ClientMessage::AnswerCall { session },
            Said::FallBack(channel) => ClientMessage::FallBack { session, channel },
            Said::Propose(channel) => ClientMessage::ProposeChannel { session, channel },
            Said::Answer(channel, accept) => ClientMessage::AnswerChannel { session, channel, accept },
            Said::Chat(line) => {
                let (message, text) = (MessageId::new(uuid(500 + line)), ChatText::new(format!("{SECRET}{line}")));
                ClientMessage::SendChat { session, message, text }
            }
            Said::Type(keep) => ClientMessage::TypeText { session, keep, text: ChatText::new(SECRET) },
            Said::Read(up_to) => ClientMessage::ReadChat { session, up_to },
            Said::Devices => {
                let off = DeviceState::Absent;
                ClientMessage::SetDevices { microphone: off, camera: off, screen: off }
            }
            Said::HangUp => ClientMessage::HangUp { session },
            Said::Outcome(outcome) => {
                ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: false, referral_type: None }
            }
            Said::Rate(stars) => ClientMessage::Rate { consultation, stars },
        };
        let (from, request) = (side.party(), RequestId::new(uuid(self.mint())));
        let input = Input::Said { from, request, message };
        let outcome = self.hand_in(consultation, input.clone(), false)?;
        if let (Side::Lawyer(n), Said::Accept, Ok(())) = (side, said, outcome) {
            let with = self.matters[&consultation].with;
            Rule::OneWinner.holds(with == Some(n), || format!("{n} was told to have won, {with:?} has"))?;
        }
        if outcome.is_ok() {
            let case = &self.matters[&consultation];
            let stood = (case.history.len(), case.machine.state(), case.machine.poll_timeout());
            let again = self.hand_in(consultation, input, true)?;
            let case = &self.matters[&consultation];
            let stands = (case.history.len(), case.machine.state(), case.machine.poll_timeout());
            Rule::Refused.holds(again == outcome && stood == stands, || format!("said twice, done once: {said:?}"))?;
        }
        Ok(())
    }

    fn feed(&mut self, id: ConsultationId, input: Input) -> Held {
        self.hand_in(id, input, false).map(|_| ())
    }

    /// Gives one input to a matter, does what it orders and compares it with the reference.
    fn hand_in(
        &mut self,
        id: ConsultationId,
        input: Input,
        is_repeated: bool,
    ) -> Result<Result<(), SessionError>, Broken> {
        let (now, second) = (self.now(), self.second);
        let Some(case) = self.matters.get_mut(&id) else { return Ok(Ok(())) };
        let late = case.machine.handle(Input::Timeout, now);
        Rule::Refused.holds(late.is_ok(), || "a timeout is never refused".to_owned())?;
        if let Some(shadow) = &mut case.shadow {
            shadow.at(second);
        }
        let foretold = if is_repeated { Step::Else } else { foretold(case, &input) };
        self.settle(id)?;
        let Some(case) = self.matters.get_mut(&id) else { return Ok(Ok(())) };
        let before = (case.machine.version(), case.machine.poll_timeout(), case.machine.state());
        let outcome = case.machine.handle(input.clone(), now);
        let outputs: Vec<Output> = std::iter::from_fn(|| case.machine.poll_output()).collect();
        if outcome.is_err() {
            let after = (case.machine.version(), case.machine.poll_timeout(), case.machine.state());
            Rule::Refused.holds(before == after && outputs.is_empty(), || format!("{input:?} was refused"))?;
        }
        let answer: Answer = outcome.map_err(|error| error.code().as_str());
        let expected = case.shadow.as_mut().map(|shadow| shadow.step(&foretold));
        for output in outputs {
            self.heed(id, output)?;
        }
        if let Some(expected) = expected.filter(|_| !matches!(foretold, Step::Else)) {
            if let Input::Said { from: Party::Lawyer(who), message: ClientMessage::AcceptOffer { .. }, .. } = &input {
                let with = self.matters.get(&id).and_then(|case| case.with);
                Rule::OneWinner.holds(answer.is_err() || with == Some(number(*who)), || {
                    format!("{} was told to have won, {with:?} has", number(*who))
                })?;
            }
            Rule::Reference.holds(expected == answer, || format!("{foretold:?}: {expected:?}, not {answer:?}"))?;
        }
        self.compare(id)?;
        Ok(outcome)
    }

    /// Does what a matter has ordered by itself.
    fn settle(&mut self, id: ConsultationId) -> Held {
        self.obey(id)?;
        self.compare(id)
    }

    fn obey(&mut self, id: ConsultationId) -> Held {
        let Some(case) = self.matters.get_mut(&id) else { return Ok(()) };
        let outputs: Vec<Output> = std::iter::from_fn(|| case.machine.poll_output()).collect();
        for output in outputs {
            self.heed(id, output)?;
        }
        Ok(())
    }

    fn compare(&mut self, id: ConsultationId) -> Held {
        let Some(case) = self.matters.get(&id) else { return Ok(()) };
        let machine = &case.machine;
        let state = machine.state();
        let is_final =
            matches!(state, ConsultationState::Closed | ConsultationState::Unserved | ConsultationState::Cancelled)
                && machine.view().choice_until.is_none();
        let (now, due) = (self.now().mono, machine.poll_timeout());
        Rule::Deadline.holds(due.is_none() == is_final, || {
            format!("every live matter has a deadline, a final one has none: {state} {due:?}")
        })?;
        Rule::Deadline.holds(due.is_none_or(|due| due > now && due <= now + LONGEST), || {
            format!("the deadline of {state} lies ahead, but not too far: {due:?} at {now:?}")
        })?;
        Rule::OverIsOver.holds(!case.done || is_final, || format!("done and {state}"))?;
        if let Some(shadow) = &case.shadow {
            let due = due.map(|due| self.second_of(due));
            let (expected, found) = (
                (shadow.state, shadow.session, shadow.ringing(), shadow.next_due()),
                (state, machine.session_state(), machine.view().ringing as usize, due),
            );
            Rule::Reference.holds(expected == found, || format!("{expected:?}, not {found:?} at {}", self.second))?;
            self.seen.insert(format!("{}/{}", shadow.state, shadow.session));
        }
        Ok(())
    }

    /// Checks one order of a matter, and does it.
    fn heed(&mut self, id: ConsultationId, output: Output) -> Held {
        let taken_back = match &output {
            Output::ToLawyer(who, ServerMessage::Offered(_)) => self.is_taken_back(id, *who),
            _ => false,
        };
        let Some(case) = self.matters.get_mut(&id) else { return Ok(()) };
        let is_view = matches!(output, Output::ToCitizen(ServerMessage::Consultation(_)));
        Rule::OverIsOver.holds(!case.done || is_view, || format!("nothing comes after the end: {output:?}"))?;
        Rule::Content.holds(!format!("{output:?}").contains(SECRET), || "a log would tell what was said".to_owned())?;
        match output {
            Output::ToCitizen(_) | Output::CallAsker { .. } => {}
            Output::ToLawyer(who, message) => {
                let n = number(who);
                let told = serde_json::to_string(&message).unwrap_or_default();
                Rule::Content
                    .holds(case.with == Some(n) || !(told.contains(SECRET) || told.contains(ALIAS)), || {
                        format!("{n} is told by {} what only {:?} may know", message.name(), case.with)
                    })?;
                match message {
                    ServerMessage::Offered(offer) => {
                        case.rung.insert(n);
                        case.offers[n] = offer.id;
                        let desk = &self.desks[n];
                        let may = desk.profile.may_serve || taken_back;
                        Rule::WhoMayBeRung.holds(may, || format!("{n} is suspended and rung"))?;
                    }
                    ServerMessage::OfferClosed { .. } => {
                        Rule::Content.holds(case.rung.contains(&n), || format!("{n} was never rung"))?;
                    }
                    ServerMessage::SessionEnded { .. } | ServerMessage::RecordSealed { .. } => {
                        Rule::Content.holds(case.had.contains(&n), || format!("{n} never was in it"))?;
                    }
                    other => {
                        let name = other.name();
                        Rule::Content.holds(case.with == Some(n), || format!("{n} is no party and hears {name}"))?;
                    }
                }
            }
            Output::Duty(hint) => {
                if let Hint::Seek(seek) = &hint {
                    case.search = seek.search;
                }
                self.to_duty.push_back(duty::Input::Heard { consultation: id, hint });
            }
            Output::Media(MediaOrder::ConnectLegs { lawyer, .. }) => {
                let n = number(lawyer);
                let up = [(Party::Citizen, case.up), (Party::Lawyer(lawyer), self.desks[n].up)];
                for (party, _) in up.into_iter().filter(|(_, up)| *up) {
                    self.post(id, Mail::Plain(Input::Media { party, fact: MediaFact::Connected }));
                }
            }
            Output::Media(MediaOrder::ReleaseLegs { .. }) => {}
            // Third parties have a model of their own (`tests/thirds.rs`); here nobody is asked in.
            Output::Media(MediaOrder::ConnectThird { .. } | MediaOrder::ReleaseThird { .. }) => {
                Rule::Content.holds(false, || "somebody sits in a session uninvited".to_owned())?;
            }
            Output::Keep(line) => {
                let is_here = line.session == case.session && !case.over.contains(&line.session);
                Rule::Content.holds(is_here, || "a line is kept where it was said".to_owned())?;
            }
            Output::Seal { session, .. } => {
                self.post(id, Mail::Plain(Input::Sealed { session, record: RecordId::new(uuid(5)) }));
            }
            Output::Milestone(milestone) => return happened(case, milestone),
            Output::Done => case.done = true,
        }
        Ok(())
    }

    // The duty book.

    fn feed_duty(&mut self, input: duty::Input) -> Result<Result<(), SessionError>, Broken> {
        let now = self.now();
        if input != duty::Input::Timeout {
            let _never_refused = self.duty.handle(duty::Input::Timeout, now);
            self.drain_duty()?;
        }
        let outcome = self.duty.handle(input.clone(), now);
        if outcome.is_ok() {
            self.learn(input);
        }
        self.drain_duty()?;
        Ok(outcome)
    }

    /// Notes what the book knows from here on.
    fn learn(&mut self, input: duty::Input) {
        let second = self.second;
        match input {
            duty::Input::DeskOpened { lawyer, tab, profile } => {
                let desk = &mut self.desks[number(lawyer)];
                desk.told.insert(tab, second);
                if let Some(page) = desk.pages.get_mut(&tab) {
                    page.seen = second;
                }
                desk.may_serve = profile.may_serve;
                desk.wants &= profile.may_serve;
            }
            duty::Input::DeskSeen { lawyer, tab } => {
                let desk = &mut self.desks[number(lawyer)];
                desk.told.insert(tab, second);
                if let Some(page) = desk.pages.get_mut(&tab) {
                    page.seen = second;
                }
            }
            duty::Input::DeskClosed { lawyer, tab } => {
                self.desks[number(lawyer)].told.remove(&tab);
            }
            duty::Input::ProfileChanged { lawyer, profile } => {
                let desk = &mut self.desks[number(lawyer)];
                desk.may_serve = profile.may_serve;
                desk.wants &= profile.may_serve;
            }
            duty::Input::PresenceSet { lawyer, wish } => {
                let desk = &mut self.desks[number(lawyer)];
                (desk.wants, desk.missed) = (wish == Wish::OnDuty, 0);
            }
            duty::Input::ConsultationGone { consultation } => {
                self.book.remove(&consultation);
                self.free_all(consultation);
            }
            duty::Input::Heard { consultation, hint } => self.learn_hint(consultation, hint),
            duty::Input::FloorsSet { .. } | duty::Input::Timeout => {}
        }
    }

    fn free_all(&mut self, id: ConsultationId) {
        for desk in self.desks.iter_mut().filter(|desk| desk.work == Some(id)) {
            desk.work = None;
        }
    }

    fn learn_hint(&mut self, id: ConsultationId, hint: Hint) {
        match hint {
            Hint::Seek(seek) => {
                let queued = self.book.entry(id).or_insert_with(|| Queued {
                    waits: true,
                    away: false,
                    grade: seek.grade,
                    refused: BTreeSet::new(),
                    rung: BTreeSet::new(),
                    alone: false,
                    open: None,
                });
                (queued.waits, queued.away, queued.grade) = (true, seek.away, seek.grade);
                queued.refused.extend(seek.barred.iter().map(|lawyer| number(*lawyer)));
                for n in &queued.refused {
                    if queued.rung.remove(n) && self.desks[*n].work == Some(id) {
                        self.desks[*n].work = None;
                    }
                }
            }
            Hint::Hold { away } => {
                if let Some(queued) = self.book.get_mut(&id) {
                    queued.away = away;
                }
            }
            Hint::RingOver { lawyer, how } => {
                let n = number(lawyer);
                let desk = &mut self.desks[n];
                if desk.work == Some(id) {
                    desk.work = None;
                    match how {
                        RingOver::Declined => desk.missed = 0,
                        RingOver::Missed => desk.missed += 1,
                        RingOver::Cut => {}
                    }
                }
                if let Some(queued) = self.book.get_mut(&id) {
                    queued.rung.remove(&n);
                    if how == RingOver::Declined {
                        queued.refused.insert(n);
                    }
                }
            }
            Hint::Engaged { lawyer } => {
                self.free_all(id);
                let desk = &mut self.desks[number(lawyer)];
                (desk.work, desk.missed) = (Some(id), 0);
                if let Some(queued) = self.book.get_mut(&id) {
                    queued.waits = false;
                    queued.rung.clear();
                }
            }
            Hint::Failed { lawyer, at_fault } => {
                let n = number(lawyer);
                if self.desks[n].work == Some(id) {
                    self.desks[n].work = None;
                    self.desks[n].missed += u32::from(at_fault);
                }
                if let Some(queued) = self.book.get_mut(&id).filter(|_| at_fault) {
                    queued.refused.insert(n);
                }
            }
            Hint::Released { .. } | Hint::Leave => {
                self.book.remove(&id);
                self.free_all(id);
            }
            Hint::WrittenUp { .. } | Hint::Joined { .. } | Hint::Parted { .. } => {}
        }
    }

    fn drain_duty(&mut self) -> Held {
        while let Some(output) = self.duty.poll_output() {
            match output {
                duty::Output::Ring { consultation, search, lawyer, name, mode, tier } => {
                    self.may_ring(consultation, number(lawyer))?;
                    self.desks[number(lawyer)].work = Some(consultation);
                    if let Some(queued) = self.book.get_mut(&consultation) {
                        queued.rung.insert(number(lawyer));
                    }
                    self.post(consultation, Mail::Ring { search, lawyer, name, mode, tier });
                }
                duty::Output::Routed { consultation, mode } => {
                    let asked = self.matters.get(&consultation).map(|case| case.asked);
                    if let Some(queued) = self.book.get_mut(&consultation) {
                        if mode == RouteMode::Broadcast {
                            queued.open = asked.filter(|_| !queued.alone).or(Some(self.second));
                        } else {
                            (queued.alone, queued.open) = (true, None);
                        }
                    }
                    self.post(consultation, Mail::Plain(Input::Routed { mode }));
                }
                duty::Output::StopRing { consultation, lawyer } => {
                    self.post(consultation, Mail::Plain(Input::Withdraw { lawyer }));
                }
                duty::Output::Place { consultation, place, on_duty, occupied, expected_s } => {
                    let place = Input::Place { place, on_duty, occupied, expected_s };
                    self.post(consultation, Mail::Plain(place));
                }
                duty::Output::Floor { .. } => {}
                duty::Output::ToLawyer(_, message) => {
                    let is_presence = matches!(message, ServerMessage::Presence { .. });
                    Rule::Content.holds(is_presence, || format!("the book says {}", message.name()))?;
                }
            }
        }
        let late = self.duty.poll_timeout().filter(|due| *due <= self.now().mono);
        Rule::Deadline.holds(late.is_none(), || format!("the book has left something undone: {late:?}"))
    }

    /// Whether this desk may be rung for this matter now.
    fn may_ring(&self, id: ConsultationId, n: usize) -> Held {
        let desk = &self.desks[n];
        let may = |holds: bool, why: &str| Rule::WhoMayBeRung.holds(holds, || format!("{n} {why} and is rung"));
        may(desk.may_serve, "is suspended")?;
        may(desk.wants, "is not on duty")?;
        may(desk.missed < u32::from(duty::MISSED_RINGS), "has missed two rings")?;
        may(desk.told.values().any(|seen| seen + LEASE > self.second), "is not there")?;
        Rule::Capacity.holds(desk.work.is_none(), || format!("{n} is rung while occupied"))?;
        let Some(queued) = self.book.get(&id) else {
            return Rule::WhoMayBeRung.holds(false, || "a desk is rung for nobody".to_owned());
        };
        may(!queued.refused.contains(&n), "has refused it")?;
        Rule::WhoMayBeRung.holds(queued.waits && !queued.away, || format!("{n} is rung for an empty chair"))?;
        let Some(case) = self.matters.get(&id) else { return Ok(()) };
        // Somebody of another field, or from afar, is rung by tier, and how wide a search is is looked at only now and then.
        let profile = &self.desks[n].profile;
        if profile.pool == Pool::National || !profile.areas.contains(&case.area) {
            return Ok(());
        }
        // Who chose a lawyer, or has a village adviser, is not looked for in the same way.
        let Some(since) = queued.open else { return Ok(()) };
        // Each step of grade counts as ten minutes of waiting.
        let place = |asked: u64, grade: Grade, id: ConsultationId| (asked + 600 * (3 - grade as u64), id);
        let mine = place(case.asked, queued.grade, id);
        for (other, first) in &self.book {
            let ahead = |older: &&Case| place(older.asked, first.grade, *other) < mine;
            let Some(older) = self.matters.get(other).filter(ahead) else { continue };
            let alike = (older.area, older.channel) == (case.area, case.channel)
                && older.wish.is_none()
                && first.open.is_some_and(|open| open <= since);
            // Whoever was refused by all of a tier is looked for in the next one only after a while.
            let lacks = first.waits && !first.away && first.rung.is_empty() && first.refused.is_empty();
            Rule::Order.holds(!(alike && lacks), || {
                format!("{n} is rung for who asked at {}, and who asked at {} waits", case.asked, older.asked)
            })?;
        }
        Ok(())
    }

    // Questions.

    fn paper(&mut self, turn: &crate::turns::Paper) -> Held {
        use crate::turns::Paper as Turn;
        if let Turn::Ask(area) = turn {
            let id = ConsultationId::new(uuid(self.mint()));
            let asked = question::Asked {
                citizen: CitizenId::new(uuid(8)),
                practice_area: *area,
                area: village(),
                identity_mode: IdentityMode::Guest,
                consent_version: "1".to_owned(),
                entry_source: None,
                device: DeviceClass::Mobile,
                chars: 30,
            };
            let machine = Question::ask(id, asked, Clocks::default(), self.now());
            let paper = Paper { machine, history: vec![], answers: BTreeMap::new(), holders: BTreeSet::new() };
            self.papers.push(paper);
            return self.drain_paper(self.papers.len() - 1);
        }
        let count = self.papers.len();
        if count == 0 {
            return Ok(());
        }
        if let Turn::ClaimAll(n) = *turn {
            return (0..count).try_for_each(|q| self.paper(&Turn::Claim(n, q)));
        }
        let lawyer_and = |n: usize| (lawyer(n), self.desks[n].profile.clone());
        let (at, input) = match *turn {
            Turn::Ask(_) | Turn::ClaimAll(_) => return Ok(()),
            Turn::Claim(n, q) => {
                let (lawyer, profile) = lawyer_and(n);
                let others = self.papers.iter().enumerate().filter(|(at, _)| *at != q % count);
                let holds = others.filter(|(_, paper)| paper.holders.contains(&n)).count();
                (q, question::Input::Claim { lawyer, profile, holds })
            }
            Turn::Release(n, q) => (q, question::Input::Release { lawyer: lawyer(n) }),
            Turn::Decline(n, q) => {
                (q, question::Input::Decline { lawyer: lawyer(n), reason: DeclineReason::ConflictOfInterest })
            }
            Turn::Answer(n, q, chars) => {
                let (lawyer, profile) = lawyer_and(n);
                let (answer, outcome) = (AnswerId::new(uuid(self.mint())), Outcome::AdviceGiven);
                (q, question::Input::Answer { lawyer, profile, answer, chars, outcome, legal_aid_prompted: false })
            }
            Turn::Amend(n, q) => {
                let known = self.papers[q % count].answers.get(&n).copied();
                let (answer, version) = known.unwrap_or((AnswerId::new(uuid(3)), 1));
                (q, question::Input::Amend { lawyer: lawyer(n), answer, version, chars: 40 })
            }
            Turn::FollowUp(q) => (q, question::Input::FollowUp { text: MessageId::new(uuid(self.mint())), chars: 10 }),
            Turn::Reply(n, q, number) => {
                let text = MessageId::new(uuid(self.mint()));
                (q, question::Input::Reply { lawyer: lawyer(n), text, number, chars: 10 })
            }
            Turn::Close(q) => (q, question::Input::Close),
        };
        self.feed_paper(at % count, input)
    }

    fn feed_paper(&mut self, at: usize, input: question::Input) -> Held {
        let (now, plant) = (self.now(), self.plant);
        let paper = &mut self.papers[at];
        let late = paper.machine.handle(question::Input::Timeout, now);
        Rule::Refused.holds(late.is_ok(), || "time always passes".to_owned())?;
        self.drain_paper(at)?;
        let paper = &mut self.papers[at];
        let before = (paper.history.len(), paper.machine.is_final());
        let outcome = plant::claims(&mut paper.machine, plant, input.clone(), now);
        self.drain_paper(at)?;
        let paper = &self.papers[at];
        let is_news = paper.history.len() > before.0;
        if is_news {
            self.catch_up(at)?;
        }
        Rule::Refused.holds(outcome.is_ok() || !is_news, || format!("refused and yet done: {input:?}"))?;
        Rule::OverIsOver.holds(!(before.1 && is_news), || format!("final is final: {input:?}"))
    }

    /// What is due by an input alone, as in a question that is opened again, happens at once and comes to an end.
    fn catch_up(&mut self, at: usize) -> Held {
        let now = self.now();
        while self.papers[at].machine.poll_timeout().is_some_and(|due| due <= now.mono) {
            let before = self.papers[at].history.len();
            let _never_refused = self.papers[at].machine.handle(question::Input::Timeout, now);
            self.drain_paper(at)?;
            let happened = self.papers[at].history.len() > before;
            Rule::Deadline.holds(happened, || "what is due does not happen".to_owned())?;
        }
        Ok(())
    }

    fn drain_paper(&mut self, at: usize) -> Held {
        while let Some(step) = self.papers[at].machine.poll_step() {
            let paper = &mut self.papers[at];
            Rule::Versions
                .holds(step.version == paper.history.len() as u64 + 1, || format!("a version is left out: {step:?}"))?;
            match &step.event {
                question::Event::Claimed { lawyer, tier } => {
                    let n = number(*lawyer);
                    let may = self.desks[n].profile.may_serve && *tier <= paper.machine.tier();
                    Rule::WhoMayBeRung.holds(may, || format!("{n} may not answer it"))?;
                    paper.holders.insert(n);
                }
                question::Event::Freed { lawyer, .. } => {
                    paper.holders.remove(&number(*lawyer));
                }
                question::Event::Answered { lawyer, answer, chars, rank, .. } => {
                    let n = number(*lawyer);
                    Rule::WhoMayBeRung.holds(self.desks[n].profile.may_serve, || format!("{n} is suspended"))?;
                    let fits = *chars >= question::MIN_ANSWER_CHARS && *rank as usize == paper.answers.len() + 1;
                    Rule::Capacity.holds(fits, || format!("no such answer: {step:?}"))?;
                    paper.holders.remove(&n);
                    paper.answers.insert(n, (*answer, 1));
                }
                question::Event::Amended { lawyer, version, .. } => {
                    let known = paper.answers.get_mut(&number(*lawyer)).filter(|known| known.1 + 1 == *version);
                    let is_next = known.is_some();
                    if let Some(known) = known {
                        known.1 = *version;
                    }
                    Rule::Versions.holds(is_next, || format!("versions of an answer: {step:?}"))?;
                }
                _ => {}
            }
            paper.history.push(step);
        }
        Ok(())
    }

    fn check_paper(&self, paper: &Paper) -> Held {
        let question = &paper.machine;
        let state = question.state();
        let slots = question.answered() + question.claimed() <= SLOTS && question.pending() <= MAX_PENDING;
        Rule::Capacity.holds(slots, || format!("three slots and no more: {question:?}"))?;
        let is_over =
            matches!(state, ConsultationState::Unserved | ConsultationState::Cancelled | ConsultationState::Closed);
        let (now, due) = (self.now().mono, question.poll_timeout());
        let lies_ahead = due.is_none_or(|due| due > now && due <= now + LONGEST);
        Rule::Deadline
            .holds(due.is_none() == is_over && lies_ahead, || format!("a question {state} {due:?} {now:?}"))?;
        Rule::OverIsOver.holds(!is_over || question.claimed() == 0, || "a slot of what is over".to_owned())?;
        for n in 0..LAWYERS {
            let reads = paper.holders.contains(&n) || paper.answers.contains_key(&n);
            Rule::Content.holds(question.may_read(lawyer(n)) == reads, || format!("may {n} read? {reads}"))?;
            let may = !paper.holders.contains(&n) || self.desks[n].profile.may_serve;
            Rule::WhoMayBeRung.holds(may, || format!("{n} holds a slot and is suspended"))?;
            let both = paper.holders.contains(&n) && paper.answers.contains_key(&n);
            Rule::Capacity.holds(!both, || format!("{n} answers once"))?;
        }
        let is_done = question.answered() > 0 && question.pending() == 0 && question.free_slots() == 0;
        Rule::Reference.holds(state != ConsultationState::Answered || is_done, || format!("answered: {question:?}"))
    }

    // What must hold.

    fn check(&self) -> Held {
        for paper in &self.papers {
            self.check_paper(paper)?;
        }
        for n in 0..LAWYERS {
            let (id, party) = (lawyer(n), Party::Lawyer(lawyer(n)));
            let holds = self.papers.iter().filter(|paper| paper.holders.contains(&n)).count();
            let most = Clocks::default().held_per_lawyer;
            Rule::Capacity.holds(holds <= most, || format!("{n} holds {holds} questions"))?;
            let (mut sessions, mut rings) = (0, 0);
            for case in self.matters.values() {
                let machine = &case.machine;
                let may = !case.known.barred.contains(&id) || machine.offer_view(id).is_none();
                Rule::WhoMayBeRung.holds(may, || format!("{n} has a conflict and is rung"))?;
                sessions += usize::from(machine.session_view(party).is_some());
                rings += usize::from(machine.offer_view(id).is_some());
                let reads = machine.session_view(party).is_some() || !machine.chat(party).is_empty();
                Rule::Content.holds(!reads || case.with == Some(n), || format!("{n} could read what was said"))?;
            }
            Rule::Capacity.holds(sessions + rings <= 1, || {
                format!("{n} is in {sessions} sessions and rung for {rings} matters")
            })?;
            if self.to_duty.is_empty() && self.to_matter.is_empty() {
                let presence = self.duty.presence(id);
                Rule::Presence.holds((sessions == 1) == (presence == Presence::Busy), || {
                    format!("{n} is {presence} in {sessions} sessions")
                })?;
                let rung = rings == 0 || self.desks[n].profile.may_serve;
                Rule::WhoMayBeRung.holds(rung, || format!("{n} is suspended and rings on"))?;
            }
        }
        Ok(())
    }

    /// From here on everybody works: nobody waits forever.
    pub(crate) fn serve_all(&mut self) -> Held {
        self.turn(&Turn::Slow(false))?;
        for n in 0..LAWYERS {
            self.turn(&Turn::Qualify(n, true))?;
            self.turn(&Turn::OpenTab(n, 0))?;
        }
        for _ in 0..60 {
            for n in 0..LAWYERS {
                for turn in [
                    Turn::Desk(n, Said::HangUp),
                    Turn::Desk(n, Said::Outcome(Outcome::AdviceGiven)),
                    Turn::Want(n, Wish::OnDuty),
                    Turn::Ring(n, Said::Accept),
                ] {
                    self.take(&turn)?;
                    self.flush()?;
                }
            }
            self.check()?;
            if !self.matters.values().any(|case| case.machine.state() == ConsultationState::Matching) {
                break;
            }
            self.turn(&Turn::Pass(16))?;
        }
        let waits = |case: &&Case| case.machine.state() == ConsultationState::Matching;
        let waiting = self.matters.values().filter(waits).count();
        Rule::Deadline.holds(waiting == 0, || format!("{waiting} wait though everybody works"))
    }
}

/// What the reference makes of an input.
fn foretold(case: &Case, input: &Input) -> Step {
    let side = |party: Party| match party {
        Party::Citizen => Side::Asker,
        Party::Lawyer(lawyer) => Side::Lawyer(number(lawyer)),
    };
    match input {
        Input::Ring { search, .. } if *search != case.search => Step::Stale,
        Input::Ring { lawyer, mode, .. } => Step::Ring(number(*lawyer), *mode),
        Input::Place { occupied, .. } => Step::Occupied(*occupied),
        Input::Withdraw { lawyer } => Step::Withdraw(number(*lawyer)),
        Input::Known(known) => known.barred.first().map_or(Step::Else, |barred| Step::Known(number(*barred))),
        Input::SocketLost { party } => Step::Socket { side: side(*party), lost: true },
        Input::SocketBack { party } => Step::Socket { side: side(*party), lost: false },
        Input::Media { party, fact } => Step::Media { side: side(*party), up: *fact == MediaFact::Connected },
        Input::SupervisorEnds { .. } => Step::SupervisorEnds,
        Input::AskerBlocked => Step::Blocked,
        Input::Sealed { session, .. } if *session == case.session => Step::Sealed,
        Input::Stop => Step::Stop,
        Input::Continues(matter) => Step::GoesOn(matter.rated),
        Input::Sealed { .. } | Input::TwoWay { .. } | Input::Invite { .. } | Input::Routed { .. } | Input::Timeout => {
            Step::Else
        }
        Input::Said { from, message, .. } => {
            let side = side(*from);
            match (message, side) {
                (ClientMessage::AcceptOffer { offer }, Side::Lawyer(n)) if *offer == case.offers[n] => Step::Accept(n),
                (ClientMessage::DeclineOffer { offer, .. }, Side::Lawyer(n)) if *offer == case.offers[n] => {
                    Step::Decline(n)
                }
                (ClientMessage::CancelConsultation { .. }, Side::Asker) => Step::Cancel,
                (ClientMessage::KeepWaiting { .. }, _) => Step::KeepWaiting(side),
                (ClientMessage::CallMeBack { .. }, _) => Step::CallMeBack(side),
                (ClientMessage::AnswerCall { .. }, _) => Step::TakeCall(side),
                (ClientMessage::FallBack { channel, .. }, _) => Step::FallBack(side, *channel),
                (ClientMessage::ProposeChannel { channel, .. }, _) => Step::Propose(side, *channel),
                (ClientMessage::AnswerChannel { channel, accept, .. }, _) => Step::Answer(side, *channel, *accept),
                (ClientMessage::SendChat { message, .. }, _) => Step::Say(side, message.uuid().as_u128()),
                (ClientMessage::HangUp { .. }, _) => Step::HangUp(side),
                (ClientMessage::RecordOutcome { outcome, .. }, _) => Step::Outcome(side, *outcome),
                (ClientMessage::Rate { stars, .. }, _) => Step::Rate(side, *stars),
                _ => Step::Else,
            }
        }
    }
}

/// Notes an event, which must go on where the last one ended.
fn happened(case: &mut Case, milestone: Milestone) -> Held {
    let next = case.history.len() as u64 + 1;
    Rule::Versions.holds(milestone.version == next, || format!("{next} comes next, not {milestone:?}"))?;
    let written = serde_json::to_string(&milestone).unwrap_or_default();
    Rule::Content.holds(!written.contains(SECRET) && !written.contains(ALIAS), || {
        "an event tells what was said, or who said it".to_owned()
    })?;
    let of_session = match &milestone.event {
        Event::SessionChanged { session, to, .. } if *to != SessionState::Sealed => Some(session),
        Event::LegChanged { session, .. }
        | Event::ChannelChanged { session, .. }
        | Event::ChatSaid { session, .. }
        | Event::TypedLive { session, .. }
        | Event::SessionEnded { session, .. } => Some(session),
        _ => None,
    };
    Rule::OverIsOver.holds(of_session.is_none_or(|session| !case.over.contains(session)), || {
        format!("a session that has ended goes on: {milestone:?}")
    })?;
    match &milestone.event {
        Event::StateChanged { from, to } => {
            Rule::Versions.holds(*from == case.state, || format!("{} does not come from {from}", case.state))?;
            case.state = *to;
        }
        Event::Accepted { lawyer, session, .. } => {
            let n = number(*lawyer);
            let wins = case.with.is_none() && case.rung.contains(&n);
            Rule::OneWinner.holds(wins, || format!("{n} wins, {:?} has won", case.with))?;
            (case.with, case.session) = (Some(n), *session);
            case.had.insert(n);
        }
        Event::SessionChanged { to: SessionState::Failed, .. } => case.with = None,
        Event::SessionEnded { session, .. } => {
            case.over.insert(*session);
        }
        _ => {}
    }
    case.history.push(milestone);
    Ok(())
}
