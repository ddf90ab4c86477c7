//! The SFU as a value: one input in with `now`; transmits, facts and the next deadline out.
mod command;
mod core;
mod ingress;
pub(crate) mod out;
mod reports;
mod rtcp_in;
mod seconds;
#[cfg(test)]
mod tests;
mod wake;

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use self::core::Core;
pub use self::out::{Transmit, Transmits};
#[cfg(test)]
use crate::ids::RoomId;
use crate::{command::Command, config::Config, error::MediaError, fact::Stamped, time::Now};

/// One worker's rooms and peers. It does nothing by itself: feed it, drain it, wake it.
pub struct Sfu {
    core: Core,
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

impl Sfu {
    /// Makes a worker's SFU. `seed` is all the randomness of its own: ufrags, passwords, SSRCs, sequence starts.
    ///
    /// # Errors
    ///
    /// [`MediaError::Stopped`] if the DTLS certificate cannot be made.
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Result<Self, MediaError> {
        Core::new(config, &seed, now).map(|core| Self { core })
    }

    /// Takes one input. Afterwards drain [`Sfu::transmits`] and [`Sfu::poll_fact`], and sleep no longer than until
    /// [`Sfu::poll_timeout`].
    ///
    /// If handling it panics, the room that it concerned is closed, its peers are told lost and the other rooms
    /// go on.
    pub fn handle(&mut self, input: Input<'_>, now: Now) {
        let core = &mut self.core;
        // What a panic leaves half done lies within one room, and that room is taken apart; so nothing broken is used.
        let handled = catch_unwind(AssertUnwindSafe(|| match input {
            Input::Datagram { from, payload } => core.datagram(from, payload, now),
            Input::Command(command) => core.command(command, now),
            Input::Timeout => core.wake(now),
        }));
        match handled {
            // What fails next may concern no room, and must not be laid at the door of this one.
            Ok(()) => core.current = None,
            Err(_) => core.fail(now),
        }
    }

    /// Has the next input that concerns this room panic.
    #[cfg(test)]
    pub(crate) fn trap(&mut self, room: RoomId) {
        self.core.trap = Some(room);
    }

    /// All datagrams to be sent now; [`Sfu::clear_transmits`] when they are sent.
    #[must_use]
    pub fn transmits(&self) -> Transmits<'_> {
        self.core.out.transmits()
    }

    /// Forgets the datagrams that [`Sfu::transmits`] showed, keeping their memory for the next ones.
    pub fn clear_transmits(&mut self) {
        self.core.out.clear();
    }

    /// Takes the next datagram to be sent, by copy.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.core.out.pop()
    }

    /// Takes the next fact.
    pub fn poll_fact(&mut self) -> Option<Stamped> {
        self.core.out.pop_fact()
    }

    /// When [`Input::Timeout`] is due; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.next_wake()
    }
}
