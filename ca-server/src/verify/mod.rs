//! Who sent this, and did they mean it for here: JWS, algorithm, nonce, url, account, external binding (RFC 8555 §6.2–6.5).
//!
//! `Verified` is the proof that all of it was checked; nothing else in the crate can make one.

pub mod jwk;
