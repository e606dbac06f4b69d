//! Renewal: one pass over all identities, deciding for each whether it is time and remembering how it went.
//!
//! The server's suggested window comes first (RFC 9773), two thirds of the lifetime otherwise. Failures back off, one identity
//! never holds up another, and an expired certificate is simply issued anew. A person's certificate is renewed without them as long as
//! the server takes their last sign-in; after that the pass says so, and does nothing until somebody is there. Must never let a broken server or a broken record
//! postpone a renewal past the last tenth of the lifetime.

mod decide;
mod outlook;
mod pass;
mod standing;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use decide::doubled;
pub use decide::{Due, Why, backoff, decide};
pub use outlook::{Outlook, outlook};
pub use pass::{Attempt, Haste, Options, PassReport, look_at, renew_all, renew_identity};
pub use standing::{Errand, Standing};
pub use window::{apply_window, ask_window};
