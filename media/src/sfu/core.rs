//! What a worker holds: peers, their tracks, slots and legs, the rooms, and who is found by what.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::out::Out;
use crate::{
    arena::{Arena, Key},
    config::Config,
    dice::Dice,
    error::MediaError,
    fact::{Fact, LostReason},
    forward::{Leg, Slot, Track},
    ids::{PeerId, RoomId},
    peer::{Peer, dtls::Identity, gate::Strangers},
    room::Room,
    time::Now,
    timers::Timers,
};

/// Length of our ufrags; with it the place of a peer in the map is found before anything is verified.
pub(super) const UFRAG: usize = 16;

/// Everything of one worker. The hash maps are only asked, or walked and sorted, so their order is never seen.
pub(super) struct Core {
    pub config: Config,
    pub dice: Dice,
    pub identity: Identity,
    pub peers: Arena<Peer>,
    pub tracks: Arena<Track>,
    pub slots: Arena<Slot>,
    pub legs: Arena<Leg>,
    pub rooms: BTreeMap<RoomId, Room>,
    pub by_id: HashMap<PeerId, Key<Peer>>,
    pub by_ufrag: HashMap<[u8; UFRAG], Key<Peer>>,
    pub by_address: HashMap<SocketAddr, Key<Peer>>,
    pub strangers: Strangers,
    pub timers: Timers<Peer>,
    /// When some second of the worker ended: seconds of rooms in which nobody meets anybody end with the wall clock's.
    pub second_ended: Instant,
    /// When whose running second ends. Entries of rooms that are gone, or have begun anew, are passed over.
    pub seconds: BTreeSet<(Instant, RoomId)>,
    pub out: Out,
    /// A compound packet under construction, kept for its memory.
    pub scratch: Vec<u8>,
    /// Sequence numbers of one NACK, likewise.
    pub missing: Vec<u16>,
    /// The room whose peer is being handled: the one that a panic closes.
    pub current: Option<RoomId>,
    /// Who is joining, and has no answer yet.
    pub joining: Option<PeerId>,
    /// The room whose handling shall fail, once.
    #[cfg(test)]
    pub trap: Option<RoomId>,
}

impl Core {
    pub(super) fn new(config: Config, seed: &[u8; 32], now: Now) -> Result<Self, MediaError> {
        let mut dice = Dice::new(seed);
        let salt = dice.number();
        // One wake-up a second is enough for all who wait.
        let since = Duration::from_millis(now.wall.rem_euclid(1000) as u64);
        Ok(Self {
            config,
            dice,
            identity: Identity::new()?,
            peers: Arena::default(),
            tracks: Arena::default(),
            slots: Arena::default(),
            legs: Arena::default(),
            rooms: BTreeMap::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            strangers: Strangers::new(salt, now.mono),
            timers: Timers::default(),
            second_ended: now.mono.checked_sub(since).unwrap_or(now.mono),
            seconds: BTreeSet::new(),
            out: Out::default(),
            scratch: Vec::new(),
            missing: Vec::new(),
            current: None,
            joining: None,
            #[cfg(test)]
            trap: None,
        })
    }

    /// Remembers whose packet or deadline is being handled.
    pub(super) fn enter(&mut self, key: Key<Peer>) -> Option<&mut Peer> {
        let room = self.peers.get(key)?.room;
        self.concerns(room);
        self.peers.get_mut(key)
    }

    /// Remembers which room is being handled.
    pub(super) fn concerns(&mut self, room: RoomId) {
        self.current = Some(room);
        #[cfg(test)]
        assert!(self.trap.take_if(|trap| *trap == room).is_none(), "the test asked for it");
    }

    /// Sets the peer's next wake-up, if it is earlier than the one that is set.
    pub(super) fn arm(&mut self, key: Key<Peer>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let next = peer.next_wake(&self.config);
        if let Some(at) = next.filter(|at| peer.wake.is_none_or(|set| *at < set)) {
            peer.wake = Some(at);
            self.timers.set(at, key);
        }
    }

    /// Forgets a peer with everything that is its own; rooms are told by whoever calls.
    pub(super) fn forget(&mut self, key: Key<Peer>) -> Option<Peer> {
        let peer = self.peers.remove(key)?;
        self.by_id.remove(&peer.id);
        if let Ok(ufrag) = <[u8; UFRAG]>::try_from(peer.ice.ufrag.as_bytes()) {
            self.by_ufrag.remove(&ufrag);
        }
        for address in peer.ice.addresses() {
            self.by_address.remove(address);
        }
        for slot in &peer.slots {
            self.slots.remove(*slot);
        }
        for track in &peer.tracks {
            self.tracks.remove(*track);
        }
        self.legs.remove(peer.leg);
        Some(peer)
    }

    /// Takes apart the room in which handling failed. Its state may be half changed, so nothing of it is used further;
    /// its peers, and whoever was just joining it, are told of one by one.
    pub(super) fn fail(&mut self, now: Now) {
        let joining = self.joining.take();
        if let Some(peer) = joining {
            self.out.tell(Fact::Refused { peer, error: MediaError::Failed }, now);
        }
        let Some(room) = self.current.take() else {
            tracing::error!("an input was dropped because its handling failed outside every room");
            return;
        };
        self.rooms.remove(&room);
        // Not by the room's own list: whoever was on the way into it or out of it may be on none.
        let in_room = |key: &Key<Peer>| self.peers.get(*key).is_some_and(|peer| peer.room == room);
        let mut members: Vec<PeerId> = self.by_id.iter().filter(|(_, key)| in_room(key)).map(|(id, _)| *id).collect();
        members.extend(joining);
        members.sort_unstable();
        members.dedup();
        for peer in members {
            if let Some(key) = self.by_id.get(&peer).copied() {
                self.forget(key);
            }
            self.out.tell(Fact::Lost { peer, reason: LostReason::RoomFailed }, now);
        }
        tracing::error!(room = ?room, "a room was closed because its handling failed");
        self.out.tell(Fact::RoomFailed { room }, now);
    }
}
