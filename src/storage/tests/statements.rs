//! Every statement is known, and both engines understand it.
use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{Executor, SqlSafeStr};

use crate::storage::{statements_of_every_file, testing::on_both_engines};

#[tokio::test]
async fn every_statement_is_prepared_on_both_engines() {
    on_both_engines(|fixture| async move {
        let mut connection = fixture.store.write().acquire().await.expect("a connection");
        for (name, sql) in statements_of_every_file() {
            let prepared = (&mut *connection).prepare(sql.into_sql_str()).await;
            assert!(prepared.is_ok(), "{name} on {:?}: {:?}", fixture.store.engine(), prepared.err());
        }
    })
    .await;
}

#[test]
fn no_two_statements_share_a_name_and_there_are_many() {
    let all = statements_of_every_file();

    let names: BTreeSet<_> = all.iter().map(|(name, _)| name).collect();

    assert_eq!(names.len(), all.len());
    assert!(all.len() > 80, "only {}", all.len());
}

/// A query is given by the name of a constant of `statements!`, and every file with statements is in the list; the
/// settings of a connection, which have no table, are the one exception.
#[test]
fn sql_is_run_by_name_only_and_no_file_is_forgotten() {
    let listed: BTreeSet<String> = statements_of_every_file()
        .iter()
        .map(|(name, _)| name.rsplit("::").nth(1).unwrap_or_default().to_owned())
        .collect();
    let mut broken = vec![];
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage")).expect("the folder") {
        let path = entry.expect("readable").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if !path.is_file() || stem == "testing" {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable source");
        if text.contains("\nstatements! {") && !listed.contains(if stem == "mod" { "storage" } else { &stem }) {
            broken.push(format!("{stem}.rs is not in statements_of_every_file"));
        }
        for call in text.split("sqlx::query(").skip(1) {
            let argument: String = call.chars().take_while(|c| !matches!(c, ')' | ',')).collect();
            let by_name = argument.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let a_loop_over_names = matches!(argument.as_str(), "statement");
            let a_setting = stem == "mod"
                && (argument.starts_with("\"PRAGMA ")
                    || ["pragma", "query", "sqlx::AssertSqlSafe(busy", "sqlx::AssertSqlSafe(idle"]
                        .contains(&argument.as_str()));
            if !(by_name || a_loop_over_names || a_setting) {
                broken.push(format!("{stem}.rs: sqlx::query({argument}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
