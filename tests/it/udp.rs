//! Strangers and hostile participants at the UDP port, from network namespaces. `make strangers-udp-test` does more of it.
use yunfa_loadtest::strangers::{self, Dose, Plan};

use crate::machine;

#[test]
fn whoever_attacks_the_udp_port_is_not_answered_and_not_felt() {
    let _alone = machine::alone_at_once();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let plan = Plan { binary: env!("CARGO_BIN_EXE_yunfa").into(), data, dose: Dose::SMALL };

    let outcome = strangers::run(&plan).expect("namespaces can be made (that needs root), and calls begin");

    assert!(outcome.is_good(), "{outcome}");
    assert_eq!(outcome.rows.len(), 11, "{outcome}");
}
