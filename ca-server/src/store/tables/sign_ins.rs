//! Sign-ins at rest: by id, which is the hash of the secret of their link. They are pruned a day after their end.
//!
//! One is written in the batch that answers its challenge; every later step replaces it under the version it was decided on.

use time::OffsetDateTime;

use super::expiry::Ends;
pub use super::expiry::{insert, replace};
use crate::sso::sign_in::SignIn;

impl Ends for SignIn {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
}
