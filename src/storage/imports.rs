//! Tables that are brought in: judged against what is there, kept in one transaction or not at all.
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use yunfa_signaling::{ids::LawyerId, time::Timestamp};

use super::{AuditNote, StorageError, Store, audit, entries, roster};
use crate::domain::{
    import::{Places, Report, people, roster as rosters, sheet::SheetError},
    people::LicenceNo,
    roster::MAX_AHEAD_MS,
};

/// What is brought in, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The file as it came.
    pub bytes: &'a [u8],
    /// Whose id stands in the audit log.
    pub actor: &'a str,
    /// Keeps what is good; otherwise it is a preview, and nothing changes.
    pub apply: bool,
}

/// What came of a firm's table.
#[derive(Debug)]
pub struct PeopleImported {
    /// What is told.
    pub report: Report,
    /// People who were known and have changed.
    pub changed: Vec<LawyerId>,
}

impl Store {
    /// Brings in a firm's people. `mint` makes the ids of those who are new; all good lines are kept at once, and bringing the
    /// same table in again changes nothing.
    pub async fn import_people(
        &self,
        firm: &str,
        import: Import<'_>,
        mint: impl Fn() -> LawyerId,
        now: Timestamp,
    ) -> Result<Result<PeopleImported, SheetError>, StorageError> {
        let places = Places::new(&self.areas().await?);
        let table = match people::read(import.bytes, &places) {
            Ok(table) => table,
            Err(refused) => return Ok(Err(refused)),
        };
        if !import.apply {
            let plan = table.plan(firm, &self.licensed(None, now).await?);
            return Ok(Ok(PeopleImported { report: plan.report, changed: vec![] }));
        }
        let mut tx = self.begin().await?;
        let known = self.licensed(Some(&mut tx), now).await?;
        let plan = table.plan(firm, &known);
        for entry in &plan.add {
            entries::insert(&mut tx, mint(), Some(firm), entry, now).await?;
        }
        for (id, entry) in &plan.change {
            entries::change(&mut tx, *id, None, entry).await?;
        }
        let hash = Sha256::digest(import.bytes).into();
        let note =
            AuditNote { actor: import.actor, action: "people.imported", object_kind: "firm", object: firm, hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        let report = Report { applied: true, ..plan.report };
        Ok(Ok(PeopleImported { report, changed: plan.change.into_iter().map(|(id, _)| id).collect() }))
    }

    /// Brings in a duty roster in the same way.
    pub async fn import_roster(
        &self,
        import: Import<'_>,
        mint: impl Fn() -> uuid::Uuid,
        now: Timestamp,
    ) -> Result<Result<Report, SheetError>, StorageError> {
        let places = Places::new(&self.areas().await?);
        let people: BTreeMap<LicenceNo, (LawyerId, String)> = self
            .licensed(None, now)
            .await?
            .into_iter()
            .map(|(licence, known)| (licence, (known.id, known.entry.name.into_inner())))
            .collect();
        let until = Timestamp(now.0.saturating_add(2 * MAX_AHEAD_MS));
        if !import.apply {
            let planned = roster::planned(self.read(), now, until).await?;
            return Ok(rosters::plan(import.bytes, &places, &people, &planned, now).map(|plan| plan.report));
        }
        let mut tx = self.begin().await?;
        let planned = roster::planned(&mut *tx, now, until).await?;
        let plan = match rosters::plan(import.bytes, &places, &people, &planned, now) {
            Ok(plan) => plan,
            Err(refused) => return Ok(Err(refused)),
        };
        for shift in &plan.add {
            roster::insert(&mut tx, &mint().to_string(), shift, now).await?;
        }
        let hash = Sha256::digest(import.bytes).into();
        let note =
            AuditNote { actor: import.actor, action: "roster.imported", object_kind: "roster", object: "", hash };
        audit::append(&mut tx, &note, now).await?;
        tx.commit().await?;
        Ok(Ok(Report { applied: true, ..plan.report }))
    }
}
