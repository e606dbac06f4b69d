//! `POST /acme/<authority>/certificate/<serial>[/<chain>]`: a certificate with its chain (RFC 8555 §7.4.2), and links to the other chains.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::pem::{Label, encode};
use http::header::{ACCEPT, CONTENT_TYPE, LINK};
use http::{HeaderMap, HeaderValue};

use super::path::{self, Segments};
use crate::app::App;
use crate::order::model::{Certificate, CertificateStatus};
use crate::order::read::{not_found, not_yours};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::verify::{PostAsGet, Verified};

const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// Gives out the default chain.
///
/// # Errors
/// As [`alternate`].
pub async fn certificate(
    app: State<App>,
    Segments((authority, serial)): Segments<(String, String)>,
    headers: HeaderMap,
    request: Verified<PostAsGet>,
) -> Result<Response, Problem> {
    alternate(app, Segments((authority, serial, "0".to_owned())), headers, request).await
}

/// Gives out the chain with this number.
///
/// # Errors
/// `NotFound`, `unauthorized` for another account, `NotAcceptable` if the client takes only other formats.
pub async fn alternate(
    State(app): State<App>,
    Segments((_, serial, chain)): Segments<(String, String, String)>,
    headers: HeaderMap,
    request: Verified<PostAsGet>,
) -> Result<Response, Problem> {
    let serial = path::id("certificate", &serial)?;
    let number: usize = path::id("chain", &chain)?;
    let found = app.store.load::<Certificate>(&serial).await?.map(|seen| seen.value);
    let is_out = |found: &Certificate| match found.status {
        CertificateStatus::Issued | CertificateStatus::Revoked => found.authority == request.authority,
        CertificateStatus::Intended | CertificateStatus::Abandoned => false,
    };
    let found = found.filter(is_out).ok_or_else(|| not_found("certificate"))?;
    if found.account != Some(request.account.value.id) {
        return Err(not_yours("certificate"));
    }
    if !accepts(&headers) {
        let detail = format!("certificates are given out as {PEM_CHAIN}; accept that");
        return Err(Problem::new(Kind::NotAcceptable, detail));
    }
    let authority = app.authority(&request.authority)?;
    let chains: Vec<_> = authority.chains_of(&found.issuer).collect();
    // Of an issuer that was replaced, only the certificate itself may be left to give.
    let above = match chains.get(number) {
        Some(chain) => chain.pem.as_str(),
        None if number == 0 => "",
        None => return Err(not_found("chain")),
    };
    let der = STANDARD.decode(&found.der).map_err(Problem::internal)?;
    let mut response = (encode(Label::Certificate, &der) + above).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PEM_CHAIN));
    for other in (0..chains.len()).filter(|other| *other != number) {
        let url = app.links.certificate(&request.authority, serial, other);
        if let Ok(link) = HeaderValue::try_from(format!("<{url}>;rel=\"alternate\"")) {
            headers.append(LINK, link);
        }
    }
    Ok(response)
}

/// Whether the client takes a PEM chain. Without the header it takes anything.
fn accepts(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    if given.peek().is_none() {
        return true;
    }
    given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let taken = parts.next().is_some_and(|kind| {
            kind == "*/*"
                || kind.eq_ignore_ascii_case("application/*")
                || kind.eq_ignore_ascii_case(PEM_CHAIN)
        });
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        taken && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::try_from(accept).unwrap());
        accepts(&headers)
    }

    #[test]
    fn a_pem_chain_is_given_to_whoever_takes_it() {
        assert!(accepts(&HeaderMap::new()));
        assert!(given("*/*"));
        assert!(given("application/pkix-cert;q=0.9, application/pem-certificate-chain;q=0.1"));
        assert!(given("Application/*"));
    }

    #[test]
    fn and_not_to_whoever_takes_other_formats_only() {
        assert!(!given("application/pkix-cert"));
        assert!(!given("text/html, application/pem-certificate-chain;q=0"));
    }
}
