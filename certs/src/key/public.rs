//! Public keys: one encoding per key, checked to lie on its curve.
//!
//! Reads SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 5480) and bare points; says exactly what is wrong with anything else.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Oid};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{KeyError, KeyKind, SignatureAlgorithm};

/// A public key on P-256 or P-384, known to be a valid point.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    kind: KeyKind,
    spki: Vec<u8>,
}

impl PublicKey {
    /// Takes an uncompressed point (`04 ‖ x ‖ y`).
    pub fn from_point(kind: KeyKind, point: &[u8]) -> Result<Self, KeyError> {
        match point.first() {
            Some(0x02 | 0x03) if point.len() == kind.point_length() / 2 + 1 => {
                return Err(KeyError::CompressedPoint);
            }
            Some(0x04) if point.len() == kind.point_length() => {}
            _ => return Err(KeyError::PointLength { length: point.len(), expected: kind.point_length() }),
        }
        ParsedPublicKey::new(kind.signature_algorithm().verification(kind), point)
            .map_err(|_| KeyError::NotOnCurve(kind))?;
        let mut spki = kind.spki_prefix().to_vec();
        spki.extend_from_slice(point);
        Ok(Self { kind, spki })
    }

    /// Reads a DER SubjectPublicKeyInfo.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        for kind in [KeyKind::P256, KeyKind::P384] {
            if let Some(point) = der.strip_prefix(kind.spki_prefix()) {
                return Self::from_point(kind, point);
            }
        }
        Err(diagnose(der))
    }

    /// The key that a certificate certifies.
    pub fn of_certificate(der: &[u8]) -> Result<Self, KeyError> {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => Self::from_spki_der(certificate.public_key().raw),
            Ok(_) | Err(_) => Err(KeyError::NotSpki { detail: "not a certificate" }),
        }
    }

    /// Its curve.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The uncompressed point, `04 ‖ x ‖ y`.
    pub fn point(&self) -> &[u8] {
        self.spki.get(self.kind.spki_prefix().len()..).unwrap_or_default()
    }

    /// Verifies an ASN.1 ECDSA signature made with the curve's own hash.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.verify_with(self.kind.signature_algorithm(), message, signature)
    }

    /// Verifies a signature made with a stated hash, as certificate requests may choose.
    pub fn verify_with(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        UnparsedPublicKey::new(algorithm.verification(self.kind), self.point())
            .verify(message, signature)
            .map_err(|_| KeyError::BadSignature)
    }

    /// The key identifier by RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the point.
    pub fn key_identifier(&self) -> [u8; 20] {
        let mut identifier = [0; 20];
        for (to, from) in identifier.iter_mut().zip(digest(&SHA256, self.point()).as_ref()) {
            *to = *from;
        }
        identifier
    }

    /// SHA-256 of the SubjectPublicKeyInfo, the usual name for a key in logs and block lists.
    pub fn spki_sha256(&self) -> [u8; 32] {
        crate::asn1::sha256(&self.spki)
    }
}

impl rcgen::PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        self.point()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.kind.rcgen_algorithm()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.kind, data_encoding::HEXLOWER.encode(&self.key_identifier()))
    }
}

/// Base64 of the SubjectPublicKeyInfo, for storage.
impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        data_encoding::BASE64.encode(&key.spki)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        let der = data_encoding::BASE64
            .decode(text.as_bytes())
            .map_err(|_| KeyError::NotSpki { detail: "not base64" })?;
        Self::from_spki_der(&der)
    }
}

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";

/// Names what is wrong with a SubjectPublicKeyInfo that has neither of the two accepted beginnings.
fn diagnose(der: &[u8]) -> KeyError {
    let Ok((rest, spki)) = SubjectPublicKeyInfo::from_der(der) else {
        return KeyError::NotSpki { detail: "not the ASN.1 structure" };
    };
    if !rest.is_empty() {
        return KeyError::NotSpki { detail: "octets follow the structure" };
    }
    let algorithm = spki.algorithm.algorithm.to_id_string();
    if algorithm != EC_PUBLIC_KEY {
        return KeyError::Algorithm { algorithm: algorithm_name(algorithm) };
    }
    let Some(curve) = spki.algorithm.parameters.as_ref().and_then(curve_oid) else {
        return KeyError::Curve { curve: "a curve without a name".to_owned(), accepted: ACCEPTED };
    };
    let kind = match curve.as_str() {
        "1.2.840.10045.3.1.7" => KeyKind::P256,
        "1.3.132.0.34" => KeyKind::P384,
        _ => return KeyError::Curve { curve: curve_name(curve), accepted: ACCEPTED },
    };
    match PublicKey::from_point(kind, &spki.subject_public_key.data) {
        Err(fault) => fault,
        Ok(_) => KeyError::NotSpki { detail: "not in distinguished encoding" },
    }
}

const ACCEPTED: &str = "P-256 and P-384";

fn curve_oid(parameters: &Any<'_>) -> Option<String> {
    parameters.as_oid().ok().map(|oid: Oid<'_>| oid.to_id_string())
}

fn algorithm_name(oid: String) -> String {
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => "RSA".to_owned(),
        "1.2.840.113549.1.1.10" => "RSA-PSS".to_owned(),
        "1.3.101.112" => "Ed25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        _ => oid,
    }
}

fn curve_name(oid: String) -> String {
    match oid.as_str() {
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        _ => oid,
    }
}
