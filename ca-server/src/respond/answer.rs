//! A successful answer: a JSON view with the status and headers that RFC 8555 gives it.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::problem::Problem;

/// A view on its way to the client.
#[derive(Clone, Debug)]
pub struct Answer<V> {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    view: V,
}

impl<V: Serialize> Answer<V> {
    /// 200 with this view.
    #[must_use]
    pub const fn ok(view: V) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), view }
    }

    /// 201 with this view of what now stands at `location`.
    #[must_use]
    pub fn created(location: String, view: V) -> Self {
        Self { status: StatusCode::CREATED, headers: vec![(LOCATION, location)], view }
    }

    /// The same, saying where the resource stands.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.headers.push((LOCATION, location));
        self
    }

    /// The same, asking to come back after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER, seconds.to_string()));
        self
    }

    /// The same with one more link, such as `up` or `next`.
    #[must_use]
    pub fn link(mut self, relation: &str, url: &str) -> Self {
        self.headers.push((LINK, format!("<{url}>;rel=\"{relation}\"")));
        self
    }
}

impl<V: Serialize> IntoResponse for Answer<V> {
    fn into_response(self) -> Response {
        let body = match serde_json::to_vec(&self.view) {
            Ok(body) => body,
            Err(error) => return Problem::internal(error).into_response(),
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            // Every value is a number or a URL of ours, which are ASCII.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_carries_its_status_location_retry_and_every_link() {
        let answer = Answer::created("https://ca.test/o/1".to_owned(), [1, 2])
            .retry_after(3)
            .link("up", "https://ca.test/a")
            .link("next", "https://ca.test/b");
        let response = answer.into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[LOCATION], "https://ca.test/o/1");
        assert_eq!(response.headers()[RETRY_AFTER], "3");
        let links: Vec<_> = response.headers().get_all(LINK).iter().collect();
        assert_eq!(links, ["<https://ca.test/a>;rel=\"up\"", "<https://ca.test/b>;rel=\"next\""]);
    }
}
