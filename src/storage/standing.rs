//! What lawyers have answered and how that was rated, counted from sealed records for the directory of citizens.
use std::collections::BTreeMap;

use yunfa_signaling::ids::LawyerId;

use super::{
    StorageError, Store,
    row::{Columns, statements},
};

statements! {
    /// A matter counts once per lawyer, and only if its record is of a real service.
    ANSWERED = "SELECT r.lawyer AS id, COUNT(DISTINCT r.consultation) AS n FROM service_records r WHERE r.payable = 1 GROUP BY r.lawyer";
    STARS = "SELECT x.lawyer AS id, COUNT(*) AS n, CAST(SUM(x.stars) AS BIGINT) AS stars FROM (SELECT DISTINCT r.lawyer, r.consultation, COALESCE(g.amended_stars, g.stars) AS stars \
        FROM service_records r JOIN ratings g ON g.consultation = r.consultation WHERE r.payable = 1 AND g.voided_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM consultations c JOIN matters m ON m.id = c.matter WHERE c.id = g.consultation AND m.rating <> g.consultation)) x GROUP BY x.lawyer";
}

/// What a lawyer has answered, and how that was rated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Matters answered.
    pub answered: u32,
    /// Matters rated.
    pub rated: u32,
    /// All their stars.
    pub stars: u32,
}

impl Store {
    /// Everybody's standing; who has answered nothing is not in it. Reads every record, so it is asked once a minute at most.
    pub async fn standings(&self) -> Result<BTreeMap<LawyerId, Standing>, StorageError> {
        let mut standings: BTreeMap<LawyerId, Standing> = BTreeMap::new();
        for row in sqlx::query(ANSWERED).fetch_all(self.read()).await? {
            let of = Columns::of("service_records", &row);
            standings.entry(of.parsed("id")?).or_default().answered = of.count("n")?;
        }
        for row in sqlx::query(STARS).fetch_all(self.read()).await? {
            let of = Columns::of("ratings", &row);
            let standing = standings.entry(of.parsed("id")?).or_default();
            (standing.rated, standing.stars) = (of.count("n")?, of.count("stars")?);
        }
        Ok(standings)
    }
}
