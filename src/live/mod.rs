//! What is happening now: people with their pages, running consultations, the duty book, and the way to the media plane.
//!
//! Each person, each running consultation and the duty book is a task with a mailbox; nobody waits for anybody but the
//! sockets for their person and everybody for the media plane, which always drains. A full mailbox means a stuck owner,
//! and its task is ended, so that one failure stays one person's or one matter's.
mod bridge;
mod duty;
mod ledger;
mod person;
mod registry;
mod scribe;
mod tab;
mod task;
#[cfg(test)]
mod tests;
mod transport;
mod view;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};
use yunfa_media::driver::{FactReceiver, Handle};
use yunfa_signaling::{
    consultation::{Consultation, Known},
    duty::{Alarm, FloorKey, FloorState, Input},
    error::SessionError,
    ids::{AreaCode, CitizenId, ConsultationId, LawyerId, RequestId, SessionId},
    message::ServerMessage,
    private::Token,
    time::Timestamp,
    timers::Timers,
    words::{DeviceClass, Presence},
};

pub use self::duty::FloorTurned;
pub use self::registry::OpenQuestion;
pub use self::tab::{Attached, FromTab, Holder, Person, Refused, Tab, ToTab};
use self::{
    registry::{Attach, Registry, RegistryParts, ToConsultation, ToPerson},
    transport::Plane,
};
use crate::{
    clock::Clock,
    conflicts::Declared,
    domain::{people::Lawyer, report::Restraint},
    push::Alert,
    recorder::Recorder,
};

/// How long ended consultations may take to write what they have when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What is needed to begin.
pub struct Parts {
    /// Time and chance.
    pub clock: Clock,
    /// Where milestones, evidence and chat go.
    pub recorder: Recorder,
    /// The media workers.
    pub media: Handle,
    /// What they see.
    pub facts: FactReceiver,
    /// The name of each area, as desks see it.
    pub localities: BTreeMap<AreaCode, String>,
    /// The clocks of a consultation.
    pub timers: Timers,
    /// Where rings go besides the open desks.
    pub alerts: mpsc::Sender<Alert>,
    /// Askers who are called back and have no page open.
    pub called: mpsc::Sender<Called>,
    /// Alarms of duty floors.
    pub floors: mpsc::Sender<FloorTurned>,
    /// Lawyers who declined for a conflict.
    pub declared: mpsc::Sender<Declared>,
}

/// Somebody who is called back and must be told by other ways than a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// Who.
    pub citizen: CitizenId,
    /// When it stops ringing.
    pub until: Timestamp,
}

/// Everything that happens now. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Live(Arc<Registry>);

impl Live {
    /// Begins: nobody is here yet.
    pub fn start(parts: Parts) -> Self {
        let Parts { clock, recorder, media, facts, localities, timers, alerts, called, floors, declared } = parts;
        let (duty, mailbox) = mpsc::channel(duty::MAILBOX);
        let (looks, look) = mpsc::channel(duty::LOOKS);
        let (wants, wanted) = mpsc::channel(duty::WANTS);
        let plane = Plane::new(media);
        let parts = RegistryParts {
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
        };
        let registry = Arc::new(Registry::new(parts));
        tokio::spawn(duty::run(Arc::clone(&registry), mailbox, look, wanted));
        tokio::spawn(hear(Arc::clone(&registry), facts));
        Self(registry)
    }

    /// Goes on with a matter of the last process whose session is over, or whose asker is to be called back. `people` are its
    /// asker and its lawyer. Before any page is let in.
    pub async fn resume(&self, matter: Consultation, people: Vec<Holder>) {
        self.0.resume(matter, people).await;
    }

    /// Lets a page in; its inbox begins with `welcome`.
    ///
    /// # Errors
    /// When there is nothing live for this role, or the person's task cannot be reached.
    pub async fn attach(&self, holder: Holder, device: DeviceClass, resume_token: Token) -> Result<Attached, Refused> {
        let person = holder.person().ok_or(Refused::Role)?;
        let (inbox_in, inbox) = mpsc::channel(tab::INBOX);
        let id = self.0.mint_tab();
        let page = Attach { tab: id, inbox: inbox_in, holder, device, resume_token };
        let person = self.0.attach(person, page).await.ok_or(Refused::Stuck)?;
        Ok(Attached { tab: Tab { id, person }, inbox })
    }

    /// The name of a place, as desks see it.
    pub fn locality(&self, area: &AreaCode) -> Option<String> {
        self.0.localities.get(area).cloned()
    }

    /// Closes every socket of an account that was signed out.
    pub fn revoke(&self, person: Person) {
        self.0.tell(person, ToPerson::Revoked);
    }

    /// Goes by what the bureau says of this lawyer from now on: what follows is routed so. Who may not serve any more
    /// stops ringing; a call that runs goes on.
    pub fn profile_changed(&self, lawyer: Lawyer) {
        self.0.duty(duty::changed(&lawyer));
        self.0.tell(Person::Lawyer(lawyer.id), ToPerson::Profile(lawyer));
    }

