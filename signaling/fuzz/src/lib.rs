//! What the fuzzer does with its bytes; the stable tests replay its corpus with it.
pub mod targets;
