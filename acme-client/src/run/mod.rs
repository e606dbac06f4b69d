//! The agent that runs all the time: any number of identities, each looked at when its moment has come.
//!
//! It decides nothing about a renewal itself ([`renew`](crate::renew) does), only when to look, how many at once, and whom to tell. It trusts the
//! wall clock no further than it must: a clock that jumps, or a machine that slept, makes it look again. Must never ask a server in a
//! loop, whatever a server, a hook or a disk does, nor keep the state directory locked while it has nothing to do.

mod daemon;
mod held;
mod metrics;
mod overview;
mod service;

#[cfg(test)]
mod tests;

pub use daemon::{Daemon, Settings, Signal, Signals, Tell};
pub use overview::{Counts, Overview, Seen};
