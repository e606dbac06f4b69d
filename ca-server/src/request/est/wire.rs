//! Bodies of EST: base64 of DER whatever the headers say of encodings (RFC 8951 §3.1), read with white space and written without.
//!
//! One line, since strongSwan up to 5.9.10 reads no more; whole and of known length, since it knows no chunks. Must take a body of bounded size
//! and time only.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::csr::{MAX_CSR, has_challenge_password};
use http::header::{CONTENT_TYPE, HeaderName};

use super::Refusal;
use crate::app::App;
use crate::internal::Holder;
use crate::request::bad_body::refused;
use crate::request::bounded;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// RFC 7030 demands it, RFC 8951 forgets it; old clients look for it.
const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// Longest base64 of a request: with a line break after each of its characters, which no client has.
const LONGEST: usize = MAX_CSR * 3;

/// Why a body is no base64 of DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but white space.
    #[error("the body is empty; send the base64 of a PKCS#10 request")]
    Empty,
    /// PEM.
    #[error("the body is PEM text; send the base64 between its lines alone")]
    Pem,
    /// The octets themselves.
    #[error("the body is not base64; send the base64 of the DER octets (RFC 8951)")]
    NotBase64,
    /// More than any honest request.
    #[error("the body is longer than any certificate request")]
    TooLong,
}

/// The octets that a body stands for.
///
/// # Errors
/// [`Fault`]
pub fn decode(body: &[u8]) -> Result<Vec<u8>, Fault> {
    if body.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    if body.trim_ascii_start().starts_with(b"-----") {
        return Err(Fault::Pem);
    }
    let letters: Vec<u8> =
        body.iter().copied().filter(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n')).collect();
    if letters.is_empty() {
        return Err(Fault::Empty);
    }
    STANDARD.decode(letters).map_err(|_| Fault::NotBase64)
}

/// The certificate request in a body, as DER that was not looked at but for its challenge password.
///
/// # Errors
/// What is wrong with the body; it is journalled already.
pub async fn certificate_request(
    app: &App,
    holder: &Holder,
    request: Request<Body>,
) -> Result<Vec<u8>, Refusal> {
    match read(app, request).await {
        Ok(der) => Ok(der),
        Err(problem) => Err(refused(app, holder, problem).await.into()),
    }
}

async fn read(app: &App, request: Request<Body>) -> Result<Vec<u8>, Problem> {
    let body = bounded::body(app, request, ("application/pkcs10", LONGEST)).await?;
    let bad = |detail: String| Problem::new(Kind::BadCsr, detail);
    let der = decode(&body).map_err(|fault| bad(fault.to_string()))?;
    if has_challenge_password(&der).map_err(|fault| bad(fault.to_string()))? {
        // RFC 7030 §3.5: it would have to be the connection's tls-unique, which TLS 1.3 has not.
        let detail = "challengePassword: it can only bind the request to the TLS connection, which is not done here; leave it out";
        return Err(bad(detail.to_owned()));
    }
    Ok(der)
}

/// An answer that holds this DER.
#[must_use]
pub fn answer(media_type: &'static str, der: &[u8]) -> Response {
    let headers = [(CONTENT_TYPE, media_type), (CONTENT_TRANSFER_ENCODING, "base64")];
    (headers, STANDARD.encode(der)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_any_kind_is_passed_over() {
        for body in ["MAA=", " MAA=\n", "M\r\nA\tA\n=\r\n"] {
            assert_eq!(decode(body.as_bytes()), Ok(vec![0x30, 0]), "{body:?}");
        }
    }

    #[test]
    fn what_is_no_base64_is_told_apart() {
        assert_eq!(decode(b""), Err(Fault::Empty));
        assert_eq!(decode(b" \r\n"), Err(Fault::Empty));
        assert_eq!(decode(b"\n-----BEGIN CERTIFICATE REQUEST-----"), Err(Fault::Pem));
        for bad in [&b"MAA"[..], b"M-A=", b"0\x82\x01\x00", b"MAA=MAA=", b"MAA\x0b="] {
            assert_eq!(decode(bad), Err(Fault::NotBase64), "{bad:?}");
        }
        assert_eq!(decode(&vec![b'A'; LONGEST + 1]), Err(Fault::TooLong));
    }
}
