//! The resources of RFC 8555 and its extensions: one file for each, named as the RFC names it.

pub mod account;
pub mod contact;
pub mod directory;
pub mod key_change;
pub mod new_account;
pub mod new_nonce;
