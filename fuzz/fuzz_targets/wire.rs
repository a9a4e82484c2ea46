//! cargo-fuzz drives [`mailtally_fuzz::wire`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mailtally_fuzz::wire(bytes));
