//! Readings of the system's clocks and dice for the workers.
use std::{
    io,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::time::Now;

/// Both clocks, read together.
#[expect(clippy::disallowed_methods, reason = "the driver is the one reader of clocks in this crate")]
pub(super) fn now() -> Now {
    // A wall clock before 1970 is a broken one; 0 says so and nothing is measured with it.
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Now { mono: Instant::now(), wall: i64::try_from(wall).unwrap_or(i64::MAX) }
}

/// 32 bytes from the system's generator: all randomness of one SFU grows from them.
pub(super) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| io::Error::other("the system gave no randomness"))?;
    Ok(seed)
}
