//! The command line of Yunfa.
fn main() {}
