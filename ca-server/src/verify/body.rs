//! The body of a signed request: right type, bounded size, bounded time, before one octet of it is parsed.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::error::VerifyError;

/// RFC 8555 §6.2.
const MEDIA_TYPE: &str = "application/jose+json";

/// Reads a body of at most `limit` octets within `within`.
pub(super) async fn read(
    request: Request<Body>,
    limit: usize,
    within: Duration,
) -> Result<Bytes, VerifyError> {
    let headers = request.headers();
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|octets| octets > limit as u64) {
        return Err(VerifyError::BodyTooLarge(limit));
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
        return Err(VerifyError::ContentType);
    }
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(within, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(VerifyError::BodyTooLarge(limit)),
        Ok(Err(_)) => Err(VerifyError::BodyBroken),
        Err(_) => Err(VerifyError::BodyTimeout),
    }
}
