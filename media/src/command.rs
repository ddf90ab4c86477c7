//! What the outside may ask of the SFU.
use std::fmt;

use crate::ids::{PeerId, RoomId};

/// A session description (RFC 8866). It holds addresses and fingerprints, so it cannot be printed whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Sdp(pub String);

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

/// One order to the SFU. A room exists while it has peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sets up a peer's transport from its offer; answered by [`Fact::Answered`](crate::fact::Fact::Answered) or
    /// [`Fact::Refused`](crate::fact::Fact::Refused). A peer that exists already is replaced, its seat kept if the room
    /// is the same. Every offer begins a new transport, so it must come from a new RTCPeerConnection: one that is
    /// connected would go on with the DTLS association that it has.
    Join {
        /// Where.
        room: RoomId,
        /// Who.
        peer: PeerId,
        /// The client's offer.
        offer: Sdp,
    },
    /// Takes a peer, with its running transport, into another room of the same worker: what accepting a call does.
    Move {
        /// Who.
        peer: PeerId,
        /// Where to.
        room: RoomId,
    },
    /// Ends a peer's transport.
    Leave {
        /// Who.
        peer: PeerId,
    },
    /// Ends every transport of a room.
    CloseRoom {
        /// Which.
        room: RoomId,
    },
}
