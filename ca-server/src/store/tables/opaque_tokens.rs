//! Tokens of devices and guests at rest, by their hash. They are pruned an hour after their end.

use time::OffsetDateTime;

use super::expiry::Ends;
pub(crate) use super::expiry::remove;
pub use super::expiry::{insert, replace};
use crate::internal::opaque::OpaqueToken;

impl Ends for OpaqueToken {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
}
