//! `Security Certificates CSR Create` and `Link`: a key that never leaves the device, its request (PKCS#10), and the certificate made for it.
//!
//! One request waits at a time; a new one replaces it.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Vault;
use super::material::{check_validity, spki};
use super::store::{Entry, Pending};
use crate::room::xapi::schema::Command;
use crate::room::xapi::{Call, Fault, Node, Refusal};

/// `CSR Create`.
///
/// # Errors
/// [`Refusal`]; the request that waited waits.
pub fn create(vault: &mut Vault, command: &Command) -> Result<Node, Refusal> {
    let parameters = parameters(command.call())?;
    let key = KeyPair::generate().map_err(|_| Fault::Internal)?;
    let request = parameters.serialize_request(&key).map_err(|_| Fault::Internal)?;
    let pem = certs::pem::encode(certs::pem::Label::CertificateRequest, request.der());
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    vault.pending = Some(Pending { key: Zeroizing::new(key.serialize_der()), spki });
    Ok(Node::leaves([("CSR", pem)]))
}

fn parameters(call: &Call) -> Result<CertificateParams, Refusal> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (name, kind) in [
        ("CountryName", DnType::CountryName),
        ("StateOrProvinceName", DnType::StateOrProvinceName),
        ("LocalityName", DnType::LocalityName),
        ("OrganizationName", DnType::OrganizationName),
        ("OrganizationalUnit", DnType::OrganizationalUnitName),
        ("CommonName", DnType::CommonName),
    ] {
        if let Some(value) = call.parameter(name) {
            params.distinguished_name.push(kind, value.as_str());
        }
    }
    for name in ["SanDns", "SanEmail", "SanUri", "SanIp"] {
        for value in call.values(name) {
            let wrong = || Refusal::Parameter { name: name.to_owned() };
            let text = || rcgen::string::Ia5String::try_from(value.as_str()).map_err(|_| wrong());
            params.subject_alt_names.push(match name {
                "SanDns" => SanType::DnsName(text()?),
                "SanEmail" => SanType::Rfc822Name(text()?),
                "SanUri" => SanType::URI(text()?),
                _ => SanType::IpAddress(value.parse().map_err(|_| wrong())?),
            });
        }
    }
    Ok(params)
}

/// `CSR Link`.
///
/// # Errors
/// [`Refusal`]; the request goes on waiting.
pub fn link(vault: &mut Vault, command: &Command, now: OffsetDateTime) -> Result<Node, Refusal> {
    let pending = vault.pending.as_ref().ok_or(Fault::NoRequest)?;
    let body = command.call().body.as_ref().ok_or(Refusal::Parameter { name: "body".to_owned() })?;
    let chain: Vec<CertificateDer<'static>> =
        certs::pem::parse_certificates(body).map_err(|_| Fault::CertificateMalformed)?;
    let leaf = chain.first().ok_or(Fault::CertificateMalformed)?;
    let key = spki(leaf).ok_or(Fault::CertificateMalformed)?;
    if key != pending.spki {
        return Err(Fault::KeyMismatch.into());
    }
    check_validity(leaf, now)?;
    let key = pending.key.clone();
    let entry = Entry { chain, _key: key, encrypted: false, purposes: Default::default() };
    let fingerprint = vault.insert(entry)?;
    vault.pending = None;
    Ok(Node::leaves([("Fingerprint", fingerprint.to_string())]))
}
