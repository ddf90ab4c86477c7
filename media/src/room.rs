//! A room: who is in it, in order of joining, and whose sources are shown in whose slots.
use std::time::Instant;

use crate::{
    arena::{Arena, Key},
    fact::{Slot as SlotFact, SlotKind},
    forward::{Slot, Track},
    peer::Peer,
};

/// The members of a room, in order of joining. It exists while it has some.
pub(crate) struct Room {
    members: Vec<Key<Peer>>,
    /// When its running second ends.
    pub(crate) second_ends: Instant,
    /// How far two of its members are with each other.
    pub(crate) company: Company,
}

/// How far the members of a room are with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Fewer than two are connected.
    Alone,
    /// Two are connected; their media has not met yet.
    Silent,
    /// Media of two has arrived: its seconds are theirs.
    Met,
}

impl Room {
    pub(crate) fn new(second_ends: Instant) -> Self {
        Self { members: Vec::new(), second_ends, company: Company::Alone }
    }

    pub(crate) fn members(&self) -> &[Key<Peer>] {
        &self.members
    }

    /// A newcomer takes the last seat, or the seat of the transport that it replaces.
    pub(crate) fn seat(&mut self, key: Key<Peer>, instead_of: Option<Key<Peer>>) {
        match self.members.iter().position(|member| Some(*member) == instead_of) {
            Some(seat) => self.members[seat] = key,
            None => self.members.push(key),
        }
    }

    /// Tells whether anybody is left.
    pub(crate) fn leave(&mut self, key: Key<Peer>) -> bool {
        self.members.retain(|member| *member != key);
        !self.members.is_empty()
    }
}

/// The arenas between which sources and slots are connected.
pub(crate) struct Seats<'a> {
    pub peers: &'a Arena<Peer>,
    pub tracks: &'a mut Arena<Track>,
    pub slots: &'a mut Arena<Slot>,
}

impl Seats<'_> {
    /// Shows what `publisher` publishes in free slots of `viewer`; tells which sources found one. A microphone and a
    /// camera take places with the same number where both are free, because those two are played in step. What the
    /// viewer cannot decode takes no slot.
    pub(crate) fn show(&mut self, viewer: Key<Peer>, publisher: Key<Peer>) -> Vec<Key<Track>> {
        let (Some(viewing), Some(publishing)) = (self.peers.get(viewer), self.peers.get(publisher)) else {
            return Vec::new();
        };
        let pair = self.common_place(viewing, publishing);
        let mut shown = Vec::new();
        for source in &publishing.tracks {
            let Some(track) = self.tracks.get_mut(*source) else { continue };
            if viewing.slots.iter().any(|slot| self.slots.get(*slot).is_some_and(|s| s.source == Some(*source))) {
                continue;
            }
            let (role, coding) = (track.plan.role, track.plan.codec.coding);
            let place = pair.filter(|_| role != SlotKind::Screen);
            let free = |wanted: Option<usize>| {
                viewing.slots.iter().copied().find(|key| {
                    self.slots.get(*key).is_some_and(|slot| {
                        slot.plan.kind == role
                            && slot.plan.codec(coding).is_some()
                            && slot.source.is_none()
                            && wanted.is_none_or(|place| slot.plan.place == place)
                    })
                })
            };
            let Some(key) = free(place).or_else(|| free(None)) else { continue };
            let Some(slot) = self.slots.get_mut(key) else { continue };
            if slot.attach(*source, coding) {
                track.subscribers.push(key);
                shown.push(*source);
            }
        }
        shown
    }

    /// The first place where `viewer` has both an audio and a video slot free, if `publisher` has both to show.
    fn common_place(&self, viewer: &Peer, publisher: &Peer) -> Option<usize> {
        let has =
            |role| publisher.tracks.iter().filter_map(|key| self.tracks.get(*key)).any(|track| track.plan.role == role);
        if !has(SlotKind::Audio) || !has(SlotKind::Video) {
            return None;
        }
        let slots = || viewer.slots.iter().filter_map(|key| self.slots.get(*key));
        let free = |kind, place| {
            slots().any(|slot| slot.plan.kind == kind && slot.plan.place == place && slot.source.is_none())
        };
        (0..viewer.slots.len()).find(|place| free(SlotKind::Audio, *place) && free(SlotKind::Video, *place))
    }

    /// Empties the slots of `viewer` that show `publisher`; tells whether there were any.
    pub(crate) fn hide(&mut self, viewer: &Peer, publisher: &Peer) -> bool {
        let mut hidden = false;
        for key in &viewer.slots {
            let Some(slot) = self.slots.get_mut(*key) else { continue };
            let Some(source) = slot.source.filter(|source| publisher.tracks.contains(source)) else { continue };
            slot.detach();
            if let Some(track) = self.tracks.get_mut(source) {
                track.subscribers.retain(|subscriber| subscriber != key);
            }
            hidden = true;
        }
        hidden
    }

    /// The slots of a peer that are in use, in order of its offer.
    pub(crate) fn in_use(&self, peer: &Peer) -> Vec<SlotFact> {
        let slots = peer.slots.iter().filter_map(|key| self.slots.get(*key));
        slots
            .filter_map(|slot| {
                let track = self.tracks.get(slot.source?)?;
                let source = self.peers.get(track.owner)?.id;
                Some(SlotFact { mid: slot.plan.mid.clone(), kind: slot.plan.kind, source })
            })
            .collect()
    }
}
