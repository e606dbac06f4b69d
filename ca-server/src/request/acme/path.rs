//! Ids in paths: a text that is no id of ours names nothing.

use std::str::FromStr;

use crate::order::read::not_found;
use crate::respond::problem::Problem;

/// The id that `text` is.
///
/// # Errors
/// `NotFound`, since no `what` can have this id.
pub(super) fn id<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| not_found(what))
}
