//! Keys that stay in PKCS#11 tokens: hardware, or SoftHSM in its place. A key is named by a `pkcs11:` URI (RFC 7512), and signs where it lies.
//!
//! Both programs use this one crate: the server for its issuers' keys, the agent for those of its certificates. Every call may block on
//! the token, so none belongs on an async worker. Trusts the module that the URI names, whose code runs in this process, to say what a key
//! is and to keep it; a signature is believed only when it verifies. Must never show or log a PIN, and never take a key that could leave
//! its token. Built without the feature `pkcs11`, everything but [`TokenUri`] is refused with the reason.

mod error;
mod store;
mod uri;

#[cfg(not(feature = "pkcs11"))]
mod absent;
#[cfg(feature = "pkcs11")]
mod fault;
#[cfg(feature = "pkcs11")]
mod find;
#[cfg(feature = "pkcs11")]
mod key;
#[cfg(feature = "pkcs11")]
mod make;
#[cfg(feature = "pkcs11")]
mod module;
#[cfg(feature = "pkcs11")]
mod pin;
#[cfg(feature = "pkcs11")]
mod pool;
mod signer;

#[cfg(not(feature = "pkcs11"))]
pub use absent::{TokenKey, check, destroy, generate};
pub use error::{PinFault, TokenError};
#[cfg(feature = "pkcs11")]
pub use key::TokenKey;
#[cfg(feature = "pkcs11")]
pub use make::{check, destroy, generate};
pub use store::KeyStore;
pub use uri::{MODULE_VARIABLE, TokenUri, UriError};
