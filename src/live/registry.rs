//! Mailboxes of everything that runs. Nobody here waits for anybody: a mailbox that is full has a stuck owner.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dashmap::{DashMap, mapref::entry::Entry};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};
use yunfa_signaling::{
    consultation::{Consultation, Known, MediaFact, Opening, Party},
    duty,
    error::SessionError,
    ids::{AreaCode, ConsultationId, LawyerId, LegId, SessionId},
    message::{ClientFrame, ConsultationView, ServerMessage},
    private::{PersonName, Token},
    time::{Instant, Timestamp},
    timers::Timers,
    words::{PracticeArea, QuestionChange, RouteMode, Tier},
};

use super::{
    Called,
    bridge::{Meaning, Order},
    duty::{FloorTurned, Look, ToDuty, Wanted},
    person,
    tab::{FromTab, Holder, Person, ToTab},
    task,
    transport::{Link, PeerId, Plane, Room},
};
use crate::{
    clock::Clock,
    conflicts::Declared,
    domain::{
        evidence::{SecondFacts, TransportTotals},
        people,
        report::Restraint,
    },
    push::Alert,
    recorder::Recorder,
};

/// What may wait for one consultation: what every desk that rings may say at once (delivered, seen, accepted, gone), two
/// people's bursts, their seconds of evidence, and room to spare.
pub(super) const CONSULTATION_MAILBOX: usize = 4 * duty::MAX_RINGS + 256;
/// What may wait for one person from inside the server.
pub(super) const PERSON_MAILBOX: usize = 256;
/// What may wait for one person from its pages; the sockets wait.
pub(super) const PAGES_MAILBOX: usize = 64;

/// What a person's task hears from inside.
#[derive(Debug)]
pub(super) enum ToPerson {
    /// A page was let in.
    Attach(Attach),
    /// A consultation says this to the person.
    Say { from: ConsultationId, message: ServerMessage },
    /// The answer to a page's request, or something else for this page only.
    Reply { tab: duty::Tab, message: ServerMessage },
    /// The duty book says this to the lawyer.
    Duty(ServerMessage),
    /// The bureau changed the lawyer's profile: desks that open from now on say this one.
    Profile(people::Lawyer),
    /// What the office holds against the person.
    Restraint(Restraint),
    /// Something that is not of a consultation that runs: every page hears it.
    News(ServerMessage),
    /// A text question that lawyers of this field and tier may answer: who is one hears it.
    QuestionOpen(Arc<OpenQuestion>),
    /// The duty book lost its memory.
    DutyReset,
    /// What the person's transport has to do for a session.
    Media { from: ConsultationId, session: SessionId, room: Arc<Room>, order: Order },
    /// Something was seen of one of the person's transports.
    Fact { peer: PeerId, meaning: Meaning, at: Timestamp },
    /// Who is in the session, and which leg is whose.
    Seats(Vec<(Person, LegId)>),
    /// The matter is final.
    Over { from: ConsultationId },
    /// The matter's task failed: whatever it held is over.
    Failed { from: ConsultationId },
    /// A matter that was over before the server started: where it stands, and whether this person owes its outcome.
    Resumed { view: ConsultationView, session: SessionId, owes_outcome: bool },
    /// A matter whose asker wanted to be called back before the server started, and its room.
    OnHold { view: ConsultationView, room: Arc<Room> },
    /// The person is called back.
    Called { until: Timestamp },
    /// The server is about to stop.
    Draining,
    /// The account was signed out.
    Revoked,
    /// For tests: what no input should ever do.
    #[cfg(test)]
    Fail,
}

/// A text question to lawyers who may answer it.
#[derive(Debug, Clone)]
pub struct OpenQuestion {
    /// Which one.
    pub question: ConsultationId,
    /// What is new.
    pub change: QuestionChange,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// The widest tier that is open.
    pub tier: Tier,
    /// Who has answered it, or will not.
    pub but: Vec<LawyerId>,
}

