//! Tells what waits of conflicts of interest: a lawyer who declines for one is not rung for any other matter of the incident.
use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tracing::warn;
use yunfa_signaling::ids::{CitizenId, ConsultationId, LawyerId};

use crate::{app::App, storage::StorageError};

/// Declarations that wait; a desk says one at a time.
pub const MAILBOX: usize = 1024;

/// A lawyer has declined for a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// In which consultation.
    pub consultation: ConsultationId,
    /// Who.
    pub lawyer: LawyerId,
}

/// Tells them until the server stops.
pub async fn keep(app: &App, mut declared: mpsc::Receiver<Declared>) {
    loop {
        let next = tokio::select! {
            next = declared.recv() => next,
            () = app.shutdown.stopping() => None,
        };
        let Some(Declared { consultation, lawyer }) = next else { return };
        let told = match app.store.waiting_beside(consultation).await {
            // It may not be written down yet, so it is said beside what is.
            Ok(beside) => tell(app, beside, &[lawyer].into()).await,
            Err(cause) => Err(cause),
        };
        if let Err(cause) = told {
            let error = &cause as &dyn std::error::Error;
            warn!(consultation.id = ?consultation, error, "what waits cannot be told of a conflict; what is asked from now on will know");
        }
    }
}

/// Tells these consultations, where they run, what is known of them now, and that these lawyers have a conflict besides.
///
/// # Errors
/// When the store is away.
pub async fn tell(app: &App, waiting: Vec<ConsultationId>, besides: &BTreeSet<LawyerId>) -> Result<(), StorageError> {
    for consultation in waiting {
        // They are stored, so it does not matter who asks.
        let nobody = CitizenId::new(uuid::Uuid::nil());
        let mut known = app.store.known(consultation, nobody, app.clock.wall()).await?;
        known.barred.extend(besides);
        app.live.learned(consultation, known);
    }
    Ok(())
}
