//! Two cores for all tests, and what was measured on them: who saturates them has them alone, beside those whose seconds are measured.
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// For a test that compares what was seen with what was recorded: nobody saturates the machine meanwhile.
pub(crate) async fn calm() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// The same for a test without a runtime.
pub(crate) fn calm_at_once() -> RwLockReadGuard<'static, ()> {
    MACHINE.blocking_read()
}

/// For a test that saturates the machine on purpose: nobody measures meanwhile.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// The same for a test without a runtime.
pub(crate) fn alone_at_once() -> RwLockWriteGuard<'static, ()> {
    MACHINE.blocking_write()
}

/// Shows figures; `--nocapture` lets them through.
#[expect(clippy::print_stderr, reason = "figures of a measurement, shown with --nocapture")]
pub(crate) fn say(figures: &str) {
    eprintln!("{figures}");
}
