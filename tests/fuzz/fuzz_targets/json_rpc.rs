//! Fuzzes `rollcall_tests::parsers::json_rpc`, where the promises stand.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rollcall_tests::parsers::json_rpc::check(input);
});
