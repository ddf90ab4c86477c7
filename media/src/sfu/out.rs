//! What leaves the SFU: datagrams in one reused block of memory, and facts.
use std::{collections::VecDeque, net::SocketAddr, ops::Range};

use crate::{
    fact::{Fact, Stamped},
    time::Now,
};

/// One datagram to be sent: where to, and where its bytes lie in the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The destination.
    pub to: SocketAddr,
    /// Its bytes in [`Transmits::arena`].
    pub range: Range<usize>,
}

/// All datagrams to be sent now, in order.
#[derive(Clone, Copy, Debug)]
pub struct Transmits<'a> {
    /// What to send where.
    pub list: &'a [Transmit],
    /// The bytes of all of them.
    pub arena: &'a [u8],
}

impl<'a> Transmits<'a> {
    /// Destination and bytes of each datagram.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &'a [u8])> + use<'a> {
        let arena = self.arena;
        self.list.iter().map(move |transmit| (transmit.to, &arena[transmit.range.clone()]))
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// What waits to be taken out.
#[derive(Default)]
pub(crate) struct Out {
    /// Written up to `used`; the rest is old bytes, kept so that nothing is zeroed per packet.
    arena: Vec<u8>,
    used: usize,
    transmits: Vec<Transmit>,
    /// How many of `transmits` were taken one at a time.
    taken: usize,
    facts: VecDeque<Stamped>,
}

impl Out {
    /// Room for a datagram of at most `size` bytes; [`Out::commit`] sends what was written into it.
    pub(crate) fn room(&mut self, size: usize) -> &mut [u8] {
        let end = self.used + size;
        if self.arena.len() < end {
            self.arena.resize(end.next_power_of_two(), 0);
        }
        &mut self.arena[self.used..end]
    }

    /// Sends the first `size` bytes of the room that was given last.
    pub(crate) fn commit(&mut self, to: SocketAddr, size: usize) {
        let range = self.used..self.used + size;
        self.used = range.end;
        self.transmits.push(Transmit { to, range });
    }

    /// Sends a copy of a datagram.
    pub(crate) fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        self.room(datagram.len()).copy_from_slice(datagram);
        self.commit(to, datagram.len());
    }

    /// Tells a fact.
    pub(crate) fn tell(&mut self, fact: Fact, now: Now) {
        self.facts.push_back(Stamped { at: now.wall, fact });
    }

    pub(super) fn transmits(&self) -> Transmits<'_> {
        Transmits { list: &self.transmits[self.taken..], arena: &self.arena[..self.used] }
    }

    pub(super) fn clear(&mut self) {
        self.transmits.clear();
        self.used = 0;
        self.taken = 0;
    }

    pub(super) fn pop(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = self.transmits.get(self.taken)?;
        let datagram = (transmit.to, self.arena[transmit.range.clone()].to_vec());
        self.taken += 1;
        if self.taken == self.transmits.len() {
            self.clear();
        }
        Some(datagram)
    }

    pub(super) fn pop_fact(&mut self) -> Option<Stamped> {
        self.facts.pop_front()
    }
}
