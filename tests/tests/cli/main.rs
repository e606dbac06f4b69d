//! The two programs as people and scripts meet them: help, errors with hints, files made, and the commands that ask a running server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first wrong value")]

mod admin;
mod check;
mod help;
mod identity_provider;
mod init;
mod program;
