//! What has happened; the only SQL. One text for SQLite and PostgreSQL, one function per question.
pub mod appeals;
mod areas;
pub mod attachments;
mod audit;
pub mod calendar;
pub mod chain;
pub mod conflicts;
pub mod demo;
mod entries;
mod error;
pub mod firms;
pub mod floors;
pub mod follow_ups;
pub mod grades;
pub mod imports;
pub mod invitations;
pub mod keys;
pub mod lawyers;
mod ledger;
pub mod matters;
mod migrations;
mod nodes;
mod orphans;
pub mod people;
pub mod push;
pub mod qualifications;
mod question_matters;
pub mod questions;
mod records;
pub mod registry;
mod reopenings;
pub mod reports;
mod restraints;
pub mod roster;
mod row;
mod sessions;
pub mod standing;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod thirds;
pub mod tokens;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use sqlx::{
    Any, AnyConnection, AnyPool, ConnectOptions, Connection, Row, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
};

pub use audit::AuditNote;
pub use error::StorageError;
pub use keys::Keys;
pub use ledger::{ChatLine, Entry};
pub use nodes::{LEASE_MS, Lease};
pub use records::{Closed, RecordRow, RecordView, SealOrder, SealView, SealedRecord};
use row::statements;
pub use sessions::{LawyerRef, ListFilter, MAX_PAGE, Page, SessionRow};

/// How long a statement waits for another process's lock on a SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection. Longer hides a database that is away; shorter refuses in a short burst.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers of a SQLite file. They never wait for the writer (WAL); more than the cores read is no faster.
const SQLITE_READERS: u32 = 4;
/// How long PostgreSQL lets a transaction of ours stand still: a process that sleeps in the middle of one holds the lease's
/// row, and another node could not take over. Shorter than a lease.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// A statement that takes longer is logged.
const SLOW_STATEMENT: Duration = Duration::from_secs(1);

statements! {
    READ_META = "SELECT value FROM meta WHERE name = $1";
    WRITE_META = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    PING = "SELECT COUNT(*) AS n FROM meta";
}

/// The engine below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file beside the process.
    Sqlite,
    /// A server.
    Postgres,
}

/// What the store insists on.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Connections to PostgreSQL. SQLite has one writer and a few readers whatever this says.
    pub connections: u32,
    /// Refuse a PostgreSQL that may lose committed rows (`fsync` or `synchronous_commit` off). Only a test may do without.
    pub require_durability: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { connections: 16, require_durability: true }
    }
}

/// The database with its keys. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    /// Where everything is written; on SQLite one connection, so that writers queue here and not on the file's lock.
    write: AnyPool,
    /// Where questions are asked.
    read: AnyPool,
    keys: Keys,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.0.engine)
    }
}

impl Store {
    /// Opens the database at `url` (`sqlite:/path/file.db` or `postgres://…`), makes sure that it keeps what it is given,
    /// and brings its schema up to date.
    pub async fn open(url: &str, options: StoreOptions, keys: Keys) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        let engine = engine_of(url)?;
        if engine == Engine::Sqlite {
            create_private_file(&sqlite_path(url)?)?;
        }
        let connect: AnyConnectOptions = url.parse().map_err(|_| unusable_url())?;
        let connect = connect
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Warn, SLOW_STATEMENT);
        let pool = |size: u32, reads_only: bool| {
            AnyPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .after_connect(move |connection, _| {
                    Box::pin(async move { prepare_connection(connection, engine, reads_only).await })
                })
                // SQLite ends a transaction by itself when the disk is full, which sqlx does not see: the connection would
                // refuse every further one.
                .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        };
        let (write, read) = match engine {
            Engine::Sqlite => (
                pool(1, false).connect_with(connect.clone()).await?,
                pool(SQLITE_READERS, true).connect_lazy_with(connect),
            ),
            Engine::Postgres => {
                let pool = pool(options.connections.max(2), false).connect_with(connect).await?;
                (pool.clone(), pool)
            }
        };
        check_durability(&write, engine, options).await?;
        migrations::run(&write, engine).await?;
        let store = Self(Arc::new(Inner { engine, write, read, keys }));
        store.check_keys().await?;
        Ok(store)
    }

    /// The engine below.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        sqlx::query(PING).fetch_one(self.read()).await?;
        Ok(())
    }

    /// Closes every connection; what was committed is on disk.
    pub async fn close(&self) {
        self.0.read.close().await;
        self.0.write.close().await;
    }

    /// The keys of sealed columns and references.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    fn read(&self) -> &AnyPool {
        &self.0.read
    }

    fn write(&self) -> &AnyPool {
        &self.0.write
    }

    /// Begins a transaction that will write. SQLite takes its lock at once, so that it cannot fail half-way for having read first.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StorageError> {
        Ok(match self.0.engine {
            Engine::Sqlite => self.write().begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.write().begin().await?,
        })
    }

    /// Begins a transaction that only reads, and reads everything as it is now.
    async fn begin_snapshot(&self) -> Result<Transaction<'static, Any>, StorageError> {
        Ok(match self.0.engine {
            Engine::Sqlite => self.read().begin().await?,
            Engine::Postgres => self.read().begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
        })
    }

    /// Refuses a key file that is not the one with which the database was begun.
    async fn check_keys(&self) -> Result<(), StorageError> {
        let ours = self.keys().fingerprint();
        let mut tx = self.begin().await?;
        sqlx::query(WRITE_META).bind("keys").bind(&ours).execute(&mut *tx).await?;
        let row = sqlx::query(READ_META).bind("keys").fetch_one(&mut *tx).await?;
        let theirs: String = row.try_get("value")?;
        tx.commit().await?;
        if theirs == ours { Ok(()) } else { Err(keys::KeyError::OtherFile.into()) }
    }
}

