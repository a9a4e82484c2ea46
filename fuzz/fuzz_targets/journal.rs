//! cargo-fuzz drives [`mailtally_fuzz::journal`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::journal(bytes));
