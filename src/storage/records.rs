//! Service records: sealed once with their audit entry and outbox row, read whole, listed.
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction, any::AnyRow};
use yunfa_signaling::{
    ids::{AnswerId, AreaCode, ConsultationId, LawyerId, RecordId, SessionId},
    milestone::Milestone,
    time::Timestamp,
    words::Outcome,
};

use super::{
    StorageError, Store,
    audit::{self, AuditNote},
    keys::hex,
    ledger,
    nodes::Lease,
    row::{Columns, statements},
    sessions::{Cursor, LawyerRef, ListFilter, Page},
};
use crate::crash_point::crash_point;
use crate::domain::{
    calendar::Calendar,
    people::AreaLevel,
    rating::{Rating, Stars},
    service_record::{AreaPath, ClosedBy, Closing, FoldError, LawyerSnapshot, ServiceRecord, Snapshots, fold},
};

statements! {
    SESSION = "SELECT id, consultation, lawyer, state, accepted_at, ended_at FROM sessions WHERE id = $1";
    SEALED = "SELECT id, source, two_way_s, sealed_at FROM service_records WHERE source = $1 AND lawyer = $2";
    SEALED_SESSION = "SELECT id, source, two_way_s, sealed_at FROM service_records WHERE source = $1";
    CONSULTATION_OF = "SELECT consultation AS id FROM sessions WHERE id = $1";
    SNAPSHOT = "SELECT id, provider_type, firm, pool, public_office, licence_no, qualification FROM lawyers WHERE id = $1";
    CITIZEN_REF = "SELECT z.id AS id, z.ref AS ref FROM consultations c JOIN citizens z ON z.id = c.citizen WHERE c.id = $1";
    AREA_OF = "SELECT area AS id FROM consultations WHERE id = $1";
    AREA = "SELECT code AS id, parent, level FROM areas WHERE code = $1";
    INSERT_RECORD = "INSERT INTO service_records (id, source, source_kind, consultation, lawyer, schema_version, body, hash, audit_seq, \
        sealed_at, closed_by, precision_s, two_way_s, outcome, payable, period, local_date) \
        VALUES ($1, $2, $17, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (source, lawyer) DO NOTHING";
    SEAL_SESSION = "UPDATE sessions SET state = 'SEALED' WHERE id = $1";
    INSERT_OUTBOX = "INSERT INTO outbox (id, kind, object, body, created_at) VALUES ($1, $2, $3, $4, $5)";
    RECORD = "SELECT r.id AS id, r.body, r.hash, r.audit_seq, r.sealed_at, r.closed_by, r.precision_s, a.leaf, l.name AS lawyer_name, \
        COALESCE(g.amended_stars, g.stars) AS stars, g.rated_at FROM service_records r JOIN audit_entries a ON a.seq = r.audit_seq LEFT JOIN lawyers l ON l.id = r.lawyer \
        LEFT JOIN ratings g ON g.consultation = r.consultation AND g.voided_at IS NULL WHERE r.id = $1";
    RECORDS = "SELECT r.id AS id, r.source, r.source_kind, r.consultation, r.lawyer, l.name AS lawyer_name, r.sealed_at, r.closed_by, r.precision_s, \
        r.two_way_s, r.outcome, r.payable, r.local_date, COALESCE(g.amended_stars, g.stars) AS stars FROM service_records r LEFT JOIN lawyers l ON l.id = r.lawyer \
        LEFT JOIN ratings g ON g.consultation = r.consultation AND g.voided_at IS NULL WHERE (r.lawyer = $1 OR $1 = '') \
        AND (r.sealed_at < $2 OR (r.sealed_at = $2 AND r.id < $3)) ORDER BY r.sealed_at DESC, r.id DESC LIMIT $4";
}

/// What is to be sealed and how.
#[derive(Clone, Copy, Debug)]
pub struct SealOrder {
    /// Which session.
    pub session: SessionId,
    /// By whom, how exactly and when.
    pub closing: Closing,
}

/// A record that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// Which record.
    pub record: RecordId,
    /// Of which session.
    pub session: SessionId,
    /// Seconds in which media of both legs arrived.
    pub two_way_s: u32,
    /// When it was sealed; of a second sealing, the time of the first.
    pub sealed_at: Timestamp,
}

/// What closing a matter has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Events that were not there before.
    pub events: u32,
    /// A record was sealed that was not before.
    pub sealed: bool,
}

/// One record in full: the body of `GET /api/records/{id}`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// What was sealed.
    #[serde(flatten)]
    pub record: ServiceRecord,
    /// The lawyer's name today; not part of what is sealed.
    pub lawyer_name: Option<String>,
    /// The asker's stars as they count now, joined to the record and not part of it.
    pub rating: Option<Rating>,
    /// How it can be proved.
    pub seal: SealView,
}

