//! Yunfa.
fn main() {}
