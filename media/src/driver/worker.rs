//! One worker: the loop that feeds its core with commands, datagrams and time, and carries out what comes of it.
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, Release},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError, error::TrySendError};

use super::{
    clock,
    handle::Shared,
    roster::Roster,
    socket::{Inbox, Socket},
};
use crate::{
    command::Command,
    error::MediaError,
    fact::{Fact, LostReason, Stamped},
    sfu::{Input, Sfu, Transmits},
    time::Now,
};

/// Commands taken in one turn, so that a burst of them does not hold up media.
const COMMANDS_PER_TURN: usize = 32;
/// Batches of datagrams taken in one turn, so that a flood of them does not hold up commands and timers.
const BATCHES_PER_TURN: usize = 4;
/// Facts kept here while the channel is full: minutes of evidence of a full worker. Past that the worker waits for the
/// reader, because a lost fact is a wrong record.
const BACKLOG: usize = 65_536;
/// How soon a full fact channel is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// What a worker drives: the [`Sfu`], or a simpler thing in the driver's tests.
pub(super) trait Core: Send + 'static {
    /// Takes one input.
    fn handle(&mut self, input: Input<'_>, now: Now);
    /// Datagrams to send now.
    fn transmits(&self) -> Transmits<'_>;
    /// Forgets them.
    fn clear_transmits(&mut self);
    /// What happened.
    fn poll_fact(&mut self) -> Option<Stamped>;
    /// When it wants [`Input::Timeout`].
    fn poll_timeout(&self) -> Option<Instant>;
}

impl Core for Sfu {
    fn handle(&mut self, input: Input<'_>, now: Now) {
        Self::handle(self, input, now);
    }

