//! One running consultation: the task that owns its machine, its evidence and what it has to write.
use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};
use yunfa_signaling::{
    consultation::{Consultation, Continuation, Input, Known, MediaFact, Opening, Party},
    duty,
    error::SessionError,
    ids::{InvitationId, LawyerId, LegId, OfferId, RequestId, SessionId},
    message::{ClientFrame, ClientMessage, ErrorCode, RESUME_SECONDS, ServerMessage},
    milestone::{Event, Milestone},
    output::{self, Output},
    time::Instant,
    words::{ConsultationState, DeclineReason, InvitationClosed},
};

use super::{
    bridge,
    duty::{ToDuty, Wanted},
    ledger::Ledger,
    registry::{Registry, Ring, ToConsultation, ToPerson},
    scribe::{Entry, Scribe, Sealed},
    tab::Person,
    transport::Room,
};
use crate::{
    conflicts::Declared,
    push::Alert,
    recorder::{ChatLine, Recorder, RecorderError},
};

/// How long a new matter waits for a database that is away.
const ADMISSION: Duration = Duration::from_secs(5);
/// After so many seconds whoever was refused may ask again.
const LOOK_AGAIN_S: u32 = 2;
/// Chat lines that are said again to a page that starts afresh; a page's inbox holds them and the rest of its welcome.
const CHAT_AGAIN: usize = 200;
/// How long a final matter answers repeated requests: as long as a broken socket may take to come back.
const ANSWERS_ON: Duration = Duration::from_secs(RESUME_SECONDS);
/// Characters of these lines: what a slow link takes without being called slow.
const CHAT_AGAIN_CHARS: usize = 40_000;

/// The request that opened the matter: whom to answer when it has been routed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) tab: duty::Tab,
    pub(super) request: RequestId,
}

/// One matter and all that belongs to it.
pub(super) struct Task {
    registry: Arc<Registry>,
    machine: Consultation,
    opening: Opening,
    room: Arc<Room>,
    /// Nobody, when it was taken up after a restart.
    asked: Option<Asked>,
    ledger: Option<Ledger>,
    scribe: Scribe,
    /// Who was told anything that outlives a moment.
    people: BTreeSet<Person>,
    /// The session that runs.
    session: Option<SessionId>,
    /// It counts among those in which somebody waits or talks.
    counted: bool,
    /// When the task ends: the matter is final, or the server stops.
    ends: Option<Instant>,
}

enum Next {
    Heard(Option<ToConsultation>),
    Due,
    Checkpoint,
    Wrote(Option<Sealed>),
    End,
}

/// Runs a matter to its end. A failure ends this matter and no other; what was seen of it is kept.
pub(super) async fn run(mut task: Task, mut inbox: mpsc::Receiver<ToConsultation>) {
    let id = task.opening.consultation;
    if AssertUnwindSafe(task.serve(&mut inbox)).catch_unwind().await.is_err() {
        error!(consultation.id = ?id, "a consultation failed and is ended");
        task.registry.fail(id);
        task.fail();
    } else {
        task.registry.close(id);
        for person in &task.people {
            task.registry.tell(*person, ToPerson::Over { from: id });
        }
    }
    task.count(false);
    while !task.scribe.is_idle() {
        task.scribe.write().await;
    }
    debug!(consultation.id = ?id, "a consultation is final");
}

impl Task {
    /// A matter that is asked now.
    pub(super) fn new(registry: Arc<Registry>, opening: Opening, room: Arc<Room>, asked: Asked) -> Self {
        let machine = Consultation::open(opening, registry.timers, registry.clock.now());
        Self::of(registry, machine, room, Some(asked))
    }

    /// A matter of the last process, and the people who know of it.
    pub(super) fn resumed(
        registry: Arc<Registry>,
        machine: Consultation,
        room: Arc<Room>,
        people: BTreeSet<Person>,
    ) -> Self {
        Self { people, ..Self::of(registry, machine, room, None) }
    }

