//! The side of the workers that the rest of the program holds: orders in, placement, load, stop.
use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::mpsc;

use crate::{command::Command, error::MediaError};

/// What a worker and its handle both see; nothing of it is on the packet path except the counters.
#[derive(Debug)]
pub(super) struct Shared {
    /// Readable when the worker has something to do besides datagrams.
    pub(super) wake: OwnedFd,
    /// Set once, by [`Handle::stop`].
    pub(super) stop: AtomicBool,
    /// Set once, by the worker when it ends, for whatever reason.
    pub(super) ended: AtomicBool,
    /// Peers that the worker carries.
    pub(super) peers: AtomicUsize,
    /// Joins sent to the worker that it has not taken from its queue.
    pub(super) queued_joins: AtomicUsize,
    pub(super) datagrams_in: AtomicU64,
    pub(super) datagrams_out: AtomicU64,
    pub(super) refused_out: AtomicU64,
    pub(super) dropped_out: AtomicU64,
    pub(super) failed_rooms: AtomicU64,
}

impl Shared {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            stop: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            peers: AtomicUsize::new(0),
            queued_joins: AtomicUsize::new(0),
            datagrams_in: AtomicU64::new(0),
            datagrams_out: AtomicU64::new(0),
            refused_out: AtomicU64::new(0),
            dropped_out: AtomicU64::new(0),
            failed_rooms: AtomicU64::new(0),
        })
    }

    fn wake(&self) {
        // The only way to fail is a full counter, and then the worker is awake already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn load(&self) -> usize {
        self.peers.load(Relaxed) + self.queued_joins.load(Relaxed)
    }
}

/// What the handle keeps of one worker.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) shared: Arc<Shared>,
    pub(super) port: u16,
}

/// What has passed through one worker's socket, and what it carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams that the system took for sending.
    pub datagrams_out: u64,
    /// Datagrams that the system refused one by one (no route, forbidden by a filter, too long).
    pub refused_out: u64,
    /// Datagrams dropped because the send buffer stayed full.
    pub dropped_out: u64,
    /// Rooms that were closed because handling them failed.
    pub failed_rooms: u64,
    /// Peers that the worker carries now.
    pub peers: usize,
}

/// Orders to the workers. Cheap to clone; the workers go on when every handle is dropped only until their queues close.
#[derive(Clone, Debug)]
pub struct Handle {
    stations: Arc<[Station]>,
    peers_per_worker: usize,
}

impl Handle {
    pub(super) fn new(stations: Vec<Station>, peers_per_worker: usize) -> Self {
        Self { stations: stations.into(), peers_per_worker }
    }

    /// Gives a worker an order; waits while its queue is full. [`MediaError::Stopped`] when the worker has ended.
    pub async fn send(&self, worker: usize, command: Command) -> Result<(), MediaError> {
        let station = self.stations.get(worker).ok_or(MediaError::Stopped)?;
        let place = station.commands.reserve().await.map_err(|_| MediaError::Stopped)?;
        if matches!(command, Command::Join { .. }) {
            station.shared.queued_joins.fetch_add(1, Relaxed);
        }
        place.send(command);
        station.shared.wake();
        Ok(())
    }

    /// The worker for a new peer: the first that carries fewer than `peers_per_worker`, so that those who will meet are on
    /// one worker already and a `Move` connects them; when all are that full, the least loaded.
    #[must_use]
    pub fn place(&self) -> usize {
        let running = || self.stations.iter().enumerate().filter(|(_, station)| !station.shared.ended.load(Relaxed));
        running()
            .find(|(_, station)| station.shared.load() < self.peers_per_worker)
            .or_else(|| running().min_by_key(|(_, station)| station.shared.load()))
            .map_or(0, |(index, _)| index)
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.stations.len()
    }

    /// The UDP port of each worker.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        self.stations.iter().map(|station| station.port).collect()
    }

    /// What has passed through each worker.
    #[must_use]
    pub fn traffic(&self) -> Vec<Traffic> {
        let of = |station: &Station| Traffic {
            datagrams_in: station.shared.datagrams_in.load(Relaxed),
            datagrams_out: station.shared.datagrams_out.load(Relaxed),
            refused_out: station.shared.refused_out.load(Relaxed),
            dropped_out: station.shared.dropped_out.load(Relaxed),
            failed_rooms: station.shared.failed_rooms.load(Relaxed),
            peers: station.shared.peers.load(Relaxed),
        };
        self.stations.iter().map(of).collect()
    }

    /// Asks every worker to end; the fact channel ends when they have.
    pub fn stop(&self) {
        for station in self.stations.iter() {
            station.shared.stop.store(true, Relaxed);
            station.shared.wake();
        }
    }
}
