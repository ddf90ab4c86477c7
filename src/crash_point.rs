//! Named points at which a test ends the process as a power cut would. A server built without `crash-points` has none.

/// Ends the process here when the environment variable `YUNFA_TEST_CRASH_AT` names this point and it has been passed as
/// often as it says: `sealed:3`.
#[cfg(feature = "crash-points")]
#[expect(clippy::disallowed_methods, reason = "the tests arm a point by the environment; it is no setting")]
pub(crate) fn crash_point(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };
    static ARMED: LazyLock<Option<(String, AtomicU32)>> = LazyLock::new(|| {
        let said = std::env::var("YUNFA_TEST_CRASH_AT").ok()?;
        let (name, times) = said.split_once(':')?;
        Some((name.to_owned(), AtomicU32::new(times.parse().ok()?)))
    });
    if let Some((armed, left)) = &*ARMED
        && armed == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

/// No point at all.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn crash_point(_name: &str) {}