/// By what a record can be proved: recompute SHA-256 of its stored bytes, find it in the leaf's entry, and the leaf in the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealView {
    /// The entry of the audit log.
    pub seq: i64,
    /// Its leaf hash (RFC 6962), hexadecimal.
    pub leaf: String,
    /// SHA-256 of the record's bytes, hexadecimal.
    pub hash: String,
    /// When.
    pub sealed_at: Timestamp,
    /// By whom.
    pub closed_by: ClosedBy,
    /// How many seconds may be missing.
    pub precision_s: u32,
}

/// One line of the list of records.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordRow {
    /// Which record.
    pub record: RecordId,
    /// Of which session; of a text answer, the answer's id.
    pub session: SessionId,
    /// `SESSION` or `ANSWER`.
    pub source_kind: String,
    /// Of which matter.
    pub consultation: ConsultationId,
    /// Whose.
    pub lawyer: LawyerRef,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// By whom.
    pub closed_by: ClosedBy,
    /// How many seconds may be missing.
    pub precision_s: u32,
    /// Seconds in which media of both legs arrived.
    pub two_way_s: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// Outcome and evidence allow payment.
    pub payable: bool,
    /// The date in Shanghai.
    pub local_date: String,
    /// The asker's stars.
    pub stars: Option<u32>,
}

/// The session's row as the seal needs it.
struct Session {
    consultation: ConsultationId,
    lawyer: LawyerId,
    accepted_at: Timestamp,
    ended: bool,
}

impl Store {
    /// Writes the events, then seals, all in one transaction of `lease`: the record, its audit entry and its outbox row
    /// are there together or not at all. A session that is sealed stays as it is. Says what was new in it.
    pub async fn close_and_seal(
        &self,
        lease: &Lease,
        events: &[Milestone],
        seal: Option<SealOrder>,
        calendar: &Calendar,
    ) -> Result<Closed, StorageError> {
        let mut tx = self.begin_as(lease).await?;
        let mut closed = Closed::default();
        for event in events {
            closed.events += u32::from(ledger::append(&mut tx, lease, event).await?);
        }
        if let Some(order) = seal {
            closed.sealed = !seal_in(&mut tx, lease, order, calendar).await?.1;
        }
        crash_point("seal-uncommitted");
        tx.commit().await?;
        Ok(closed)
    }

    /// Seals the record of a session that is over; of one that is sealed, returns the record it has.
    pub async fn seal(
        &self,
        lease: &Lease,
        order: SealOrder,
        calendar: &Calendar,
    ) -> Result<SealedRecord, StorageError> {
        let mut tx = self.begin_as(lease).await?;
        let (sealed, _) = seal_in(&mut tx, lease, order, calendar).await?;
        crash_point("seal-uncommitted");
        tx.commit().await?;
        Ok(sealed)
    }

    /// The matter of a session.
    pub async fn consultation_of(&self, session: SessionId) -> Result<Option<ConsultationId>, StorageError> {
        let row = sqlx::query(CONSULTATION_OF).bind(session.to_string()).fetch_optional(self.read()).await?;
        row.map(|row| Columns::of("sessions", &row).parsed("id")).transpose()
    }

