//! Certificates and requests, shown to people and programs.
//!
//! Reads anything that parses, whoever made it, and judges nothing: a report is not a verdict. Text from a certificate is shown with control
//! characters escaped, since whoever made the certificate chose it.

mod text;

use rustls_pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::ari::CertId;
use crate::asn1::sha256;
use crate::csr::{Csr, CsrError};
use crate::key::{KeyError, PublicKey};
use crate::leaf::Proof;
use crate::pem::{Label, PemError, parse_blocks};

/// Why something cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A block that is no certificate.
    #[error("not a certificate")]
    NotCertificate,
    /// Octets after a certificate.
    #[error("{octets} octets follow the certificate")]
    TrailingData {
        /// How many.
        octets: usize,
    },
}

/// One thing found in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Inspected {
    /// A certificate.
    Certificate(CertificateReport),
    /// A certificate request.
    Request(CsrReport),
    /// Something else; private keys are never looked into.
    Other {
        /// The PEM label.
        label: String,
    },
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CertificateReport {
    /// The subject's whole name; empty if all names are alternative ones.
    pub subject: String,
    /// The issuer's whole name.
    pub issuer: String,
    /// The alternative names, as `kind:value`.
    pub names: Vec<String>,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// When it begins to be valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The kind of its key.
    pub key: String,
    /// The algorithm that its issuer signed with.
    pub signature_algorithm: String,
    /// Whether it is a CA certificate.
    pub ca: bool,
    /// The path length, if one is set.
    pub path_length: Option<u32>,
    /// The key usages.
    pub key_usages: Vec<String>,
    /// The extended key usages.
    pub extended_key_usages: Vec<String>,
    /// The proofs that its policies name.
    pub proofs: Vec<Proof>,
    /// The policies that are not proofs, dotted.
    pub other_policies: Vec<String>,
    /// The subject key identifier, hexadecimal.
    pub subject_key_identifier: Option<String>,
    /// The authority key identifier, hexadecimal.
    pub authority_key_identifier: Option<String>,
    /// Where its revocation lists are.
    pub crl_urls: Vec<String>,
    /// Where its issuer's certificate is.
    pub ca_issuers_urls: Vec<String>,
    /// Where its OCSP responder is.
    pub ocsp_urls: Vec<String>,
    /// Its name in renewal information.
    pub renewal_id: Option<String>,
    /// SHA-256 of its DER, hexadecimal.
    pub sha256: String,
    /// Every extension.
    pub extensions: Vec<ExtensionReport>,
}

/// One extension of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExtensionReport {
    /// The OID, dotted.
    pub oid: String,
    /// Whether it is critical.
    pub critical: bool,
}

/// What a certificate request says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CsrReport {
    /// Whom it names, as `kind:value`. Empty if it is refused.
    pub names: Vec<String>,
    /// The kind of its key. Absent if it is refused.
    pub key: Option<String>,
    /// SHA-256 of its DER, hexadecimal.
    pub sha256: String,
    /// Why this product would refuse it, if it would.
    pub problem: Option<String>,
}

/// Everything in a PEM text, in order.
pub fn inspect_pem(text: &str) -> Result<Vec<Inspected>, InspectError> {
    let blocks = parse_blocks(text)?;
    if blocks.is_empty() {
        return Err(PemError::Nothing { expected: Label::Certificate }.into());
    }
    blocks
        .into_iter()
        .map(|(label, der)| match label.as_str() {
            "CERTIFICATE" => inspect_certificate(&CertificateDer::from(der)).map(Inspected::Certificate),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Ok(Inspected::Request(inspect_csr(&der))),
            _ => Ok(Inspected::Other { label: printable(&label) }),
        })
        .collect()
}

/// One certificate.
pub fn inspect_certificate(der: &[u8]) -> Result<CertificateReport, InspectError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| InspectError::NotCertificate)?;
    if !rest.is_empty() {
        return Err(InspectError::TrailingData { octets: rest.len() });
    }
    let mut report = CertificateReport {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        names: Vec::new(),
        serial: hex(certificate.raw_serial()),
        not_before: certificate.validity().not_before.to_datetime(),
        not_after: certificate.validity().not_after.to_datetime(),
        key: key_name(certificate.public_key()),
        signature_algorithm: signature_name(&certificate.signature_algorithm.algorithm.to_id_string()),
        ca: certificate.is_ca(),
        path_length: None,
        key_usages: Vec::new(),
        extended_key_usages: Vec::new(),
        proofs: Vec::new(),
        other_policies: Vec::new(),
        subject_key_identifier: None,
        authority_key_identifier: None,
        crl_urls: Vec::new(),
        ca_issuers_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        renewal_id: CertId::from_parsed(&certificate).map(|id| id.to_string()),
        sha256: hex(&sha256(der)),
        extensions: Vec::new(),
    };
    for extension in certificate.iter_extensions() {
        let oid = extension.oid.to_id_string();
        report.extensions.push(ExtensionReport { oid, critical: extension.critical });
        report.add(extension);
    }
    Ok(report)
}

