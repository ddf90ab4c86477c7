//! Who must not be rung for what: conflicts of interest of an incident, declared by declining or written down by the office.
use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};
use yunfa_signaling::{
    consultation::Known,
    ids::{CitizenId, ConsultationId, LawyerId},
    time::Timestamp,
    words::Grade,
};

use super::{
    AuditNote, StorageError, Store, audit,
    keys::{Place, Sealed},
    reopenings::COUNTS_MS,
    row::{Columns, statements},
    sessions::LawyerRef,
};

/// Matters of one incident that are told of a conflict at once; more wait nowhere.
const MOST: i64 = 10_000;

statements! {
    MATTER = "SELECT c.matter AS id FROM consultations c WHERE c.id = $1";
    MATTER_TO_COME = "SELECT r.matter AS id FROM reopenings r WHERE r.consultation = $1 AND r.citizen = $2 AND r.at > $3";
    /// Whoever declined for a conflict in the matter, in the one it points to, or in any of its incident; whom the office keeps out of it.
    BARRED = "SELECT o.lawyer AS id FROM matters m JOIN matters x ON x.id = m.id OR x.id = m.previous OR x.tag = m.tag \
        JOIN consultations c ON c.matter = x.id JOIN offers o ON o.consultation = c.id \
        WHERE m.id = $1 AND o.reason = 'CONFLICT_OF_INTEREST' \
        UNION SELECT i.lawyer AS id FROM matters m JOIN incident_conflicts i ON i.tag = m.tag WHERE m.id = $1 AND i.lifted_at IS NULL";
    GRADES = "SELECT DISTINCT x.grade AS id FROM matters m JOIN matters x ON x.id = m.id OR x.tag = m.tag WHERE m.id = $1";
    BESIDE = "SELECT c.id AS id FROM matters m JOIN matters x ON x.id = m.id OR x.tag = m.tag JOIN consultations c ON c.matter = x.id \
        WHERE m.id = $1 AND c.state IN ('OPEN', 'MATCHING', 'ON_HOLD', 'UNSERVED', 'ASSIGNED') ORDER BY c.created_at DESC LIMIT $2";
    OF_INCIDENT = "SELECT c.id AS id FROM matters x JOIN consultations c ON c.matter = x.id \
        WHERE x.tag = $1 AND c.state IN ('OPEN', 'MATCHING', 'ON_HOLD', 'UNSERVED', 'ASSIGNED') ORDER BY c.created_at DESC LIMIT $2";
    IS_INCIDENT = "SELECT id FROM incident_tags WHERE id = $1";
    DECLARED = "SELECT o.lawyer AS id, l.name, MIN(o.decided_at) AS at FROM matters x JOIN consultations c ON c.matter = x.id \
        JOIN offers o ON o.consultation = c.id LEFT JOIN lawyers l ON l.id = o.lawyer \
        WHERE x.tag = $1 AND o.reason = 'CONFLICT_OF_INTEREST' GROUP BY o.lawyer, l.name ORDER BY o.lawyer";
    WRITTEN = "SELECT i.id AS id, i.lawyer, l.name, i.reason_sealed, i.at, h.name AS actor_name FROM incident_conflicts i \
        LEFT JOIN lawyers l ON l.id = i.lawyer LEFT JOIN staff h ON h.id = i.actor WHERE i.tag = $1 AND i.lifted_at IS NULL ORDER BY i.at, i.id";
    BAR = "INSERT INTO incident_conflicts (id, tag, lawyer, reason_sealed, actor, at) VALUES ($1, $2, $3, $4, $5, $6)";
    IN_FORCE = "SELECT id FROM incident_conflicts WHERE tag = $1 AND lawyer = $2 AND lifted_at IS NULL";
    LIFT = "UPDATE incident_conflicts SET lifted_by = $3, lifted_at = $4 WHERE tag = $1 AND lawyer = $2 AND lifted_at IS NULL";
    /// Incidents in which a lawyer is rung for nothing; matters without an incident count as one each.
    COUNT_OWN = "SELECT COUNT(*) AS n FROM (SELECT COALESCE(x.tag, x.id) AS place FROM offers o JOIN consultations c ON c.id = o.consultation \
        JOIN matters x ON x.id = c.matter WHERE o.lawyer = $1 AND o.reason = 'CONFLICT_OF_INTEREST' \
        UNION SELECT i.tag AS place FROM incident_conflicts i WHERE i.lawyer = $1 AND i.lifted_at IS NULL) p";
}

/// A lawyer who is rung for nothing of an incident.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictRow {
    /// Who.
    pub lawyer: LawyerRef,
    /// Declared by the lawyer, or written down by the office.
    pub source: &'static str,
    /// Why, when the office wrote it down.
    pub reason: Option<String>,
    /// Who of the office.
    pub by: Option<String>,
    /// Since when.
    pub at: Option<Timestamp>,
}

/// Whether a lawyer was kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// From now on.
    Out,
    /// Already was.
    AlreadyOut,
    /// There is no such incident.
    NoSuchIncident,
}