    /// The record of a session, when it is sealed.
    pub async fn sealed(&self, session: SessionId) -> Result<Option<SealedRecord>, StorageError> {
        let row = sqlx::query(SEALED_SESSION).bind(session.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(sealed_record).transpose()
    }

    /// One record in full.
    pub async fn record(&self, id: RecordId) -> Result<Option<RecordView>, StorageError> {
        let row = sqlx::query(RECORD).bind(id.to_string()).fetch_optional(self.read()).await?;
        let Some(row) = row else { return Ok(None) };
        let of = Columns::of("service_records", &row);
        let stars = of.opt_int("stars")?.and_then(|stars| u8::try_from(stars).ok()?.try_into().ok());
        let rating =
            stars.zip(of.opt_time("rated_at")?).map(|(stars, rated_at): (Stars, _)| Rating { stars, rated_at });
        Ok(Some(RecordView {
            record: of.json("body")?,
            lawyer_name: of.opt_text("lawyer_name")?,
            rating,
            seal: SealView {
                seq: of.int("audit_seq")?,
                leaf: hex(&of.hash("leaf")?),
                hash: hex(&of.hash("hash")?),
                sealed_at: of.time("sealed_at")?,
                closed_by: of.parsed("closed_by")?,
                precision_s: of.count("precision_s")?,
            },
        }))
    }

    /// Records, the newest first, one page of at most `limit`.
    pub async fn records(
        &self,
        filter: ListFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<RecordRow>, StorageError> {
        let from = Cursor::read(cursor);
        let rows = sqlx::query(RECORDS)
            .bind(filter.lawyer_text())
            .bind(from.at)
            .bind(&from.id)
            .bind(Page::<RecordRow>::rows(limit))
            .fetch_all(self.read())
            .await?;
        let items = rows.iter().map(record_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, |row| Cursor { at: row.sealed_at.0, id: row.record.to_string() }))
    }
}

/// Seals, and says whether it was sealed before.
async fn seal_in(
    tx: &mut Transaction<'static, Any>,
    lease: &Lease,
    order: SealOrder,
    calendar: &Calendar,
) -> Result<(SealedRecord, bool), StorageError> {
    let SealOrder { session, closing } = order;
    let found = session_row(tx, session).await?;
    if let Some(sealed) = sealed_in(tx, session, found.lawyer).await? {
        return Ok((sealed, true));
    }
    if !found.ended {
        return Err(StorageError::NotSealable(session, "it is not over"));
    }
    let milestones = ledger::events_in(tx, found.consultation).await?;
    let evidence = ledger::evidence_in(tx, session).await?;
    let snapshots = snapshots(tx, &found).await?;
    let id = record_id(session, found.lawyer, found.accepted_at);
    let record = fold(id, session, &milestones, evidence.as_ref(), snapshots, calendar, closing).map_err(|error| {
        StorageError::NotSealable(
            session,
            match error {
                FoldError::NeverOpened => "its matter was never opened",
                FoldError::NeverAccepted => "nobody accepted it",
                FoldError::NoOutcome => "the outcome is not in",
            },
        )
    })?;
    insert(tx, lease, &record, found.lawyer).await?;
    Ok((SealedRecord { record: id, session, two_way_s: record.two_way_s, sealed_at: closing.at }, false))
}

/// Record, audit entry, outbox row, session state.
pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    lease: &Lease,
    record: &ServiceRecord,
    lawyer: LawyerId,
) -> Result<(), StorageError> {
    let id = record.record_id.to_string();
    let body = serde_json::to_string(record).expect("a record is always JSON");
    let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    let note = AuditNote { actor: &lease.node, action: "seal", object_kind: "record", object: &id, hash };
    let entry = audit::append(tx, &note, record.sealed_at).await?;
    let inserted = sqlx::query(INSERT_RECORD)
        .bind(&id)
        .bind(record.session_id.to_string())
        .bind(record.consultation_id.to_string())
        .bind(lawyer.to_string())
        .bind(i64::from(record.schema_version))
        .bind(&body)
        .bind(hash.to_vec())
        .bind(entry.seq)
        .bind(record.sealed_at.0)
        .bind(record.closed_by.as_str())
        .bind(i64::from(record.precision_s))
        .bind(i64::from(record.two_way_s))
        .bind(record.outcome.as_str())
        .bind(i64::from(record.payable))
        .bind(&record.period)
        .bind(&record.local_date)
        .bind(if record.answer.is_some() { "ANSWER" } else { "SESSION" })
        .execute(&mut **tx)
        .await?;
    if inserted.rows_affected() == 0 {
        // Somebody else sealed between our look and our write; nothing of ours is kept.
        return Err(StorageError::AlreadySealed(record.record_id));
    }
    sqlx::query(SEAL_SESSION).bind(record.session_id.to_string()).execute(&mut **tx).await?;
    let news = serde_json::json!({
        "record": id,
        "session": record.session_id,
        "consultation": record.consultation_id,
        "lawyer": lawyer,
        "hash": hex(&hash),
        "leaf": hex(&entry.leaf),
        "seq": entry.seq,
        "sealedAt": record.sealed_at,
    });
    sqlx::query(INSERT_OUTBOX)
        .bind(format!("record.sealed/{id}"))
        .bind("record.sealed")
        .bind(record.consultation_id.to_string())
        .bind(news.to_string())
        .bind(record.sealed_at.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn session_row(tx: &mut Transaction<'static, Any>, session: SessionId) -> Result<Session, StorageError> {
    let row = sqlx::query(SESSION).bind(session.to_string()).fetch_optional(&mut **tx).await?;
    let row = row.ok_or(StorageError::NotSealable(session, "there is no such session"))?;
    let of = Columns::of("sessions", &row);
    let (Some(lawyer), Some(accepted_at)) = (of.opt_parsed("lawyer")?, of.opt_time("accepted_at")?) else {
        return Err(StorageError::NotSealable(session, "nobody accepted it"));
    };
    Ok(Session {
        consultation: of.parsed("consultation")?,
        lawyer,
        accepted_at,
        ended: of.opt_time("ended_at")?.is_some(),
    })
}

async fn sealed_in(
    tx: &mut Transaction<'static, Any>,
    session: SessionId,
    lawyer: LawyerId,
) -> Result<Option<SealedRecord>, StorageError> {
    let query = sqlx::query(SEALED).bind(session.to_string()).bind(lawyer.to_string());
    query.fetch_optional(&mut **tx).await?.as_ref().map(sealed_record).transpose()
}

fn sealed_record(row: &AnyRow) -> Result<SealedRecord, StorageError> {
    let of = Columns::of("service_records", row);
    Ok(SealedRecord {
        record: of.parsed("id")?,
        session: of.parsed("source")?,
        two_way_s: of.count("two_way_s")?,
        sealed_at: of.time("sealed_at")?,
    })
}

async fn snapshots(tx: &mut Transaction<'static, Any>, session: &Session) -> Result<Snapshots, StorageError> {
    let consultation = session.consultation.to_string();
    let asker = sqlx::query(CITIZEN_REF).bind(&consultation).fetch_optional(&mut **tx).await?;
    let citizen_ref = match asker {
        Some(row) => Columns::of("citizens", &row).text("ref")?,
        // An asker who was erased leaves no reference behind.
        None => String::new(),
    };
    let row = sqlx::query(AREA_OF).bind(&consultation).fetch_one(&mut **tx).await?;
    snapshots_of(tx, session.lawyer, citizen_ref, &Columns::of("consultations", &row).text("id")?).await
}

/// The lawyer and the place as the store knows them in this transaction.
pub(super) async fn snapshots_of(
    tx: &mut Transaction<'static, Any>,
    lawyer: LawyerId,
    citizen_ref: String,
    area: &str,
) -> Result<Snapshots, StorageError> {
    let row = sqlx::query(SNAPSHOT).bind(lawyer.to_string()).fetch_optional(&mut **tx).await?;
    let row =
        row.ok_or_else(|| StorageError::inconsistent("lawyers", lawyer.to_string(), "has served, is not there"))?;
    let of = Columns::of("lawyers", &row);
    let lawyer = LawyerSnapshot {
        lawyer_id: lawyer,
        provider_type: of.parsed("provider_type")?,
        firm_id: of.opt_text("firm")?,
        pool: of.parsed("pool")?,
        public_office: of.flag("public_office")?,
        licence_no: of.opt_text("licence_no")?,
        qualification: of.parsed("qualification")?,
    };
    Ok(Snapshots { lawyer, citizen_ref, area: area_path(tx, area).await? })
}

/// A place, from the level named up to the county.
async fn area_path(tx: &mut Transaction<'static, Any>, area: &str) -> Result<AreaPath, StorageError> {
    let mut next = Some(area.to_owned());
    let mut path = AreaPath::default();
    // Three levels and no more, so that a tree that was broken into a ring is no endless way.
    for _ in 0..3 {
        let Some(code) = next.take() else { break };
        let Some(row) = sqlx::query(AREA).bind(code).fetch_optional(&mut **tx).await? else { break };
        let of = Columns::of("areas", &row);
        let code: AreaCode = of.parsed("id")?;
        match of.parsed("level")? {
            AreaLevel::County => path.county = Some(code),
            AreaLevel::Town => path.town = Some(code),
            AreaLevel::Village => path.village = Some(code),
        }
        next = of.opt_text("parent")?;
    }
    Ok(path)
}

/// The id of a record follows from what it is of, so that sealing twice cannot make two: UUID v7 (RFC 9562 section 5.7)
/// of the moment of acceptance, its random bits taken from the hash of session and lawyer.
fn record_id(session: SessionId, lawyer: LawyerId, accepted_at: Timestamp) -> RecordId {
    let hash = Sha256::digest(format!("record/{session}/{lawyer}"));
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    let ms = u64::try_from(accepted_at.0).unwrap_or(0);
    RecordId::new(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
}

/// The same of an answer to a text question.
pub(super) fn answer_record_id(answer: AnswerId, lawyer: LawyerId, claimed_at: Timestamp) -> RecordId {
    record_id(SessionId::new(answer.uuid()), lawyer, claimed_at)
}

fn record_row(row: &AnyRow) -> Result<RecordRow, StorageError> {
    let of = Columns::of("service_records", row);
    let lawyer = LawyerRef { id: of.parsed("lawyer")?, name: of.opt_text("lawyer_name")?.unwrap_or_default() };
    Ok(RecordRow {
        record: of.parsed("id")?,
        session: of.parsed("source")?,
        source_kind: of.text("source_kind")?,
        consultation: of.parsed("consultation")?,
        lawyer,
        sealed_at: of.time("sealed_at")?,
        closed_by: of.parsed("closed_by")?,
        precision_s: of.count("precision_s")?,
        two_way_s: of.count("two_way_s")?,
        outcome: of.parsed("outcome")?,
        payable: of.flag("payable")?,
        local_date: of.text("local_date")?,
        stars: of.opt_int("stars")?.and_then(|stars| u32::try_from(stars).ok()),
    })
}
