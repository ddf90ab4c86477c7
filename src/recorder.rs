//! Milestones in, events appended, records sealed; loses none.
//!
//! One task writes, in the order in which it was told, many entries to a transaction. When the database stalls it tries
//! again until it is back; meanwhile the queue fills and then whoever tells waits. Evidence does not queue: each is the
//! whole of a session so far, so the newest one is kept and written with the next batch.
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use yunfa_signaling::{
    ids::{ConsultationId, SessionId},
    milestone::Milestone,
};

pub use crate::storage::{ChatLine, SealedRecord};
use crate::{
    clock::Clock,
    domain::{calendar::Calendar, evidence::Evidence},
    storage::{Entry, Lease, StorageError, Store},
};

/// Entries that may wait for the writer. A county's busiest hour tells some ten a second, so that this bridges many
/// minutes of a database that is away; more would be memory, less would make calls wait sooner.
const QUEUE: usize = 16_384;

/// Why a record is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The writer has stopped: the server is going down, or another node took over.
    #[error("the recorder has stopped")]
    Stopped,
    /// An event of the matter was refused by the store, so that a record would not be the truth.
    #[error("an event of the matter could not be written")]
    Incomplete,
    /// The store says no.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What the writer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderCounts {
    /// Events written.
    pub events: u64,
    /// Chat lines written.
    pub chat_lines: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Records sealed.
    pub sealed: u64,
    /// Transactions.
    pub batches: u64,
    /// Attempts after which the database was not available.
    pub retries: u64,
    /// Entries that the store refused for good; somebody must look.
    pub refused: u64,
    /// Entries that wait.
    pub waiting: u64,
}

#[derive(Debug, Default)]
struct Counters {
    events: AtomicU64,
    chat_lines: AtomicU64,
    checkpoints: AtomicU64,
    sealed: AtomicU64,
    batches: AtomicU64,
    retries: AtomicU64,
    refused: AtomicU64,
}

/// What the writer is told.
enum Job {
    Write { consultation: Option<ConsultationId>, entry: Entry },
    Seal { session: SessionId, answer: oneshot::Sender<Result<SealedRecord, RecorderError>> },
    Flush { answer: oneshot::Sender<()> },
}

/// The newest evidence of each session that is not written yet.
#[derive(Debug, Default)]
struct Pending {
    evidence: Mutex<BTreeMap<SessionId, Evidence>>,
    news: Notify,
}

impl Pending {
    fn put(&self, evidence: Evidence) {
        let mut map = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = map.get(&evidence.session).is_none_or(|known| known.seq < evidence.seq);
        if newer {
            map.insert(evidence.session, evidence);
        }
        drop(map);
        self.news.notify_one();
    }

    fn take(&self) -> BTreeMap<SessionId, Evidence> {
        std::mem::take(&mut *self.evidence.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the writer. Cheap to clone; the writer stops when the last clone is gone and everything told is written.
#[derive(Clone)]
pub struct Recorder {
    jobs: mpsc::Sender<Job>,
    pending: Arc<Pending>,
    counters: Arc<Counters>,
    fenced: CancellationToken,
    store: Store,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({} waiting)", self.counts().waiting)
    }
}

impl Recorder {
    /// Starts the writer of this node. The handle ends when every `Recorder` is dropped and all is written.
    pub fn start(store: Store, lease: Lease, clock: Clock, calendar: Calendar) -> (Self, JoinHandle<()>) {
        let (jobs, told) = mpsc::channel(QUEUE);
        let pending = Arc::new(Pending::default());
        let counters = Arc::new(Counters::default());
        let fenced = CancellationToken::new();
        let writer = writer::Writer {
            store: store.clone(),
            lease,
            clock,
            calendar,
            pending: pending.clone(),
            counters: counters.clone(),
            fenced: fenced.clone(),
            incomplete: Default::default(),
        };
        let task = tokio::spawn(writer.run(told));
        (Self { jobs, pending, counters, fenced, store }, task)
    }

    /// Appends an event; waits only when the queue is full.
    pub async fn append(&self, milestone: Milestone) {
        let consultation = Some(milestone.consultation);
        self.tell(Job::Write { consultation, entry: Entry::Event(Box::new(milestone)) }).await;
    }

    /// Keeps the newest evidence of a session; it is durable half a second later. Never waits.
    pub async fn evidence(&self, evidence: Evidence) {
        self.pending.put(evidence);
    }

    /// Keeps a chat line, its text sealed; waits only when the queue is full.
    pub async fn chat(&self, line: ChatLine) {
        self.tell(Job::Write { consultation: None, entry: Entry::Chat(Box::new(line)) }).await;
    }

    /// Seals the record of a session whose outcome is in; everything told before is in it. Sealing again returns the
    /// same record.
    pub async fn seal(&self, session: SessionId) -> Result<SealedRecord, RecorderError> {
        let (answer, sealed) = oneshot::channel();
        self.tell(Job::Seal { session, answer }).await;
        sealed.await.unwrap_or(Err(RecorderError::Stopped))
    }

    /// Returns when everything told before is durable.
    pub async fn flush(&self) -> Result<(), RecorderError> {
        let (answer, flushed) = oneshot::channel();
        self.tell(Job::Flush { answer }).await;
        flushed.await.map_err(|_| RecorderError::Stopped)
    }

    /// Whether there ever was a consultation of this id. Ids are minted by clients: one that was used, perhaps before the
    /// server was started, must be refused before anything is told under it.
    pub async fn is_known(&self, consultation: ConsultationId) -> Result<bool, RecorderError> {
        Ok(self.store.is_known(consultation).await?)
    }

    /// Fires when another node took over: nothing of this one is written any more, and it must stop.
    pub fn fenced(&self) -> CancellationToken {
        self.fenced.clone()
    }

    /// What the writer has done so far.
    pub fn counts(&self) -> RecorderCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { events, chat_lines, checkpoints, sealed, batches, retries, refused } = &*self.counters;
        RecorderCounts {
            events: read(events),
            chat_lines: read(chat_lines),
            checkpoints: read(checkpoints),
            sealed: read(sealed),
            batches: read(batches),
            retries: read(retries),
            refused: read(refused),
            waiting: (self.jobs.max_capacity() - self.jobs.capacity()) as u64,
        }
    }

    async fn tell(&self, job: Job) {
        // The writer is gone only when it was fenced, which it has said; a seal hears of it by its own channel.
        let _ = self.jobs.send(job).await;
    }
}
