//! Fuzz target `socket`; its body is in `targets`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| yunfa_signaling_fuzz::targets::socket(data));
