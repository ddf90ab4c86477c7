//! What may be said in a consultation and what happens next: pure values, no IO.
pub mod consultation;
pub mod duty;
pub mod error;
pub mod ids;
pub mod message;
pub mod milestone;
mod offer;
pub mod output;
pub mod policy;
mod presence;
pub mod private;
pub mod profile;
pub mod question;
mod routing;
mod session;
pub mod time;
pub mod timers;
pub mod words;
