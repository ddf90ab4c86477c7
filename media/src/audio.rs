//! What is known of audio without decoding it.
pub mod level;