    fn of(registry: Arc<Registry>, machine: Consultation, room: Arc<Room>, asked: Option<Asked>) -> Self {
        let scribe = Scribe::new(registry.recorder.clone(), registry.clock.clone());
        let opening = machine.opening().clone();
        Self {
            registry,
            machine,
            room,
            asked,
            ledger: None,
            scribe,
            people: [Person::Citizen(opening.citizen)].into(),
            opening,
            session: None,
            counted: false,
            ends: None,
        }
    }

    async fn serve(&mut self, inbox: &mut mpsc::Receiver<ToConsultation>) {
        let is_refused = match self.asked {
            Some(asked) => !self.open(asked).await,
            None => {
                self.drain();
                false
            }
        };
        if is_refused {
            return;
        }
        loop {
            match self.next(inbox).await {
                Next::Heard(Some(message)) => self.heard(message),
                Next::Due => self.feed(Input::Timeout),
                Next::Checkpoint => self.checkpoint(),
                Next::Wrote(Some(Sealed { session, record })) => self.feed(Input::Sealed { session, record }),
                Next::Wrote(None) => {}
                // Or the registry has forgotten this matter: the process ends.
                Next::End | Next::Heard(None) => return,
            }
        }
    }

    /// Answers the request that opens the matter; `false` when it is refused.
    async fn open(&mut self, Asked { tab, request }: Asked) -> bool {
        let Registry { recorder, clock, .. } = &*self.registry;
        let admitted = tokio::select! {
            known = admit(recorder, &self.opening) => Some(known),
            () = clock.sleep(ADMISSION) => None,
        };
        let refusal = |code, message: &str, retry_after| {
            let message = message.to_owned();
            ServerMessage::Error { reply_to: Some(request), code, message, retry_after }
        };
        let opened = match admitted {
            Some(Ok(Admitted::New(continues, known))) => {
                if let Some(matter) = continues {
                    self.goes_on(matter);
                }
                self.learns(known);
                ServerMessage::Done { reply_to: request }
            }
            // Ids are minted by clients: one that was used before the server started is over.
            Some(Ok(Admitted::Used)) => super::reply(request, Err(SessionError::Over)),
            Some(Err(cause)) if !cause.is_passing() => {
                error!("a consultation cannot be opened: {cause}");
                refusal(ErrorCode::Internal, "something broke here", None)
            }
            Some(Err(_)) | None => {
                let message = "nothing can be kept right now: try again soon";
                refusal(ErrorCode::Unavailable, message, Some(LOOK_AGAIN_S))
            }
        };
        let is_refused = matches!(opened, ServerMessage::Error { .. });
        if !is_refused {
            self.drain();
        }
        self.reply(Party::Citizen, tab, opened);
        !is_refused
    }

    /// Before anything was ordered: nobody is rung yet.
    fn goes_on(&mut self, matter: Continuation) {
        if let Err(refused) = self.machine.handle(Input::Continues(matter), self.registry.clock.now()) {
            error!(consultation.id = ?self.opening.consultation, "a matter cannot go on: {refused}");
        }
    }

    /// Before anything was ordered: the queue hears of it with the matter.
    fn learns(&mut self, known: Known) {
        if known != Known::default()
            && let Err(refused) = self.machine.handle(Input::Known(known), self.registry.clock.now())
        {
            error!(consultation.id = ?self.opening.consultation, "what is known of a matter is refused: {refused}");
        }
    }

    async fn next(&mut self, inbox: &mut mpsc::Receiver<ToConsultation>) -> Next {
        let Self { registry, machine, ledger, scribe, ends, .. } = self;
        let (writes, listens) = (!scribe.is_idle(), !scribe.is_full());
        tokio::select! {
            wrote = scribe.write(), if writes => Next::Wrote(wrote),
            heard = inbox.recv(), if listens => Next::Heard(heard),
            () = registry.sleep_until(*ends), if ends.is_some() && !writes => Next::End,
            () = registry.sleep_until(machine.poll_timeout()), if ends.is_none() => Next::Due,
            () = registry.sleep_until(ledger.as_ref().map(Ledger::deadline)) => Next::Checkpoint,
        }
    }

