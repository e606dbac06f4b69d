//! Requests for an intermediate (PKCS#10, RFC 2986), carried by hand to the machine that holds the root key.
//!
//! Only the name and the key are taken from one; everything else the root's side decides. The request's own signature is always checked: it
//! proves that whoever made it holds the key.

use rcgen::CertificateParams;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::{AuthorityError, distinguished_name};
use crate::csr::{CsrError, MAX_CSR, check_signature};
use crate::key::{PublicKey, RequestError, Signer, sign_request};
use crate::tbs::TbsError;

/// The DER of a request for an intermediate of this name.
///
/// # Errors
/// If the name does not fit, or encoding fails.
pub fn create_request(
    common_name: &str,
    organization: Option<&str>,
    key: &dyn Signer,
) -> Result<Vec<u8>, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(common_name, organization)?;
    sign_request(&params, key).map_err(|error| match error {
        RequestError::Encoder(error) => TbsError::Encoder(error).into(),
        RequestError::Key(error) => error.into(),
    })
}

/// What a request for an intermediate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntermediateRequest {
    /// The common name.
    pub common_name: String,
    /// The organisation.
    pub organization: Option<String>,
    /// The key.
    pub key: PublicKey,
}

impl IntermediateRequest {
    /// Reads and checks the DER of a request.
    ///
    /// # Errors
    /// If it is none, its key cannot be used, or it is not signed by its own key.
    pub fn parse(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > MAX_CSR {
            return Err(CsrError::TooBig { length: der.len() });
        }
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrError::NotPkcs10)?;
        if !rest.is_empty() {
            return Err(CsrError::TrailingData { octets: rest.len() });
        }
        let info = &request.certification_request_info;
        let key = PublicKey::from_spki_der(info.subject_pki.raw).map_err(CsrError::Key)?;
        check_signature(&request, &key)?;
        let text = |value: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
            value.and_then(|value| value.as_str().ok()).map(str::to_owned)
        };
        let common_name = text(info.subject.iter_common_name().next()).ok_or(CsrError::NotPkcs10)?;
        Ok(Self { common_name, organization: text(info.subject.iter_organization().next()), key })
    }
}
