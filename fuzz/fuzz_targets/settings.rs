//! cargo-fuzz drives [`mailtally_fuzz::settings`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::settings(bytes));
