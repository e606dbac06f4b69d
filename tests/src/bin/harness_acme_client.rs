//! The program `acme-client`, built with the harness so that its tests have a path to it. Adds nothing.

fn main() -> std::process::ExitCode {
    acme_client::cli::main()
}
