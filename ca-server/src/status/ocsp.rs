//! `GET` and `POST /ocsp/<authority>`: what is known of a certificate now (RFC 6960, in the form of RFC 5019).
//!
//! Whatever is asked, the HTTP status is 200 and the answer an `OCSPResponse`, an unsigned one if the request is none or about somebody else's
//! certificates. Only a signed answer about one certificate is cached, here and on the way. A nonce is ignored unless the configuration says otherwise.

mod answer;
mod cache;
mod responder;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use certs::ocsp::{Failure, MOST_OCTETS, failure_response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::caching::{is_known, max_age};
use crate::app::App;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;
use answer::{Answer, Given};
pub use responder::{ResponderError, Responders, keep, renew_all};

const OCSP_RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A request in the path, as RFC 6960 appendix A.1 has it: base64, percent-encoded.
///
/// # Errors
/// `NotFound` if there is no such authority, or none that answers.
pub async fn by_get(
    State(app): State<App>,
    Segments((authority, _)): Segments<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    reached(&app, &authority)?;
    let prefix = format!("/ocsp/{authority}/");
    let request = uri.path().strip_prefix(&prefix).and_then(octets_of_path);
    let given = match request {
        Some(request) => answer::answer(&app, &request).await,
        None => Err(Failure::MalformedRequest),
    };
    Ok(match given {
        Ok(Given::Cached(answer)) => cacheable(&app, &answer, &headers),
        Ok(Given::Once(der)) => once(der),
        Err(failure) => failed(failure),
    })
}

/// A request in the body.
///
/// # Errors
/// `NotFound` if there is no such authority, or none that answers.
pub async fn by_post(
    State(app): State<App>,
    Segments(authority): Segments<String>,
    body: Body,
) -> Result<Response, Problem> {
    reached(&app, &authority)?;
    let given = match to_bytes(body, MOST_OCTETS).await {
        Ok(request) => answer::answer(&app, &request).await,
        Err(_) => Err(Failure::MalformedRequest),
    };
    Ok(match given {
        Ok(Given::Cached(answer)) => once(answer.der.clone()),
        Ok(Given::Once(der)) => once(der),
        Err(failure) => failed(failure),
    })
}

fn reached(app: &App, authority: &str) -> Result<(), Problem> {
    let answers = app.config.revocation.answers_ocsp();
    app.authorities.named(authority).filter(|_| answers).map(drop).ok_or_else(|| not_found("responder"))
}

/// Padding is often lost on the way.
const INDIFFERENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The request that a path holds: percent-encoded where the client thought it needed that.
fn octets_of_path(text: &str) -> Option<Vec<u8>> {
    // Three letters for each, at most, and four for three octets.
    if text.len() > MOST_OCTETS * 4 {
        return None;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            plain.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        plain.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?);
        rest = after;
    }
    INDIFFERENT.decode(plain).ok()
}

fn cacheable(app: &App, answer: &Arc<Answer>, headers: &HeaderMap) -> Response {
    let tag = answer.tag.to_str().unwrap_or_default();
    let known = is_known(headers, tag, answer.last_modified.to_str().unwrap_or_default());
    let age = max_age(app.clock.now(), answer.next_update, app.config.revocation.cache_for);
    let age = HeaderValue::try_from(format!("max-age={age}, public, no-transform, must-revalidate"));
    let body = if known { Bytes::new() } else { answer.der.clone() };
    let mut response = Response::new(Body::from(body));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, OCSP_RESPONSE);
    headers.insert(CACHE_CONTROL, age.unwrap_or(NO_STORE));
    headers.insert(LAST_MODIFIED, answer.last_modified.clone());
    headers.insert(EXPIRES, answer.expires.clone());
    headers.insert(ETAG, answer.tag.clone());
    response
}

fn once(der: Bytes) -> Response {
    ([(CONTENT_TYPE, OCSP_RESPONSE), (CACHE_CONTROL, NO_STORE)], der).into_response()
}

fn failed(failure: Failure) -> Response {
    let label = match failure {
        Failure::MalformedRequest => "malformed-request",
        Failure::InternalError => "internal-error",
        Failure::TryLater => "try-later",
        Failure::Unauthorized => "unauthorized",
    };
    metrics::counter!("rollcall_ocsp_answers_total", "answer" => label).increment(1);
    once(Bytes::copy_from_slice(&failure_response(failure)))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_path_holds_a_request_whatever_of_it_is_encoded() {
        let octets = [0xfb, 0xff, 0xfe, 0x30];
        assert_eq!(STANDARD.encode(octets), "+//+MA==");
        for text in ["+//+MA==", "%2B%2F%2f%2BMA%3D%3D", "+//+MA", "%2b//+MA="] {
            assert_eq!(octets_of_path(text).as_deref(), Some(&octets[..]), "{text}");
        }
        for text in ["%", "%2", "%zz", "+//+M", "a b", &"A".repeat(MOST_OCTETS * 4 + 1)] {
            assert_eq!(octets_of_path(text), None, "{text:.20}");
        }
    }
}
