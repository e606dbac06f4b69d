//! Fuzzes `rollcall_tests::parsers::jwe`, where the promises stand.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rollcall_tests::parsers::jwe::check(input);
});
