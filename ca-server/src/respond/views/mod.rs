//! Resources as clients see them (RFC 8555 §7.1): one file for each, made from the stored value and the links.

pub mod account;
pub mod authorization;
pub mod challenge;
pub mod order;
