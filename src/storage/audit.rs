//! The audit log: appended to in the transaction of what it tells of, recomputed from its first entry on demand.
use sqlx::{Any, Transaction};
use yunfa_signaling::time::Timestamp;

use super::{
    StorageError, Store,
    keys::hex,
    row::{Columns, statements},
};
use crate::domain::audit::{AuditEntry, AuditFault, Frontier, Hash, StoredEntry, Verifier, leaf_hash};

/// Entries read at once when the log is recomputed.
const PAGE: i64 = 1000;

statements! {
    /// Locks the head until the transaction ends: entries are appended one after the other.
    GROW = "UPDATE audit_head SET size = size + 1 WHERE id = 1 RETURNING id, size, frontier";
    SET_FRONTIER = "UPDATE audit_head SET frontier = $1 WHERE id = 1";
    INSERT_ENTRY = "INSERT INTO audit_entries (seq, at, body, leaf, root) VALUES ($1, $2, $3, $4, $5)";
    HEAD = "SELECT id, size, frontier FROM audit_head WHERE id = 1";
    ENTRIES = "SELECT seq, body, leaf, root FROM audit_entries WHERE seq >= $1 ORDER BY seq LIMIT $2";
}

/// What is to be written into the log.
#[derive(Clone, Debug)]
pub struct AuditNote<'a> {
    /// Who: a node, or a person's id.
    pub actor: &'a str,
    /// What was done.
    pub action: &'a str,
    /// To what kind of thing.
    pub object_kind: &'a str,
    /// To which one.
    pub object: &'a str,
    /// SHA-256 of the thing's own bytes; zeros where it has none.
    pub hash: Hash,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) seq: i64,
    pub(super) leaf: Hash,
}

impl Store {
    /// Writes an entry of its own, such as a supervisor's look at a record.
    pub async fn note(&self, note: &AuditNote<'_>, now: Timestamp) -> Result<(), StorageError> {
        let mut tx = self.begin().await?;
        append(&mut tx, note, now).await?;
        Ok(tx.commit().await?)
    }

    /// Recomputes the whole log: `Ok(Ok((entries, root)))` when it is what it was, `Ok(Err(fault))` where it is not.
    pub async fn verify_audit(&self) -> Result<Result<(u64, Hash), AuditFault>, StorageError> {
        // One snapshot, so that an entry appended meanwhile is not taken for a fault.
        let mut tx = self.begin_snapshot().await?;
        let mut verifier = Verifier::default();
        let mut next = 0;
        loop {
            let rows = sqlx::query(ENTRIES).bind(next).bind(PAGE).fetch_all(&mut *tx).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let of = Columns::of("audit_entries", row);
                let seq = of.int("seq")?;
                let entry = StoredEntry {
                    seq: u64::try_from(seq).map_err(|error| of.wrong("seq", error))?,
                    body: of.bytes("body")?,
                    leaf: of.hash("leaf")?,
                    root: of.hash("root")?,
                };
                if let Err(fault) = verifier.add(&entry) {
                    return Ok(Err(fault));
                }
                next = seq + 1;
            }
        }
        let row = sqlx::query(HEAD).fetch_one(&mut *tx).await?;
        let head = frontier(&Columns::of("audit_head", &row), 0)?;
        let size = head.size();
        Ok(verifier.finish(&head).map(|root| (size, root)))
    }
}

/// Appends an entry within a transaction.
pub(super) async fn append(
    tx: &mut Transaction<'static, Any>,
    note: &AuditNote<'_>,
    now: Timestamp,
) -> Result<Appended, StorageError> {
    let row = sqlx::query(GROW).fetch_one(&mut **tx).await?;
    let mut frontier = frontier(&Columns::of("audit_head", &row), 1)?;
    let entry = AuditEntry {
        seq: frontier.size(),
        at: now,
        actor: note.actor.to_owned(),
        action: note.action.to_owned(),
        object_kind: note.object_kind.to_owned(),
        object: note.object.to_owned(),
        hash: hex(&note.hash),
    };
    let body = entry.bytes();
    let leaf = leaf_hash(&body);
    frontier.append(leaf);
    let seq = i64::try_from(entry.seq).map_err(|error| StorageError::inconsistent("audit_head", "1", error))?;
    sqlx::query(INSERT_ENTRY)
        .bind(seq)
        .bind(now.0)
        .bind(body)
        .bind(leaf.to_vec())
        .bind(frontier.root().to_vec())
        .execute(&mut **tx)
        .await?;
    sqlx::query(SET_FRONTIER).bind(frontier.bytes()).execute(&mut **tx).await?;
    Ok(Appended { seq, leaf })
}

/// The stored edge of a tree that has `ahead` leaves fewer than its row says.
fn frontier(of: &Columns<'_>, ahead: i64) -> Result<Frontier, StorageError> {
    let size = u64::try_from(of.int("size")? - ahead).map_err(|error| of.wrong("size", error))?;
    Frontier::from_bytes(size, &of.bytes("frontier")?).map_err(|error| of.wrong("frontier", error))
}
