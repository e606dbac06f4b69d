//! The addresses at which people, devices and guests get certificates on a token. Whom a token speaks for, and what he gets, is decided in `internal/`.
//!
//! Every refusal is a problem document; one of a token carries `WWW-Authenticate` (RFC 6750 §3). Nothing here logs a body or a header.

pub mod body;
pub mod certificates;
pub mod devices;
pub mod guests;

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};

use crate::internal::{InternalError, TokenError};
use crate::request::est::authorization::line;
use crate::respond::problem::Problem;

/// A refusal, with what the client is to show instead.
#[derive(Debug)]
pub struct Denied {
    problem: Box<Problem>,
    challenge: Option<String>,
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), challenge: None }
    }
}

impl From<TokenError> for Denied {
    fn from(error: TokenError) -> Self {
        let challenge = error.challenge();
        Self { problem: Box::new(error.into()), challenge }
    }
}

impl From<InternalError> for Denied {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Token(error) => error.into(),
            error => Self { problem: Box::new(error.into()), challenge: None },
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
///
/// # Errors
/// [`TokenError::Missing`] if there is none, or more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let (scheme, token) = line(headers)?.split_once(' ').ok_or(TokenError::Missing)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(TokenError::Missing);
    }
    Ok(token.trim())
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::*;

    fn of(lines: &[&str]) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned).map_err(|error| error.reason())
    }

    #[test]
    fn there_is_one_token_behind_the_word_bearer() {
        assert_eq!(of(&["Bearer abc"]), Ok("abc".to_owned()));
        assert_eq!(of(&["bearer  abc "]), Ok("abc".to_owned()));
        for none in [&[][..], &["Bearer"], &["Basic YTpi"], &["Bearer a", "Bearer b"], &["abc"]] {
            assert_eq!(of(none), Err("missing"), "{none:?}");
        }
    }
}
