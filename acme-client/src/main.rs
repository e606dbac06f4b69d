//! The program `acme-client`. Everything is in the library; this only starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    acme_client::cli::main()
}
