//! Renewal: one pass over all identities, deciding for each whether it is time and remembering how it went.
//!
//! The server's suggested window comes first (RFC 9773), two thirds of the lifetime otherwise. Failures back off, one identity
//! never holds up another, and an expired certificate is simply issued anew. Must never let a broken server or a broken record
//! postpone a renewal past the last tenth of the lifetime.

mod decide;
mod pass;
mod window;

#[cfg(test)]
mod tests;

pub use decide::{Due, Why, backoff, decide};
pub use pass::{Attempt, Options, PassReport, renew_all, renew_identity};
pub use window::{apply_window, ask_window};
