//! The schema, compiled in: one list of migrations, one text per engine.
use std::borrow::Cow;

use sqlx::{
    AnyPool, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{Engine, StorageError};

macro_rules! migrations {
    ($($name:literal,)*) => {
        /// Name, SQLite text, PostgreSQL text; in order.
        const MIGRATIONS: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        )),*];
    };
}

migrations! {
    "20261121000000_first_call",
    "20261122000000_people",
    "20261122000100_routing",
    "20261122000200_questions",
    "20261122000300_after",
    "20261122000310_reopening",
    "20261122000320_grades",
    "20261122000400_push",
    "20261122000500_in_call",
    "20261122000600_question_matters",
    "20261122000700_floors",
    "20261122000710_conflicts",
    "20261122000720_calendar",
    "20261122000900_reports",
}

/// Brings the schema up to date; a database that is, stays as it is. Refuses one that ran a text that differs from ours.
pub(super) async fn run(pool: &AnyPool, engine: Engine) -> Result<(), StorageError> {
    let migrations = MIGRATIONS.iter().map(|(name, sqlite, postgres)| {
        let (version, description) = name.split_once('_').unwrap_or((name, ""));
        let text = match engine {
            Engine::Sqlite => *sqlite,
            Engine::Postgres => *postgres,
        };
        let version = version.parse().map_err(|_| StorageError::Setup(format!("migration {name} has no number")))?;
        Ok(Migration::new(version, Cow::Borrowed(description), MigrationType::Simple, text.into_sql_str(), false))
    });
    let migrator = Migrator::with_migrations(migrations.collect::<Result<_, StorageError>>()?);
    Ok(migrator.run(pool).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_of_the_folders_is_in_the_list() {
        for engine in ["sqlite", "postgres"] {
            let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .expect("the folder is there")
                .map(|file| file.expect("readable").file_name().to_string_lossy().replace(".sql", ""))
                .collect();
            files.sort();

            let listed: Vec<_> = MIGRATIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();

            assert_eq!(files, listed, "{engine}");
        }
    }
}
