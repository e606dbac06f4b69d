//! That somebody who is known sent a body that is none: one record under his own budget, whichever front it came through.

use crate::app::App;
use crate::internal::{Holder, issue};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Journals it, and gives the answer back.
pub(super) async fn refused(app: &App, holder: &Holder, problem: Problem) -> Problem {
    let rule = if problem.kind == Kind::BadCsr { "internal:bad-csr" } else { "internal:bad-body" };
    match issue::record(app, holder, rule.to_owned()).await {
        Ok(()) => problem,
        Err(error) => Problem::internal(error),
    }
}
