//! The one task that writes what the recorder is told.
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use yunfa_signaling::{
    ids::{ConsultationId, SessionId},
    time::{Instant, Timestamp},
};

use super::{
    Ask, Counters, Job, Pending, RecorderError, SealedRecord,
    journal::{Frame, Journal, JournalError},
};
use crate::{
    clock::Clock,
    crash_point::crash_point,
    domain::{
        calendar::Calendar,
        service_record::{ClosedBy, Closing},
    },
    storage::{Entry, Lease, SealOrder, StorageError, Store},
};

/// Entries in one transaction at most. More would make everybody behind them wait longer; fewer cost more syncs.
const BATCH: usize = 512;
/// How long fresh evidence waits for that of other sessions, so that one transaction serves all.
const GATHER: Duration = Duration::from_millis(500);
/// How long the database may take for one transaction. After that it is away, and the journal keeps the facts: what is
/// in memory only is lost in a crash.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause after the first attempt on a database that is away; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between attempts: a database that is back is noticed this soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Matters remembered as incomplete. They are bugs; past this many the oldest ids are forgotten first.
const MAX_INCOMPLETE: usize = 10_000;

/// The writer's own state.
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) lease: Lease,
    pub(super) clock: Clock,
    pub(super) calendar: Calendar,
    pub(super) pending: Arc<Pending>,
    pub(super) counters: Arc<Counters>,
    /// Whether there is an outage, for everybody to see.
    pub(super) away: Arc<AtomicBool>,
    pub(super) fenced: CancellationToken,
    /// Matters of which an event was refused for good: their records would not be the truth.
    pub(super) incomplete: BTreeSet<ConsultationId>,
    pub(super) journal: Arc<Mutex<Journal>>,
    /// Since when the database is away; everything goes into the journal until it has caught up.
    pub(super) outage: Option<Outage>,
    /// What neither the database nor the journal took. While there is any, nobody is listened to.
    pub(super) held: Vec<Entry>,
    /// Questions that only the database can answer.
    pub(super) asked: VecDeque<Ask>,
}

/// A database that is away, or a journal that is not yet in it.
#[derive(Debug)]
pub(super) struct Outage {
    since: Instant,
    pause: Duration,
    next_try: Instant,
}

impl Outage {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, pause: FIRST_PAUSE, next_try: now }
    }
}

/// Another node took over.
struct Fenced;

/// What the database said to a transaction.
enum Said {
    Written,
    /// It did not answer; the same may work later.
    Away,
    /// It will never take this.
    Refused(StorageError),
}

enum Next {
    Told,
    News,
    Try,
}

impl Writer {
    /// Writes until nobody can tell anything any more and all is in the database, or until another node took over.
    pub(super) async fn run(mut self, mut told: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut is_open = true;
        while is_open || self.outage.is_some() {
            let listens = is_open && self.held.is_empty();
            let next = tokio::select! {
                count = told.recv_many(&mut jobs, BATCH), if listens => { is_open = count > 0; Next::Told }
                () = self.gathered(), if listens => Next::News,
                () = self.next_try(), if self.outage.is_some() => Next::Try,
            };
            let done = match next {
                Next::Told => self.work(&mut jobs).await,
                Next::News => self.write(vec![]).await,
                Next::Try => self.catch_up().await,
            };
            if done.is_err() {
                self.fenced.cancel();
                error!("another node took over: this one writes nothing any more");
                return;
            }
        }
    }

    /// Waits for fresh evidence and a little longer for more.
    async fn gathered(&self) {
        self.pending.news.notified().await;
        self.clock.sleep(GATHER).await;
    }

    async fn next_try(&self) {
        match &self.outage {
            Some(outage) => self.clock.sleep_until(outage.next_try).await,
            None => std::future::pending().await,
        }
    }

    async fn work(&mut self, jobs: &mut Vec<Job>) -> Result<(), Fenced> {
        let (mut entries, mut newcomers, mut doubts) = (vec![], vec![], false);
        for job in jobs.drain(..) {
            match job {
                Job::Write(entry) => entries.push(entry),
                Job::Doubt => doubts = true,
                // One look at the database serves all who came together.
                Job::Ask(Ask::Admit { answer }) => newcomers.push(answer),
                Job::Ask(ask) => {
                    self.write(std::mem::take(&mut entries)).await?;
                    self.answer(ask).await?;
                }
            }
        }
        self.write(entries).await?;
        if self.outage.is_none() && (doubts || !newcomers.is_empty()) {
            self.look().await?;
        }
        for answer in newcomers {
            self.answer(Ask::Admit { answer }).await?;
        }
        Ok(())
    }

    /// Whether the database takes anything: an outage begins when it does not.
    async fn look(&mut self) -> Result<bool, Fenced> {
        let looked = tokio::select! {
            looked = self.store.hold_lease(&self.lease) => looked,
            () = self.clock.sleep(PATIENCE) => Err(StorageError::too_slow()),
        };
        match looked {
            Ok(()) => Ok(true),
            Err(StorageError::Fenced { .. }) => Err(Fenced),
            Err(error) => {
                self.begin_outage(&error);
                Ok(false)
            }
        }
    }

