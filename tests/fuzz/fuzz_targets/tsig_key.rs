//! Fuzzes `rollcall_tests::parsers::tsig_key`, where the promises stand.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rollcall_tests::parsers::tsig_key::check(input);
});
