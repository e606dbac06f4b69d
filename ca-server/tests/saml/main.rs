//! The SAML corpus: every response in `accepted/` is believed and says what it should; every one in `attacks/` is refused for its own reason,
//! without a connection made or a file opened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test program"
)]

mod accepted;
mod attacks;
mod case;
mod encrypt;
mod metadata;
mod parties;
mod pieces;
mod replay;
mod request;
mod sign;
