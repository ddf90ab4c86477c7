//! What the fuzzers do with their bytes, and where their corpora begin. The bodies are in `targets`, which the stable tests
//! replay corpora with.
#[path = "../../tests/raw/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod raw;
pub mod seeds;
pub mod targets;
