//! The one task that owns every live question. What a machine says happened counts once it is written down, and not before.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use yunfa_signaling::{
    error::SessionError,
    ids::{ConsultationId, LawyerId},
    profile::Profile,
    question::{Asked, Event, Input, Question, Step},
    time::{Instant, Now, Timestamp},
    words::ConsultationState,
};

use super::{Held, Job, OpenView, Parts, Refused};
use crate::storage::{
    StorageError,
    questions::{Kept, NewText},
};

/// Questions that live at once. A county has some thousand; more is an attack or a fault.
const MOST_LIVE: usize = 50_000;
/// Questions of one asker that are not answered yet.
const MOST_OF_ONE: usize = 5;
/// Questions that a lawyer is shown.
const MOST_SHOWN: usize = 100;
/// Questions read at once when the server starts.
const PAGE: u32 = 500;
/// After so long a question is tried again whose step could not be written down.
const AGAIN: Duration = Duration::from_secs(2);

/// Every live question, and when something happens in it by itself.
pub(super) struct Board {
    parts: Parts,
    questions: BTreeMap<ConsultationId, Question>,
    agenda: BTreeSet<(Instant, ConsultationId)>,
    due: BTreeMap<ConsultationId, Instant>,
}

impl Board {
    /// Takes up what the last process left: what has passed meanwhile counts.
    pub(super) async fn take_up(parts: Parts) -> Result<Self, StorageError> {
        let mut board = Self { parts, questions: BTreeMap::new(), agenda: BTreeSet::new(), due: BTreeMap::new() };
        let mut after = None;
        loop {
            let page = board.parts.store.live_questions(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for id in page {
                match board.read(id).await? {
                    Some(question) => board.put(question),
                    None => {
                        warn!(question.id = ?id, "a question cannot be taken up: its events are none of a question")
                    }
                }
            }
        }
        if !board.questions.is_empty() {
            info!("{} questions are taken up", board.questions.len());
        }
        Ok(board)
    }

    /// Serves until the server stops.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Job>, stop: CancellationToken) {
        loop {
            let next = self.agenda.first().map(|(due, _)| *due);
            let clock = self.parts.clock.clone();
            tokio::select! {
                job = mailbox.recv() => match job {
                    Some(job) => self.job(job).await,
                    None => return,
                },
                () = clock.sleep_until(next.unwrap_or_default()), if next.is_some() => self.time().await,
                () = stop.cancelled() => return,
            }
        }
    }

    async fn job(&mut self, job: Job) {
        // Whoever asked may have left: what is done is done.
        match job {
            Job::Ask { id, asked, text, done } => {
                let _ = done.send(self.ask(id, *asked, text).await);
            }
            Job::Do { question, input, texts, actor, done } => {
                let _ = done.send(self.take(question, *input, &texts, Some(&actor)).await);
            }
            Job::Claim { question, lawyer, profile, done } => {
                let _ = done.send(self.claim(question, lawyer, profile).await);
            }
            Job::Open { lawyer, profile, done } => {
                let _ = done.send(self.open(lawyer, &profile));
            }
            Job::Held { question, lawyer, done } => {
                let held = self.questions.get(&question);
                let held = held.map(|known| Held { until: known.held_until(lawyer), free: known.free_slots() });
                let _ = done.send(held);
            }
            Job::Changed { question } => {
                if let Some(known) = self.questions.get(&question) {
                    super::news::changed(&self.parts, known);
                }
            }
            Job::Withdraw { lawyer, done } => {
                for question in self.held_by(lawyer) {
                    if let Err(refused) = self.take(question, Input::Withdraw { lawyer }, &[], None).await {
                        warn!(question.id = ?question, "a slot could not be freed and lapses: {refused}");
                    }
                }
                let _ = done.send(());
            }
        }
    }

    /// What is due happens.
    async fn time(&mut self) {
        let now = self.now().mono;
        while let Some((due, id)) = self.agenda.first().copied()
            && due <= now
        {
            match self.take(id, Input::Timeout, &[], None).await {
                Ok(()) => {}
                Err(refused) => {
                    error!(question.id = ?id, "what is due in a question could not be written down: {refused}");
                    self.wake(id, Some(now + AGAIN));
                }
            }
        }
    }

    async fn ask(&mut self, id: ConsultationId, asked: Asked, text: NewText) -> Result<(), Refused> {
        if self.questions.len() >= MOST_LIVE {
            return Err(Refused::Full);
        }
        let is_waiting =
            |known: &&Question| known.asked().citizen == asked.citizen && known.state() != ConsultationState::Answered;
        if self.questions.values().filter(is_waiting).count() >= MOST_OF_ONE {
            return Err(SessionError::TooMany("questions that wait for answers").into());
        }
        let actor = asked.citizen.to_string();
        let question = Question::ask(id, asked, self.parts.clocks, self.now());
        self.keep(question, &[text], Some(&actor)).await
    }

