//! Encrypted provisioning of room devices: JWE (RFC 7516) under a key derived from the device's client secret.
//!
//! A blob is a compact serialization with `alg` `dir`, `enc` `A128GCM` or `A256GCM`, and two private header members: `cisco-action` says what the payload
//! is for, `cisco-kdf` how the key comes from the secret (version 1: scrypt, N = 32768, r = 8, p = 1). [`Blob::seal`] makes one, [`Blob::open`] reads one.
//! No I/O and no clock. Entropy comes in as [`Fresh`]. What is parsed is hostile; what is secret is wiped, and has neither `Debug` nor `Display`.
//!
//! What the format does not give: a blob names no device and has no number and no date. It can be sent again, to any device that has the same secret, until
//! that changes; and whoever sees one can try secrets against it. So each device has a secret of its own, drawn at random.

mod action;
mod blob;
mod fingerprint;
mod header;
mod key;
mod payload;
mod secret;
mod strength;

#[cfg(test)]
mod tests;

pub use action::{Action, Encryption, UnknownAction, UnknownEncryption};
pub use blob::{Blob, Fresh, MAX_BLOB, MAX_PARAMETER, MAX_PAYLOAD, Malformed, OpenError, Part, SealError};
pub use fingerprint::{Fingerprint, NotFingerprint};
pub use header::{HeaderProblem, Member};
pub use key::{ContentKey, DERIVE_MEMORY, KeyError, Salt, SaltLength};
pub use payload::{Payload, PayloadError};
pub use secret::{NotSecret, Secret};
pub use strength::STRONG_BITS;

/// Draws octets from the operating system's generator.
fn fill(octets: &mut [u8]) -> Result<(), KeyError> {
    aws_lc_rs::rand::fill(octets).map_err(|_| KeyError::Entropy)
}
