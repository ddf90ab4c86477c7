//! Replays the corpora of the fuzz targets: what once found something is looked at in every run, and so are the seeds.
#[expect(dead_code, reason = "other tests use the rest of it")]
mod raw;
#[path = "../fuzz/src/targets.rs"]
pub mod targets;

use std::path::Path;

#[test]
fn every_input_of_every_corpus_keeps_its_promises() {
    for (name, target) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut replayed = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            target(&std::fs::read(entry.expect("an entry").path()).expect("an input"));
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no input");
    }
}
