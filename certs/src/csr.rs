//! Certificate requests (PKCS#10, RFC 2986): read strictly, for the key and the names, and for nothing else.
//!
//! Whatever else a request asks for is either refused (to be a CA; a critical extension that is not understood) or ignored (usages, validity,
//! policies, challenge password), since the profile decides it. The request's own signature is always checked: it proves possession of the key.

mod attributes;
mod create;
mod enrolment;
mod names;

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{X509Name, X509Version};

use crate::identifier::{Identifier, IdentifierError};
use crate::key::{KeyError, KeyKind, PublicKey, SignatureAlgorithm};

pub use attributes::{Unsuitable, suits_p256};
pub use create::{ContinueError, create_continuing_csr, create_csr};
pub use enrolment::{Changed, continues, has_challenge_password};

/// The largest request that is looked at.
pub const MAX_CSR: usize = 16 * 1024;

/// What is wrong with a certificate request (`badCSR` in ACME).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Larger than any honest request.
    #[error("the request has {length} octets, at most {MAX_CSR} are accepted")]
    TooBig {
        /// Its length.
        length: usize,
    },
    /// PEM where DER belongs.
    #[error("the request is PEM text; send the base64url of its DER octets")]
    Pem,
    /// Not the ASN.1 structure.
    #[error("not a PKCS#10 certificate request")]
    NotPkcs10,
    /// Something follows.
    #[error("{octets} octets follow the certificate request")]
    TrailingData {
        /// How many.
        octets: usize,
    },
    /// PKCS#10 has version 1 only.
    #[error("the request's version is not 1")]
    Version,
    /// The key cannot be certified.
    #[error("key: {0}")]
    Key(#[source] KeyError),
    /// Signed with an algorithm that is not accepted.
    #[error("signed with {oid}; use ecdsa-with-SHA256 or ecdsa-with-SHA384")]
    SignatureAlgorithm {
        /// The OID in dotted form.
        oid: String,
    },
    /// The request is not signed by its own key.
    #[error("the signature does not verify under the request's own key")]
    BadSignature,
    /// The extension request, or an extension in it, is there twice.
    #[error("{oid} is there twice")]
    Duplicate {
        /// The OID in dotted form.
        oid: String,
    },
    /// An extension that does not parse.
    #[error("extension {oid} is malformed")]
    MalformedExtension {
        /// The OID in dotted form.
        oid: String,
    },
    /// Must not be ignored, and is not understood.
    #[error("critical extension {oid} is not supported")]
    CriticalExtension {
        /// The OID in dotted form.
        oid: String,
    },
    /// Asks for a CA certificate.
    #[error("the request asks for a CA certificate ({asked}); only end entities are certified here")]
    Authority {
        /// By what it asks.
        asked: &'static str,
    },
    /// A name of a kind that is not certified.
    #[error(
        "subject alternative name of kind {kind} is not supported; use DNS names, e-mail addresses or urn:uuid URIs"
    )]
    NameKind {
        /// The kind.
        kind: &'static str,
    },
    /// A name that is not well-formed.
    #[error("{field}: {fault}")]
    Name {
        /// `subject alternative name` or `common name`.
        field: &'static str,
        /// What is wrong.
        fault: IdentifierError,
    },
    /// Nobody is named.
    #[error("the request names nobody: no subject alternative name and no common name")]
    NoNames,
    /// The names are not those of the order.
    #[error("the request's names differ from the order's: missing {}, extra {}", list(missing), list(extra))]
    Identifiers {
        /// In the order, not in the request.
        missing: Vec<Identifier>,
        /// In the request, not in the order.
        extra: Vec<Identifier>,
    },
}

