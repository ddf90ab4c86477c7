//! What can go wrong between us and the database.
use yunfa_signaling::ids::{ConsultationId, RecordId, SessionId};

use super::keys::KeyError;

/// A variant exists because a caller acts on it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database is away, busy or full; the same call may work later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused; the same call will fail again.
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    /// Something with this key is there already.
    #[error("{0} is there already")]
    Duplicate(&'static str),
    /// A row that cannot be.
    #[error("row {id} of {table} makes no sense: {what}")]
    Inconsistent {
        /// Of which table.
        table: &'static str,
        /// Which row.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// This node's lease was taken over: nothing of it may be written any more.
    #[error("this node's lease (epoch {epoch}) was taken over")]
    Fenced {
        /// The epoch that is over.
        epoch: i64,
    },
    /// An event is not the next of its consultation.
    #[error("event {version} of {consultation:?} does not follow what is stored")]
    OutOfOrder {
        /// Whose.
        consultation: ConsultationId,
        /// The version that was to be written.
        version: u64,
    },
    /// An event is stored under this version already, and it is another one.
    #[error("event {version} of {consultation:?} is stored with other content")]
    Conflict {
        /// Whose.
        consultation: ConsultationId,
        /// Its version.
        version: u64,
    },
    /// The session is not there, not accepted or not over, so that there is nothing to seal.
    #[error("{0:?} cannot be sealed: {1}")]
    NotSealable(SessionId, &'static str),
    /// The session's record is sealed; it never changes.
    #[error("{0:?} is sealed")]
    AlreadySealed(RecordId),
    /// A sealed column or the key file does not fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database may not be used as it is set up; the sentence says what to change.
    #[error("{0}")]
    Setup(String),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl StorageError {
    /// Whether waiting and trying again may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The database took longer than its caller could wait.
    pub const fn too_slow() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }

    pub(super) fn inconsistent(table: &'static str, id: impl Into<String>, what: impl ToString) -> Self {
        Self::Inconsistent { table, id: id.into(), what: what.to_string() }
    }
}

/// SQLite's busy, locked, read-only, I/O error, full and cannot-open (primary codes), all of which may pass.
const SQLITE_PASSING: [u32; 6] = [5, 6, 8, 10, 13, 14];

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(database) => !database.is_unique_violation() && passes(database.code().as_deref()),
            _ => false,
        };
        if passing { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// Whether a database's own error code tells of something that passes: SQLite's extended code as a number, or
/// PostgreSQL's SQLSTATE (connection, rollback, resources, operator intervention, system; read-only after a failover).
fn passes(code: Option<&str>) -> bool {
    match code {
        Some(state) if state.len() == 5 => {
            ["08", "40", "53", "57", "58"].iter().any(|class| state.starts_with(class)) || state == "25006"
        }
        Some(number) => number.parse::<u32>().is_ok_and(|code| SQLITE_PASSING.contains(&(code & 0xff))),
        None => false,
    }
}

/// Whether the database refused because the key is taken.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_passes_and_a_broken_rule_does_not() {
        for passing in ["5", "261", "13", "778", "57P01", "08006", "53100", "40001"] {
            assert!(passes(Some(passing)), "{passing}");
        }
        for lasting in ["19", "1", "787", "23505", "42P01"] {
            assert!(!passes(Some(lasting)), "{lasting}");
        }
    }
}
