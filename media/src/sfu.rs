//! The SFU as a value: one input in with `now`; transmits, facts and the next deadline out.
use std::{collections::VecDeque, net::SocketAddr, ops::Range, time::Instant};

use crate::{command::Command, config::Config, error::MediaError, fact::Stamped, time::Now};

/// One worker's rooms and peers. It does nothing by itself: feed it, drain it, wake it.
pub struct Sfu {
    config: Config,
    out: Out,
}

/// What goes in.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram arrived at the worker's socket; it is decrypted where it lies.
    Datagram {
        /// Where it says it comes from.
        from: SocketAddr,
        /// Its bytes.
        payload: &'a mut [u8],
    },
    /// An order from outside.
    Command(Command),
    /// The deadline of [`Sfu::poll_timeout`] has come.
    Timeout,
}

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
struct Out {
    arena: Vec<u8>,
    transmits: Vec<Transmit>,
    /// How many of `transmits` were taken one at a time.
    taken: usize,
    facts: VecDeque<Stamped>,
}

impl Sfu {
    /// Makes a worker's SFU. `seed` is all the randomness of its own: ufrags, passwords, SSRCs, sequence starts.
    ///
    /// # Errors
    ///
    /// [`MediaError::Stopped`] if the DTLS certificate cannot be made.
    pub fn new(config: Config, _seed: [u8; 32], _now: Now) -> Result<Self, MediaError> {
        Ok(Self { config, out: Out::default() })
    }

    /// Takes one input. Afterwards drain [`Sfu::transmits`] and [`Sfu::poll_fact`], and sleep no longer than until
    /// [`Sfu::poll_timeout`].
    pub fn handle(&mut self, input: Input<'_>, _now: Now) {
        let _ = (&self.config, input);
    }

    /// All datagrams to be sent now; [`Sfu::clear_transmits`] when they are sent.
    #[must_use]
    pub fn transmits(&self) -> Transmits<'_> {
        Transmits { list: &self.out.transmits[self.out.taken..], arena: &self.out.arena }
    }

    /// Forgets the datagrams that [`Sfu::transmits`] showed, keeping their memory for the next ones.
    pub fn clear_transmits(&mut self) {
        self.out.transmits.clear();
        self.out.arena.clear();
        self.out.taken = 0;
    }

    /// Takes the next datagram to be sent, by copy.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = self.out.transmits.get(self.out.taken)?;
        let datagram = (transmit.to, self.out.arena[transmit.range.clone()].to_vec());
        self.out.taken += 1;
        if self.out.taken == self.out.transmits.len() {
            self.clear_transmits();
        }
        Some(datagram)
    }

    /// Takes the next fact.
    pub fn poll_fact(&mut self) -> Option<Stamped> {
        self.out.facts.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
