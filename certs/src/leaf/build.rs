//! Profile and request → to-be-signed bytes (RFC 5280 §4).
//!
//! Every leaf has: key usage digitalSignature (critical), extended key usage, authority and subject key identifier, alternative names, revocation
//! list, issuer location, and the proof as certificate policy. It has no basic constraints, so it is no CA. Nothing here reads a certificate request.

use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType, SerialNumber,
};

use super::{ExtendedKeyUsage, LeafError, LeafRequest, PolicyRule, SubjectRule};
use crate::asn1::{GENERAL_NAME_URI, NULL, OCTET_STRING, SEQUENCE, object_identifier, tlv};
use crate::identifier::Identifier;
use crate::issuer::Issuer;
use crate::key::PublicKey;
use crate::tbs::{Tbs, TbsError, TwinKey};

/// The longest common name (RFC 5280 appendix A.1, `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;

const AUTHORITY_INFORMATION_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const ACCESS_OCSP: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
const ACCESS_CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
const PKIX_OCSP_NOCHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
const SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];

/// Builds the bytes to sign, and their twin.
///
/// Deterministic: the same request gives the same bytes.
pub fn leaf_tbs(request: &LeafRequest<'_>, issuer: &Issuer, twin: &TwinKey) -> Result<Tbs, LeafError> {
    request.check(issuer)?;
    let encoded = parameters(request)?
        .signed_by(request.public_key, &issuer.encode_only())
        .map_err(TbsError::Encoder)?;
    Ok(Tbs::from_encoded(encoded.der(), issuer, twin)?)
}

fn parameters(request: &LeafRequest<'_>) -> Result<CertificateParams, TbsError> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(request.serial.as_bytes()));
    params.not_before = request.validity.not_before;
    params.not_after = request.validity.not_after;
    params.distinguished_name = subject(request);
    params.subject_alt_names =
        request.identifiers.iter().map(alternative_name).collect::<Result<_, rcgen::Error>>()?;
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        request.profile.extended_key_usages.iter().copied().map(extended_key_usage).collect();
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![request.urls.crl.to_string()] }];
    params.custom_extensions = vec![subject_key_identifier(request.public_key), information_access(request)];
    params.custom_extensions.extend(policies(request));
    params.custom_extensions.extend(no_check(request));
    Ok(params)
}

fn subject(request: &LeafRequest<'_>) -> DistinguishedName {
    let common_name = match request.profile.subject {
        SubjectRule::None => None,
        SubjectRule::FirstNameIfFits => request.identifiers.first().map(Identifier::value),
        SubjectRule::PreferredDomain => request.preferred_domain.map(|domain| domain.as_str().to_owned()),
    };
    let mut name = DistinguishedName::new();
    if let Some(text) = common_name.filter(|text| text.len() <= MAX_COMMON_NAME) {
        name.push(DnType::CommonName, text);
    }
    name
}

/// An identifier as it stands in certificates and requests.
pub(crate) fn alternative_name(identifier: &Identifier) -> Result<SanType, rcgen::Error> {
    Ok(match identifier {
        Identifier::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Identifier::Email(address) => SanType::Rfc822Name(address.to_string().try_into()?),
        Identifier::Uri(urn) => SanType::URI(urn.as_str().try_into()?),
    })
}

fn extended_key_usage(usage: ExtendedKeyUsage) -> ExtendedKeyUsagePurpose {
    match usage {
        ExtendedKeyUsage::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsage::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsage::EmailProtection => ExtendedKeyUsagePurpose::EmailProtection,
        ExtendedKeyUsage::OcspSigning => ExtendedKeyUsagePurpose::OcspSigning,
    }
}

fn subject_key_identifier(key: &PublicKey) -> CustomExtension {
    let content = tlv(OCTET_STRING, &[&key.key_identifier()]);
    CustomExtension::from_oid_content(SUBJECT_KEY_IDENTIFIER, content)
}

fn information_access(request: &LeafRequest<'_>) -> CustomExtension {
    let access = |method: &[u64], location: &str| {
        let location = tlv(GENERAL_NAME_URI, &[location.as_bytes()]);
        tlv(SEQUENCE, &[&object_identifier(method), &location])
    };
    let ocsp = request.urls.ocsp.as_ref().map(|url| access(ACCESS_OCSP, url.as_str())).unwrap_or_default();
    let ca_issuers = access(ACCESS_CA_ISSUERS, request.urls.ca_issuers.as_str());
    let content = tlv(SEQUENCE, &[&ocsp, &ca_issuers]);
    CustomExtension::from_oid_content(AUTHORITY_INFORMATION_ACCESS, content)
}

fn policies(request: &LeafRequest<'_>) -> Option<CustomExtension> {
    match request.profile.policy {
        PolicyRule::None => None,
        PolicyRule::Proof => {
            let information: Vec<u8> =
                request.proofs.iter().flat_map(|proof| tlv(SEQUENCE, &[&proof.oid_der()])).collect();
            let content = tlv(SEQUENCE, &[&information]);
            Some(CustomExtension::from_oid_content(CERTIFICATE_POLICIES, content))
        }
    }
}

/// A responder's certificate is not itself looked up (RFC 6960 §4.2.2.2.1): it is short-lived instead.
fn no_check(request: &LeafRequest<'_>) -> Option<CustomExtension> {
    request
        .profile
        .is_responder()
        .then(|| CustomExtension::from_oid_content(PKIX_OCSP_NOCHECK, tlv(NULL, &[])))
}

#[cfg(test)]
mod tests;
