//! The program `ca-server`: see `ca-server --help`.

fn main() {}
