//! Where a desk is reached by Web Push: one subscription per login, sealed, of no use when the login has ended.
use yunfa_signaling::{ids::LawyerId, time::Timestamp};

use super::{
    StorageError, Store,
    keys::{Place, Realm, Sealed, hex},
    row::{Columns, statements},
};

/// Browsers of one lawyer that are told at most.
pub const MAX_BROWSERS: i64 = 8;

statements! {
    PUT = "INSERT INTO push_subscriptions (token, lawyer, endpoint_ref, sealed, created_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (token) DO UPDATE SET lawyer = excluded.lawyer, endpoint_ref = excluded.endpoint_ref, sealed = excluded.sealed, \
        created_at = excluded.created_at";
    /// The browser in which somebody signed in anew: it is told once.
    FORGET_ELSEWHERE = "DELETE FROM push_subscriptions WHERE endpoint_ref = $1 AND token <> $2";
    OF_LAWYER = "SELECT p.lawyer AS id, p.token, p.sealed FROM push_subscriptions p JOIN tokens t ON t.hash = p.token \
        WHERE p.lawyer = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 ORDER BY p.created_at DESC LIMIT $3";
    FORGET = "DELETE FROM push_subscriptions WHERE token = $1";
    /// Not one that has taken its place.
    FORGET_GONE = "DELETE FROM push_subscriptions WHERE token = $1 AND endpoint_ref = $2";
}

/// A subscription as it is kept.
#[derive(Clone)]
pub struct StoredSubscription {
    /// The hash of the login's token.
    pub token: [u8; 32],
    /// What the browser has said, as JSON.
    pub text: String,
}

impl std::fmt::Debug for StoredSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredSubscription(…)")
    }
}

impl Store {
    /// Keeps where this login is reached; what it had said before is forgotten.
    pub async fn put_subscription(
        &self,
        token: &[u8; 32],
        lawyer: LawyerId,
        endpoint: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let reference = self.keys().reference(Realm::Endpoint, endpoint);
        let sealed = self.keys().seal_text(place(&hex(token)), text)?;
        let mut tx = self.begin().await?;
        sqlx::query(FORGET_ELSEWHERE).bind(&reference).bind(token.to_vec()).execute(&mut *tx).await?;
        let put = sqlx::query(PUT).bind(token.to_vec()).bind(lawyer.to_string()).bind(reference);
        put.bind(sealed.into_bytes()).bind(now.0).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Where this lawyer is reached now, the newest first.
    pub async fn subscriptions(
        &self,
        lawyer: LawyerId,
        now: Timestamp,
    ) -> Result<Vec<StoredSubscription>, StorageError> {
        let query = sqlx::query(OF_LAWYER).bind(lawyer.to_string()).bind(now.0).bind(MAX_BROWSERS);
        let rows = query.fetch_all(self.read()).await?;
        let subscription = |row| {
            let of = Columns::of("push_subscriptions", row);
            let token = of.hash("token")?;
            let sealed = Sealed::from_bytes(of.bytes("sealed")?);
            Ok(StoredSubscription { token, text: self.keys().open_text(place(&hex(&token)), &sealed)? })
        };
        rows.iter().map(subscription).collect()
    }

    /// Tells this login nothing any more.
    pub async fn forget_subscription(&self, token: &[u8; 32]) -> Result<(), StorageError> {
        sqlx::query(FORGET).bind(token.to_vec()).execute(self.write()).await?;
        Ok(())
    }

    /// The push service says that this subscription has ended.
    pub async fn subscription_gone(&self, token: &[u8; 32], endpoint: &str) -> Result<(), StorageError> {
        let reference = self.keys().reference(Realm::Endpoint, endpoint);
        sqlx::query(FORGET_GONE).bind(token.to_vec()).bind(reference).execute(self.write()).await?;
        Ok(())
    }
}

const fn place(token: &str) -> Place<'_> {
    Place { table: "push_subscriptions", row: token, column: "sealed" }
}
