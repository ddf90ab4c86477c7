//! What nobody owns any more: matters whose node is gone or was started anew.
use yunfa_signaling::{ids::ConsultationId, milestone::Milestone, time::Timestamp};

use super::{
    StorageError, Store,
    ledger::{events_in, own},
    nodes::Lease,
    row::{Columns, statements},
};
use crate::domain::abandoned::SILENCE_MS;

statements! {
    /// Open matters, matters with a session that is not sealed, and answered ones that were silent since `$5`, whose owner's
    /// lease is over. Own ones of this run are not.
    ORPHANS = "SELECT c.id AS id FROM consultations c WHERE c.id > $1 AND (c.state IN ('OPEN', 'MATCHING', 'ON_HOLD', 'ASSIGNED', 'IN_SERVICE') \
        OR (c.state = 'ANSWERED' AND c.changed_at <= $5) \
        OR EXISTS (SELECT 1 FROM sessions s WHERE s.consultation = c.id \
            AND s.state IN ('CREATED', 'RINGING', 'CONNECTING', 'ACTIVE', 'RECONNECTING', 'ENDED'))) \
        AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.owner_node AND n.epoch = c.owner_epoch AND (n.expires_at >= $2 OR n.id = $3)) \
        ORDER BY c.id LIMIT $4";
    /// Matters with a session that is over, or whose asker is to be called back, whose owner's lease is over.
    ADOPTABLE = "SELECT c.id AS id FROM consultations c WHERE c.id > $1 AND (c.state = 'ON_HOLD' \
        OR (c.state IN ('ASSIGNED', 'IN_SERVICE', 'ANSWERED') \
            AND EXISTS (SELECT 1 FROM sessions s WHERE s.consultation = c.id AND s.state IN ('ENDED', 'SEALED')))) \
        AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.owner_node AND n.epoch = c.owner_epoch AND (n.expires_at >= $2 OR n.id = $3)) \
        ORDER BY c.id LIMIT $4";
}

impl Store {
    /// The next orphaned matters after `after` (all from the first when `None`), at most `limit`, in order of id. The leases
    /// that have lapsed are ended first, so that what is found here stays without owner.
    pub async fn orphans(
        &self,
        lease: &Lease,
        after: Option<ConsultationId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<ConsultationId>, StorageError> {
        self.end_lapsed_leases(lease, now).await?;
        let rows = sqlx::query(ORPHANS)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(now.0)
            .bind(&lease.node)
            .bind(i64::from(limit))
            .bind(now.0.saturating_sub(SILENCE_MS))
            .fetch_all(self.write())
            .await?;
        rows.iter().map(|row| Columns::of("consultations", row).parsed("id")).collect()
    }

    /// Takes the next matters whose session is over, or whose asker is to be called back, and whose node is gone, at most `limit` after `after` in order of id, as
    /// this lease's own, and tells their events: what they still wait for can go on here.
    pub async fn adopt(
        &self,
        lease: &Lease,
        after: Option<ConsultationId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Vec<Milestone>>, StorageError> {
        let mut tx = self.begin_as(lease).await?;
        let rows = sqlx::query(ADOPTABLE)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(now.0)
            .bind(&lease.node)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        let mut histories = vec![];
        for row in &rows {
            let consultation = Columns::of("consultations", row).parsed("id")?;
            own(&mut tx, consultation, &lease.node, lease.epoch).await?;
            histories.push(events_in(&mut tx, consultation).await?);
        }
        tx.commit().await?;
        Ok(histories)
    }
}