    fn heard(&mut self, message: ToConsultation) {
        match message {
            ToConsultation::Said { from, tab, frame: ClientFrame { id, message } } => {
                let outcome = self.take(Input::Said { from, request: id, message });
                if let Some(tab) = tab {
                    self.reply(from, tab, super::reply(id, outcome));
                }
            }
            ToConsultation::Rate { stars, answer } => {
                let consultation = self.opening.consultation;
                let message = ClientMessage::Rate { consultation, stars };
                let request = RequestId::new(self.registry.clock.mint());
                let outcome = self.take(Input::Said { from: Party::Citizen, request, message });
                // Nobody need listen any more.
                let _ = answer.send(outcome);
            }
            ToConsultation::SupervisorEnds { session, answer } => {
                // Nobody need listen any more.
                let _ = answer.send(self.take(Input::SupervisorEnds { session }));
            }
            ToConsultation::Invite { wanted, name } => {
                let Wanted { from, tab, request, session, lawyer, part, .. } = wanted;
                let invitation = self.registry.clock.mint::<InvitationId>();
                let outcome = self.take(Input::Invite { from, request, session, invitation, lawyer, name, part });
                self.reply(Party::Lawyer(from), tab, super::reply(request, outcome));
            }
            ToConsultation::AskerBlocked => self.feed(Input::AskerBlocked),
            ToConsultation::Ring(lawyers) => {
                for Ring { search, lawyer, name, mode, tier } in lawyers {
                    let offer = self.registry.clock.mint::<OfferId>();
                    self.feed(Input::Ring { search, offer, lawyer, name, mode, tier });
                }
            }
            ToConsultation::Routed(mode) => self.feed(Input::Routed { mode }),
            ToConsultation::Withdraw(lawyer) => self.feed(Input::Withdraw { lawyer }),
            ToConsultation::Place { place, on_duty, occupied, expected_s } => {
                self.feed(Input::Place { place, on_duty, occupied, expected_s });
            }
            ToConsultation::Socket { party, is_there: true } => self.feed(Input::SocketBack { party }),
            ToConsultation::Socket { party, is_there: false } => self.feed(Input::SocketLost { party }),
            ToConsultation::Up { party, link, before, at } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.up(party, link, before, at);
                }
                self.feed(Input::Media { party, fact: MediaFact::Connected });
            }
            ToConsultation::Media { party, fact } => self.feed(Input::Media { party, fact }),
            ToConsultation::Second { party, facts, at } => {
                let Some(ledger) = &mut self.ledger else { return };
                let before = ledger.two_way_s();
                ledger.second(party, facts, at);
                let (session, seconds) = (ledger.session(), ledger.two_way_s());
                if seconds != before {
                    self.feed(Input::TwoWay { session, seconds });
                }
            }
            ToConsultation::Replay { party, tab } => {
                for line in latest(self.machine.chat(party)) {
                    self.reply(party, tab, line);
                }
            }
            ToConsultation::Learned(known) => self.feed(Input::Known(known)),
            ToConsultation::Stop => {
                self.feed(Input::Stop);
                // What is still awaited (an outcome, a rating) is taken up again after the restart.
                self.ends = Some(self.registry.clock.now().mono);
            }
            #[cfg(test)]
            ToConsultation::Fail => panic!("a test makes this consultation fail"),
        }
    }

    /// Takes an input that nobody waits to be answered.
    fn feed(&mut self, input: Input) {
        if let Err(refused) = self.take(input) {
            debug!(consultation.id = ?self.opening.consultation, "an input was refused: {refused}");
        }
    }

    fn take(&mut self, input: Input) -> Result<(), SessionError> {
        let outcome = self.machine.handle(input, self.registry.clock.now());
        self.drain();
        outcome
    }

    /// Does what the machine orders, in its order.
    fn drain(&mut self) {
        let id = self.opening.consultation;
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::ToCitizen(message) => self.say(Person::Citizen(self.opening.citizen), message),
                Output::ToLawyer(lawyer, message) => {
                    self.alert(lawyer, &message);
                    self.say(Person::Lawyer(lawyer), message);
                }
                Output::CallAsker { until } => {
                    self.registry.tell(Person::Citizen(self.opening.citizen), ToPerson::Called { until });
                }
                Output::Duty(hint) => {
                    self.registry.duty(ToDuty::from(duty::Input::Heard { consultation: id, hint }));
                }
                Output::Media(order) => self.order(bridge::orders(order)),
                Output::Milestone(milestone) => self.milestone(milestone),
                Output::Keep(line) => self.scribe.push(Entry::Chat(chat_line(line))),
                Output::Seal { session, lawyer: _ } => self.scribe.push(Entry::Seal(session)),
                Output::Done => self.ends = Some(self.registry.clock.now().mono + ANSWERS_ON),
            }
        }
        self.count(self.ends.is_none() && self.somebody_waits_or_talks());
    }

    fn order(&self, orders: bridge::Orders) {
        let from = self.opening.consultation;
        let citizen = (Person::Citizen(self.opening.citizen), orders.citizen_does);
        let lawyer = (Person::Lawyer(orders.lawyer), orders.lawyer_does);
        for (person, order) in [citizen, lawyer] {
            let (session, room) = (orders.session, Arc::clone(&self.room));
            self.registry.tell(person, ToPerson::Media { from, session, room, order });
        }
    }

    fn milestone(&mut self, milestone: Milestone) {
        match &milestone.event {
            Event::Accepted { session, lawyer, .. } => {
                let now = self.registry.clock.now().mono;
                self.ledger = Ledger::open(&self.opening, *session, Party::Lawyer(*lawyer), now);
                self.session = Some(*session);
            }
            Event::ThirdClosed { invitation, lawyer, reason: InvitationClosed::Joined, .. } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.third(Party::Lawyer(*lawyer), LegId::new(invitation.uuid()));
                }
            }
            Event::SessionEnded { session, reason } => {
                info!(consultation.id = ?milestone.consultation, session.id = ?session, "session ended: {reason}");
                // The evidence goes before the end: whoever reads the end after a crash finds all of it.
                self.close_ledger();
                self.session = None;
            }
            Event::OfferChanged { lawyer, reason: Some(DeclineReason::ConflictOfInterest), .. } => {
                let consultation = milestone.consultation;
                self.registry.declared(Declared { consultation, lawyer: *lawyer });
            }
            Event::Opened { .. }
            | Event::Continued { .. }
            | Event::StateChanged { .. }
            | Event::OfferMade { .. }
            | Event::Routed { .. }
            | Event::OfferSeen { .. }
            | Event::OfferChanged { .. }
            | Event::SessionChanged { .. }
            | Event::LegChanged { .. }
            | Event::ChannelChanged { .. }
            | Event::ThirdInvited { .. }
            | Event::ThirdConsented { .. }
            | Event::ThirdClosed { .. }
            | Event::ThirdRemoved { .. }
            | Event::ChatSaid { .. }
            | Event::TypedLive { .. }
            | Event::OutcomeRecorded { .. }
            | Event::Rated { .. } => {}
        }
        self.scribe.push(Entry::Event(milestone));
    }

    fn checkpoint(&mut self) {
        let now = self.registry.clock.now().mono;
        if let Some(evidence) = self.ledger.as_mut().and_then(|ledger| ledger.checkpoint(now)) {
            self.scribe.push(Entry::Evidence(Box::new(evidence)));
        }
    }

    fn close_ledger(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            self.scribe.push(Entry::Evidence(Box::new(ledger.close())));
        }
    }

    fn say(&mut self, person: Person, message: ServerMessage) {
        if matches!(message, ServerMessage::Session(_)) {
            self.people.insert(person);
            // First, so that nobody's picture stays without a name.
            let seats = self.machine.seats().into_iter().map(|(party, leg)| (self.person(party), leg)).collect();
            self.registry.tell(person, ToPerson::Seats(seats));
        }
        self.registry.tell(person, ToPerson::Say { from: self.opening.consultation, message });
    }

    /// Rings also where nobody looks. When too much is under way the open desks have to do.
    fn alert(&self, lawyer: LawyerId, message: &ServerMessage) {
        let ServerMessage::Offered(offer) = message else { return };
        if self.registry.alerts.try_send(Alert { lawyer, offer: offer.clone() }).is_err() {
            warn!(lawyer.id = ?lawyer, "an alert finds no room");
        }
    }

    fn reply(&self, party: Party, tab: duty::Tab, message: ServerMessage) {
        self.registry.tell(self.person(party), ToPerson::Reply { tab, message });
    }

    const fn person(&self, party: Party) -> Person {
        match party {
            Party::Citizen => Person::Citizen(self.opening.citizen),
            Party::Lawyer(lawyer) => Person::Lawyer(lawyer),
        }
    }

    fn somebody_waits_or_talks(&self) -> bool {
        self.session.is_some()
            || matches!(
                self.machine.state(),
                ConsultationState::Open | ConsultationState::Matching | ConsultationState::Assigned
            )
    }

    fn count(&mut self, counts: bool) {
        if counts != self.counted {
            self.counted = counts;
            self.registry.running.send_modify(|running| if counts { *running += 1 } else { *running -= 1 });
        }
    }

    /// The machine failed: what it had ordered and what was seen are kept, and the reaper brings the matter to its end.
    fn fail(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Milestone(milestone) => self.scribe.push(Entry::Event(milestone)),
                Output::Keep(line) => self.scribe.push(Entry::Chat(chat_line(line))),
                _ => {}
            }
        }
        self.close_ledger();
        self.scribe.push(Entry::LeftOpen(self.opening.consultation));
    }
}

