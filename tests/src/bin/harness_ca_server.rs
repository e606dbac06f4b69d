//! The program `ca-server`, built with the harness so that its tests and benches have a path to it. Adds nothing.

fn main() -> std::process::ExitCode {
    ca_server::cli::run()
}