/// A page that was let in.
#[derive(Debug)]
pub(super) struct Attach {
    pub(super) tab: duty::Tab,
    pub(super) inbox: mpsc::Sender<ToTab>,
    pub(super) holder: Holder,
    pub(super) device: yunfa_signaling::words::DeviceClass,
    pub(super) resume_token: Token,
}

/// One desk that is to ring.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) search: u32,
    pub(super) lawyer: LawyerId,
    pub(super) name: PersonName,
    pub(super) mode: RouteMode,
    pub(super) tier: Tier,
}

/// What a consultation's task hears.
#[derive(Debug)]
pub(super) enum ToConsultation {
    /// A client said something; `tab` waits for the answer.
    Said { from: Party, tab: Option<duty::Tab>, frame: ClientFrame },
    /// The asker gives stars by another way than a socket, and waits for the answer.
    Rate { stars: u8, answer: oneshot::Sender<Result<(), SessionError>> },
    /// The office has blocked its asker.
    AskerBlocked,
    /// A supervisor ends its session, and waits for the answer.
    SupervisorEnds { session: SessionId, answer: oneshot::Sender<Result<(), SessionError>> },
    /// Its lawyer wants somebody else there, who is free.
    Invite { wanted: Wanted, name: PersonName },
    /// Desks are rung for it.
    Ring(Vec<Ring>),
    /// How a lawyer is looked for.
    Routed(RouteMode),
    /// More is known of its matter.
    Learned(Known),
    /// A ring is taken back.
    Withdraw(LawyerId),
    /// Where it stands in the queue.
    Place { place: u32, on_duty: u32, occupied: u32, expected_s: Option<u32> },
    /// A party's socket is gone, or there again.
    Socket { party: Party, is_there: bool },
    /// A party's transport is up and in the room; `before` is what it had carried until now.
    Up { party: Party, link: Link, before: TransportTotals, at: Timestamp },
    /// Something was seen of a party's transport.
    Media { party: Party, fact: MediaFact },
    /// A second of evidence.
    Second { party: Party, facts: SecondFacts, at: Timestamp },
    /// A page starts afresh and wants the chat so far.
    Replay { party: Party, tab: duty::Tab },
    /// The server stops.
    Stop,
    /// For tests: what no input should ever do.
    #[cfg(test)]
    Fail,
}

/// A person's mailboxes.
#[derive(Debug, Clone)]
struct PersonMailbox {
    inside: mpsc::Sender<ToPerson>,
    pages: mpsc::Sender<FromTab>,
    task: AbortHandle,
}

#[derive(Debug, Clone)]
struct ConsultationMailbox {
    inside: mpsc::Sender<ToConsultation>,
    task: AbortHandle,
}

/// Everything that runs, by its mailbox.
pub(super) struct Registry {
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) plane: Plane,
    pub(super) localities: BTreeMap<AreaCode, String>,
    pub(super) timers: Timers,
    pub(super) alerts: mpsc::Sender<Alert>,
    pub(super) draining: AtomicBool,
    /// Consultations in which somebody waits or talks.
    pub(super) running: watch::Sender<usize>,
    pub(super) tasks: TaskTracker,
    /// Fires when nothing runs any more: persons and the duty book end.
    pub(super) stopped: CancellationToken,
    duty: mpsc::Sender<ToDuty>,
    pub(super) looks: mpsc::Sender<Look>,
    pub(super) wants: mpsc::Sender<Wanted>,
    called: mpsc::Sender<Called>,
    floors: mpsc::Sender<FloorTurned>,
    declared: mpsc::Sender<Declared>,
    people: DashMap<Person, PersonMailbox>,
    consultations: DashMap<ConsultationId, ConsultationMailbox>,
    next_tab: AtomicU64,
}

/// What a registry is made of.
pub(super) struct RegistryParts {
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) plane: Plane,
    pub(super) localities: BTreeMap<AreaCode, String>,
    pub(super) timers: Timers,
    pub(super) alerts: mpsc::Sender<Alert>,
    pub(super) duty: mpsc::Sender<ToDuty>,
    pub(super) looks: mpsc::Sender<Look>,
    pub(super) wants: mpsc::Sender<Wanted>,
    pub(super) called: mpsc::Sender<Called>,
    pub(super) floors: mpsc::Sender<FloorTurned>,
    pub(super) declared: mpsc::Sender<Declared>,
}

