//! The server dies in the middle of calls. `tests/crash.sh` does the same more often, at named points and on PostgreSQL.
use yunfa_loadtest::crash::{self, Binary, Plan};
use yunfa_signaling::words::Channel;

use crate::{cluster::Cluster, machine};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_call_doubles_none_and_counts_no_second_too_many() {
    let _calm = machine::calm().await;
    killed(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_postgresql_loses_no_call_either() {
    let _calm = machine::calm().await;
    let cluster = Cluster::start();
    killed(Some(cluster.url.clone())).await;
}

async fn killed(database: Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Binary {
        path: env!("CARGO_BIN_EXE_yunfa").into(),
        data: folder.path().join("data"),
        database,
        settings: vec![],
    };
    let plan = Plan { binary, kills: 2, calls: 3, channel: Channel::Voice, points: vec![], seed: 7 };

    let outcome = crash::run(&plan).await.expect("the server starts again and again");

    assert!(outcome.is_good(), "{outcome}");
    assert_eq!((outcome.kills, outcome.sessions), (2, 6));
}
