//! The way in: listener, routes, body and time limits, rate limits, request ids, links.
//!
//! Nothing here decides about identity; it only bounds what the later stages are given.

pub mod links;
