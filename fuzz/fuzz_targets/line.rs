//! cargo-fuzz drives [`mailtally_fuzz::line`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::line(bytes));
