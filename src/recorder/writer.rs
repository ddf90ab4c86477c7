//! The one task that writes what the recorder is told.
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use yunfa_signaling::ids::{ConsultationId, SessionId};

use super::{Counters, Job, Pending, RecorderError, SealedRecord};
use crate::{
    clock::Clock,
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
/// Pause after the first attempt on a database that is not available; doubles up to [`LONGEST_PAUSE`].
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
    pub(super) fenced: CancellationToken,
    /// Matters of which an event was refused for good: their records would not be the truth.
    pub(super) incomplete: BTreeSet<ConsultationId>,
}

/// An entry with its matter, where it is an event.
type Told = (Option<ConsultationId>, Entry);

/// Another node took over.
struct Fenced;

impl Writer {
    /// Writes until nobody can tell anything any more, or until another node took over.
    pub(super) async fn run(mut self, mut told: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = told.recv_many(&mut jobs, BATCH) => {
                    let ended = count == 0;
                    let done = self.work(&mut jobs).await;
                    if done.is_err() {
                        self.fenced.cancel();
                        error!("another node took over: this one writes nothing any more");
                        return;
                    }
                    if ended {
                        return;
                    }
                }
                () = self.gathered() => {
                    if self.write(vec![]).await.is_err() {
                        self.fenced.cancel();
                        error!("another node took over: this one writes nothing any more");
                        return;
                    }
                }
            }
        }
    }

    /// Waits for fresh evidence and a little longer for more.
    async fn gathered(&self) {
        self.pending.news.notified().await;
        self.clock.sleep(GATHER).await;
    }

    async fn work(&mut self, jobs: &mut Vec<Job>) -> Result<(), Fenced> {
        let mut entries = vec![];
        for job in jobs.drain(..) {
            match job {
                Job::Write { consultation, entry } => entries.push((consultation, entry)),
                Job::Seal { session, answer } => {
                    self.write(std::mem::take(&mut entries)).await?;
                    let sealed = self.seal(session).await?;
                    // Who asked may have gone; the record is sealed all the same.
                    let _ = answer.send(sealed);
                }
                Job::Flush { answer } => {
                    self.write(std::mem::take(&mut entries)).await?;
                    let _ = answer.send(());
                }
            }
        }
        self.write(entries).await
    }

    /// Writes the entries and all evidence that waits in one transaction. What the store refuses for good is singled
    /// out, so that one bad entry does not keep the others back.
    async fn write(&mut self, entries: Vec<Told>) -> Result<(), Fenced> {
        let pending = self.pending.take();
        if entries.is_empty() && pending.is_empty() {
            return Ok(());
        }
        let mut told: Vec<Told> = entries;
        let before = told.len();
        told.retain(|(consultation, _)| consultation.is_none_or(|id| !self.incomplete.contains(&id)));
        self.counters.refused.fetch_add((before - told.len()) as u64, Ordering::Relaxed);
        told.extend(pending.into_values().map(|evidence| (None, Entry::Evidence(Box::new(evidence)))));
        let batch: Vec<Entry> = told.iter().map(|(_, entry)| entry.clone()).collect();
        match self.persist(&batch).await? {
            Ok(()) => Ok(()),
            Err(_) => self.write_one_by_one(told).await,
        }
    }

    async fn write_one_by_one(&mut self, told: Vec<Told>) -> Result<(), Fenced> {
        for (consultation, entry) in told {
            if consultation.is_some_and(|id| self.incomplete.contains(&id)) {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if let Err(refusal) = self.persist(&[entry]).await? {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                error!(error = &refusal as &dyn std::error::Error, consultation.id = ?consultation, "an entry was refused");
                self.incomplete.extend(consultation);
                if self.incomplete.len() > MAX_INCOMPLETE {
                    self.incomplete.pop_first();
                }
            }
        }
        Ok(())
    }

    /// One transaction, tried until the database has answered.
    async fn persist(&self, batch: &[Entry]) -> Result<Result<(), StorageError>, Fenced> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.store.write_down(&self.lease, batch, self.clock.wall()).await {
                Ok(()) => {
                    self.count(batch);
                    return Ok(Ok(()));
                }
                Err(StorageError::Fenced { .. }) => return Err(Fenced),
                Err(error) if error.is_passing() => self.pause(&mut pause, &error).await,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    async fn seal(&self, session: SessionId) -> Result<Result<SealedRecord, RecorderError>, Fenced> {
        let mut pause = FIRST_PAUSE;
        loop {
            let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: self.clock.wall() };
            match self.try_seal(SealOrder { session, closing }).await {
                Ok(sealed) => {
                    self.counters.sealed.fetch_add(1, Ordering::Relaxed);
                    return Ok(Ok(sealed));
                }
                Err(RecorderError::Storage(StorageError::Fenced { .. })) => return Err(Fenced),
                Err(RecorderError::Storage(error)) if error.is_passing() => self.pause(&mut pause, &error).await,
                Err(error) => return Ok(Err(error)),
            }
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

    async fn pause(&self, pause: &mut Duration, error: &StorageError) {
        self.counters.retries.fetch_add(1, Ordering::Relaxed);
        warn!(error = error as &dyn std::error::Error, "the database is not available, trying again");
        self.clock.sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
    }

    fn count(&self, batch: &[Entry]) {
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        for entry in batch {
            let counter = match entry {
                Entry::Event(_) => &self.counters.events,
                Entry::Chat(_) => &self.counters.chat_lines,
                Entry::Evidence(_) => &self.counters.checkpoints,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
