//! The way in: routes, body and time limits, rate limits, request ids, links.
//!
//! Nothing here decides about identity; it only bounds what the later stages are given. `router` shows the whole API.

pub mod limits;
pub mod links;