/// Whether a consultation may be opened under its id.
enum Admitted {
    /// Yes; the matter with which it goes on, and what is known of it.
    New(Option<Continuation>, Known),
    /// There was one of this id.
    Used,
}

async fn admit(recorder: &Recorder, opening: &Opening) -> Result<Admitted, RecorderError> {
    if recorder.admit(opening.consultation).await? {
        return Ok(Admitted::Used);
    }
    let continues = recorder.continuation(opening.consultation, opening.citizen).await?;
    Ok(Admitted::New(continues, recorder.known(opening.consultation, opening.citizen).await?))
}

/// The end of a chat, as much of it as is said again.
fn latest(mut lines: Vec<ServerMessage>) -> Vec<ServerMessage> {
    let mut chars = 0;
    let fits = |line: &&ServerMessage| {
        if let ServerMessage::Chat { text, .. } = line {
            chars += text.expose().chars().count();
        }
        chars <= CHAT_AGAIN_CHARS
    };
    let kept = lines.iter().rev().take(CHAT_AGAIN).take_while(fits).count();
    lines.split_off(lines.len() - kept)
}

/// A chat line as the recorder takes it; its matter is known by its session.
fn chat_line(line: output::ChatLine) -> ChatLine {
    let output::ChatLine { consultation: _, session, message, number, from, role, text, at } = line;
    ChatLine { session, message, number, from, role, at, text }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::{
        ids::{LegId, MessageId},
        private::ChatText,
        time::Timestamp,
    };

    use super::*;

    #[test]
    fn a_page_that_starts_afresh_hears_the_end_of_the_chat() {
        let many = latest((1..=500).map(|number| line(number, "好")).collect());
        let long = latest((1..=500).map(|number| line(number, &"长".repeat(2000))).collect());

        assert_eq!((number(many.first()), number(many.last()), many.len()), (301, 500, CHAT_AGAIN));
        assert_eq!((number(long.first()), long.len()), (481, 20));
        assert!(latest(vec![]).is_empty());
    }

    fn line(number: u32, text: &str) -> ServerMessage {
        ServerMessage::Chat {
            session: SessionId::new(uuid::Uuid::nil()),
            message: MessageId::new(uuid::Uuid::nil()),
            number,
            from: LegId::new(uuid::Uuid::nil()),
            text: ChatText::new(text),
            at: Timestamp(0),
        }
    }

    fn number(line: Option<&ServerMessage>) -> u32 {
        let Some(ServerMessage::Chat { number, .. }) = line else { panic!("a chat line") };
        *number
    }
}
