//! One page's transport: on which worker, in which room, and the offers that wait for their answers.
use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
pub(super) use yunfa_media::ids::{PeerId, RoomId};
use yunfa_media::{driver::Handle, error::MediaError};
use yunfa_signaling::{ids::RequestId, private::Sdp, time::Instant};

use super::{bridge, tab::Person};
use crate::domain::evidence::{LegTransport, TransportTotals};

/// Offers a page may make in [`OFFERS_WITHIN`]: each costs a handshake, and a page makes one, or one per lost link.
const OFFERS: usize = 5;
/// See [`OFFERS`].
const OFFERS_WITHIN: Duration = Duration::from_secs(10);

/// A room and the worker that carries it, decided by whoever comes first.
#[derive(Debug)]
pub(super) struct Room {
    id: RoomId,
    worker: OnceLock<usize>,
}

impl Room {
    /// Whether this is its number.
    pub(super) fn is(&self, room: RoomId) -> bool {
        self.id == room
    }
}

/// The media plane as persons use it.
#[derive(Debug)]
pub(super) struct Plane {
    workers: Handle,
    next: AtomicU64,
    /// Whose transport a peer is: where its facts go.
    owners: DashMap<PeerId, Person>,
}

impl Plane {
    pub(super) fn new(workers: Handle) -> Self {
        Self { workers, next: AtomicU64::new(1), owners: DashMap::new() }
    }

    /// Whose transport this is.
    pub(super) fn owner(&self, peer: PeerId) -> Option<Person> {
        self.owners.get(&peer).map(|owner| *owner)
    }

    /// The transport is gone.
    pub(super) fn disown(&self, peer: PeerId) {
        self.owners.remove(&peer);
    }

    /// A room that is nowhere yet.
    pub(super) fn room(&self) -> Arc<Room> {
        Arc::new(Room { id: RoomId(self.number()), worker: OnceLock::new() })
    }

    /// Asks every worker to end.
    pub(super) fn stop(&self) {
        self.workers.stop();
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn worker_of(&self, room: &Room) -> usize {
        *room.worker.get_or_init(|| self.workers.place())
    }
}

/// The transport of one page.
#[derive(Debug, Default)]
pub(super) struct Transport {
    up: Option<Up>,
    joins: VecDeque<Join>,
    last_attempt: Option<u32>,
    offered: VecDeque<Instant>,
    home: Option<Arc<Room>>,
}

/// A transport that is up: how it is reached, and a number that no other one has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) way: LegTransport,
}

/// A peer that a worker knows.
#[derive(Debug)]
struct Up {
    peer: PeerId,
    worker: usize,
    room: Arc<Room>,
    /// The worker knows it; until then the first offer may be refused.
    answered: bool,
    /// Once it is reached.
    link: Option<Link>,
    /// Its sums so far.
    totals: TransportTotals,
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) peer: PeerId,
    pub(super) attempt: u32,
    pub(super) request: RequestId,
    /// No newer offer was made since.
    pub(super) newest: bool,
}

/// Why an offer was not passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotOffered {
    /// A later attempt was made before.
    Older,
    /// Too many offers.
    TooMany,
    /// The media plane refused.
    Media(MediaError),
}

/// What came of entering a room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// The running transport is in the room, with these sums so far.
    Running(Link, TransportTotals),
    /// It will be: it is still being set up, or none was offered yet.
    Coming,
    /// The transport stood on another worker and was ended: the page must join again.
    Lost,
}

impl Transport {
    /// Passes an offer on; without a room the page's own is meant.
    pub(super) async fn join(
        &mut self,
        plane: &Plane,
        person: Person,
        room: Option<Arc<Room>>,
        (attempt, request, offer): (u32, RequestId, Sdp),
        now: Instant,
    ) -> Result<(), NotOffered> {
        if self.last_attempt.is_some_and(|last| attempt <= last) {
            return Err(NotOffered::Older);
        }
        while self.offered.front().is_some_and(|at| now.since(*at) > OFFERS_WITHIN) {
            self.offered.pop_front();
        }
        if self.offered.len() >= OFFERS {
            return Err(NotOffered::TooMany);
        }
        let room = room.unwrap_or_else(|| Arc::clone(self.home.get_or_insert_with(|| plane.room())));
        let worker = plane.worker_of(&room);
        if self.up.as_ref().is_some_and(|up| up.worker != worker) {
            self.close(plane).await;
        }
        let peer = self.peer().unwrap_or_else(|| PeerId(plane.number()));
        // Before the worker hears of it: its answer may be faster than we are.
        plane.owners.insert(peer, person);
        if self.up.as_ref().is_some_and(|up| up.room.id != room.id) {
            // A peer that joins again keeps the room it has.
            plane.workers.send(worker, bridge::go(peer, room.id)).await.map_err(NotOffered::Media)?;
        }
        plane.workers.send(worker, bridge::join(room.id, peer, offer)).await.map_err(NotOffered::Media)?;
        self.offered.push_back(now);
        self.last_attempt = Some(attempt);
        for join in &mut self.joins {
            join.newest = false;
        }
        self.joins.push_back(Join { peer, attempt, request, newest: true });
        match &mut self.up {
            Some(up) => up.room = room,
            None => {
                let totals = TransportTotals::default();
                self.up = Some(Up { peer, worker, room, answered: false, link: None, totals });
            }
        }
        Ok(())
    }

