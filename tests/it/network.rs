//! Cut sockets and links, ghosts, and changes of the network, in network namespaces. `make network-test` does more of it.
use yunfa_loadtest::network::{self, Dose, Plan};

use crate::machine::{self, say};

#[test]
fn a_call_survives_cut_sockets_and_links_and_another_network_and_a_ghost_is_given_up() {
    let _calm = machine::calm_at_once();
    let outcome = run(Dose::SMALL);

    assert!(outcome.is_good(), "{outcome}");
    assert_eq!(outcome.rows.len(), 5, "{outcome}");
}

#[test]
#[ignore = "full dose: make network-test"]
fn full_dose_of_cut_sockets_and_links_ghosts_and_other_networks() {
    let _calm = machine::calm_at_once();
    let outcome = run(Dose::FULL);

    say(&outcome.to_string());
    assert!(outcome.is_good(), "{outcome}");
    assert_eq!(outcome.rows.len(), 8, "{outcome}");
}

fn run(dose: Dose) -> network::Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan { binary: env!("CARGO_BIN_EXE_yunfa").into(), data: folder.path().join("data"), dose };
    network::run(&plan).expect("namespaces can be made (that needs root), and the server starts")
}
