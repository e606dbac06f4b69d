//! Accounts, orders and authorizations: what they are, and the only way their states change.
//!
//! `state` decides every transition by a pure `step(state, event)`; the rest of the stage stores what it decided.

pub mod model;
pub mod rows;
pub mod settle;
pub mod state;

pub use settle::{Attempted, SettleError, Settled, settle};
