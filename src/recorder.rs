//! Milestones in, events appended, records sealed; loses none.
//!
//! One task writes, in the order in which it was told, many entries to a transaction. While the database is away it keeps
//! them in the journal, a bounded local file, and brings them over, in order, when it is back; only when the journal takes
//! nothing either does the queue fill, and then whoever tells waits. Evidence does not queue: each is the whole of a
//! session so far, so the newest one is kept and written with the next batch.
mod journal;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use yunfa_signaling::{
    consultation::{Continuation, Known},
    ids::{CitizenId, ConsultationId, SessionId},
    milestone::Milestone,
    time::Instant,
};

pub use crate::storage::{ChatLine, SealedRecord};
use crate::{
    clock::Clock,
    domain::{calendar::Calendar, evidence::Evidence},
    storage::{Entry, Lease, StorageError, Store},
};
use journal::Journal;
use writer::Outage;

/// Entries that may wait for the writer. A county's busiest hour tells some ten a second, so that this bridges many
/// minutes of a database that is away; more would be memory, less would make calls wait sooner.
const QUEUE: usize = 16_384;

/// A lease that was renewed so long ago is looked at before anything is written: it is renewed every five seconds, and
/// whatever came late, this process slept.
const HELD_MS: u64 = 6_000;

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

impl RecorderError {
    /// Whether waiting and trying again may help.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Storage(cause) => cause.is_passing(),
            Self::Stopped | Self::Incomplete => false,
        }
    }
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
    /// Matters given to the reaper.
    pub left_open: u64,
    /// Records sealed.
    pub sealed: u64,
    /// Entries that were kept in the journal because the database was away.
    pub journaled: u64,
    /// Transactions.
    pub batches: u64,
    /// Attempts after which the database was away.
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
    left_open: AtomicU64,
    sealed: AtomicU64,
    journaled: AtomicU64,
    batches: AtomicU64,
    retries: AtomicU64,
    refused: AtomicU64,
}

fn ms(at: Instant) -> u64 {
    u64::try_from(at.since(Instant::default()).as_millis()).unwrap_or(u64::MAX)
}

/// What the writer is told.
enum Job {
    Write(Entry),
    Ask(Ask),
    /// Somebody else found the database away.
    Doubt,
}

/// What is answered when everything told before has come that far.
enum Ask {
    /// It is durable, in the database or in the journal.
    Flush { answer: oneshot::Sender<()> },
    /// It is in the database.
    Settle { answer: oneshot::Sender<()> },
    /// The database takes what is new.
    Admit { answer: oneshot::Sender<()> },
    /// The same as settled, and this session's record is sealed.
    Seal { session: SessionId, answer: oneshot::Sender<Result<SealedRecord, RecorderError>> },
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
    away: Arc<AtomicBool>,
    fenced: CancellationToken,
    store: Store,
    lease: Lease,
    clock: Clock,
    /// When the lease was surely held, in milliseconds of the clock.
    held_ms: Arc<AtomicU64>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({} waiting)", self.counts().waiting)
    }
}

impl Recorder {
    /// Starts the writer of this node, with what the last run has left in the journal at that path. The handle ends when
    /// every `Recorder` is dropped and all is in the database.
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub fn start(
        store: Store,
        lease: Lease,
        clock: Clock,
        calendar: Calendar,
        journal: &Path,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let journal = Journal::open(journal)?;
        let (jobs, told) = mpsc::channel(QUEUE);
        let pending = Arc::new(Pending::default());
        let counters = Arc::new(Counters::default());
        let away = Arc::new(AtomicBool::new(!journal.is_empty()));
        let fenced = CancellationToken::new();
        let held_ms = Arc::new(AtomicU64::new(ms(clock.now().mono)));
        let writer = writer::Writer {
            store: store.clone(),
            lease: lease.clone(),
            pending: pending.clone(),
            counters: counters.clone(),
            away: away.clone(),
            fenced: fenced.clone(),
            incomplete: Default::default(),
            outage: (!journal.is_empty()).then(|| Outage::new(clock.now().mono)),
            journal: Arc::new(Mutex::new(journal)),
            held: vec![],
            asked: Default::default(),
            clock: clock.clone(),
            calendar,
        };
        let task = tokio::spawn(writer.run(told));
        Ok((Self { jobs, pending, counters, away, fenced, store, lease, clock, held_ms }, task))
    }

    /// Appends an event; waits only when the queue is full.
    pub async fn append(&self, milestone: Milestone) {
        self.tell(Job::Write(Entry::Event(Box::new(milestone)))).await;
    }

