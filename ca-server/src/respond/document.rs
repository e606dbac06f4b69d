//! Problem documents on the wire (RFC 7807, RFC 8555 §6.7): `application/problem+json` and the headers that belong to them.

use axum::response::{IntoResponse, Response};
use certs::identifier::Identifier;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use serde::Serialize;

use super::problem::{Problem, Subproblem};

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    detail: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithms: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    r#type: String,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<&'a Identifier>,
}

impl<'a> From<&'a Subproblem> for Part<'a> {
    fn from(part: &'a Subproblem) -> Self {
        Self { r#type: part.kind.urn(), detail: &part.detail, identifier: part.identifier.as_ref() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        metrics::counter!("rollcall_problems_total", "kind" => self.kind.suffix()).increment(1);
        let document = Document {
            r#type: self.kind.urn(),
            detail: &self.detail,
            status: status.as_u16(),
            instance: self.instance.as_deref(),
            algorithms: self.algorithms,
            subproblems: self.subproblems.iter().map(Part::from).collect(),
        };
        // Strings and numbers only: this cannot fail, and if it did the status still says what happened.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(location) = self.location.and_then(|url| HeaderValue::from_str(&url).ok()) {
            headers.insert(LOCATION, location);
        }
        if let Some(instance) = self.instance
            && let Ok(link) = HeaderValue::try_from(format!("<{instance}>;rel=\"terms-of-service\""))
        {
            headers.append(LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests;
