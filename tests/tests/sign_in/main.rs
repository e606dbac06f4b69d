//! The relying party against the demonstration identity provider, through real sockets.
#![expect(clippy::unwrap_used, reason = "a test program")]

mod claims;
mod connection;
mod discovery;
mod keys;
mod pages;
mod redeem;
mod saml;
mod secrets;
mod setting;
mod user_info;
