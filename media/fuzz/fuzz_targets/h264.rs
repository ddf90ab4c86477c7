//! Fuzz target `h264`; its body is in `targets`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| yunfa_media_fuzz::targets::h264(data));
