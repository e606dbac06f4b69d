//! Our own demands on a leaf, beyond path validation.
//!
//! Reads what the leaf claims, then checks that it is the kind of certificate that identifies a participant. Extensions that are neither known here nor
//! marked critical are ignored, as RFC 5280 §4.2 has it.

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use super::{CertInfo, Reason, info};
use crate::identifier::{Identifier, IdentifierKind};
use crate::key::{KeyKind, PublicKey};
use crate::leaf::Proof;

/// What a leaf says, and the first thing that is wrong with it.
pub(super) struct Facts {
    pub(super) identifiers: Vec<Identifier>,
    pub(super) proofs: BTreeSet<Proof>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    pub(super) info: CertInfo,
    fault: Option<Reason>,
}

impl Facts {
    /// The one name to show.
    pub(super) fn display(&self) -> String {
        shown(&self.identifiers).map(Identifier::value).unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Reason> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.identifiers.is_empty() => Err(Reason::NoIdentifier),
            None => Ok(()),
        }
    }
}

/// The name to show: an e-mail address before a DNS name before a URI.
pub(super) fn shown(identifiers: &[Identifier]) -> Option<&Identifier> {
    identifiers.iter().min_by_key(|identifier| match identifier {
        Identifier::Email(_) => 0,
        Identifier::Dns(_) => 1,
        Identifier::Uri(_) => 2,
    })
}

/// Reads a leaf as far as it can be read.
pub(super) fn read(der: &CertificateDer<'_>) -> Result<Facts, Reason> {
    let certificate = match X509Certificate::from_der(der) {
        Ok(([], certificate)) => certificate,
        _ => return Err(Reason::Malformed),
    };
    let (identifiers, proofs) = names_and_proofs(&certificate);
    let info = info::read(der, &identifiers, &proofs)?;
    Ok(Facts {
        info,
        identifiers,
        proofs,
        not_before: certificate.validity().not_before.to_datetime(),
        not_after: certificate.validity().not_after.to_datetime(),
        fault: fault(&certificate).err(),
    })
}

/// Whether a name in a certificate is the expected one; a wildcard is every name one label below it.
pub(super) fn names(name: &Identifier, expected: &Identifier) -> bool {
    match (name, expected) {
        (Identifier::Dns(name), Identifier::Dns(expected)) => name.covers(expected),
        (Identifier::Dns(_) | Identifier::Email(_) | Identifier::Uri(_), _) => name == expected,
    }
}

fn names_and_proofs(certificate: &X509Certificate<'_>) -> (Vec<Identifier>, BTreeSet<Proof>) {
    let mut identifiers = Vec::new();
    let mut proofs = BTreeSet::new();
    for extension in certificate.iter_extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                identifiers.extend(names.general_names.iter().filter_map(identifier));
            }
            ParsedExtension::CertificatePolicies(policies) => {
                let known =
                    policies.iter().filter_map(|policy| Proof::from_oid(&policy.policy_id.to_id_string()));
                proofs.extend(known);
            }
            _ => {}
        }
    }
    (identifiers, proofs)
}

fn identifier(name: &GeneralName<'_>) -> Option<Identifier> {
    let (kind, value) = match name {
        GeneralName::DNSName(value) => (IdentifierKind::Dns, value),
        GeneralName::RFC822Name(value) => (IdentifierKind::Email, value),
        GeneralName::URI(value) => (IdentifierKind::Uri, value),
        _ => return None,
    };
    Identifier::from_parts(kind.as_str(), value).ok()
}

fn fault(certificate: &X509Certificate<'_>) -> Result<(), Reason> {
    if certificate.version() != X509Version::V3 {
        return Err(Reason::Malformed);
    }
    let extensions = certificate.extensions();
    for (at, extension) in extensions.iter().enumerate() {
        if extensions.iter().skip(at + 1).any(|other| other.oid == extension.oid) {
            return Err(Reason::DuplicateExtension);
        }
    }
    for extension in extensions {
        check_extension(extension)?;
    }
    match PublicKey::from_spki_der(certificate.public_key().raw) {
        Ok(key) if key.kind() == KeyKind::P256 => {}
        Ok(_) | Err(_) => return Err(Reason::WrongKey),
    }
    let has =
        |wanted: fn(&ParsedExtension<'_>) -> bool| extensions.iter().any(|e| wanted(e.parsed_extension()));
    if !has(|e| matches!(e, ParsedExtension::KeyUsage(usage) if usage.digital_signature())) {
        return Err(Reason::MissingKeyUsage);
    }
    if !has(|e| matches!(e, ParsedExtension::ExtendedKeyUsage(usage) if usage.client_auth)) {
        return Err(Reason::MissingExtendedKeyUsage);
    }
    Ok(())
}

fn check_extension(extension: &X509Extension<'_>) -> Result<(), Reason> {
    match extension.parsed_extension() {
        ParsedExtension::ParseError { .. } => Err(Reason::Malformed),
        ParsedExtension::BasicConstraints(constraints) if constraints.ca => Err(Reason::CaAsLeaf),
        ParsedExtension::KeyUsage(usage) if usage.key_cert_sign() || usage.crl_sign() => {
            Err(Reason::CaAsLeaf)
        }
        ParsedExtension::BasicConstraints(_)
        | ParsedExtension::KeyUsage(_)
        | ParsedExtension::ExtendedKeyUsage(_)
        | ParsedExtension::SubjectAlternativeName(_)
        | ParsedExtension::CertificatePolicies(_) => Ok(()),
        _ if extension.critical => Err(Reason::UnknownCriticalExtension),
        _ => Ok(()),
    }
}
