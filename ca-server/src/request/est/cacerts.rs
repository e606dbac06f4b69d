//! `GET …/cacerts` (RFC 7030 §4.1): the root that clients are to trust and what stands between it and their certificate, for anybody.
//!
//! While the issuer is replaced, the chains of both are in it. Says nothing that clients could not know from a certificate.

use axum::extract::State;
use axum::response::Response;
use certs::pkcs7::certs_only;
use rustls_pki_types::CertificateDer;

use super::label::Label;
use super::{Refusal, wire};
use crate::app::App;
use crate::sign::Authority;

/// Gives them.
///
/// # Errors
/// If there is no such authority.
pub async fn cacerts(State(app): State<App>, label: Label) -> Result<Response, Refusal> {
    let authority = label.authority(&app)?;
    Ok(wire::answer("application/pkcs7-mime", &certs_only(&certificates(&authority))))
}

/// The root first, then each other certificate once.
fn certificates(authority: &Authority) -> Vec<CertificateDer<'static>> {
    let mut all = vec![authority.root().clone()];
    for certificate in authority.chains().iter().flat_map(|chain| &chain.certificates) {
        if !all.contains(certificate) {
            all.push(certificate.clone());
        }
    }
    all
}
