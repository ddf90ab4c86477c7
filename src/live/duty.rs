//! The one task that owns the duty book: who can be rung, who waits.
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};
use yunfa_signaling::{
    duty::{self, Alarm, Duty, FloorKey, FloorState, Input, Output},
    error::SessionError,
    ids::{ConsultationId, LawyerId, RequestId, SessionId},
    time::{Now, Timestamp},
    words::{Part, Presence},
};

use super::{
    registry::{Registry, Ring, ToConsultation, ToPerson},
    tab::Person,
};
use crate::domain::people::Lawyer;

/// What may wait for the duty book: signs of life of thousands of desks at once.
pub(super) const MAILBOX: usize = 16 * 1024;

/// Who is there, besides those who are offline.
pub(super) type Presences = BTreeMap<LawyerId, Presence>;

/// Somebody who wants to know who is there, or how the floors stand.
#[derive(Debug)]
pub(super) enum Look {
    Presences(oneshot::Sender<Presences>),
    Floors(oneshot::Sender<BTreeMap<FloorKey, FloorState>>),
}

/// The alarm of a floor came, grew worse, or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloorTurned {
    /// Of whom.
    pub key: FloorKey,
    /// How it stands now.
    pub state: FloorState,
    /// When it turned.
    pub at: Timestamp,
}

/// What a book that begins anew has to be told of the floors.
#[derive(Debug, Default)]
struct Watched {
    minimums: BTreeMap<FloorKey, u32>,
    alarms: BTreeMap<FloorKey, Alarm>,
}

/// Those who wait to be shown; more wait before the door.
pub(super) const LOOKS: usize = 4;

/// A lawyer wants somebody else in a session: who is free is known here, the rest to the session.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) consultation: ConsultationId,
    pub(super) from: LawyerId,
    pub(super) tab: duty::Tab,
    pub(super) request: RequestId,
    pub(super) session: SessionId,
    pub(super) lawyer: LawyerId,
    pub(super) part: Part,
}

/// Those who want somebody; more are refused.
pub(super) const WANTS: usize = 256;

/// One input of the duty book.
#[derive(Debug)]
pub(super) struct ToDuty {
    pub(super) input: Input,
    /// The page that asked, if one did.
    pub(super) asked: Option<(Person, duty::Tab, RequestId)>,
}

impl From<Input> for ToDuty {
    fn from(input: Input) -> Self {
        Self { input, asked: None }
    }
}

/// Runs the duty book until the server stops.
pub(super) async fn run(
    registry: Arc<Registry>,
    mut mailbox: mpsc::Receiver<ToDuty>,
    mut looks: mpsc::Receiver<Look>,
    mut wants: mpsc::Receiver<Wanted>,
) {
    let mut book = Duty::new(registry.timers);
    let mut watched = Watched::default();
    loop {
        let deadline = book.poll_timeout();
        let next = tokio::select! {
            next = mailbox.recv() => match next {
                Some(next) => next,
                None => return,
            },
            Some(look) = looks.recv() => {
                // Whoever asked may have left.
                let _ = match look {
                    Look::Presences(show) => show.send(book.presences().collect()).is_ok(),
                    Look::Floors(show) => show.send(book.floors().collect()).is_ok(),
                };
                continue;
            }
            Some(wanted) = wants.recv() => {
                invite(&registry, &book, wanted);
                continue;
            }
            () = registry.sleep_until(deadline) => ToDuty::from(Input::Timeout),
            () = registry.stopped.cancelled() => return,
        };
        let now = registry.clock.now();
        if let Input::FloorsSet { minimums, .. } = &next.input {
            watched.minimums.clone_from(minimums);
        }
        match catch_unwind(AssertUnwindSafe(|| take(&mut book, next.input, now))) {
            Ok((outcome, outputs)) => {
                watched.hear(&outputs);
                deliver(&registry, &mut book, outputs, now);
                answer(&registry, next.asked, outcome);
            }
            Err(_) => {
                // Desks say hello again and are rung again; who waits is found by the lapse of their own timers.
                error!("the duty book failed and begins anew");
                book = Duty::new(registry.timers);
                let Watched { minimums, alarms } = &watched;
                registry.duty(Input::FloorsSet { minimums: minimums.clone(), alarms: alarms.clone() });
                registry.tell_everybody(&ToPerson::DutyReset);
                answer(&registry, next.asked, Err(SessionError::Unexpected));
            }
        }
    }
}