    /// The worker has answered the oldest offer of this peer: the transport is set up anew.
    pub(super) fn answered(&mut self, peer: PeerId) -> Option<Join> {
        let join = self.decided(peer);
        if let Some(up) = self.up.as_mut().filter(|up| up.peer == peer) {
            up.answered = true;
            up.link = None;
            up.totals = TransportTotals::default();
        }
        join
    }

    /// The worker has refused the oldest offer of this peer; after a first offer there is no transport.
    pub(super) fn refused(&mut self, peer: PeerId) -> Option<Join> {
        let join = self.decided(peer);
        if self.joins.is_empty() && self.up.as_ref().is_some_and(|up| !up.answered) {
            self.up = None;
        }
        join
    }

    fn decided(&mut self, peer: PeerId) -> Option<Join> {
        let oldest = self.joins.iter().position(|join| join.peer == peer)?;
        self.joins.remove(oldest)
    }

    /// The transport is up.
    pub(super) fn connected(&mut self, plane: &Plane, way: LegTransport) -> Link {
        let link = Link { number: plane.number(), way };
        if let Some(up) = &mut self.up {
            up.link = Some(link.clone());
        }
        link
    }

    /// A second has passed; its sums.
    pub(super) fn second(&mut self, totals: TransportTotals) {
        if let Some(up) = &mut self.up {
            up.totals = totals;
        }
    }

    /// The worker has dropped the transport.
    pub(super) fn lost(&mut self) {
        self.up = None;
    }

    /// Whether a fact about this peer is about this transport, or answers one of its offers.
    pub(super) fn knows(&self, peer: PeerId) -> bool {
        self.peer() == Some(peer) || self.joins.iter().any(|join| join.peer == peer)
    }

    /// Whose transport this is.
    pub(super) fn peer(&self) -> Option<PeerId> {
        self.up.as_ref().map(|up| up.peer)
    }

    /// Whether it belongs to this room.
    pub(super) fn is_in(&self, room: &Room) -> bool {
        self.up.as_ref().is_some_and(|up| up.room.id == room.id)
    }

    /// Takes the running transport into a room.
    pub(super) async fn enter(&mut self, plane: &Plane, room: &Arc<Room>) -> Entered {
        let Some(up) = &mut self.up else { return Entered::Coming };
        if up.room.id != room.id {
            let worker = up.worker;
            if *room.worker.get_or_init(|| worker) != worker {
                self.close(plane).await;
                return Entered::Lost;
            }
            if plane.workers.send(worker, bridge::go(up.peer, room.id)).await.is_err() {
                self.close(plane).await;
                return Entered::Lost;
            }
            up.room = Arc::clone(room);
        }
        match &up.link {
            Some(link) => Entered::Running(link.clone(), up.totals),
            None => Entered::Coming,
        }
    }

    /// Takes the running transport back into a room of its own.
    pub(super) async fn go_home(&mut self, plane: &Plane) {
        let Some(up) = &mut self.up else { return };
        let worker = up.worker;
        let is_home_there = self.home.as_ref().is_some_and(|home| *home.worker.get_or_init(|| worker) == worker);
        if !is_home_there {
            let home = plane.room();
            home.worker.get_or_init(|| worker);
            self.home = Some(home);
        }
        if let Some(home) = &self.home
            && up.room.id != home.id
        {
            up.room = Arc::clone(home);
            // A worker that has stopped has nobody in any room.
            let _ = plane.workers.send(worker, bridge::go(up.peer, home.id)).await;
        }
    }

    /// Ends the transport; returns which it was.
    pub(super) async fn close(&mut self, plane: &Plane) -> Option<PeerId> {
        let up = self.up.take()?;
        plane.disown(up.peer);
        let _ = plane.workers.send(up.worker, bridge::leave(up.peer)).await;
        Some(up.peer)
    }
}