    /// Gives the asker's stars to a consultation that still waits for them; who asks was checked before.
    ///
    /// # Errors
    /// Says what is in the way; [`SessionError::Over`] when nothing waits for stars any more.
    pub async fn rate(&self, consultation: ConsultationId, stars: u8) -> Result<(), SessionError> {
        let (answer, answered) = oneshot::channel();
        if !self.0.post(consultation, ToConsultation::Rate { stars, answer }) {
            return Err(SessionError::Over);
        }
        answered.await.unwrap_or(Err(SessionError::Over))
    }

    /// More is known of a matter that may wait: how grave it is, who must not be rung for it. Nothing when it does not run.
    pub fn learned(&self, consultation: ConsultationId, known: Known) {
        self.0.post(consultation, ToConsultation::Learned(known));
    }

    /// Tells every page of a person something that is not of a consultation that runs.
    pub fn news(&self, person: Person, message: ServerMessage) {
        self.0.tell(person, ToPerson::News(message));
    }

    /// Goes by what the office holds against this person from now on; older news than what is known is none.
    pub fn restrain(&self, person: Person, restraint: Restraint) {
        self.0.tell(person, ToPerson::Restraint(restraint));
    }

    /// Tells every lawyer with a page who may answer a text question.
    pub fn question_open(&self, open: OpenQuestion) {
        self.0.tell_everybody(&ToPerson::QuestionOpen(Arc::new(open)));
    }

    /// Whether somebody has a page open, or a matter that runs.
    pub fn is_here(&self, person: Person) -> bool {
        self.0.is_here(person)
    }

    /// Ends a running session by a supervisor's word.
    ///
    /// # Errors
    /// When it is over, or was never begun here.
    pub async fn end_session(&self, consultation: ConsultationId, session: SessionId) -> Result<(), SessionError> {
        let (answer, answered) = oneshot::channel();
        if !self.0.post(consultation, ToConsultation::SupervisorEnds { session, answer }) {
            return Err(SessionError::Over);
        }
        answered.await.unwrap_or(Err(SessionError::Over))
    }

    /// Who is there, besides those who are offline; nobody when the server stops.
    pub async fn presences(&self) -> BTreeMap<LawyerId, Presence> {
        let (shown, show) = oneshot::channel();
        if self.0.looks.send(duty::Look::Presences(shown)).await.is_err() {
            return BTreeMap::new();
        }
        show.await.unwrap_or_default()
    }

    /// Watches these duty floors from now on. `alarms` are those that the last process left.
    pub fn watch_floors(&self, minimums: BTreeMap<FloorKey, u32>, alarms: BTreeMap<FloorKey, Alarm>) {
        self.0.duty(Input::FloorsSet { minimums, alarms });
    }

    /// Every duty floor that is watched, as it stands; none when the server stops.
    pub async fn floors(&self) -> BTreeMap<FloorKey, FloorState> {
        let (shown, show) = oneshot::channel();
        if self.0.looks.send(duty::Look::Floors(shown)).await.is_err() {
            return BTreeMap::new();
        }
        show.await.unwrap_or_default()
    }

    /// How many consultations there are in which somebody waits or talks.
    pub fn running(&self) -> usize {
        *self.0.running.borrow()
    }

    /// Takes no new consultations, lets the running ones go on for `limit`, ends the rest, and writes what there is.
    pub async fn drain(&self, limit: Duration) {
        self.0.draining.store(true, Ordering::Release);
        self.0.tell_everybody(&ToPerson::Draining);
        let mut running = self.0.running.subscribe();
        info!("draining: {} consultations run", self.running());
        tokio::select! {
            _ = running.wait_for(|running| *running == 0) => {}
            () = self.0.clock.sleep(limit) => warn!("{} consultations are ended: the limit is reached", self.running()),
        }
        self.stop().await;
    }

    /// Ends everything that runs, now, and writes what there is.
    pub async fn stop(&self) {
        self.0.draining.store(true, Ordering::Release);
        for consultation in self.0.consultations() {
            self.0.post(consultation, ToConsultation::Stop);
        }
        self.0.tasks.close();
        tokio::select! {
            () = self.0.tasks.wait() => {}
            () = self.0.clock.sleep(LAST_WORDS) => warn!("{} consultations are left to the reaper", self.0.tasks.len()),
        }
        self.0.plane.stop();
        self.0.stopped.cancel();
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({} running)", self.running())
    }
}

/// Brings the facts of all workers to whom they concern, until every worker has ended.
async fn hear(registry: Arc<Registry>, mut facts: FactReceiver) {
    while let Some((_worker, stamped)) = facts.recv().await {
        let at = Timestamp(stamped.at);
        let owner = bridge::subject(&stamped.fact).and_then(|peer| Some((peer, registry.plane.owner(peer)?)));
        match (owner, bridge::meaning(stamped.fact)) {
            (_, bridge::Meaning::RoomFailed(room)) => {
                warn!(room = ?room, "a room failed and was closed");
            }
            (Some((peer, person)), meaning) => registry.tell(person, ToPerson::Fact { peer, meaning, at }),
            // The last facts of a transport whose page has left.
            (None, _) => {}
        }
    }
}

/// A request's answer.
fn reply(request: RequestId, outcome: Result<(), SessionError>) -> ServerMessage {
    match outcome {
        Ok(()) => ServerMessage::Done { reply_to: request },
        Err(refused) => ServerMessage::refusal(Some(request), refused.code(), refused.to_string()),
    }
}
