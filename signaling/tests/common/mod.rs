//! A county in a test: the duty book, its matters and the little shell between them, on one virtual clock.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;
use yunfa_signaling::{
    consultation::{Consultation, Continuation, Input, MediaFact, Opening, Party, SessionIds},
    duty::{self, Duty, FloorKey, FloorState, Tab},
    error::SessionError,
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId, LegId, OfferId, RequestId, SessionId},
    message::{ClientMessage, ServerMessage},
    milestone::{Event, Milestone},
    output::{Hint, MediaOrder, Output},
    private::PersonName,
    profile::Profile,
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{Channel, DeviceClass, IdentityMode, Pool, PracticeArea},
};

/// A UUID that a test can tell from others.
pub(crate) fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f3c4_0000_7000_8000_0000_0000_0000 + n)
}

/// Where everybody lives.
pub(crate) fn village() -> AreaCode {
    "370521001001".parse().expect("twelve digits")
}

/// A lawyer of the county.
pub(crate) fn local(name: &str, areas: BTreeSet<PracticeArea>) -> Profile {
    let (name, pool) = (PersonName::new(name), Pool::Local);
    Profile { name, areas, pool, county: None, villages: vec![], may_serve: true }
}

/// How often a tab gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What came out, as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// The clock stood here when a timer fired.
    Clock(Duration),
    /// To an asker.
    Citizen(ConsultationId, ServerMessage),
    /// To a lawyer.
    Lawyer(LawyerId, ServerMessage),
    /// To the recorder.
    Event(ConsultationId, u64, Event),
    /// To the bridge.
    Media(MediaOrder),
    /// An alarm came or went.
    Floor(FloorKey, FloorState),
    /// An asker is called back, wherever that may be.
    Call(ConsultationId),
    /// To the recorder.
    Seal,
    /// A matter is final.
    Done(ConsultationId),
}

/// The shell of the test.
pub(crate) struct County {
    pub(crate) start: Now,
    pub(crate) now: Now,
    pub(crate) duty: Duty,
    pub(crate) matters: BTreeMap<ConsultationId, Consultation>,
    /// Parties whose transports are up.
    pub(crate) up: BTreeSet<(ConsultationId, Party)>,
    pub(crate) desks_up: BTreeSet<LawyerId>,
    pub(crate) heard: Vec<Heard>,
    /// What the recorder has of each matter.
    pub(crate) history: BTreeMap<ConsultationId, Vec<Milestone>>,
    /// Tabs that give signs of life by themselves.
    pub(crate) tabs: BTreeSet<(LawyerId, Tab)>,
    /// The next who asks comes back with this matter.
    pub(crate) goes_on: Option<Continuation>,
    /// Kinds of inputs and hints that were played, by name.
    pub(crate) played: BTreeSet<String>,
    minted: u128,
}

impl County {
    pub(crate) fn new() -> Self {
        let start = Now { mono: Instant::since_start(Duration::from_secs(100)), wall: Timestamp(1_763_000_000_000) };
        Self {
            start,
            now: start,
            duty: Duty::new(Timers::default()),
            matters: BTreeMap::new(),
            up: BTreeSet::new(),
            desks_up: BTreeSet::new(),
            heard: Vec::new(),
            history: BTreeMap::new(),
            tabs: BTreeSet::new(),
            goes_on: None,
            played: BTreeSet::new(),
            minted: 1_000_000,
        }
    }

    pub(crate) fn mint(&mut self) -> Uuid {
        self.minted += 1;
        uuid(self.minted)
    }

    /// Opens a matter.
    pub(crate) fn ask(
        &mut self,
        id: ConsultationId,
        practice_area: PracticeArea,
        channel: Channel,
        locality: &str,
        lawyer: Option<LawyerId>,
    ) {
        let mut ids = || SessionIds {
            session: SessionId::new(self.mint()),
            citizen: LegId::new(self.mint()),
            lawyer: LegId::new(self.mint()),
        };
        let sessions = [ids(), ids(), ids()];
        let opening = Opening {
            consultation: id,
            citizen: CitizenId::new(id.uuid()),
            alias: PersonName::new("群众"),
            practice_area,
            area: village(),
            locality: locality.to_owned(),
            channel,
            lawyer,
            identity_mode: IdentityMode::Guest,
            consent_version: "2026-01".to_owned(),
            entry_source: None,
            device: DeviceClass::Mobile,
            sessions,
        };
        self.matters.insert(id, Consultation::open(opening, Timers::default(), self.now));
        if let Some(matter) = self.goes_on.take() {
            self.tell(id, Input::Continues(matter));
        }
        self.drain();
    }

    /// Feeds a matter.
    pub(crate) fn feed(&mut self, id: ConsultationId, input: Input) -> Result<(), SessionError> {
        self.note("Input", &input);
        if let Input::Said { message, .. } = &input {
            self.played.insert(message.name().to_owned());
        }
        let matter = self.matters.get_mut(&id).ok_or(SessionError::NotFound)?;
        let result = matter.handle(input, self.now);
        self.drain();
        result
    }

    /// Says something for a party.
    pub(crate) fn say(
        &mut self,
        id: ConsultationId,
        from: Party,
        request: RequestId,
        message: ClientMessage,
    ) -> Result<(), SessionError> {
        self.feed(id, Input::Said { from, request, message })
    }

