//! The queue between one consultation and the recorder: what happened is written in order, and the call never waits.
use std::{collections::VecDeque, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tracing::{error, warn};
use yunfa_signaling::{
    ids::{ConsultationId, RecordId, SessionId},
    milestone::Milestone,
};

use crate::{
    clock::Clock,
    domain::evidence::Evidence,
    recorder::{ChatLine, Recorder},
};

/// First pause after a seal that failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A database that is away for an hour is asked once a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What may wait for the recorder; past that the consultation waits too. A chat of the longest allowed length fits.
const WAITING: usize = 16 * 1024;

/// One thing to be written.
#[derive(Debug)]
pub(super) enum Entry {
    /// An event.
    Event(Milestone),
    /// A checkpoint of evidence, or the last of it.
    Evidence(Box<Evidence>),
    /// A chat line.
    Chat(ChatLine),
    /// Everything of this session was written before: seal it.
    Seal(SessionId),
    /// Nothing more will be told of this matter although it is not final.
    LeftOpen(ConsultationId),
}

/// A record that was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) session: SessionId,
    pub(super) record: RecordId,
}

/// What one consultation has to write.
pub(super) struct Scribe {
    recorder: Recorder,
    clock: Clock,
    waiting: VecDeque<Entry>,
    writing: Option<BoxFuture<'static, Option<Sealed>>>,
}

impl Scribe {
    pub(super) fn new(recorder: Recorder, clock: Clock) -> Self {
        Self { recorder, clock, waiting: VecDeque::new(), writing: None }
    }

    /// Queues an entry. A checkpoint that waits behind another one of the same session replaces it.
    pub(super) fn push(&mut self, entry: Entry) {
        if let (Entry::Evidence(newer), Some(Entry::Evidence(older))) = (&entry, self.waiting.back())
            && newer.session == older.session
        {
            self.waiting.pop_back();
        }
        self.waiting.push_back(entry);
    }

    /// Whether so much waits that the consultation must wait too.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING
    }

    /// Whether everything is written.
    pub(super) fn is_idle(&self) -> bool {
        self.writing.is_none() && self.waiting.is_empty()
    }

    /// Writes on until a record was sealed or everything is written. May be dropped at any time; it goes on where it was.
    pub(super) async fn write(&mut self) -> Option<Sealed> {
        loop {
            if self.writing.is_none() {
                let entry = self.waiting.pop_front()?;
                self.writing = Some(write(self.recorder.clone(), self.clock.clone(), entry).boxed());
            }
            let Some(writing) = &mut self.writing else { continue };
            let sealed = writing.await;
            self.writing = None;
            if sealed.is_some() {
                return sealed;
            }
        }
    }
}

async fn write(recorder: Recorder, clock: Clock, entry: Entry) -> Option<Sealed> {
    match entry {
        Entry::Event(milestone) => recorder.append(milestone).await,
        Entry::Evidence(evidence) => recorder.evidence(*evidence).await,
        Entry::Chat(line) => recorder.chat(line).await,
        Entry::LeftOpen(consultation) => recorder.leave_open(consultation).await,
        Entry::Seal(session) => return seal(&recorder, &clock, session).await,
    }
    None
}

/// Tries until the record is sealed: an unwritten event blocks the seal, not the call.
async fn seal(recorder: &Recorder, clock: &Clock, session: SessionId) -> Option<Sealed> {
    let mut pause = FIRST_PAUSE;
    loop {
        match recorder.seal(session).await {
            Ok(sealed) => return Some(Sealed { session, record: sealed.record }),
            Err(refused) if !refused.is_passing() => {
                error!(session.id = ?session, "the record cannot be sealed: {refused}");
                return None;
            }
            Err(failed) => warn!(session.id = ?session, "sealing is tried again in {pause:?}: {failed}"),
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
