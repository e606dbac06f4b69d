//! The internal authority: certificates against a token, as a meeting provider issues them to its own users, devices and guests.
//!
//! [`authenticate()`] turns a credential into a [`Holder`], [`issue()`] a holder and a certificate request into a certificate. Every front uses
//! these two and nothing else. What is certified follows from organisation and account as they stand at that moment; of the request only the
//! key is used. Every issuance passes the same gate as one over ACME: policy, intent, signature, outcome.

pub mod access_token;
pub mod activation_code;
pub mod approval;
pub mod authenticate;
pub mod claim;
pub mod domains;
pub mod error;
pub mod guest;
pub mod holder;
pub mod issue;
pub mod key_proof;
pub mod line;
pub mod machine;
pub mod once;
pub mod opaque;
pub mod organisation;
pub mod release;
pub mod request;
pub mod standing;

pub use authenticate::{Credential, authenticate};
pub use error::{InternalError, TokenError};
pub use holder::{
    Device, DeviceId, Front, Guest, GuestId, Holder, HolderKey, HolderKind, OrganisationId, User, UserId,
};
pub use issue::{Asked, Issued, issue};
