//! The program `acme-client`.

fn main() {}
