//! The commands of the program `ca-server`.