impl Watched {
    fn hear(&mut self, outputs: &[Output]) {
        for output in outputs {
            if let Output::Floor { key, state } = output {
                match state.alarm {
                    Some(alarm) => self.alarms.insert(*key, alarm),
                    None => self.alarms.remove(key),
                };
            }
        }
    }
}

/// Passes an invitation on to its session when the one who is wanted is free; the session answers.
fn invite(registry: &Registry, book: &Duty, wanted: Wanted) {
    let (from, tab, request) = (wanted.from, wanted.tab, wanted.request);
    let refused = match book.may_join(wanted.lawyer) {
        Ok(name) => {
            let consultation = wanted.consultation;
            if registry.post(consultation, ToConsultation::Invite { wanted, name }) {
                return;
            }
            SessionError::Over
        }
        Err(refused) => refused,
    };
    let message = super::reply(request, Err(refused));
    registry.tell(Person::Lawyer(from), ToPerson::Reply { tab, message });
}

fn take(book: &mut Duty, input: Input, now: Now) -> (Result<(), SessionError>, Vec<Output>) {
    let outcome = book.handle(input, now);
    (outcome, std::iter::from_fn(|| book.poll_output()).collect())
}

/// Passes the orders on. All rings of one matter go in one piece, so that a county of lawyers fits into its mailbox.
fn deliver(registry: &Registry, book: &mut Duty, outputs: Vec<Output>, now: Now) {
    let mut rings: BTreeMap<ConsultationId, Vec<_>> = BTreeMap::new();
    for output in &outputs {
        if let Output::Ring { consultation, search, lawyer, name, mode, tier } = output {
            let ring = Ring { search: *search, lawyer: *lawyer, name: name.clone(), mode: *mode, tier: *tier };
            rings.entry(*consultation).or_default().push(ring);
        }
    }
    let mut gone = vec![];
    for output in outputs {
        let (consultation, message) = match output {
            Output::Ring { consultation, .. } => match rings.remove(&consultation) {
                Some(lawyers) => (consultation, ToConsultation::Ring(lawyers)),
                None => continue,
            },
            Output::Routed { consultation, mode } => (consultation, ToConsultation::Routed(mode)),
            Output::StopRing { consultation, lawyer } => (consultation, ToConsultation::Withdraw(lawyer)),
            Output::Place { consultation, place, on_duty, occupied, expected_s } => {
                (consultation, ToConsultation::Place { place, on_duty, occupied, expected_s })
            }
            Output::Floor { key, state } => {
                registry.floor_turned(FloorTurned { key, state, at: now.wall });
                continue;
            }
            Output::ToLawyer(lawyer, message) => {
                registry.tell(Person::Lawyer(lawyer), ToPerson::Duty(message));
                continue;
            }
        };
        if !registry.post(consultation, message) && !gone.contains(&consultation) {
            gone.push(consultation);
        }
    }
    for consultation in gone {
        debug!(consultation.id = ?consultation, "a matter that waited is gone");
        let (outcome, outputs) = take(book, Input::ConsultationGone { consultation }, now);
        if outcome.is_ok() {
            // Its lawyers are free for others; each round has one matter less, so this ends.
            deliver(registry, book, outputs, now);
        }
    }
}

fn answer(registry: &Registry, asked: Option<(Person, duty::Tab, RequestId)>, outcome: Result<(), SessionError>) {
    let Some((person, tab, request)) = asked else {
        if let Err(refused) = outcome {
            debug!("the duty book refused: {refused}");
        }
        return;
    };
    registry.tell(person, ToPerson::Reply { tab, message: super::reply(request, outcome) });
}

/// A desk's tab says hello, resumes, or is seen.
pub(super) fn opened(lawyer: &Lawyer, tab: duty::Tab) -> Input {
    Input::DeskOpened { lawyer: lawyer.id, tab, profile: lawyer.profile() }
}

/// The bureau changed a lawyer.
pub(super) fn changed(lawyer: &Lawyer) -> Input {
    Input::ProfileChanged { lawyer: lawyer.id, profile: lawyer.profile() }
}

/// A desk's tab is there.
pub(super) const fn seen(lawyer: LawyerId, tab: duty::Tab) -> Input {
    Input::DeskSeen { lawyer, tab }
}