    /// Answers who asked; a question that only the database can answer waits until it is back.
    async fn answer(&mut self, ask: Ask) -> Result<(), Fenced> {
        // Who asked may have gone; a record is sealed all the same.
        match ask {
            Ask::Flush { answer } if self.held.is_empty() => {
                let _ = answer.send(());
            }
            Ask::Settle { answer } | Ask::Admit { answer } if self.outage.is_none() => {
                let _ = answer.send(());
            }
            Ask::Seal { session, answer } if self.outage.is_none() => match self.seal(session).await {
                Err(RecorderError::Storage(StorageError::Fenced { .. })) => return Err(Fenced),
                Err(RecorderError::Storage(error)) if error.is_passing() => {
                    self.begin_outage(&error);
                    self.asked.push_back(Ask::Seal { session, answer });
                }
                sealed => {
                    crash_point("sealed-untold");
                    self.counters.sealed.fetch_add(u64::from(sealed.is_ok()), Ordering::Relaxed);
                    let _ = answer.send(sealed);
                }
            },
            waits => {
                // Newcomers do not wait for ever; those who went away must not be kept through a long outage.
                self.asked.retain(|ask| !matches!(ask, Ask::Admit { answer } if answer.is_closed()));
                self.asked.push_back(waits);
            }
        }
        Ok(())
    }

    /// Writes the entries and all evidence that waits in one transaction, or keeps them in the journal.
    async fn write(&mut self, entries: Vec<Entry>) -> Result<(), Fenced> {
        let pending = self.pending.take();
        let mut entries = entries;
        entries.extend(pending.into_values().map(|evidence| Entry::Evidence(Box::new(evidence))));
        if entries.is_empty() {
            return Ok(());
        }
        if self.outage.is_none() {
            let (owner, now) = (self.lease.clone(), self.clock.wall());
            entries = self.take_down(&owner, entries, now).await?;
        }
        self.keep(entries).await;
        Ok(())
    }

