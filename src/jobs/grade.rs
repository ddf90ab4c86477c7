//! Raises the grade of matters that the rules find graver than anybody has said.
use yunfa_signaling::time::Timestamp;

use crate::storage::{Lease, StorageError, Store};

/// Raises them and says how many there were. A second run finds nothing left to do.
pub async fn grade(store: &Store, lease: &Lease, now: Timestamp) -> Result<u32, StorageError> {
    store.grade_by_rules(&lease.node, now).await
}
