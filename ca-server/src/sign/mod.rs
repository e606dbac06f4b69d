//! The keys, and the only way to use them: prepare the bytes, lint their twin, record the intent, then sign exactly those bytes.
//!
//! [`sign`] takes a [`Permit`](crate::log::intent::Permit) by value. Only `log::intent` makes one, after the intent is durable, so a signature
//! without a record, or a second one for the same record, does not compile. Trusts `certs` to build and `policies` to lint.

mod authorities;
mod authority;
mod backend;
mod crl;
mod gate;
mod keys;
mod own;
mod places;
mod prepare;
mod root_list;

pub use authorities::{Authorities, AuthorityReloadError, Replaced};
pub use authority::{Authority, AuthorityLoadError, Chain};
pub use backend::{FileKey, SigningBackend, SigningError, TokenBackend};
pub use crl::{CrlSignError, ListDraft, sign_crl};
pub use gate::{SignError, Signed, sign};
pub use keys::{IssuerKey, next_key, passphrase, passphrase_variable, read_key, read_key_of};
pub use own::{OwnCertificate, OwnError, issue_own};
pub use places::Places;
pub(crate) use places::part;
pub use prepare::{PrepareError, Prepared, prepare};
pub use root_list::{RootList, read_root_list, root_list_place};
