//! A JSON body of bounded size and time, its fields, and the certificate request within one of them.
//!
//! What is wrong is said by the name of the field alone: a value may be a token or a code, and is never sent back.

use axum::body::Body;
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::app::App;
use crate::request::bounded;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Base64 (RFC 4648 §4), with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The members of a JSON object.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The text of a field.
    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        let malformed = |what: &str| Problem::new(Kind::Malformed, format!("`{name}` {what}"));
        match self.0.get(name) {
            None => Err(malformed("is missing")),
            Some(value) => value.as_str().ok_or_else(|| malformed("must be a string")),
        }
    }

    /// The DER of the certificate request in `csr`.
    pub(super) fn csr(&self) -> Result<Vec<u8>, Problem> {
        let text = self.text("csr")?;
        let malformed = |detail: &str| Problem::new(Kind::BadCsr, detail);
        if text.starts_with("-----") {
            return Err(malformed("`csr` is PEM text; send the base64 of its DER octets alone"));
        }
        let plain: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        BASE64.decode(plain).map_err(|_| malformed("`csr` is not base64"))
    }
}

/// Reads the body as a JSON object.
pub(super) async fn read(app: &App, request: Request<Body>) -> Result<Fields, Problem> {
    let body = bounded::body(app, request, ("application/json", usize::MAX)).await?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(fields)) => Ok(Fields(fields)),
        Ok(_) => Err(Problem::new(Kind::Malformed, "the body is no JSON object")),
        Err(_) => Err(Problem::new(Kind::Malformed, "the body is not JSON")),
    }
}