    fn transmits(&self) -> Transmits<'_> {
        Self::transmits(self)
    }

    fn clear_transmits(&mut self) {
        Self::clear_transmits(self);
    }

    fn poll_fact(&mut self) -> Option<Stamped> {
        Self::poll_fact(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Turn {
    On,
    End,
}

/// One thread's whole world.
pub(super) struct Worker<C> {
    index: usize,
    core: C,
    socket: Socket,
    inbox: Inbox,
    commands: mpsc::Receiver<Command>,
    facts: mpsc::Sender<(usize, Stamped)>,
    backlog: VecDeque<Stamped>,
    roster: Roster,
    shared: Arc<Shared>,
}

impl<C: Core> Worker<C> {
    pub(super) fn new(
        index: usize,
        core: C,
        socket: Socket,
        commands: mpsc::Receiver<Command>,
        facts: mpsc::Sender<(usize, Stamped)>,
        shared: Arc<Shared>,
    ) -> Self {
        let (inbox, backlog, roster) = (Inbox::new(), VecDeque::new(), Roster::default());
        Self { index, core, socket, inbox, commands, facts, backlog, roster, shared }
    }

    /// Works until told to stop, until nobody is left to talk to, or until the core panics; then reports the end.
    pub(super) fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work()));
        self.shared.ended.store(true, Release);
        if outcome.is_err() {
            tracing::error!(worker = self.index, "a media worker failed and has stopped; its peers are lost");
        }
        self.say_goodbye(outcome.is_err());
    }

    fn work(&mut self) {
        loop {
            let mut more = self.take_commands();
            for _ in 0..BATCHES_PER_TURN {
                let full = self.take_datagrams();
                more |= full;
                if !full {
                    break;
                }
            }
            let now = clock::now();
            if self.core.poll_timeout().is_some_and(|deadline| deadline <= now.mono) {
                self.core.handle(Input::Timeout, now);
            }
            self.flush();
            if self.report() == Turn::End || self.commands.is_closed() || self.shared.stop.load(Relaxed) {
                return;
            }
            if !more {
                self.sleep();
            }
        }
    }

    /// Carries out what waits in the queue, up to a bound; says whether more may wait.
    fn take_commands(&mut self) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            match self.commands.try_recv() {
                Ok(command) => {
                    let joins = matches!(command, Command::Join { .. });
                    self.roster.commanded(&command);
                    self.core.handle(Input::Command(command), clock::now());
                    if joins {
                        self.shared.peers.store(self.roster.len(), Relaxed);
                        self.shared.queued_joins.fetch_sub(1, Relaxed);
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// Takes one batch and sends what it leads to at once; says whether it was a full one.
    fn take_datagrams(&mut self) -> bool {
        // One reading for a batch: its datagrams waited together.
        let now = clock::now();
        let core = &mut self.core;
        let (count, full) =
            self.socket.receive(&mut self.inbox, |from, payload| core.handle(Input::Datagram { from, payload }, now));
        if count > 0 {
            self.shared.datagrams_in.fetch_add(count as u64, Relaxed);
            self.flush();
        }
        full
    }

    fn flush(&mut self) {
        let out = self.core.transmits();
        if out.is_empty() {
            return;
        }
        let sent = self.socket.send(out);
        self.core.clear_transmits();
        self.shared.datagrams_out.fetch_add(sent.taken as u64, Relaxed);
        self.shared.refused_out.fetch_add(sent.refused as u64, Relaxed);
        self.shared.dropped_out.fetch_add(sent.dropped as u64, Relaxed);
    }

    /// Hands facts over, in order; those that find the channel full wait here and media goes on.
    fn report(&mut self) -> Turn {
        while let Some(stamped) = self.core.poll_fact() {
            self.roster.happened(&stamped.fact);
            if matches!(stamped.fact, Fact::RoomFailed { .. }) {
                self.shared.failed_rooms.fetch_add(1, Relaxed);
            }
            self.backlog.push_back(stamped);
        }
        self.shared.peers.store(self.roster.len(), Relaxed);
        while let Some(stamped) = self.backlog.pop_front() {
            match self.facts.try_send((self.index, stamped)) {
                Ok(()) => {}
                Err(TrySendError::Full((index, stamped))) if self.backlog.len() >= BACKLOG => {
                    if self.facts.blocking_send((index, stamped)).is_err() {
                        return Turn::End;
                    }
                }
                Err(TrySendError::Full((_, stamped))) => {
                    self.backlog.push_front(stamped);
                    return Turn::On;
                }
                // Nobody will ever read a fact again: the program is ending.
                Err(TrySendError::Closed(_)) => return Turn::End,
            }
        }
        Turn::On
    }

    fn sleep(&mut self) {
        let deadline = self.core.poll_timeout().map(|deadline| deadline.saturating_duration_since(clock::now().mono));
        let retry = (!self.backlog.is_empty()).then_some(RETRY);
        let timeout = match (deadline, retry) {
            (Some(deadline), Some(retry)) => Some(deadline.min(retry)),
            (deadline, retry) => deadline.or(retry),
        };
        if self.socket.sleep(&self.shared.wake, timeout) {
            let mut count = [0; 8];
            // It is non-blocking; whatever it says, the queue and the stop flag are looked at next.
            let _ = rustix::io::read(&self.shared.wake, &mut count);
        }
    }

    /// The last words: what waited is handed over, orders that waited are refused, peers of a failed worker are lost.
    fn say_goodbye(mut self, failed: bool) {
        self.commands.close();
        let at = clock::now().wall;
        let mut last: Vec<Fact> = Vec::new();
        if failed {
            let lost = |peer| Fact::Lost { peer, reason: LostReason::WorkerFailed };
            last.extend(self.roster.peers().into_iter().map(lost));
        }
        // After `close` this ends as soon as the senders that had reserved a place have used it.
        while let Some(command) = self.commands.blocking_recv() {
            if let Command::Join { peer, .. } = command {
                last.push(Fact::Refused { peer, error: MediaError::Stopped });
            }
        }
        let last = last.into_iter().map(|fact| Stamped { at, fact });
        for stamped in self.backlog.into_iter().chain(last) {
            if self.facts.blocking_send((self.index, stamped)).is_err() {
                return;
            }
        }
    }
}