    /// Nothing more is told of a matter that is not final: the reaper shall end it as one of a node that is gone.
    pub async fn leave_open(&self, consultation: ConsultationId) {
        self.tell(Job::Write(Entry::LeftOpen(consultation))).await;
    }

    /// Keeps the newest evidence of a session; it is durable half a second later. Never waits.
    pub async fn evidence(&self, evidence: Evidence) {
        self.pending.put(evidence);
    }

    /// Keeps a chat line, its text sealed; waits only when the queue is full.
    pub async fn chat(&self, line: ChatLine) {
        self.tell(Job::Write(Entry::Chat(Box::new(line)))).await;
    }

    /// Seals the record of a session whose outcome is in; everything told before is in it. Sealing again returns the
    /// same record.
    pub async fn seal(&self, session: SessionId) -> Result<SealedRecord, RecorderError> {
        let (answer, sealed) = oneshot::channel();
        self.tell(Job::Ask(Ask::Seal { session, answer })).await;
        sealed.await.unwrap_or(Err(RecorderError::Stopped))
    }

    /// Returns when everything told before is durable, in the database or in the journal.
    pub async fn flush(&self) -> Result<(), RecorderError> {
        let (answer, flushed) = oneshot::channel();
        self.tell(Job::Ask(Ask::Flush { answer })).await;
        flushed.await.map_err(|_| RecorderError::Stopped)
    }

    /// Returns when everything told before is in the database, and the journal with it.
    pub async fn settle(&self) -> Result<(), RecorderError> {
        let (answer, settled) = oneshot::channel();
        self.tell(Job::Ask(Ask::Settle { answer })).await;
        settled.await.map_err(|_| RecorderError::Stopped)
    }

    /// Waits until the database takes what is new, however long that is, and says whether there ever was a consultation of
    /// this id. Ids are minted by clients: one that was used, perhaps before the server was started, must be refused before
    /// anything is told under it; and what begins while nothing can be kept might never have been.
    pub async fn admit(&self, consultation: ConsultationId) -> Result<bool, RecorderError> {
        let (answer, admitted) = oneshot::channel();
        self.tell(Job::Ask(Ask::Admit { answer })).await;
        admitted.await.map_err(|_| RecorderError::Stopped)?;
        Ok(self.store.is_known(consultation).await?)
    }

    /// The matter with which this consultation goes on, when its asker came back with one.
    pub async fn continuation(
        &self,
        consultation: ConsultationId,
        citizen: CitizenId,
    ) -> Result<Option<Continuation>, RecorderError> {
        Ok(self.store.continuation(consultation, citizen, self.clock.wall()).await?)
    }

    /// What is known of the matter for which this consultation is asked.
    pub async fn known(&self, consultation: ConsultationId, citizen: CitizenId) -> Result<Known, RecorderError> {
        Ok(self.store.known(consultation, citizen, self.clock.wall()).await?)
    }

    /// Whether the database is away, or takes nothing because the disk is full: calls go on, nothing new begins.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Makes the writer look whether the database is there; never waits.
    pub fn doubt(&self) {
        // A queue that is full is a database that is away, which the writer knows.
        let _ = self.jobs.try_send(Job::Doubt);
    }

    /// Fires when another node took over: nothing of this one is written any more, and it must stop.
    pub fn fenced(&self) -> CancellationToken {
        self.fenced.clone()
    }

    /// The lease was renewed just now.
    pub fn renewed(&self) {
        self.held_ms.store(ms(self.clock.now().mono), Ordering::Relaxed);
    }

    /// Makes sure that this node may still write what belongs to no consultation. A process that slept asks the
    /// database first: another one may have taken over, and then this one is fenced here.
    pub async fn hold(&self) -> Result<(), StorageError> {
        let lapsed = ms(self.clock.now().mono).saturating_sub(self.held_ms.load(Ordering::Relaxed)) > HELD_MS;
        if self.fenced.is_cancelled() {
            return Err(StorageError::Fenced { epoch: self.lease.epoch });
        }
        if !lapsed {
            return Ok(());
        }
        let held = self.store.hold_lease(&self.lease).await;
        match &held {
            Ok(()) => self.renewed(),
            Err(StorageError::Fenced { .. }) => self.fenced.cancel(),
            Err(_) => self.doubt(),
        }
        held
    }

    /// What the writer has done so far.
    pub fn counts(&self) -> RecorderCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { events, chat_lines, checkpoints, left_open, sealed, journaled, batches, retries, refused } =
            &*self.counters;
        RecorderCounts {
            events: read(events),
            chat_lines: read(chat_lines),
            checkpoints: read(checkpoints),
            left_open: read(left_open),
            sealed: read(sealed),
            journaled: read(journaled),
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
