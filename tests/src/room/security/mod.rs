//! What a device keeps and decides: the client secret, certificates with their keys, what they are used for, the request that waits.
//!
//! [`Vault`] is the state; each command is one file and one function over it. Bad input changes nothing: everything is looked at before anything is put in place.
//! No I/O, no clock: the time is an argument. Keys and secrets are wiped when dropped and never leave.

mod activate;
mod add;
mod material;
mod request;
mod secret;
mod show;
mod store;

pub use activate::{activate, deactivate, delete};
pub use add::add;
pub use request::{create, link};
pub use secret::populate;
pub use show::{certificate_fields, roots, show};
pub use store::{Entry, Vault, sha256_hex};
