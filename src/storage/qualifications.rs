//! The steps of a qualification: taken together with their audit entry, or not at all.
use sha2::{Digest, Sha256};
use sqlx::{Any, Transaction};
use yunfa_signaling::{ids::LawyerId, time::Timestamp, words::Role};

use super::{
    AuditNote, StorageError, Store, audit, invitations, people,
    row::{Columns, statements},
};
use crate::domain::{
    people::{Lawyer, Qualification},
    qualification::{self, Refused},
};

statements! {
    STANDS = "SELECT id, qualification FROM lawyers WHERE id = $1";
    STEP = "UPDATE lawyers SET qualification = $3, version = version + 1 WHERE id = $1 AND qualification = $2";
    WRITE_STEP = "INSERT INTO qualification_steps (lawyer, number, from_state, to_state, reason, actor, at) \
        SELECT CAST($1 AS TEXT), COALESCE(MAX(number), 0) + 1, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT) \
        FROM qualification_steps WHERE lawyer = $1";
    CLOSE_ACCOUNT = "UPDATE accounts SET disabled_at = COALESCE(disabled_at, $2) WHERE lawyer = $1";
    REVOKE_TOKENS = "UPDATE tokens SET revoked_at = $2 WHERE subject = $1 AND revoked_at IS NULL";
    DROP_SHIFTS = "DELETE FROM shifts WHERE lawyer = $1 AND starts_at > $2";
}

/// What is decided.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Where the qualification is to stand.
    pub to: Qualification,
    /// Why.
    pub reason: &'a str,
    /// Who decides, by id.
    pub actor: &'a str,
    /// In which role.
    pub role: Role,
}

/// Why a lawyer was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// There is no such lawyer.
    #[error("there is no such lawyer")]
    NoSuchLawyer,
    /// The machine refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Somebody else decided in the same moment.
    #[error("somebody else decided in the same moment")]
    Stale,
}

/// What came of a decision about one lawyer.
#[derive(Clone, Debug)]
pub struct Decided {
    /// About whom.
    pub id: LawyerId,
    /// Whether the step was taken.
    pub outcome: Result<(), Undecided>,
    /// The lawyer as now on the books.
    pub lawyer: Option<Lawyer>,
}

impl Store {
    /// Decides about these lawyers, each for itself: who cannot take the step stays where they stand. With each comes the
    /// lawyer as of this transaction, so that nothing need be read before it is told on.
    pub async fn decide(
        &self,
        lawyers: &[LawyerId],
        decision: Decision<'_>,
        now: Timestamp,
    ) -> Result<Vec<Decided>, StorageError> {
        let mut tx = self.begin().await?;
        let mut decided = vec![];
        for id in lawyers {
            let outcome = take(&mut tx, *id, decision, now).await?;
            decided.push(Decided { id: *id, outcome, lawyer: people::read_lawyer(&mut tx, *id).await? });
        }
        tx.commit().await?;
        Ok(decided)
    }
}

/// Takes one step within a transaction.
pub(super) async fn take(
    tx: &mut Transaction<'static, Any>,
    lawyer: LawyerId,
    decision: Decision<'_>,
    now: Timestamp,
) -> Result<Result<(), Undecided>, StorageError> {
    let id = lawyer.to_string();
    let Some(row) = sqlx::query(STANDS).bind(&id).fetch_optional(&mut **tx).await? else {
        return Ok(Err(Undecided::NoSuchLawyer));
    };
    let from: Qualification = Columns::of("lawyers", &row).parsed("qualification")?;
    let Decision { to, reason, actor, role } = decision;
    let reason = reason.trim();
    if let Err(refused) = qualification::step(from, to, role, reason) {
        return Ok(Err(refused.into()));
    }
    let step = sqlx::query(STEP).bind(&id).bind(from.as_str()).bind(to.as_str());
    if step.execute(&mut **tx).await?.rows_affected() == 0 {
        return Ok(Err(Undecided::Stale));
    }
    let (from, to) = (from.as_str(), to.as_str());
    let write = sqlx::query(WRITE_STEP).bind(&id).bind(from).bind(to).bind(reason).bind(actor).bind(now.0);
    write.execute(&mut **tx).await?;
    // The reason may name people, so the log holds its hash: the office's text can be proved by it, and deleted.
    let hash = Sha256::digest(format!("{id}\n{from}\n{to}\n{reason}")).into();
    let action = format!("qualification.{}", to.to_ascii_lowercase());
    audit::append(tx, &AuditNote { actor, action: &action, object_kind: "lawyer", object: &id, hash }, now).await?;
    if decision.to == Qualification::Removed {
        invitations::withdraw(tx, &id, now).await?;
        for statement in [CLOSE_ACCOUNT, REVOKE_TOKENS, DROP_SHIFTS] {
            sqlx::query(statement).bind(&id).bind(now.0).execute(&mut **tx).await?;
        }
    }
    Ok(Ok(()))
}
