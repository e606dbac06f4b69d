//! Accounts, orders and authorizations: what they are, and the only way their states change.
//!
//! `state` decides every transition by a pure `step(state, event)`; the rest of the stage stores what it decided.

pub mod answer;
pub mod finalize;
pub mod model;
pub mod open;
pub mod read;
pub mod replaces;
pub mod revoke;
pub mod settle;
pub mod state;
pub mod wanted;

pub use finalize::{FinalizeError, finalize};
pub use settle::{Attempted, Recording, SettleError, Settled, settle};
