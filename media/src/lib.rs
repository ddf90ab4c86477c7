//! An SFU that knows rooms, peers and tracks, nothing else.
//!
//! The law of its use: *feed one input with `now`, drain transmits and facts, sleep until the next deadline.*
#[cfg(test)]
extern crate self as yunfa_media; // The clients of `tests/raw` name the crate by its outer name.

pub mod command;
pub mod config;
pub mod driver;
pub mod error;
pub mod fact;
pub mod ids;
pub mod sfu;
pub mod time;

// The pieces it is made of: pure, and public so that benches and other tests reach them.
pub mod audio;
pub mod forward;
pub mod quality;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stun;

mod arena;
mod dice;
mod peer;
mod room;
mod timers;
