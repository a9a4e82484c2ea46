//! cargo-fuzz drives [`mailtally_fuzz::csv`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::csv(bytes));
