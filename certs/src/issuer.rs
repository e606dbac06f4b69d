//! An issuing certificate with its chain, as leaves and revocation lists need it: name, key identifier, key kind, validity.
//!
//! Trusts the operator's file but checks that it can issue at all (RFC 5280 §4.2.1.3, §4.2.1.9) and that each certificate in it is signed by the
//! next. Never holds a private key.

use std::fmt;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use crate::key::{KeyError, KeyKind, PublicKey, SignatureAlgorithm};
use crate::pem::{PemError, parse_certificates};
use crate::tbs::EncodeOnly;

/// Why a chain cannot issue. Positions count certificates from 1, the issuing one first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The file is not PEM certificates.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// No certificate at all.
    #[error("the chain is empty")]
    Empty,
    /// A certificate does not parse.
    #[error("certificate {position} does not parse")]
    Malformed {
        /// Which one.
        position: usize,
    },
    /// Not a CA certificate.
    #[error("certificate {position} is not a CA certificate (basicConstraints CA:TRUE is missing)")]
    NotAuthority {
        /// Which one.
        position: usize,
    },
    /// Key usage forbids what is needed.
    #[error("the issuing certificate's key usage lacks keyCertSign or cRLSign")]
    KeyUsage,
    /// Without it leaves could not name their issuer's key.
    #[error("the issuing certificate has no subject key identifier")]
    NoSubjectKeyIdentifier,
    /// Its key is of a kind that is not supported.
    #[error("certificate {position}: {fault}")]
    Key {
        /// Which one.
        position: usize,
        /// What is wrong.
        fault: KeyError,
    },
    /// The next certificate did not sign this one.
    #[error("certificate {position} is not signed by certificate {}", position + 1)]
    NotChained {
        /// Which one.
        position: usize,
    },
}

/// A CA certificate that issues, with the certificates above it.
#[derive(Clone)]
pub struct Issuer {
    chain: Vec<CertificateDer<'static>>,
    subject_der: Vec<u8>,
    display_name: String,
    subject_key_identifier: Vec<u8>,
    public_key: PublicKey,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Issuer {
    /// Reads a PEM chain: the issuing certificate first, then each one's signer, with or without the root.
    pub fn from_pem(text: &str) -> Result<Self, IssuerError> {
        Self::from_chain(parse_certificates(text)?)
    }

    /// The same from DER.
    pub fn from_chain(chain: Vec<CertificateDer<'static>>) -> Result<Self, IssuerError> {
        let parsed = chain
            .iter()
            .enumerate()
            .map(|(at, der)| parse(der).ok_or(IssuerError::Malformed { position: at + 1 }))
            .collect::<Result<Vec<_>, _>>()?;
        let first = parsed.first().ok_or(IssuerError::Empty)?;
        check_usage(first)?;
        let keys = check_chain(&parsed)?;
        let public_key = keys.into_iter().next().ok_or(IssuerError::Empty)?;
        let subject_key_identifier =
            subject_key_identifier(first).ok_or(IssuerError::NoSubjectKeyIdentifier)?;
        let subject_der = first.subject().as_raw().to_vec();
        let display_name = display_name(first);
        let (not_before, not_after) =
            (first.validity().not_before.to_datetime(), first.validity().not_after.to_datetime());
        Ok(Self {
            chain,
            subject_der,
            display_name,
            subject_key_identifier,
            public_key,
            not_before,
            not_after,
        })
    }

    /// The issuing certificate.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// The issuing certificate and those above it, in order.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The subject name in DER, as it stands in the certificate.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The common name, or the whole subject if there is none.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The organisation in its subject, if there is one.
    pub fn organization(&self) -> Option<String> {
        let certificate = parse(self.chain.first()?)?;
        let organization = certificate.subject().iter_organization().next()?;
        organization.as_str().ok().map(str::to_owned)
    }

    /// What leaves carry as their authority key identifier.
    pub fn subject_key_identifier(&self) -> &[u8] {
        &self.subject_key_identifier
    }

    /// The key that verifies what this issuer signs.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The kind of its key.
    pub fn kind(&self) -> KeyKind {
        self.public_key.kind()
    }

    /// When its certificate begins to be valid.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// When its certificate ends; no leaf may outlive it.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// This issuer as `rcgen` sees it while encoding; the name is put in afterwards.
    pub(crate) fn encode_only(&self) -> rcgen::Issuer<'static, EncodeOnly> {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(self.subject_key_identifier.clone());
        rcgen::Issuer::new(params, EncodeOnly(self.kind()))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("display_name", &self.display_name)
            .field("public_key", &self.public_key)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(der)
        .ok()
        .filter(|(rest, _)| rest.is_empty())
        .map(|(_, certificate)| certificate)
}

fn check_usage(certificate: &X509Certificate<'_>) -> Result<(), IssuerError> {
    let usage = certificate.key_usage().map_err(|_| IssuerError::Malformed { position: 1 })?;
    match usage {
        Some(usage) if !(usage.value.key_cert_sign() && usage.value.crl_sign()) => Err(IssuerError::KeyUsage),
        Some(_) | None => Ok(()),
    }
}

/// Checks each certificate and its signature by the next one; gives the keys in order.
fn check_chain(parsed: &[X509Certificate<'_>]) -> Result<Vec<PublicKey>, IssuerError> {
    let mut keys = Vec::with_capacity(parsed.len());
    for (at, certificate) in parsed.iter().enumerate() {
        let position = at + 1;
        if !certificate.is_ca() {
            return Err(IssuerError::NotAuthority { position });
        }
        let key = PublicKey::from_spki_der(certificate.public_key().raw)
            .map_err(|fault| IssuerError::Key { position, fault })?;
        keys.push(key);
    }
    for (at, pair) in parsed.windows(2).enumerate() {
        if let ([below, above], Some(key)) = (pair, keys.get(at + 1)) {
            let named = below.issuer().as_raw() == above.subject().as_raw();
            if !named || !is_signed_by(below, key) {
                return Err(IssuerError::NotChained { position: at + 1 });
            }
        }
    }
    Ok(keys)
}

/// Whether `key` signed the certificate.
pub(crate) fn is_signed_by(certificate: &X509Certificate<'_>, key: &PublicKey) -> bool {
    let algorithm = match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.4.3.2" => SignatureAlgorithm::EcdsaSha256,
        "1.2.840.10045.4.3.3" => SignatureAlgorithm::EcdsaSha384,
        _ => return false,
    };
    key.verify_with(algorithm, certificate.tbs_certificate.as_ref(), &certificate.signature_value.data)
        .is_ok()
}

fn subject_key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}

/// The common name, or the whole subject if there is none.
pub(crate) fn display_name(certificate: &X509Certificate<'_>) -> String {
    name_for_people(certificate.subject())
}

pub(crate) fn name_for_people(name: &x509_parser::x509::X509Name<'_>) -> String {
    let common_name = name.iter_common_name().find_map(|value| value.as_str().ok());
    common_name.map_or_else(|| name.to_string(), str::to_owned)
}
