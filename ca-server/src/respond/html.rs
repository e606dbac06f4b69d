//! A page for browsers as it is answered: never kept, never framed, never sniffed, and allowed to do what its own policy says and nothing else.

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use maud::Markup;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A page and how it is answered.
#[derive(Debug)]
pub struct Html {
    /// The HTTP status.
    pub status: StatusCode,
    /// All of it.
    pub markup: Markup,
    /// Its content security policy.
    pub policy: String,
}

/// How a policy names a style or a script that stands in the page, so that this one takes effect and no other.
#[must_use]
pub fn source_hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Where the forms of a page may lead, as a policy lists it: here, and to these origins.
#[must_use]
pub fn form_targets(origins: &[String]) -> String {
    let mut targets = "'self'".to_owned();
    for origin in origins {
        targets.push(' ');
        targets.push_str(origin);
    }
    targets
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.markup.into_string()).into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            // Nobody else learns the address; without any, old browsers would say `Origin: null` to our own forms.
            (REFERRER_POLICY, "same-origin"),
            (X_FRAME_OPTIONS, "DENY"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (OPENER_POLICY, "same-origin"),
            (PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        match HeaderValue::try_from(self.policy) {
            Ok(policy) => headers.insert(CONTENT_SECURITY_POLICY, policy),
            // An origin that cannot stand in a header: then the page may do nothing at all.
            Err(_) => headers.insert(
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
            ),
        };
        response
    }
}
