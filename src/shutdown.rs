//! How the process stops: first it drains, then it goes.
use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// The two steps of stopping, and every task that has to be waited for. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing is stopping yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// First step: not ready any more, no new calls, running ones go on.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Second step: everything that still runs ends now, and what must be kept is kept. Implies the first.
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Whether the first step has been taken.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Waits for the first step.
    pub fn draining(&self) -> WaitForCancellationFuture<'_> {
        self.drain.cancelled()
    }

    /// Waits for the second step.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// The token of the second step, for parts that know nothing but tokens.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs a task that is waited for at the end.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits until every spawned task has ended; they have to be told by [`stop`](Self::stop) first.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Takes the first step on the first Ctrl-C or SIGTERM and the second step on the second.
    ///
    /// # Errors
    /// When the system gives no signal handlers.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let shutdown = self.clone();
        // Not tracked: it waits for signals as long as the process lives.
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if shutdown.is_draining() {
                    tracing::warn!("second signal: ending what still runs");
                    return shutdown.stop();
                }
                tracing::info!("signal: no new calls; running ones may go on; a second signal ends them");
                shutdown.drain();
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_implies_draining_and_waits_for_tasks() {
        let shutdown = Shutdown::new();
        let task = shutdown.clone();
        shutdown.spawn(async move { task.stopping().await });
        assert!(!shutdown.is_draining());

        shutdown.stop();
        shutdown.wait().await;

        assert!(shutdown.is_draining());
    }
}
