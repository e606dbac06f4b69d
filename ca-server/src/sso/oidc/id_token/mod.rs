//! The ID token (OpenID Connect Core §2, §3.1.3.7): taken apart, its signature checked, then its claims, each by one function.
//!
//! Nothing of the payload is read before the signature verified with a key that the provider publishes, under an algorithm of our
//! list that fits the key. What the header says about keys (`jwk`, `jku`, `x5c`) is ignored; only `kid` chooses among the
//! provider's own.

mod algorithm;
pub(in crate::sso::oidc) mod checks;
mod claims;
mod jws;

pub(crate) use algorithm::{Algorithm, KeyShape};
pub(crate) use claims::Claims;
pub(crate) use jws::IdToken;
