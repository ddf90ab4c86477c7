//! Synthetic citizens and lawyers with real WebRTC clients; also the peers of the whole-server tests.
//!
//! A test makes a [`Server`], lets a [`Citizen`] arrive and a [`Lawyer`] sign in, and does with them what a page does; what
//! media brought is read with [`client::Client::take_received`].
pub mod api;
pub mod client;
pub mod clip;
pub mod comeback;
pub mod crash;
mod floor;
mod handmade;
pub mod herd;
mod host;
mod keyframes;
pub mod network;
pub mod pairs;
mod participant;
pub mod peer;
mod promises;
pub mod received;
pub mod report;
pub mod socket;
mod space;
pub mod strangers;
pub mod voice;
pub mod whip;

pub use api::Server;
pub use client::{Citizen, Client, Lawyer};
pub use peer::{MediaPeer, Shape};
pub use received::Received;
