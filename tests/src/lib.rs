//! The harness: everything that end-to-end, interop, property and attack tests stand on.
//!
//! Nothing here is part of a shipped program except `quickstart`, which shows a newcomer the whole of it in one process.

pub mod browser;
pub mod ca;
pub mod device;
pub mod dice;
pub mod dns;
pub mod faults;
pub mod foreign;
pub mod identity_provider;
pub mod internal;
pub mod load;
pub mod parsers;
pub mod prometheus;
pub mod quickstart;
pub mod receiver;
pub mod revocation;
pub mod room;
