//! cargo-fuzz drives [`mailtally_fuzz::setup`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::setup(bytes));
