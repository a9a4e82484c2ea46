//! cargo-fuzz drives [`mailtally_fuzz::message`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::message(bytes));
