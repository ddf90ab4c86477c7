//! Text questions that live: one task owns them all, writes down what happens before it is said, and tells whom it concerns.
mod board;
mod news;

use tokio::sync::{mpsc, oneshot};
use yunfa_signaling::{
    error::SessionError,
    ids::{AreaCode, ConsultationId, LawyerId},
    profile::Profile,
    question::{Asked, Clocks, Input},
    time::Timestamp,
    words::{ConsultationState, PracticeArea},
};

use self::board::Board;
use crate::{
    clock::Clock,
    domain::calendar::Calendar,
    http::sms::Sms,
    live::Live,
    shutdown::Shutdown,
    storage::{Lease, StorageError, Store, questions::NewText},
};

/// What may wait for the board: a burst of a whole county.
const MAILBOX: usize = 1024;

/// What the board works with.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// This node's right to write.
    pub lease: Lease,
    /// Time.
    pub clock: Clock,
    /// Holidays and make-up workdays.
    pub calendar: Calendar,
    /// Whom it concerns, as far as they are here.
    pub live: Live,
    /// The others.
    pub sms: Sms,
    /// How long everything may take.
    pub clocks: Clocks,
}

/// Why the board did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The question's machine refused; nothing changed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// There is no such question.
    #[error("no such question")]
    NoSuchQuestion,
    /// As many questions live as may.
    #[error("too many questions")]
    Full,
    /// It could not be written down; nothing changed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

/// An open question as a lawyer sees it who may claim it: nothing of what was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenView {
    /// Which.
    pub question: ConsultationId,
    /// Where it stands.
    pub state: ConsultationState,
    /// What it is about.
    pub practice_area: PracticeArea,
    /// From where.
    pub area: AreaCode,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Valid answers.
    pub answers: usize,
    /// Slots that are free.
    pub free: usize,
    /// When the first answer is due, while there is none.
    pub first_due: Option<Timestamp>,
    /// When three are due.
    pub three_due: Timestamp,
    /// Until when this lawyer holds a slot of it.
    pub held_until: Option<Timestamp>,
}

/// What the board knows of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Until when this lawyer holds a slot.
    pub until: Option<Timestamp>,
    /// Slots that are free.
    pub free: usize,
}

/// What the board is told.
enum Job {
    Ask {
        id: ConsultationId,
        asked: Box<Asked>,
        text: NewText,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    Do {
        question: ConsultationId,
        input: Box<Input>,
        texts: Vec<NewText>,
        actor: String,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    Claim {
        question: ConsultationId,
        lawyer: LawyerId,
        profile: Profile,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    Open {
        lawyer: LawyerId,
        profile: Profile,
        done: oneshot::Sender<Vec<OpenView>>,
    },
    Held {
        question: ConsultationId,
        lawyer: LawyerId,
        done: oneshot::Sender<Option<Held>>,
    },
    Changed {
        question: ConsultationId,
    },
    Withdraw {
        lawyer: LawyerId,
        done: oneshot::Sender<()>,
    },
}

/// The way to the board. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Questions(mpsc::Sender<Job>);

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Questions")
    }
}

impl Questions {
    /// Takes up every question that lives, and begins.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn start(parts: Parts, shutdown: &Shutdown) -> Result<Self, StorageError> {
        let board = Board::take_up(parts).await?;
        let (jobs, mailbox) = mpsc::channel(MAILBOX);
        shutdown.spawn(board.run(mailbox, shutdown.stop_token()));
        Ok(Self(jobs))
    }

    /// Asks a question; it is kept when this returns.
    ///
    /// # Errors
    /// When the asker has too many, or it cannot be kept.
    pub async fn ask(&self, id: ConsultationId, asked: Asked, text: NewText) -> Result<(), Refused> {
        self.job(|done| Job::Ask { id, asked: Box::new(asked), text, done }).await?
    }

    /// Claims a slot, or holds it on.
    ///
    /// # Errors
    /// What the machine refuses; or it cannot be kept.
    pub async fn claim(&self, question: ConsultationId, lawyer: LawyerId, profile: Profile) -> Result<(), Refused> {
        self.job(|done| Job::Claim { question, lawyer, profile, done }).await?
    }

    /// Brings an input to a question, with what was written; both are kept when this returns.
    ///
    /// # Errors
    /// What the machine refuses; or it cannot be kept.
    pub async fn tell(
        &self,
        question: ConsultationId,
        input: Input,
        texts: Vec<NewText>,
        actor: String,
    ) -> Result<(), Refused> {
        self.job(|done| Job::Do { question, input: Box::new(input), texts, actor, done }).await?
    }

    /// The questions that this lawyer may claim or holds, the oldest first; a hundred at most.
    ///
    /// # Errors
    /// When the server stops.
    pub async fn open(&self, lawyer: LawyerId, profile: Profile) -> Result<Vec<OpenView>, Refused> {
        self.job(|done| Job::Open { lawyer, profile, done }).await
    }

    /// What a live question is to a lawyer; nothing when it lives no longer.
    ///
    /// # Errors
    /// When the server stops.
    pub async fn held(&self, question: ConsultationId, lawyer: LawyerId) -> Result<Option<Held>, Refused> {
        self.job(|done| Job::Held { question, lawyer, done }).await
    }

    /// The bureau took a lawyer out: what the lawyer holds is free.
    pub async fn withdraw(&self, lawyer: LawyerId) {
        // Nobody holds anything when the server stops.
        let _ = self.job(|done| Job::Withdraw { lawyer, done }).await;
    }

    /// Something was attached: whoever may read the question hears that it is new.
    pub async fn changed(&self, question: ConsultationId) {
        // Nobody hears anything when the server stops.
        let _ = self.0.send(Job::Changed { question }).await;
    }

    async fn job<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, Refused> {
        let (done, doing) = oneshot::channel();
        self.0.send(job(done)).await.map_err(|_| Refused::Stopping)?;
        doing.await.map_err(|_| Refused::Stopping)
    }
}