impl Registry {
    pub(super) fn new(parts: RegistryParts) -> Self {
        let RegistryParts {
            clock,
            recorder,
            plane,
            localities,
            timers,
            alerts,
            duty,
            looks,
            wants,
            called,
            floors,
            declared,
        } = parts;
        Self {
            clock,
            recorder,
            plane,
            localities,
            timers,
            alerts,
            draining: AtomicBool::new(false),
            running: watch::Sender::new(0),
            tasks: TaskTracker::new(),
            stopped: CancellationToken::new(),
            duty,
            looks,
            wants,
            called,
            floors,
            declared,
            people: DashMap::new(),
            consultations: DashMap::new(),
            next_tab: AtomicU64::new(1),
        }
    }

    /// Sleeps until the deadline of a machine; for ever when it has none.
    pub(super) async fn sleep_until(&self, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => self.clock.sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn mint_tab(&self) -> duty::Tab {
        duty::Tab(self.next_tab.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Brings a page to its person's task, which is started when there is none. Returns the way back for the page.
    pub(super) async fn attach(self: &Arc<Self>, person: Person, mut page: Attach) -> Option<mpsc::Sender<FromTab>> {
        // A task may end in this very moment, for want of pages; the next one is ours.
        for _ in 0..3 {
            let mailbox = self.person(person, &page.holder);
            match mailbox.inside.send(ToPerson::Attach(page)).await {
                Ok(()) => return Some(mailbox.pages),
                Err(mpsc::error::SendError(ToPerson::Attach(unsent))) => page = unsent,
                Err(_) => return None,
            }
            self.forget_person(person, &mailbox.inside);
        }
        None
    }

    fn person(self: &Arc<Self>, person: Person, holder: &Holder) -> PersonMailbox {
        match self.people.entry(person) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let (inside, inbox) = mpsc::channel(PERSON_MAILBOX);
                let (pages, from_pages) = mpsc::channel(PAGES_MAILBOX);
                let task = person::Task::new(Arc::clone(self), person, holder.clone(), inside.clone());
                let task = tokio::spawn(person::run(task, inbox, from_pages)).abort_handle();
                place.insert(PersonMailbox { inside, pages, task }).clone()
            }
        }
    }

    /// Takes a person's mailbox out, if it is still this one.
    pub(super) fn forget_person(&self, person: Person, mailbox: &mpsc::Sender<ToPerson>) {
        self.people.remove_if(&person, |_, known| known.inside.same_channel(mailbox));
    }

    /// Tells a person something; nobody hears it when the person has no page and no matter.
    pub(super) fn tell(&self, person: Person, message: ToPerson) {
        // The guard is let go before anything is removed.
        let Some(mailbox) = self.people.get(&person).map(|known| known.clone()) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = mailbox.inside.try_send(message) {
            error!(person = ?person, "a person's task is stuck and is ended");
            self.forget_person(person, &mailbox.inside);
            mailbox.task.abort();
        }
    }

    /// Tells every person the same.
    pub(super) fn tell_everybody(&self, message: &ToPerson) {
        let people: Vec<Person> = self.people.iter().map(|known| *known.key()).collect();
        for person in people {
            let copy = match message {
                ToPerson::Draining => ToPerson::Draining,
                ToPerson::DutyReset => ToPerson::DutyReset,
                ToPerson::QuestionOpen(open) => ToPerson::QuestionOpen(Arc::clone(open)),
                ToPerson::Failed { from } => ToPerson::Failed { from: *from },
                _ => continue,
            };
            self.tell(person, copy);
        }
    }

    /// Whether somebody has a page open, or a matter that runs.
    pub(super) fn is_here(&self, person: Person) -> bool {
        self.people.contains_key(&person)
    }

    /// Puts an input into the duty book's mailbox; false when it is full, or when the server has stopped.
    pub(super) fn duty(&self, input: impl Into<ToDuty>) -> bool {
        let sent = self.duty.try_send(input.into());
        if matches!(sent, Err(mpsc::error::TrySendError::Full(_))) {
            error!("the duty book is stuck");
        }
        sent.is_ok()
    }

    /// Opens a matter with a task of its own; false when its id is in use.
    pub(super) fn open(self: &Arc<Self>, opening: Opening, room: Arc<Room>, asked: task::Asked) -> bool {
        self.start(opening.consultation, |registry| task::Task::new(registry, opening, room, asked))
    }

    /// Starts the task of a matter; false when its id is in use.
    fn start(self: &Arc<Self>, id: ConsultationId, task: impl FnOnce(Arc<Self>) -> task::Task) -> bool {
        match self.consultations.entry(id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                let (inside, inbox) = mpsc::channel(CONSULTATION_MAILBOX);
                let task = self.tasks.spawn(task::run(task(Arc::clone(self)), inbox)).abort_handle();
                place.insert(ConsultationMailbox { inside, task });
                true
            }
        }
    }

