//! Coming back to a matter: kept before the consultation is asked for, and found when it is.
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    consultation::Continuation,
    ids::{CitizenId, ConsultationId},
    time::Timestamp,
};

use super::{
    AuditNote, StorageError, Store, audit,
    row::{Columns, statements},
};
use crate::domain::matter::Return;

/// How long an intent counts: the page asks right after it, a bad link included.
pub(super) const COUNTS_MS: i64 = 10 * 60 * 1000;

statements! {
    INTEND = "INSERT INTO reopenings (consultation, matter, citizen, linked, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (consultation) DO NOTHING";
    FIND = "SELECT consultation AS id, matter, linked FROM reopenings WHERE consultation = $1 AND citizen = $2 AND at > $3";
    CONTINUES = "SELECT r.matter AS id, m.rating, m.grade, (SELECT COUNT(*) FROM sessions s JOIN consultations c ON c.id = s.consultation \
        WHERE c.matter = m.id AND s.started_at IS NOT NULL) AS services FROM reopenings r JOIN matters m ON m.id = r.matter \
        WHERE r.consultation = $1 AND r.citizen = $2 AND r.linked = 0 AND r.at > $3";
    PURGE = "DELETE FROM reopenings WHERE at < $1";
}

/// What the asker of a new consultation came back to.
pub(super) struct Intent {
    /// The matter.
    pub(super) matter: String,
    /// It was over for too long: a new one points to it.
    pub(super) linked: bool,
}

impl Store {
    /// Keeps what the asker means to come back to with this consultation, with its audit entry. `false` when the id was used.
    pub async fn intend_return(
        &self,
        consultation: ConsultationId,
        matter: ConsultationId,
        citizen: CitizenId,
        how: Return,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let (matter, citizen) = (matter.to_string(), citizen.to_string());
        let mut tx = self.begin().await?;
        let query = sqlx::query(INTEND).bind(consultation.to_string()).bind(&matter).bind(&citizen);
        let kept = query.bind(i64::from(how == Return::LinkedMatter)).bind(now.0).execute(&mut *tx).await?;
        if kept.rows_affected() == 0 {
            return Ok(false);
        }
        let action = "matter.reopened";
        let note = AuditNote { actor: &citizen, action, object_kind: "matter", object: &matter, hash: [0; 32] };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The matter with which a consultation that is asked now goes on.
    pub async fn continuation(
        &self,
        consultation: ConsultationId,
        citizen: CitizenId,
        now: Timestamp,
    ) -> Result<Option<Continuation>, StorageError> {
        let query = sqlx::query(CONTINUES).bind(consultation.to_string()).bind(citizen.to_string());
        let row = query.bind(now.0.saturating_sub(COUNTS_MS)).fetch_optional(self.read()).await?;
        row.map(|row| {
            let of = Columns::of("matters", &row);
            Ok(Continuation {
                matter: of.parsed("id")?,
                services: of.count("services")?,
                rated: of.opt_text("rating")?.is_some(),
                grade: of.parsed("grade")?,
            })
        })
        .transpose()
    }

    /// Forgets intents that came to nothing, or were kept elsewhere since; how many.
    pub async fn purge_reopenings(&self, before: Timestamp) -> Result<u64, StorageError> {
        Ok(sqlx::query(PURGE).bind(before.0).execute(self.write()).await?.rows_affected())
    }
}

/// What the asker of this consultation came back to.
pub(super) async fn find(
    tx: &mut Transaction<'static, Any>,
    consultation: &str,
    citizen: &str,
    at: Timestamp,
) -> Result<Option<Intent>, StorageError> {
    let since = at.0.saturating_sub(COUNTS_MS);
    let row = sqlx::query(FIND).bind(consultation).bind(citizen).bind(since).fetch_optional(&mut **tx).await?;
    row.map(|row| {
        let of = Columns::of("reopenings", &row);
        Ok(Intent { matter: of.text("matter")?, linked: of.flag("linked")? })
    })
    .transpose()
}
