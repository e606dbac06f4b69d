//! Who sent this, and did they mean it for here: JWS, algorithm, nonce, url, account, external binding (RFC 8555 §6.2–6.5).
//!
//! `Verified`, `VerifiedKey` and `VerifiedEither` are the proof that all of it was checked; nothing else in the crate can make one.

pub mod account;
pub mod algorithm;
pub mod authenticate;
pub mod body;
pub mod error;
pub mod external_binding;
pub mod extract;
pub mod jwk;
pub mod jws;
pub mod key_cache;
pub mod key_change;
pub mod nonce;
pub(crate) mod object;
pub mod payload;
pub mod public_key;
pub mod url;

pub use error::VerifyError;
pub use extract::{Signer, Verified, VerifiedEither, VerifiedKey};
pub use nonce::Nonces;
pub use payload::{PostAsGet, ReadOr};
