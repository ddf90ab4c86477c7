//! Fresh databases for tests: every test body runs on SQLite and on PostgreSQL, each time on an empty database of its own.
use std::{
    future::Future,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AnyPool, AssertSqlSafe, any::AnyPoolOptions};
use tokio::sync::OnceCell;
use yunfa_signaling::time::Timestamp;

use super::{Engine, Keys, Store, StoreOptions, demo, keys::FRESH_BYTES};

/// 2026-03-11 10:00 in Shanghai, a Wednesday.
pub(crate) const NOW: Timestamp = Timestamp(1_773_194_400_000);
/// The cluster of tests/with-postgres.sh runs with fsync off, which a server in earnest refuses.
const OPTIONS: StoreOptions = StoreOptions { connections: 4, require_durability: false };

/// A database of one test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) url: String,
    /// Where the SQLite file lies; deleted when the test has ended.
    pub(crate) folder: PathBuf,
}

impl Fixture {
    /// One more `Store` on the same database, as another process would open it.
    pub(crate) async fn open_again(&self) -> Store {
        Store::open(&self.url, OPTIONS, keys()).await.expect("it opens again")
    }

    /// Loads the demo county with passwords that cost nothing.
    pub(crate) async fn with_county(self) -> Self {
        demo::load(&self.store, |password| Ok(format!("hash of {password}")), NOW).await.expect("the county loads");
        self
    }

    /// Runs a statement of the test's own, as somebody with a database shell would.
    pub(crate) async fn shell(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(self.store.write()).await?;
        Ok(done.rows_affected())
    }
}

pub(crate) fn keys() -> Keys {
    Keys::from_bytes(&[42; FRESH_BYTES])
}

/// Runs the body on both engines.
pub(crate) async fn on_both_engines<F>(body: impl Fn(Fixture) -> F)
where
    F: Future<Output = ()>,
{
    let folder = tempfile::tempdir().expect("a folder");
    body(on_sqlite(folder.path().to_owned()).await).await;
    let (fixture, name) = on_postgres().await;
    let store = fixture.store.clone();
    body(fixture).await;
    store.close().await;
    admin().await.drop(&name).await;
}

async fn on_sqlite(folder: PathBuf) -> Fixture {
    let url = format!("sqlite:{}", folder.join("yunfa.db").display());
    let store = Store::open(&url, OPTIONS, keys()).await.expect("SQLite opens");
    assert_eq!(store.engine(), Engine::Sqlite);
    Fixture { store, url, folder }
}

async fn on_postgres() -> (Fixture, String) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let name = format!("yunfa_template_{}", std::process::id());
            let admin = admin().await;
            admin.run(&format!("CREATE DATABASE {name}")).await;
            let store = Store::open(&admin.url(&name), OPTIONS, keys()).await.expect("PostgreSQL opens");
            store.close().await;
            name
        })
        .await;
    let name = format!("yunfa_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = admin().await;
    admin.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let url = admin.url(&name);
    let store = Store::open(&url, OPTIONS, keys()).await.expect("PostgreSQL opens");
    assert_eq!(store.engine(), Engine::Postgres);
    (Fixture { store, url, folder: PathBuf::new() }, name)
}

/// A connection to the cluster itself.
struct Admin {
    pool: AnyPool,
    url: String,
}

#[expect(clippy::disallowed_methods, reason = "tests/with-postgres.sh says by the environment where its cluster is")]
async fn admin() -> Admin {
    sqlx::any::install_default_drivers();
    let url = std::env::var("YUNFA_TEST_POSTGRES").expect(
        "this test needs a PostgreSQL: run `make test`, or `tests/with-postgres.sh cargo test -p yunfa` (YUNFA_TEST_POSTGRES is not set)",
    );
    let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await.expect("the test cluster answers");
    Admin { pool, url }
}

impl Admin {
    async fn run(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.expect("the cluster obeys");
    }

    async fn drop(&self, name: &str) {
        self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }

    fn url(&self, name: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{name}")
    }
}