impl Store {
    /// What is known of the matter of a consultation that runs, or that this citizen asks for now.
    pub async fn known(
        &self,
        consultation: ConsultationId,
        citizen: CitizenId,
        now: Timestamp,
    ) -> Result<Known, StorageError> {
        let id = consultation.to_string();
        let mut found = sqlx::query(MATTER).bind(&id).fetch_optional(self.read()).await?;
        if found.is_none() {
            let query = sqlx::query(MATTER_TO_COME).bind(&id).bind(citizen.to_string());
            found = query.bind(now.0.saturating_sub(COUNTS_MS)).fetch_optional(self.read()).await?;
        }
        let Some(row) = found else { return Ok(Known::default()) };
        let Some(matter) = Columns::of("consultations", &row).opt_text("id")? else { return Ok(Known::default()) };
        let rows = sqlx::query(BARRED).bind(&matter).fetch_all(self.read()).await?;
        let barred =
            rows.iter().map(|row| Columns::of("offers", row).parsed("id")).collect::<Result<BTreeSet<_>, _>>()?;
        let rows = sqlx::query(GRADES).bind(&matter).fetch_all(self.read()).await?;
        let grades = rows.iter().map(|row| Columns::of("matters", row).parsed("id"));
        let grades = grades.collect::<Result<Vec<Grade>, _>>()?;
        Ok(Known { grade: grades.into_iter().max().unwrap_or(Grade::Normal), barred })
    }

    /// Consultations that may wait for a lawyer, of this consultation's matter and its incident.
    pub async fn waiting_beside(&self, consultation: ConsultationId) -> Result<Vec<ConsultationId>, StorageError> {
        let row = sqlx::query(MATTER).bind(consultation.to_string()).fetch_optional(self.read()).await?;
        let Some(row) = row else { return Ok(vec![]) };
        let Some(matter) = Columns::of("consultations", &row).opt_text("id")? else { return Ok(vec![]) };
        let rows = sqlx::query(BESIDE).bind(matter).bind(MOST).fetch_all(self.read()).await?;
        rows.iter().map(|row| Columns::of("consultations", row).parsed("id")).collect()
    }

    /// Consultations of an incident that may wait for a lawyer.
    pub async fn waiting_of(&self, incident: &str) -> Result<Vec<ConsultationId>, StorageError> {
        let rows = sqlx::query(OF_INCIDENT).bind(incident).bind(MOST).fetch_all(self.read()).await?;
        rows.iter().map(|row| Columns::of("consultations", row).parsed("id")).collect()
    }

    /// Who is rung for nothing of an incident; `None` when there is no such incident.
    pub async fn conflicts(&self, incident: &str) -> Result<Option<Vec<ConflictRow>>, StorageError> {
        if sqlx::query(IS_INCIDENT).bind(incident).fetch_optional(self.read()).await?.is_none() {
            return Ok(None);
        }
        let mut all = vec![];
        for row in sqlx::query(WRITTEN).bind(incident).fetch_all(self.read()).await? {
            let of = Columns::of("incident_conflicts", &row);
            let sealed = Sealed::from_bytes(of.bytes("reason_sealed")?);
            all.push(ConflictRow {
                lawyer: LawyerRef { id: of.parsed("lawyer")?, name: of.opt_text("name")?.unwrap_or_default() },
                source: "OFFICE",
                reason: Some(self.keys().open_text(reason_of(&of.text("id")?), &sealed)?),
                by: of.opt_text("actor_name")?,
                at: Some(of.time("at")?),
            });
        }
        for row in sqlx::query(DECLARED).bind(incident).fetch_all(self.read()).await? {
            let of = Columns::of("offers", &row);
            all.push(ConflictRow {
                lawyer: LawyerRef { id: of.parsed("id")?, name: of.opt_text("name")?.unwrap_or_default() },
                source: "DECLARED",
                reason: None,
                by: None,
                at: of.opt_time("at")?,
            });
        }
        Ok(Some(all))
    }

    /// Keeps a lawyer out of an incident, with its audit entry.
    pub async fn keep_out(
        &self,
        id: &str,
        (incident, lawyer): (&str, LawyerId),
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Kept, StorageError> {
        let (lawyer, reason) = (lawyer.to_string(), reason.trim());
        let mut tx = self.begin().await?;
        if sqlx::query(IS_INCIDENT).bind(incident).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Kept::NoSuchIncident);
        }
        if sqlx::query(IN_FORCE).bind(incident).bind(&lawyer).fetch_optional(&mut *tx).await?.is_some() {
            return Ok(Kept::AlreadyOut);
        }
        let sealed = self.keys().seal_text(reason_of(id), reason)?;
        let query = sqlx::query(BAR).bind(id).bind(incident).bind(&lawyer).bind(sealed.into_bytes());
        query.bind(actor).bind(now.0).execute(&mut *tx).await?;
        let hash = Sha256::digest(format!("{incident}\n{lawyer}\n{reason}")).into();
        let note =
            AuditNote { actor, action: "incident.lawyer-barred", object_kind: "incident", object: incident, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Kept::Out)
    }

    /// Takes back what the office wrote down, with its audit entry: from the next matter on. `false` when there was nothing.
    pub async fn let_in(
        &self,
        (incident, lawyer): (&str, LawyerId),
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let lawyer = lawyer.to_string();
        let mut tx = self.begin().await?;
        let query = sqlx::query(LIFT).bind(incident).bind(&lawyer).bind(actor).bind(now.0);
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let hash = Sha256::digest(format!("{incident}\n{lawyer}")).into();
        let note =
            AuditNote { actor, action: "incident.lawyer-let-in", object_kind: "incident", object: incident, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// In how many incidents this lawyer is rung for nothing.
    pub async fn own_conflicts(&self, lawyer: LawyerId) -> Result<u32, StorageError> {
        let row = sqlx::query(COUNT_OWN).bind(lawyer.to_string()).fetch_one(self.read()).await?;
        Columns::of("offers", &row).count("n")
    }
}

const fn reason_of(row: &str) -> Place<'_> {
    Place { table: "incident_conflicts", row, column: "reason_sealed" }
}
