//! The chain of a matter: its sessions, its sealed records as they were hashed, and the audit entries that prove them.
use yunfa_signaling::{
    ids::{ConsultationId, LawyerId, RecordId, SessionId},
    time::Timestamp,
};

use super::{
    StorageError, Store,
    keys::hex,
    row::{Columns, statements},
    sessions::{SessionRow, session_row, sessions_where},
};

/// Sessions and records of one matter at most; a matter that takes more is read by its lists.
const MOST: i64 = 500;

statements! {
    SESSIONS = sessions_where!("c.matter = $1 ORDER BY s.created_at, s.id LIMIT $2");
    RECORDS = "SELECT r.id AS id, r.source, r.lawyer, r.body, r.hash, r.audit_seq, r.sealed_at, r.outcome, r.two_way_s, r.local_date, r.payable, \
        a.leaf, a.body AS entry FROM service_records r JOIN audit_entries a ON a.seq = r.audit_seq \
        WHERE r.consultation IN (SELECT c.id FROM consultations c WHERE c.matter = $1 UNION ALL SELECT CAST($1 AS TEXT)) ORDER BY r.sealed_at, r.id LIMIT $2";
}

/// One sealed record as it stands in the store.
#[derive(Clone, Debug)]
pub struct SealedBytes {
    /// Which one.
    pub record: RecordId,
    /// Of which session, answer or order.
    pub source: String,
    /// Whose.
    pub lawyer: LawyerId,
    /// The bytes that were hashed.
    pub body: String,
    /// Their SHA-256, hexadecimal.
    pub hash: String,
    /// The entry of the audit log.
    pub seq: i64,
    /// Its leaf hash (RFC 6962), hexadecimal.
    pub leaf: String,
    /// The entry itself, as it was hashed.
    pub entry: String,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// What came of it.
    pub outcome: String,
    /// Seconds in which media of both legs arrived.
    pub two_way_s: u32,
    /// The date in Shanghai.
    pub local_date: String,
    /// Outcome and evidence allow payment.
    pub payable: bool,
}

/// A matter with all that belongs to it, in the order in which it happened.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its sessions.
    pub sessions: Vec<SessionRow>,
    /// Its sealed records.
    pub records: Vec<SealedBytes>,
}

impl Chain {
    /// What this lawyer has a part in.
    #[must_use]
    pub fn of_lawyer(mut self, lawyer: LawyerId) -> Self {
        self.sessions.retain(|row| row.lawyer.as_ref().is_some_and(|of| of.id == lawyer));
        self.records.retain(|record| record.lawyer == lawyer);
        self
    }

    /// The sessions, for their messages.
    pub fn session_ids(&self) -> Vec<SessionId> {
        self.sessions.iter().map(|row| row.session).collect()
    }
}

impl Store {
    /// The chain of a matter.
    pub async fn chain(&self, matter: ConsultationId) -> Result<Chain, StorageError> {
        let id = matter.to_string();
        let rows = sqlx::query(SESSIONS).bind(&id).bind(MOST).fetch_all(self.read()).await?;
        let sessions = rows.iter().map(session_row).collect::<Result<_, _>>()?;
        let rows = sqlx::query(RECORDS).bind(&id).bind(MOST).fetch_all(self.read()).await?;
        let records = rows
            .iter()
            .map(|row| {
                let of = Columns::of("service_records", row);
                let entry = String::from_utf8(of.bytes("entry")?).map_err(|error| of.wrong("entry", error))?;
                Ok(SealedBytes {
                    record: of.parsed("id")?,
                    source: of.text("source")?,
                    lawyer: of.parsed("lawyer")?,
                    body: of.text("body")?,
                    hash: hex(&of.hash("hash")?),
                    seq: of.int("audit_seq")?,
                    leaf: hex(&of.hash("leaf")?),
                    entry,
                    sealed_at: of.time("sealed_at")?,
                    outcome: of.text("outcome")?,
                    two_way_s: of.count("two_way_s")?,
                    local_date: of.text("local_date")?,
                    payable: of.flag("payable")?,
                })
            })
            .collect::<Result<_, StorageError>>()?;
        Ok(Chain { sessions, records })
    }
}
