//! Archives matters that were closed without stars and of which nothing more was heard.
use yunfa_signaling::time::Timestamp;

use crate::{
    domain::matter::SETTLES_MS,
    storage::{StorageError, Store},
};

/// Archives them and says how many there were. A second run finds nothing left to do.
pub async fn settle(store: &Store, now: Timestamp) -> Result<u32, StorageError> {
    store.settle_matters(Timestamp(now.0.saturating_sub(SETTLES_MS)), now).await
}
