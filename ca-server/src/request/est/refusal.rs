//! A refusal as EST clients read it: a status, text with a line for each part of it, and with 401 what to show instead (RFC 7030 §4.2.3, RFC 8951 §3.3).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::internal::error::naming;
use crate::internal::{InternalError, TokenError};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

const BASIC: &str = "Basic realm=\"rollcall\", charset=\"UTF-8\"";

/// Why not, or not yet.
#[derive(Debug)]
pub struct Refusal {
    problem: Box<Problem>,
    challenge: Option<String>,
}

impl Refusal {
    /// The same where no token would help: a client with its certificate gets 403 and no challenge.
    #[must_use]
    pub fn of_certificate(error: TokenError) -> Self {
        let rule = error.rule();
        let mut problem = Problem::from(error);
        if problem.kind == Kind::TokenRefused {
            problem.kind = Kind::Unauthorized;
            problem.detail = naming(&problem.detail, Some(rule));
        }
        problem.into()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), challenge: None }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let challenge = error.challenge();
        Self { problem: Box::new(error.into()), challenge }
    }
}

impl From<InternalError> for Refusal {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Token(error) => error.into(),
            error => Problem::from(error).into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = text(&self.problem);
        let Problem { kind, retry_after, .. } = *self.problem;
        let status = kind.status();
        metrics::counter!("rollcall_problems_total", "kind" => kind.suffix()).increment(1);
        let mut response = (status, Body::from(text)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Also with 403 where the token lacks a scope (RFC 6750 §3).
        let bearer = self.challenge.and_then(|text| HeaderValue::try_from(text).ok());
        headers.extend(bearer.map(|value| (WWW_AUTHENTICATE, value)));
        if status == StatusCode::UNAUTHORIZED {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC));
        }
        response
    }
}

/// What is wrong, then what is wrong with each identifier.
fn text(problem: &Problem) -> String {
    let mut text = match problem.subproblems.as_slice() {
        [] => format!("{}\n", problem.detail),
        parts => format!("{} identifiers are refused:\n", parts.len()),
    };
    for part in &problem.subproblems {
        let about = part.identifier.as_ref().map(|identifier| format!("{identifier}: ")).unwrap_or_default();
        text.push_str(&format!("{about}{}\n", part.detail));
    }
    text
}
