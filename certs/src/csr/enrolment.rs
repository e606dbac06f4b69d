//! What EST asks of a request beside its key: its challenge password (RFC 7030 §3.5), and that its names stay as they were (§4.2.2).
//!
//! Reads requests and certificates that others have checked, and decides nothing about whose they are.

use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::{ChallengePassword, ParsedCriAttribute};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::{CsrError, names, requested_extensions};
use crate::identifier::Identifier;

const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

/// Why a request does not continue a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    /// One of the two cannot be read.
    #[error(transparent)]
    Request(#[from] CsrError),
    /// The certificate cannot be read.
    #[error("the certificate in use cannot be read")]
    Certificate,
    /// Another subject.
    #[error("the request's subject `{request}` is not the certificate's `{certificate}`")]
    Subject {
        /// In the request.
        request: String,
        /// In the certificate.
        certificate: String,
    },
    /// Other alternative names.
    #[error("the request's subject alternative names are not the certificate's")]
    AlternativeNames,
}

/// Whether a request carries a challenge password that is not empty. One in a form that is not understood counts.
///
/// # Errors
/// [`CsrError::NotPkcs10`].
pub fn has_challenge_password(der: &[u8]) -> Result<bool, CsrError> {
    let (_, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrError::NotPkcs10)?;
    Ok(request.certification_request_info.iter_attributes().any(|attribute| {
        match attribute.parsed_attribute() {
            ParsedCriAttribute::ChallengePassword(ChallengePassword(text)) => !text.is_empty(),
            _ => attribute.oid.to_id_string() == CHALLENGE_PASSWORD,
        }
    }))
}

/// The names of a certificate, if a request has its subject and its alternative names, in any order. A request without alternative names has nothing
/// that could differ: they are taken from the account.
///
/// # Errors
/// What differs.
pub fn continues(request: &[u8], certificate: &[u8]) -> Result<Vec<Identifier>, Changed> {
    let (_, request) = X509CertificationRequest::from_der(request).map_err(|_| CsrError::NotPkcs10)?;
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Changed::Certificate)?;
    let (asked, held) = (&request.certification_request_info.subject, certificate.subject());
    if attributes(asked) != attributes(held) {
        return Err(Changed::Subject { request: shown(asked), certificate: shown(held) });
    }
    let asked = names::alternative_names(requested_extensions(&request)?)?;
    let held = names::alternative_names(certificate.extensions())?;
    let within = |these: &[Identifier], those: &[Identifier]| these.iter().all(|name| those.contains(name));
    if asked.is_empty() || (within(&asked, &held) && within(&held, &asked)) {
        Ok(held)
    } else {
        Err(Changed::AlternativeNames)
    }
}

/// Types and values in their order; as text where they are text, since clients choose among its encodings as they like.
fn attributes(name: &X509Name<'_>) -> Vec<(String, Vec<u8>)> {
    let value = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        attribute.as_str().map_or_else(|_| attribute.as_slice().to_vec(), |text| text.as_bytes().to_vec())
    };
    name.iter_attributes().map(|attribute| (attribute.attr_type().to_id_string(), value(attribute))).collect()
}

/// A name as it may stand in a message.
fn shown(name: &X509Name<'_>) -> String {
    name.to_string().chars().take(100).flat_map(char::escape_default).collect()
}