/// One certificate request, with the problem that would get it refused.
pub fn inspect_csr(der: &[u8]) -> CsrReport {
    let sha256 = hex(&sha256(der));
    match Csr::parse(der) {
        Ok(csr) => CsrReport {
            names: csr.identifiers().iter().map(ToString::to_string).collect(),
            key: Some(csr.public_key().kind().to_string()),
            sha256,
            problem: None,
        },
        Err(fault) => {
            let fault: CsrError = fault;
            CsrReport { names: Vec::new(), key: None, sha256, problem: Some(printable(&fault.to_string())) }
        }
    }
}

impl CertificateReport {
    fn add(&mut self, extension: &X509Extension<'_>) {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.names.extend(names.general_names.iter().map(name));
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.path_length = constraints.path_len_constraint
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usages = usage.to_string().split(", ").map(str::to_owned).collect();
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let known = [
                    (usage.any, "any"),
                    (usage.server_auth, "server-auth"),
                    (usage.client_auth, "client-auth"),
                    (usage.code_signing, "code-signing"),
                    (usage.email_protection, "email-protection"),
                    (usage.time_stamping, "time-stamping"),
                    (usage.ocsp_signing, "ocsp-signing"),
                ];
                self.extended_key_usages.extend(known.iter().filter(|k| k.0).map(|k| k.1.to_owned()));
                self.extended_key_usages.extend(usage.other.iter().map(|oid| oid.to_id_string()));
            }
            ParsedExtension::SubjectKeyIdentifier(identifier) => {
                self.subject_key_identifier = Some(hex(identifier.0));
            }
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                self.authority_key_identifier = identifier.key_identifier.as_ref().map(|key| hex(key.0));
            }
            ParsedExtension::CertificatePolicies(policies) => {
                for policy in policies {
                    let oid = policy.policy_id.to_id_string();
                    match Proof::from_oid(&oid) {
                        Some(proof) => self.proofs.push(proof),
                        None => self.other_policies.push(oid),
                    }
                }
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                for point in points.iter() {
                    if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                        self.crl_urls.extend(names.iter().filter_map(uri));
                    }
                }
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in &access.accessdescs {
                    let list = match description.access_method.to_id_string().as_str() {
                        "1.3.6.1.5.5.7.48.1" => &mut self.ocsp_urls,
                        "1.3.6.1.5.5.7.48.2" => &mut self.ca_issuers_urls,
                        _ => continue,
                    };
                    list.extend(uri(&description.access_location));
                }
            }
            _ => {}
        }
    }
}

fn name(name: &GeneralName<'_>) -> String {
    printable(&match name {
        GeneralName::DNSName(value) => format!("dns:{value}"),
        GeneralName::RFC822Name(value) => format!("email:{value}"),
        GeneralName::URI(value) => format!("uri:{value}"),
        GeneralName::IPAddress(octets) => match <[u8; 4]>::try_from(*octets) {
            Ok(v4) => format!("ip:{}", std::net::Ipv4Addr::from(v4)),
            Err(_) => match <[u8; 16]>::try_from(*octets) {
                Ok(v6) => format!("ip:{}", std::net::Ipv6Addr::from(v6)),
                Err(_) => format!("ip:{}", hex(octets)),
            },
        },
        GeneralName::DirectoryName(name) => format!("directory:{name}"),
        other => format!("other:{other}"),
    })
}

fn uri(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(value) => Some(printable(value)),
        _ => None,
    }
}

fn key_name(spki: &SubjectPublicKeyInfo<'_>) -> String {
    match PublicKey::from_spki_der(spki.raw) {
        Ok(key) => format!("ECDSA {}", key.kind()),
        Err(KeyError::Algorithm { algorithm }) => algorithm,
        Err(KeyError::Curve { curve, .. }) => format!("ECDSA {curve}"),
        Err(fault) => fault.to_string(),
    }
}

fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

fn hex(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(octets)
}

/// Escapes control characters and anything that could move a terminal's cursor, break the line or turn the reading direction.
fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control() || turns(c);
            let escaped = escape.then(|| c.escape_unicode());
            escaped.into_iter().flatten().chain((!escape).then_some(c))
        })
        .collect()
}

#[cfg(test)]
mod tests;