fn list(identifiers: &[Identifier]) -> String {
    match identifiers {
        [] => "none".to_owned(),
        some => some.iter().map(Identifier::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A request whose signature is good and that asks for nothing forbidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    public_key: PublicKey,
    identifiers: Vec<Identifier>,
    digest: [u8; 32],
}

/// The common names of a request as text, whatever they are: what a client claims, and nothing that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimedNames {
    /// In the order of the request.
    pub common_names: Vec<String>,
}

impl Csr {
    /// Reads and checks the DER of a request.
    pub fn parse(der: &[u8]) -> Result<Self, CsrError> {
        Self::read(der, names::identifiers)
    }

    /// Reads a request whose names do not decide what is certified: it may name nobody, and its common names may be any text. They are given beside it;
    /// its identifiers are the subject alternative names alone.
    pub fn parse_claiming(der: &[u8]) -> Result<(Self, ClaimedNames), CsrError> {
        let mut common_names = Vec::new();
        let request = Self::read(der, |subject, extensions| {
            common_names = names::common_names(subject)?;
            names::alternative_names(extensions)
        })?;
        Ok((request, ClaimedNames { common_names }))
    }

    fn read(
        der: &[u8],
        names: impl FnOnce(&X509Name<'_>, &[X509Extension<'_>]) -> Result<Vec<Identifier>, CsrError>,
    ) -> Result<Self, CsrError> {
        if der.len() > MAX_CSR {
            return Err(CsrError::TooBig { length: der.len() });
        }
        if der.starts_with(b"-----") {
            return Err(CsrError::Pem);
        }
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrError::NotPkcs10)?;
        if !rest.is_empty() {
            return Err(CsrError::TrailingData { octets: rest.len() });
        }
        if request.certification_request_info.version != X509Version::V1 {
            return Err(CsrError::Version);
        }
        let public_key = check_key(&request)?;
        check_signature(&request, &public_key)?;
        let extensions = requested_extensions(&request)?;
        for extension in extensions {
            check_extension(extension)?;
        }
        let subject = &request.certification_request_info.subject;
        let identifiers = names(subject, extensions)?;
        Ok(Self { public_key, identifiers, digest: crate::asn1::sha256(der) })
    }

    /// The key to certify, always P-256.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Everyone it names, in its order, each once. The common name counts as one of the names (RFC 8555 §7.4).
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// SHA-256 of the DER: tells whether the same request came again.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether it names exactly the identifiers of an order, in any order.
    pub fn check_identifiers(&self, ordered: &[Identifier]) -> Result<(), CsrError> {
        let without = |these: &[Identifier], those: &[Identifier]| -> Vec<Identifier> {
            these.iter().filter(|identifier| !those.contains(identifier)).cloned().collect()
        };
        let missing = without(ordered, &self.identifiers);
        let extra = without(&self.identifiers, ordered);
        if missing.is_empty() && extra.is_empty() {
            Ok(())
        } else {
            Err(CsrError::Identifiers { missing, extra })
        }
    }
}

fn check_key(request: &X509CertificationRequest<'_>) -> Result<PublicKey, CsrError> {
    const ACCEPTED: &str = "P-256";
    let key = match PublicKey::from_spki_der(request.certification_request_info.subject_pki.raw) {
        Err(KeyError::Curve { curve, .. }) => Err(KeyError::Curve { curve, accepted: ACCEPTED }),
        other => other,
    };
    match key.map_err(CsrError::Key)? {
        key if key.kind() == KeyKind::P256 => Ok(key),
        key => Err(CsrError::Key(KeyError::Curve { curve: key.kind().to_string(), accepted: ACCEPTED })),
    }
}

/// Whether the request is signed by its own key.
pub(crate) fn check_signature(
    request: &X509CertificationRequest<'_>,
    key: &PublicKey,
) -> Result<(), CsrError> {
    let oid = request.signature_algorithm.algorithm.to_id_string();
    let algorithm = match oid.as_str() {
        "1.2.840.10045.4.3.2" => SignatureAlgorithm::EcdsaSha256,
        "1.2.840.10045.4.3.3" => SignatureAlgorithm::EcdsaSha384,
        _ => return Err(CsrError::SignatureAlgorithm { oid }),
    };
    if request.signature_value.unused_bits != 0 {
        return Err(CsrError::BadSignature);
    }
    let message = request.certification_request_info.raw;
    key.verify_with(algorithm, message, &request.signature_value.data).map_err(|_| CsrError::BadSignature)
}

/// The extensions of the one extension request, none of them twice.
fn requested_extensions<'r>(
    request: &'r X509CertificationRequest<'_>,
) -> Result<&'r [X509Extension<'r>], CsrError> {
    let mut found = None;
    for attribute in request.certification_request_info.iter_attributes() {
        if let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute() {
            if found.is_some() {
                return Err(CsrError::Duplicate { oid: attribute.oid.to_id_string() });
            }
            found = Some(requested.extensions.as_slice());
        }
    }
    let extensions = found.unwrap_or_default();
    for (at, extension) in extensions.iter().enumerate() {
        if extensions.iter().skip(at + 1).any(|other| other.oid == extension.oid) {
            return Err(CsrError::Duplicate { oid: extension.oid.to_id_string() });
        }
    }
    Ok(extensions)
}

/// Refuses what must not be ignored.
fn check_extension(extension: &X509Extension<'_>) -> Result<(), CsrError> {
    let oid = || extension.oid.to_id_string();
    match extension.parsed_extension() {
        ParsedExtension::ParseError { .. } => Err(CsrError::MalformedExtension { oid: oid() }),
        ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
            Err(CsrError::Authority { asked: "basicConstraints CA:TRUE" })
        }
        ParsedExtension::KeyUsage(usage) if usage.key_cert_sign() || usage.crl_sign() => {
            Err(CsrError::Authority { asked: "key usage keyCertSign or cRLSign" })
        }
        ParsedExtension::BasicConstraints(_)
        | ParsedExtension::KeyUsage(_)
        | ParsedExtension::ExtendedKeyUsage(_)
        | ParsedExtension::SubjectKeyIdentifier(_)
        | ParsedExtension::SubjectAlternativeName(_) => Ok(()),
        _ if extension.critical => Err(CsrError::CriticalExtension { oid: oid() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
