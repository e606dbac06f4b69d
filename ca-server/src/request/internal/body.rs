//! A JSON body of bounded size and time, and the certificate request within it.

use axum::body::Body;
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Base64 (RFC 4648 §4), with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the body as JSON of this form.
pub(super) async fn read<T: DeserializeOwned>(app: &App, request: Request<Body>) -> Result<T, Problem> {
    let media_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Kind::UnsupportedMediaType, "send the body as application/json"));
    }
    let limit = app.config.limits.body;
    let body = Limited::new(request.into_body(), limit).collect();
    let body = match tokio::time::timeout(app.config.limits.request_timeout / 2, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("the body may have {limit} octets");
            return Err(Problem::new(Kind::PayloadTooLarge, detail));
        }
        Ok(Err(_)) => return Err(Problem::new(Kind::Malformed, "the body broke off")),
        Err(_) => return Err(Problem::new(Kind::RequestTimeout, "the body took too long to arrive")),
    };
    serde_json::from_slice(&body).map_err(|error| {
        // serde names the field; of the values it tells at most their kind.
        let detail = match error.classify() {
            serde_json::error::Category::Data => format!("the body: {error}"),
            _ => "the body is not JSON".to_owned(),
        };
        Problem::new(Kind::Malformed, detail)
    })
}

/// The DER of a certificate request in base64.
pub(super) fn csr(text: &str) -> Result<Vec<u8>, Problem> {
    let malformed = |detail: &str| Problem::new(Kind::BadCsr, detail);
    if text.starts_with("-----") {
        return Err(malformed("`csr` is PEM text; send the base64 of its DER octets alone"));
    }
    let plain: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    BASE64.decode(plain).map_err(|_| malformed("`csr` is not base64"))
}
