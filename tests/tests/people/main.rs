//! People who sign in, in a real browser, at identity providers that nobody here wrote; from the client's first line to the verdict on the certificate.
//!
//! Each test skips, and says so, where a program is missing. Pictures of the pages go to `screenshots` in the folder `ROLLCALL_ARTEFACTS`, by
//! default `target/artefacts`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

mod access_token;
mod checks;
mod enrolment;
mod failures;
mod oidc_provider;
mod page;
mod samael;
mod served;
mod setting;
mod simplesamlphp;