    /// Feeds the duty book.
    pub(crate) fn at_duty(&mut self, input: duty::Input) -> Result<(), SessionError> {
        self.note("duty::Input", &input);
        let result = self.duty.handle(input, self.now);
        self.drain();
        result
    }

    /// Notes that an input or hint of this kind was played.
    fn note(&mut self, kind: &str, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        let name = text.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        self.played.insert(format!("{kind}::{name}"));
    }

    /// Lets the time pass, from deadline to deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.mono + time;
        loop {
            for (lawyer, tab) in self.tabs.clone() {
                self.at_duty(duty::Input::DeskSeen { lawyer, tab }).expect("the tab is open");
            }
            let due = self.matters.values().filter_map(Consultation::poll_timeout).chain(self.duty.poll_timeout());
            let sign_of_life = (!self.tabs.is_empty()).then_some(self.now.mono + SIGN_OF_LIFE);
            let Some(next) = due.chain(sign_of_life).min().filter(|due| *due <= until) else { break };
            self.now = self.now.after(next - self.now.mono);
            let heard_before = self.heard.len();
            let ids: Vec<_> = self.matters.keys().copied().collect();
            for id in ids {
                self.feed(id, Input::Timeout).expect("a timeout is never refused");
            }
            self.at_duty(duty::Input::Timeout).expect("a timeout is never refused");
            if self.heard.len() > heard_before {
                self.heard.insert(heard_before, Heard::Clock(self.now.mono - self.start.mono));
            }
        }
        self.now = self.now.after(until - self.now.mono);
    }

    /// Opens a tab that stays alive.
    pub(crate) fn open_desk(&mut self, lawyer: LawyerId, tab: Tab, profile: Profile) {
        self.at_duty(duty::Input::DeskOpened { lawyer, tab, profile }).expect("there is room for a tab");
        self.tabs.insert((lawyer, tab));
    }

    /// Does what the machines order until they are silent.
    fn drain(&mut self) {
        loop {
            if let Some(output) = self.duty.poll_output() {
                match output {
                    duty::Output::Ring { consultation, search, lawyer, name, mode, tier } => {
                        let offer = OfferId::new(self.mint());
                        self.tell(consultation, Input::Ring { search, offer, lawyer, name, mode, tier });
                    }
                    duty::Output::Place { consultation, place, on_duty, occupied, expected_s } => {
                        let place = Input::Place { place, on_duty, occupied, expected_s };
                        self.tell(consultation, place);
                    }
                    duty::Output::Routed { consultation, mode } => self.tell(consultation, Input::Routed { mode }),
                    duty::Output::StopRing { consultation, lawyer } => {
                        self.tell(consultation, Input::Withdraw { lawyer });
                    }
                    duty::Output::Floor { key, state } => self.heard.push(Heard::Floor(key, state)),
                    duty::Output::ToLawyer(lawyer, message) => self.heard.push(Heard::Lawyer(lawyer, message)),
                }
                continue;
            }
            let next =
                self.matters.iter_mut().find_map(|(id, matter)| matter.poll_output().map(|output| (*id, output)));
            let Some((id, output)) = next else { return };
            self.obey(id, output);
        }
    }

    /// The duty book says something to a matter, which may be over by now.
    fn tell(&mut self, id: ConsultationId, input: Input) {
        self.note("Input", &input);
        if let Some(matter) = self.matters.get_mut(&id) {
            let _too_late = matter.handle(input, self.now);
        }
    }

    fn obey(&mut self, id: ConsultationId, output: Output) {
        match output {
            Output::ToCitizen(message) => self.heard.push(Heard::Citizen(id, message)),
            Output::ToLawyer(lawyer, message) => self.heard.push(Heard::Lawyer(lawyer, message)),
            Output::CallAsker { .. } => self.heard.push(Heard::Call(id)),
            Output::Duty(hint) => self.hint(id, hint),
            Output::Media(order) => {
                self.heard.push(Heard::Media(order));
                if let MediaOrder::ConnectThird { lawyer, .. } = order
                    && self.desks_up.contains(&lawyer)
                    && let Some(matter) = self.matters.get_mut(&id)
                {
                    let (party, fact) = (Party::Lawyer(lawyer), MediaFact::Connected);
                    matter.handle(Input::Media { party, fact }, self.now).expect("a fact is never refused");
                }
                if let MediaOrder::ConnectLegs { lawyer, .. } = order {
                    let warm = [
                        (Party::Citizen, self.up.contains(&(id, Party::Citizen))),
                        (Party::Lawyer(lawyer), self.desks_up.contains(&lawyer)),
                    ];
                    for (party, up) in warm {
                        if up && let Some(matter) = self.matters.get_mut(&id) {
                            let fact = MediaFact::Connected;
                            matter.handle(Input::Media { party, fact }, self.now).expect("a fact is never refused");
                        }
                    }
                }
            }
            Output::Milestone(milestone) => {
                self.history.entry(id).or_default().push(milestone.clone());
                self.heard.push(Heard::Event(milestone.consultation, milestone.version, milestone.event));
            }
            Output::Keep(_) => {}
            Output::Seal { .. } => self.heard.push(Heard::Seal),
            Output::Done => self.heard.push(Heard::Done(id)),
        }
    }

    fn hint(&mut self, id: ConsultationId, hint: Hint) {
        self.note("Hint", &hint);
        self.note("duty::Input", &duty::Input::Heard { consultation: id, hint: hint.clone() });
        self.duty.handle(duty::Input::Heard { consultation: id, hint }, self.now).expect("the book knows the matter");
    }
}
