//! The operator's door: a Unix socket whose file permissions are the access control.
//!
//! Whoever can open the socket may list, revoke and deactivate. It never hands out a private key; an external binding secret
//! is shown once, when it is made.

pub mod accounts;
pub mod actor;
pub mod approvals;
pub mod authorities;
pub mod backup;
pub mod certificates;
pub mod client;
pub mod console;
pub mod devices;
pub mod examine;
pub mod external_keys;
pub mod internal_views;
pub mod journal;
pub mod listener;
pub mod notifications;
pub mod organisations;
pub mod refusal;
pub mod releases;
pub mod revocations;
pub mod server_status;
pub mod views;
