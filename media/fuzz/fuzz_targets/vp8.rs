//! Fuzz target `vp8`; its body is in `targets`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| yunfa_media_fuzz::targets::vp8(data));