fn engine_of(url: &str) -> Result<Engine, StorageError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => Ok(Engine::Sqlite),
        Some("postgres" | "postgresql") => Ok(Engine::Postgres),
        _ => Err(unusable_url()),
    }
}

fn unusable_url() -> StorageError {
    // The URL itself may hold a password and is not repeated.
    StorageError::Setup("the database URL begins with `sqlite:` or `postgres:`".to_owned())
}

/// The file of a SQLite URL.
fn sqlite_path(url: &str) -> Result<PathBuf, StorageError> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path.contains(":memory:") {
        return Err(StorageError::Setup("the SQLite database is a file: `sqlite:/path/yunfa.db`".to_owned()));
    }
    if path.contains(['%', '#']) {
        return Err(StorageError::Setup("the path of the SQLite database has no `%` and no `#` in it".to_owned()));
    }
    Ok(PathBuf::from(path))
}

/// Makes the file before SQLite would, for nobody else to read; SQLite gives its journal the same mode.
fn create_private_file(path: &std::path::Path) -> Result<(), StorageError> {
    let told = |error: std::io::Error| StorageError::Setup(format!("the database file {}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(told)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(told)?;
    drop(file);
    Ok(())
}

/// What every new connection is told first.
async fn prepare_connection(
    connection: &mut AnyConnection,
    engine: Engine,
    reads_only: bool,
) -> Result<(), sqlx::Error> {
    if engine == Engine::Postgres {
        let idle = format!("SET idle_in_transaction_session_timeout = {}", IDLE_IN_TRANSACTION.as_millis());
        sqlx::query(sqlx::AssertSqlSafe(idle)).execute(&mut *connection).await?;
        return Ok(());
    }
    // WAL with synchronous=FULL: a commit is on disk when it returns, and readers do not wait.
    for pragma in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA temp_store = MEMORY",
    ] {
        sqlx::query(pragma).execute(&mut *connection).await?;
    }
    let busy = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
    sqlx::query(sqlx::AssertSqlSafe(busy)).execute(&mut *connection).await?;
    if reads_only {
        sqlx::query("PRAGMA query_only = ON").execute(&mut *connection).await?;
    }
    Ok(())
}

/// Refuses a database that is damaged or that may forget what it has committed.
async fn check_durability(pool: &AnyPool, engine: Engine, options: StoreOptions) -> Result<(), StorageError> {
    let mut connection = pool.acquire().await?;
    connection.ping().await?;
    if engine == Engine::Sqlite {
        let found: String = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await?.try_get(0)?;
        if found != "ok" {
            return Err(StorageError::Setup(format!("the database file is damaged ({found}): restore a backup")));
        }
        return Ok(());
    }
    for (setting, query) in [("fsync", "SHOW fsync"), ("synchronous_commit", "SHOW synchronous_commit")] {
        let value: String = sqlx::query(query).fetch_one(&mut *connection).await?.try_get(0)?;
        if value == "off" && options.require_durability {
            return Err(StorageError::Setup(format!(
                "PostgreSQL has {setting} = off and may lose sealed records: turn it on"
            )));
        }
    }
    Ok(())
}

/// Every statement of the store, for the test that prepares them on both engines.
#[cfg(test)]
fn statements_of_every_file() -> Vec<(&'static str, &'static str)> {
    [
        STATEMENTS,
        appeals::STATEMENTS,
        areas::STATEMENTS,
        attachments::STATEMENTS,
        audit::STATEMENTS,
        calendar::STATEMENTS,
        chain::STATEMENTS,
        conflicts::STATEMENTS,
        entries::STATEMENTS,
        firms::STATEMENTS,
        floors::STATEMENTS,
        follow_ups::STATEMENTS,
        grades::STATEMENTS,
        invitations::STATEMENTS,
        lawyers::STATEMENTS,
        ledger::STATEMENTS,
        matters::STATEMENTS,
        nodes::STATEMENTS,
        orphans::STATEMENTS,
        people::STATEMENTS,
        push::STATEMENTS,
        qualifications::STATEMENTS,
        question_matters::STATEMENTS,
        questions::STATEMENTS,
        records::STATEMENTS,
        reopenings::STATEMENTS,
        reports::STATEMENTS,
        restraints::STATEMENTS,
        registry::STATEMENTS,
        roster::STATEMENTS,
        sessions::STATEMENTS,
        standing::STATEMENTS,
        thirds::STATEMENTS,
        tokens::STATEMENTS,
    ]
    .concat()
}
