//! Activation codes at rest, by the hash of their letters: pruned an hour after their end, which comes soon after one was used.

use time::OffsetDateTime;

use super::expiry::Ends;
pub(crate) use super::expiry::remove;
pub use super::expiry::{insert, replace};
use crate::internal::machine::ActivationCode;

impl Ends for ActivationCode {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
}
