//! Who may write: each node's lease with its rising epoch.
use serde::{Deserialize, Serialize};
use sqlx::{Any, Transaction};
use yunfa_signaling::time::Timestamp;

use super::{
    StorageError, Store,
    row::{Columns, statements},
};

/// How long a lease lasts without being renewed. Longer leaves a dead node's sessions open longer; shorter takes them
/// from a node that only paused.
pub const LEASE_MS: i64 = 15_000;

statements! {
    TAKE = "INSERT INTO nodes (id, epoch, started_at, renewed_at, expires_at) VALUES ($1, 1, $2, $2, $3) \
        ON CONFLICT (id) DO UPDATE SET epoch = nodes.epoch + 1, started_at = excluded.started_at, \
        renewed_at = excluded.renewed_at, expires_at = excluded.expires_at RETURNING epoch";
    RENEW = "UPDATE nodes SET renewed_at = $3, expires_at = $4 WHERE id = $1 AND epoch = $2";
    /// Changes nothing, but locks the row until the transaction ends, so that no other node takes over meanwhile.
    GUARD = "UPDATE nodes SET renewed_at = renewed_at WHERE id = $1 AND epoch = $2";
    TAKE_OVER = "UPDATE nodes SET epoch = epoch + 1 WHERE expires_at < $1 AND id <> $2";
}

/// A node's right to write, until another one takes it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which node.
    pub node: String,
    /// Rises each time the lease is taken.
    pub epoch: i64,
}

impl Store {
    /// Takes the lease of `node`. Whoever held it can write no more: a process that comes back from a long sleep, or a
    /// second one that was started by mistake.
    pub async fn take_lease(&self, node: &str, now: Timestamp) -> Result<Lease, StorageError> {
        let expires = now.0.saturating_add(LEASE_MS);
        let row = sqlx::query(TAKE).bind(node).bind(now.0).bind(expires).fetch_one(self.write()).await?;
        Ok(Lease { node: node.to_owned(), epoch: Columns::of("nodes", &row).int("epoch")? })
    }

    /// Renews a lease; [`StorageError::Fenced`] when it was taken over.
    pub async fn renew_lease(&self, lease: &Lease, now: Timestamp) -> Result<(), StorageError> {
        let expires = now.0.saturating_add(LEASE_MS);
        let query = sqlx::query(RENEW).bind(&lease.node).bind(lease.epoch).bind(now.0).bind(expires);
        held(lease, query.execute(self.write()).await?.rows_affected())
    }

    /// Makes sure that `lease` was not taken over and that the database takes something: [`StorageError::Fenced`] or a
    /// passing error when not.
    pub async fn hold_lease(&self, lease: &Lease) -> Result<(), StorageError> {
        Ok(self.begin_as(lease).await?.commit().await?)
    }

    /// Ends the leases of other nodes that were not renewed in time, so that what they still write changes nothing.
    pub(super) async fn end_lapsed_leases(&self, lease: &Lease, now: Timestamp) -> Result<u64, StorageError> {
        let done = sqlx::query(TAKE_OVER).bind(now.0).bind(&lease.node).execute(self.write()).await?;
        Ok(done.rows_affected())
    }

    /// Begins a transaction of `lease`; [`StorageError::Fenced`] when it was taken over.
    pub(super) async fn begin_as(&self, lease: &Lease) -> Result<Transaction<'static, Any>, StorageError> {
        let mut tx = self.begin().await?;
        let query = sqlx::query(GUARD).bind(&lease.node).bind(lease.epoch);
        held(lease, query.execute(&mut *tx).await?.rows_affected())?;
        Ok(tx)
    }
}

fn held(lease: &Lease, rows: u64) -> Result<(), StorageError> {
    if rows == 1 { Ok(()) } else { Err(StorageError::Fenced { epoch: lease.epoch }) }
}
