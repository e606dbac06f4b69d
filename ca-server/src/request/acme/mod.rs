//! The resources of RFC 8555 and its extensions: one file for each, named as the RFC names it.

pub mod account;
pub mod authorization;
pub mod certificate;
pub mod challenge;
pub mod contact;
pub mod directory;
pub mod finalize;
pub mod key_change;
pub mod new_account;
pub mod new_authz;
pub mod new_nonce;
pub mod new_order;
pub mod order;
pub mod orders;
pub mod path;
pub mod renewal_info;
pub mod revoke_cert;
