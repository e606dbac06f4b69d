//! The certificates of an authority itself: a self-signed root and an intermediate below it (RFC 5280 §4.2.1.9).
//!
//! Both have key usage keyCertSign and cRLSign (critical) and CA:TRUE; the intermediate has path length 0, so it signs leaves only. No name
//! constraints are written: with an rfc822 constraint rustls relying parties reject every chain below it.

mod fit;
mod request;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    IsCa, KeyIdMethod, KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use url::Url;

use crate::asn1::{GENERAL_NAME_URI, SEQUENCE, object_identifier, tlv};
use crate::issuer::Issuer;
use crate::key::{KeyError, PublicKey, SigningKey};
use crate::leaf::Validity;
use crate::serial::Serial;
use crate::tbs::{AssembleError, TbsError, assemble, with_issuer_name};

pub use fit::{Unfit, fit};
pub use request::{IntermediateRequest, create_request};

const AUTHORITY_INFORMATION_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const ACCESS_CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
const ANY_POLICY: &[u64] = &[2, 5, 29, 32, 0];

const MAX_NAME: usize = 64;

/// Why an authority's certificate cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A name that X.509 has no room for.
    #[error("the {field} has {length} characters, 1 to 64 are allowed")]
    Name {
        /// `common name` or `organisation`.
        field: &'static str,
        /// Its length.
        length: usize,
    },
    /// Ends before it begins.
    #[error("not-after does not lie after not-before")]
    Reversed,
    /// Would outlive its root.
    #[error("the intermediate would outlive the root, which ends {root_not_after}")]
    OutlivesRoot {
        /// When the root ends.
        root_not_after: OffsetDateTime,
    },
    /// Root and intermediate would share a key.
    #[error("the intermediate's key is the root's own key")]
    SameKey,
    /// The given key does not belong to the root certificate.
    #[error("the signing key does not belong to the root certificate")]
    WrongRootKey,
    /// Encoding failed.
    #[error(transparent)]
    Tbs(#[from] TbsError),
    /// Signing failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature came out wrong.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
}

/// What an authority certificate says about its holder, and for how long.
#[derive(Clone, Debug)]
pub struct AuthorityRequest {
    /// The common name, such as `Example external root 2026`.
    pub common_name: String,
    /// The organisation that runs it.
    pub organization: Option<String>,
    /// Its serial number.
    pub serial: Serial,
    /// From when to when.
    pub validity: Validity,
}

/// Where relying parties find what they need to check an intermediate. Both are left out if the root is kept offline without publication.
#[derive(Clone, Debug, Default)]
pub struct AuthorityUrls {
    /// The root's revocation list.
    pub crl: Option<Url>,
    /// The root's certificate.
    pub ca_issuers: Option<Url>,
}

/// Makes a self-signed root.
pub fn root(request: &AuthorityRequest, key: &SigningKey) -> Result<CertificateDer<'static>, AuthorityError> {
    let mut params = parameters(request, key.public())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(key).map_err(TbsError::Encoder)?;
    Ok(certificate.into())
}

/// Makes an intermediate for `key`, signed by the root.
pub fn intermediate(
    request: &AuthorityRequest,
    urls: &AuthorityUrls,
    key: &PublicKey,
    root: &Issuer,
    root_key: &SigningKey,
) -> Result<CertificateDer<'static>, AuthorityError> {
    if root_key.public() != root.public_key() {
        return Err(AuthorityError::WrongRootKey);
    }
    if key == root.public_key() {
        return Err(AuthorityError::SameKey);
    }
    if request.validity.not_after > root.not_after() {
        return Err(AuthorityError::OutlivesRoot { root_not_after: root.not_after() });
    }
    let mut params = parameters(request, key)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points =
        urls.crl.iter().map(|url| CrlDistributionPoint { uris: vec![url.to_string()] }).collect();
    params.custom_extensions = vec![any_policy()];
    params.custom_extensions.extend(urls.ca_issuers.as_ref().map(ca_issuers));
    let encoded = params.signed_by(key, &root.encode_only()).map_err(TbsError::Encoder)?;
    let tbs = with_issuer_name(encoded.der(), root.subject_der()).ok_or(TbsError::Encoding)?;
    Ok(assemble(&tbs, &root_key.sign(&tbs)?, root.public_key())?)
}

fn parameters(request: &AuthorityRequest, key: &PublicKey) -> Result<CertificateParams, AuthorityError> {
    if request.validity.not_after <= request.validity.not_before {
        return Err(AuthorityError::Reversed);
    }
    let name = distinguished_name(&request.common_name, request.organization.as_deref())?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(request.serial.as_bytes()));
    params.not_before = request.validity.not_before;
    params.not_after = request.validity.not_after;
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = KeyIdMethod::PreSpecified(key.key_identifier().to_vec());
    Ok(params)
}

fn distinguished_name(
    common_name: &str,
    organization: Option<&str>,
) -> Result<DistinguishedName, AuthorityError> {
    let mut name = DistinguishedName::new();
    if let Some(organization) = organization {
        check_name("organisation", organization)?;
        name.push(DnType::OrganizationName, organization);
    }
    check_name("common name", common_name)?;
    name.push(DnType::CommonName, common_name);
    Ok(name)
}

fn check_name(field: &'static str, text: &str) -> Result<(), AuthorityError> {
    let length = text.chars().count();
    if (1..=MAX_NAME).contains(&length) { Ok(()) } else { Err(AuthorityError::Name { field, length }) }
}

/// Without it, a relying party that asks for one of our policies would find none valid below the intermediate (RFC 5280 §6.1.3).
fn any_policy() -> CustomExtension {
    let information = tlv(SEQUENCE, &[&object_identifier(ANY_POLICY)]);
    CustomExtension::from_oid_content(CERTIFICATE_POLICIES, tlv(SEQUENCE, &[&information]))
}

fn ca_issuers(url: &Url) -> CustomExtension {
    let location = tlv(GENERAL_NAME_URI, &[url.as_str().as_bytes()]);
    let access = tlv(SEQUENCE, &[&object_identifier(ACCESS_CA_ISSUERS), &location]);
    CustomExtension::from_oid_content(AUTHORITY_INFORMATION_ACCESS, tlv(SEQUENCE, &[&access]))
}

#[cfg(test)]
mod tests;
