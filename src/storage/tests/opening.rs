//! Opening: what is set up, what is private, and what is refused.
use std::os::unix::fs::PermissionsExt;

use sqlx::Row;

use crate::storage::{
    Engine, Keys, StorageError, Store, StoreOptions,
    keys::{FRESH_BYTES, KeyError},
    testing::{keys, on_both_engines},
};

#[tokio::test]
async fn opening_again_changes_nothing() {
    on_both_engines(|fixture| async move {
        let again = fixture.open_again().await;

        again.ping().await.expect("it answers");
        again.close().await;
    })
    .await;
}

#[tokio::test]
async fn another_key_file_is_refused_before_anything_is_read() {
    on_both_engines(|fixture| async move {
        let options = StoreOptions { require_durability: false, ..StoreOptions::default() };

        let other = Store::open(&fixture.url, options, Keys::from_bytes(&[1; FRESH_BYTES])).await;

        assert!(matches!(other, Err(StorageError::Key(KeyError::OtherFile))), "{other:?}");
    })
    .await;
}

#[tokio::test]
async fn the_file_is_private_and_its_commits_are_on_disk() {
    on_both_engines(|fixture| async move {
        if fixture.store.engine() != Engine::Sqlite {
            return;
        }
        fixture.shell("INSERT INTO meta (name, value) VALUES ('a', 'b')").await.expect("written");
        for file in ["yunfa.db", "yunfa.db-wal"] {
            let mode = std::fs::metadata(fixture.folder.join(file)).expect(file).permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        for pool in [fixture.store.write(), fixture.store.read()] {
            for (pragma, wanted) in
                [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000)]
            {
                let row = sqlx::query(pragma).fetch_one(pool).await.expect("a setting");
                assert_eq!(row.try_get::<i64, _>(0).expect("a number"), wanted, "{pragma}");
            }
        }
        let refused = sqlx::query("DELETE FROM meta").execute(fixture.store.read()).await;
        assert!(refused.is_err(), "readers do not write");
    })
    .await;
}

#[tokio::test]
async fn a_postgres_that_may_forget_is_refused() {
    on_both_engines(|fixture| async move {
        if fixture.store.engine() != Engine::Postgres {
            return;
        }

        let refused = Store::open(&fixture.url, StoreOptions::default(), keys()).await;

        assert!(matches!(&refused, Err(StorageError::Setup(why)) if why.contains("fsync = off")), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("yunfa.db");
    let url = format!("sqlite:{}", path.display());
    Store::open(&url, StoreOptions::default(), keys()).await.expect("opens").close().await;
    let mut bytes = std::fs::read(&path).expect("readable");
    for byte in bytes.iter_mut().skip(4096).step_by(7) {
        *byte = 0xA5;
    }
    std::fs::write(&path, bytes).expect("damaged");

    let refused = Store::open(&url, StoreOptions::default(), keys()).await;

    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_database_that_ran_another_text_of_a_migration_is_refused() {
    on_both_engines(|fixture| async move {
        let changed = match fixture.store.engine() {
            Engine::Sqlite => "UPDATE _sqlx_migrations SET checksum = X'00'",
            Engine::Postgres => "UPDATE _sqlx_migrations SET checksum = '\\x00'",
        };
        fixture.shell(changed).await.expect("changed");
        let options = StoreOptions { require_durability: false, ..StoreOptions::default() };

        let refused = Store::open(&fixture.url, options, keys()).await;

        assert!(matches!(refused, Err(StorageError::Migrate(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_without_repeating_it() {
    for url in ["", "mysql://root:secret@localhost/x", "sqlite::memory:", "sqlite:", "sqlite:/tmp/50%25.db"] {
        let refused = Store::open(url, StoreOptions::default(), keys()).await;

        assert!(matches!(&refused, Err(StorageError::Setup(why)) if !why.contains("secret")), "{url}: {refused:?}");
    }
}
