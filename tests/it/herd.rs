//! Everybody comes back at once. `tests/herd.sh` does the same with five hundred.
use yunfa_loadtest::{
    crash::Binary,
    herd::{self, Plan},
};

use crate::machine;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_lost_its_sockets_is_back_in_time_and_nobody_is_lost() {
    let _alone = machine::alone().await;
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Binary {
        path: env!("CARGO_BIN_EXE_yunfa").into(),
        data: folder.path().join("data"),
        database: None,
        settings: vec![],
    };
    // So few that the crowd is one.
    let settings = vec!["limits.greetings_per_second=12".to_owned()];
    let plan = Plan { binary, clients: 60, addresses: 6, settings };

    let outcome = herd::run(&plan).await.expect("the server starts, and everybody gets in");

    assert!(outcome.is_good(), "{outcome}");
    assert!(outcome.cut.told > 0 && outcome.killed.told > 0, "the crowd was none: {outcome}");
}
