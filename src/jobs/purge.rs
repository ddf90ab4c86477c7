//! Deletes what only opened doors: expired tokens, codes, counts of failed logins, returns that came to nothing, attachments that were never finished.
use yunfa_signaling::time::Timestamp;

use crate::storage::{StorageError, Store};

/// How long something expired is kept, so that "expired" can still be told from "never was" while somebody looks into it.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Deletes them and says how many rows went.
pub async fn purge(store: &Store, now: Timestamp) -> Result<u64, StorageError> {
    let before = Timestamp(now.0.saturating_sub(KEPT_MS));
    let opened = store.purge_credentials(before).await? + store.purge_reopenings(before).await?;
    Ok(opened + store.purge_attachment_parts(before).await?)
}