    /// Writes entries into the database; returns those it could not take because it is away. What it refuses for good is
    /// singled out, so that one bad entry does not keep the others back.
    async fn take_down(&mut self, owner: &Lease, mut entries: Vec<Entry>, at: Timestamp) -> Result<Vec<Entry>, Fenced> {
        let before = entries.len();
        entries.retain(|entry| !self.is_incomplete(entry));
        self.counters.refused.fetch_add((before - entries.len()) as u64, Ordering::Relaxed);
        match self.persist(owner, &entries, at).await? {
            Said::Written => return Ok(vec![]),
            Said::Away => return Ok(entries),
            Said::Refused(_) => {}
        }
        let mut rest = entries.into_iter();
        while let Some(entry) = rest.next() {
            if self.is_incomplete(&entry) {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            match self.persist(owner, std::slice::from_ref(&entry), at).await? {
                Said::Written => {}
                Said::Away => return Ok(std::iter::once(entry).chain(rest).collect()),
                Said::Refused(refusal) => {
                    let consultation = entry.consultation();
                    self.counters.refused.fetch_add(1, Ordering::Relaxed);
                    error!(error = &refusal as &dyn std::error::Error, consultation.id = ?consultation, "an entry was refused");
                    self.incomplete.extend(consultation);
                    if self.incomplete.len() > MAX_INCOMPLETE {
                        self.incomplete.pop_first();
                    }
                }
            }
        }
        Ok(vec![])
    }

    fn is_incomplete(&self, entry: &Entry) -> bool {
        entry.consultation().is_some_and(|id| self.incomplete.contains(&id))
    }

    /// One transaction.
    async fn persist(&mut self, owner: &Lease, batch: &[Entry], at: Timestamp) -> Result<Said, Fenced> {
        if batch.is_empty() {
            return Ok(Said::Written);
        }
        let written = tokio::select! {
            written = self.store.write_down_for(&self.lease, owner, batch, at) => written,
            () = self.clock.sleep(PATIENCE) => Err(StorageError::too_slow()),
        };
        match written {
            Ok(()) => {
                crash_point("facts-durable");
                self.count(batch);
                Ok(Said::Written)
            }
            Err(StorageError::Fenced { .. }) => Err(Fenced),
            Err(error) if error.is_passing() => {
                self.begin_outage(&error);
                Ok(Said::Away)
            }
            Err(error) => Ok(Said::Refused(error)),
        }
    }

    /// The database did not answer: the next try comes after a pause that grows.
    fn begin_outage(&mut self, error: &StorageError) {
        let now = self.clock.now().mono;
        self.away.store(true, Ordering::Relaxed);
        self.counters.retries.fetch_add(1, Ordering::Relaxed);
        let outage = self.outage.get_or_insert_with(|| {
            warn!(
                error = error as &dyn std::error::Error,
                "the database is away: facts are kept in the journal, calls go on"
            );
            Outage::new(now)
        });
        outage.next_try = now + outage.pause;
        outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
    }

    /// Keeps entries in the journal, or in memory when it does not take them; then nobody is listened to any more.
    async fn keep(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        if !self.held.is_empty() {
            self.held.extend(entries);
            return;
        }
        let frame = Frame { owner: self.lease.clone(), at: self.clock.wall(), entries };
        let (frame, kept) = self
            .journal(move |journal, store| {
                let kept = journal.append(store.keys(), &frame);
                (frame, kept)
            })
            .await;
        match kept {
            Ok(()) => {
                self.counters.journaled.fetch_add(frame.entries.len() as u64, Ordering::Relaxed);
            }
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "neither the database nor the journal takes facts: they wait in memory"
                );
                self.held = frame.entries;
            }
        }
    }

    /// Brings the next frame of the journal into the database; at its end what waits in memory, and who asked.
    async fn catch_up(&mut self) -> Result<(), Fenced> {
        match self.journal(|journal, store| journal.front(store.keys())).await {
            Ok(Some(Frame { owner, at, entries })) => {
                // What was written of a frame is passed over when the rest is tried again.
                if self.take_down(&owner, entries, at).await?.is_empty() {
                    self.journal_done(|journal| journal.pass()).await;
                    self.try_now();
                }
                Ok(())
            }
            Ok(None) => self.end_outage().await,
            Err(JournalError::Broken) => {
                self.journal_done(|journal| {
                    let aside = journal.lay_aside()?;
                    error!("the journal cannot be read on and was laid aside as {}", aside.display());
                    Ok(())
                })
                .await;
                self.try_now();
                Ok(())
            }
            Err(error) => {
                self.journal_failed(&error);
                Ok(())
            }
        }
    }

    async fn end_outage(&mut self) -> Result<(), Fenced> {
        let (held, owner, now) = (std::mem::take(&mut self.held), self.lease.clone(), self.clock.now());
        let is_back = if held.is_empty() { self.look().await? } else { true };
        self.held = self.take_down(&owner, held, now.wall).await?;
        if !is_back || !self.held.is_empty() {
            return Ok(());
        }
        let Some(Outage { since, .. }) = self.outage.take() else { return Ok(()) };
        self.away.store(false, Ordering::Relaxed);
        let lasted = now.mono.since(since);
        if lasted >= PATIENCE {
            info!("the database is back after {} s and has all facts", lasted.as_secs());
        }
        for ask in std::mem::take(&mut self.asked) {
            self.answer(ask).await?;
        }
        Ok(())
    }

    fn try_now(&mut self) {
        if let Some(outage) = &mut self.outage {
            outage.next_try = self.clock.now().mono;
            outage.pause = FIRST_PAUSE;
        }
    }

    /// Works with the journal where waiting for a disk holds nobody up.
    async fn journal<T: Send + 'static>(&self, work: impl FnOnce(&mut Journal, &Store) -> T + Send + 'static) -> T {
        let (journal, store) = (Arc::clone(&self.journal), self.store.clone());
        let work = move || work(&mut journal.lock().unwrap_or_else(PoisonError::into_inner), &store);
        tokio::task::spawn_blocking(work).await.expect("work with the journal does not panic, and nobody cancels it")
    }

    async fn journal_done(&mut self, work: impl FnOnce(&mut Journal) -> Result<(), JournalError> + Send + 'static) {
        if let Err(error) = self.journal(move |journal, _| work(journal)).await {
            self.journal_failed(&error);
        }
    }

    fn journal_failed(&mut self, error: &JournalError) {
        error!(error = error as &dyn std::error::Error, "the journal fails");
        if let Some(outage) = &mut self.outage {
            outage.next_try = self.clock.now().mono + LONGEST_PAUSE;
        }
    }

    async fn seal(&self, session: SessionId) -> Result<SealedRecord, RecorderError> {
        let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: self.clock.wall() };
        tokio::select! {
            sealed = self.try_seal(SealOrder { session, closing }) => sealed,
            () = self.clock.sleep(PATIENCE) => Err(StorageError::too_slow().into()),
        }
    }

    async fn try_seal(&self, order: SealOrder) -> Result<SealedRecord, RecorderError> {
        let consultation = self.store.consultation_of(order.session).await?;
        if consultation.is_some_and(|consultation| self.incomplete.contains(&consultation)) {
            return Err(RecorderError::Incomplete);
        }
        match self.store.seal(&self.lease, order, &self.calendar).await {
            Err(StorageError::AlreadySealed(_)) => {
                let sealed = self.store.sealed(order.session).await?;
                sealed.ok_or(RecorderError::Storage(StorageError::NotSealable(order.session, "it is gone")))
            }
            sealed => Ok(sealed?),
        }
    }

    fn count(&self, batch: &[Entry]) {
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        for entry in batch {
            let counter = match entry {
                Entry::Event(_) => &self.counters.events,
                Entry::Chat(_) => &self.counters.chat_lines,
                Entry::Evidence(_) => &self.counters.checkpoints,
                Entry::LeftOpen(_) => &self.counters.left_open,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