    /// Takes a matter up again whose session was over before the server started, or whose asker is to be called back. Its
    /// people know of it before its task says anything, and before any page of theirs is let in.
    pub(super) async fn resume(self: &Arc<Self>, machine: Consultation, people: Vec<Holder>) {
        let (id, view, room) = (machine.id(), machine.view(), self.plane.room());
        let session = machine.answered_by().map(|(_, session)| session);
        let mut known = BTreeSet::new();
        for holder in people {
            let Some(person) = holder.person() else { continue };
            let owes_outcome = matches!(person, Person::Lawyer(lawyer) if machine.outcome_due(lawyer).is_some());
            let resumed = match session {
                Some(session) => ToPerson::Resumed { view: view.clone(), session, owes_outcome },
                None => ToPerson::OnHold { view: view.clone(), room: Arc::clone(&room) },
            };
            let mailbox = self.person(person, &holder);
            if mailbox.inside.send(resumed).await.is_ok() {
                known.insert(person);
            }
        }
        self.start(id, |registry| task::Task::resumed(registry, machine, room, known));
    }

    /// Somebody who is called back has no page open.
    pub(super) fn call(&self, called: Called) {
        if self.called.try_send(called).is_err() {
            warn!(citizen.id = ?called.citizen, "somebody who is called back cannot be told");
        }
    }

    /// A lawyer has a conflict; what is asked from now on will know of it in any case.
    pub(super) fn declared(&self, declared: Declared) {
        if self.declared.try_send(declared).is_err() {
            warn!(consultation.id = ?declared.consultation, "a conflict of interest is told to nobody else who waits");
        }
    }

    /// The alarm of a floor came, grew worse, or went.
    pub(super) fn floor_turned(&self, turned: FloorTurned) {
        if self.floors.try_send(turned).is_err() {
            error!("nobody keeps the alarms of the duty floors");
        }
    }

    /// Puts something into a consultation's mailbox; false when there is none.
    pub(super) fn post(&self, consultation: ConsultationId, message: ToConsultation) -> bool {
        let Some(mailbox) = self.consultations.get(&consultation).map(|known| known.clone()) else { return false };
        match mailbox.inside.try_send(message) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                error!(consultation.id = ?consultation, "a consultation's task is stuck and is ended");
                mailbox.task.abort();
                self.fail(consultation);
                let recorder = self.recorder.clone();
                self.tasks.spawn(async move { recorder.leave_open(consultation).await });
                false
            }
        }
    }

    /// Takes a consultation's mailbox out.
    pub(super) fn close(&self, consultation: ConsultationId) {
        self.consultations.remove(&consultation);
    }

    /// A consultation's task is no more: its lawyer is free, its people hear that it is over.
    pub(super) fn fail(&self, consultation: ConsultationId) {
        self.close(consultation);
        self.duty(duty::Input::ConsultationGone { consultation });
        self.tell_everybody(&ToPerson::Failed { from: consultation });
    }

    /// Every running consultation.
    pub(super) fn consultations(&self) -> Vec<ConsultationId> {
        self.consultations.iter().map(|known| *known.key()).collect()
    }
}
