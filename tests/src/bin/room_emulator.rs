//! The emulator of a room device, as a program. Everything is in the library; this only starts it.

fn main() -> std::process::ExitCode {
    rollcall_tests::room::main()
}
