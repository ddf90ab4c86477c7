//! Which peers a worker carries, as told by its commands and facts: for its load, and for the last report if it fails.
use std::collections::BTreeMap;

use crate::{
    command::Command,
    fact::Fact,
    ids::{PeerId, RoomId},
};

/// The peers of one worker with their rooms.
#[derive(Debug, Default)]
pub(super) struct Roster {
    joining: BTreeMap<PeerId, RoomId>,
    joined: BTreeMap<PeerId, RoomId>,
}

impl Roster {
    /// Takes note of an order before it is carried out.
    pub(super) fn commanded(&mut self, command: &Command) {
        match command {
            Command::Join { room, peer, .. } => {
                self.joining.insert(*peer, *room);
            }
            Command::Move { peer, room } => {
                if let Some(seat) = self.joined.get_mut(peer) {
                    *seat = *room;
                }
            }
            Command::Leave { peer } => {
                self.joined.remove(peer);
            }
            Command::CloseRoom { room } => self.joined.retain(|_, seat| seat != room),
        }
    }

    /// Takes note of what came of it.
    pub(super) fn happened(&mut self, fact: &Fact) {
        match fact {
            Fact::Answered { peer, .. } => {
                if let Some(room) = self.joining.remove(peer) {
                    // A peer that joins again keeps the seat it has.
                    self.joined.entry(*peer).or_insert(room);
                }
            }
            Fact::Refused { peer, .. } => {
                self.joining.remove(peer);
            }
            Fact::Lost { peer, .. } => {
                self.joined.remove(peer);
            }
            // The peers of a room that failed are told lost one by one.
            Fact::RoomFailed { .. }
            | Fact::Connected { .. }
            | Fact::FirstMedia { .. }
            | Fact::SlotsChanged { .. }
            | Fact::Interrupted { .. }
            | Fact::Resumed { .. }
            | Fact::Second { .. } => {}
        }
    }

    /// Peers that are there or about to be.
    pub(super) fn len(&self) -> usize {
        self.joined.len() + self.joining.len()
    }

    /// Everybody, for the last report of a worker that failed.
    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.joined.keys().chain(self.joining.keys().filter(|peer| !self.joined.contains_key(peer))).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Sdp, error::MediaError, fact::LostReason};

    const HALL: RoomId = RoomId(1);
    const DESK: RoomId = RoomId(2);

    fn join(roster: &mut Roster, peer: u64, room: RoomId) {
        roster.commanded(&Command::Join { room, peer: PeerId(peer), offer: Sdp(String::new()) });
        roster.happened(&Fact::Answered { peer: PeerId(peer), answer: Sdp(String::new()) });
    }

    #[test]
    fn a_peer_counts_from_its_join_to_its_end() {
        let mut roster = Roster::default();

        join(&mut roster, 1, HALL);
        join(&mut roster, 2, HALL);
        join(&mut roster, 3, HALL);
        roster.commanded(&Command::Leave { peer: PeerId(2) });
        roster.happened(&Fact::Lost { peer: PeerId(3), reason: LostReason::Silent });

        assert_eq!(roster.peers(), [PeerId(1)]);
    }

    #[test]
    fn a_refused_join_leaves_an_earlier_seat_as_it_was() {
        let mut roster = Roster::default();
        join(&mut roster, 1, HALL);

        roster.commanded(&Command::Join { room: DESK, peer: PeerId(1), offer: Sdp(String::new()) });
        roster.happened(&Fact::Refused { peer: PeerId(1), error: MediaError::NothingInCommon });
        roster.commanded(&Command::CloseRoom { room: DESK });

        assert_eq!(roster.peers(), [PeerId(1)]);
    }

    #[test]
    fn closing_a_room_ends_those_who_moved_into_it_and_nobody_else() {
        let mut roster = Roster::default();
        join(&mut roster, 1, HALL);
        join(&mut roster, 2, HALL);

        roster.commanded(&Command::Move { peer: PeerId(2), room: DESK });
        roster.commanded(&Command::CloseRoom { room: DESK });

        assert_eq!((roster.peers(), roster.len()), (vec![PeerId(1)], 1));
    }
}
