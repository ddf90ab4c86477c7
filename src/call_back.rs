//! Whoever is called back and has no page open is told by a message to the phone, when there is a number.
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::{app::App, live::Called};

/// Those who are to be told; beyond that nobody waits for a message that would come too late.
pub const MAILBOX: usize = 256;

/// Tells them until the server stops.
pub async fn tell(app: &App, mut called: mpsc::Receiver<Called>) {
    loop {
        let next = tokio::select! {
            next = called.recv() => next,
            () = app.shutdown.stopping() => None,
        };
        let Some(Called { citizen, until }) = next else { return };
        match app.store.phone(citizen).await {
            Ok(Some(phone)) => app.sms.tell_called(&phone, until),
            Ok(None) => debug!(citizen.id = ?citizen, "somebody is called back who left no number"),
            Err(cause) => {
                warn!(citizen.id = ?citizen, "the number of somebody who is called back cannot be read: {cause}")
            }
        }
    }
}
