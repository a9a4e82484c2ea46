//! cargo-fuzz drives [`mailtally_fuzz::pieces`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::pieces(bytes));
