//! The target `output`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| referee_fuzz::run("output", bytes));
