//! Answers below `/.well-known/est` that none of its operations gives: no such path, another method, too slow, broken. EST clients read text
//! (RFC 7030 §4.2.3), so these are text as well.
//!
//! Decides by the path alone which form an answer has, and nothing else about it.

use axum::response::{IntoResponse, Response};

use super::Refusal;
use crate::respond::problem::Problem;

/// Whether a path is one at which only EST clients ask: in each of the forms that the router knows.
#[must_use]
pub fn is_est(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).take(3).collect();
    matches!(segments.as_slice(), [".well-known", "est", ..] | [_, ".well-known", "est"])
}

/// A problem as the clients of this path read it.
#[must_use]
pub fn told(path: &str, problem: Problem) -> Response {
    if is_est(path) { Refusal::from(problem).into_response() } else { problem.into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_the_path_are_known_and_nothing_that_only_looks_like_them() {
        for path in
            ["/.well-known/est", "/.well-known/est/", "/.well-known/est/a/b/c", "/a/.well-known/est/b"]
        {
            assert!(is_est(path), "{path}");
        }
        for path in
            ["", "/", "/est", "/.well-known", "/.well-known/estate", "/a/b/.well-known/est", "/acme/est"]
        {
            assert!(!is_est(path), "{path}");
        }
    }
}
