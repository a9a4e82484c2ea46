//! cargo-fuzz drives [`mailtally_fuzz::stamps`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::stamps(bytes));
