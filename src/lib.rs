//! Yunfa.