    async fn claim(&mut self, question: ConsultationId, lawyer: LawyerId, profile: Profile) -> Result<(), Refused> {
        let holds = self.held_by(lawyer).into_iter().filter(|other| *other != question).count();
        self.take(question, Input::Claim { lawyer, profile, holds }, &[], Some(&lawyer.to_string())).await
    }

    /// Brings an input to a question. A question that sleeps is woken.
    async fn take(
        &mut self,
        id: ConsultationId,
        input: Input,
        texts: &[NewText],
        actor: Option<&str>,
    ) -> Result<(), Refused> {
        let known = match self.questions.get(&id) {
            Some(known) => Some(known.clone()),
            None => self.read(id).await?,
        };
        let mut question = known.ok_or(Refused::NoSuchQuestion)?;
        let now = self.now();
        // What is due by now happens by itself; nobody did it.
        question.handle(Input::Timeout, now)?;
        self.keep(question.clone(), &[], None).await?;
        let Some(current) = self.questions.get(&id) else {
            // It ended by itself in this moment, or sleeps: the machine says what still goes.
            return self.say(question, input, texts, actor, now).await;
        };
        self.say(current.clone(), input, texts, actor, now).await
    }

    async fn say(
        &mut self,
        mut question: Question,
        input: Input,
        texts: &[NewText],
        actor: Option<&str>,
        now: Now,
    ) -> Result<(), Refused> {
        while question.poll_step().is_some() {}
        if input == Input::Timeout {
            return Ok(());
        }
        question.handle(input, now)?;
        self.keep(question, texts, actor).await
    }

    /// Writes down what happened, and then lets it count.
    async fn keep(&mut self, mut question: Question, texts: &[NewText], actor: Option<&str>) -> Result<(), Refused> {
        let steps: Vec<_> = std::iter::from_fn(|| question.poll_step()).collect();
        if !steps.is_empty() {
            let texts: Vec<NewText> = texts.iter().map(|text| numbered(text, &steps)).collect();
            let kept = Kept { question: &question, steps: &steps, texts: &texts, actor };
            self.parts.store.keep_question(&self.parts.lease, kept, &self.parts.calendar).await?;
            super::news::tell(&self.parts, &question, &steps);
        }
        self.put(question);
        Ok(())
    }

    fn put(&mut self, question: Question) {
        let (id, due) = (question.id(), question.poll_timeout());
        self.wake(id, due);
        if due.is_some() {
            self.questions.insert(id, question);
        } else {
            self.questions.remove(&id);
        }
    }

    fn wake(&mut self, id: ConsultationId, due: Option<Instant>) {
        if let Some(old) = self.due.remove(&id) {
            self.agenda.remove(&(old, id));
        }
        if let Some(due) = due {
            self.due.insert(id, due);
            self.agenda.insert((due, id));
        }
    }

    async fn read(&self, id: ConsultationId) -> Result<Option<Question>, StorageError> {
        let history = self.parts.store.question_steps(id).await?;
        Ok(Question::resume(&history, self.parts.clocks, self.now()))
    }

    fn held_by(&self, lawyer: LawyerId) -> Vec<ConsultationId> {
        let held = self.questions.values().filter(|question| question.held_until(lawyer).is_some());
        held.map(Question::id).collect()
    }

    fn open(&self, lawyer: LawyerId, profile: &Profile) -> Vec<OpenView> {
        let is_shown =
            |question: &&Question| question.held_until(lawyer).is_some() || question.is_open_to(lawyer, profile);
        let mut shown: Vec<&Question> = self.questions.values().filter(is_shown).collect();
        shown.sort_by_key(|question| (question.held_until(lawyer).is_none(), question.asked_at(), question.id()));
        shown.truncate(MOST_SHOWN);
        let clocks = &self.parts.clocks;
        let view = |question: &Question| OpenView {
            question: question.id(),
            state: question.state(),
            practice_area: question.asked().practice_area,
            area: question.asked().area.clone(),
            created_at: question.asked_at(),
            answers: question.answered(),
            free: question.free_slots(),
            first_due: (question.answered() == 0).then(|| later(question.asked_at(), clocks.first)),
            three_due: later(question.asked_at(), clocks.three),
            held_until: question.held_until(lawyer),
        };
        shown.into_iter().map(view).collect()
    }

    fn now(&self) -> Now {
        self.parts.clock.now()
    }
}

/// A text with the number that the machine gave it.
fn numbered(text: &NewText, steps: &[Step]) -> NewText {
    let number = steps.iter().find_map(|step| match &step.event {
        Event::Answered { answer, rank, .. } => (answer.to_string() == text.id).then_some(*rank),
        Event::FollowedUp { text: id, number, .. } | Event::Replied { text: id, number, .. } => {
            (id.to_string() == text.id).then_some(*number)
        }
        _ => None,
    });
    NewText { number: number.unwrap_or(text.number), ..text.clone() }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
