//! What may be said in a consultation and what happens next: pure values, no IO.
pub mod ids;
pub mod message;
pub mod milestone;
pub mod private;
pub mod time;
pub mod words;
