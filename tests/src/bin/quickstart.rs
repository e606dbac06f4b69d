//! The quickstart: an authority, a DNS server and a device in one process. Everything is in the library; this only starts it.

fn main() -> std::process::ExitCode {
    rollcall_tests::quickstart::main()
}
