//! Bodies of the fronts that read no JWS: of bounded size, within bounded time, of one media type.
//!
//! Gives octets and believes nothing. Must never log them.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// The body of a request that says it is of this media type.
///
/// # Errors
/// 415 for another type, 413 for more than `limit` octets or `limits.body`, 408 for one that takes too long.
pub(super) async fn body(
    app: &App,
    request: Request<Body>,
    (media_type, limit): (&str, usize),
) -> Result<Bytes, Problem> {
    if !is_of(request.headers(), media_type) {
        return Err(Problem::new(Kind::UnsupportedMediaType, format!("send the body as {media_type}")));
    }
    let limit = app.config.limits.body.min(limit);
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(app.config.limits.request_timeout / 2, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Kind::PayloadTooLarge, format!("the body may have {limit} octets")))
        }
        Ok(Err(_)) => Err(Problem::new(Kind::Malformed, "the body broke off")),
        Err(_) => Err(Problem::new(Kind::RequestTimeout, "the body took too long to arrive")),
    }
}

fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}
