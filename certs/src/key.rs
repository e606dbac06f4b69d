//! ECDSA keys on P-256 and P-384: the only kinds this product makes, loads or certifies.
//!
//! Leaves are P-256; P-384 is for authorities only. Public keys are uncompressed points; the compressed form of the same key is refused, so
//! one key has one encoding (RFC 5480 §2.2). Private keys never leave this module except as PKCS#8, and are never shown.

mod encrypted;
mod public;
mod secret;
mod signer;
mod signing;

use std::fmt;

use aws_lc_rs::signature as ecdsa;
use serde::{Deserialize, Serialize};

pub use encrypted::{EncryptionEntropy, seal, unseal};
pub use public::PublicKey;
pub use secret::Secret;
pub use signer::{RequestError, Signer, sign_request};
pub use signing::SigningKey;

/// Why a key could not be made, read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no SubjectPublicKeyInfo.
    #[error("the public key is not a SubjectPublicKeyInfo: {detail}")]
    NotSpki {
        /// What the parser says.
        detail: &'static str,
    },
    /// RSA, Ed25519 or something else.
    #[error("the key is {algorithm}; only ECDSA keys are accepted")]
    Algorithm {
        /// A name, or the OID in dotted form.
        algorithm: String,
    },
    /// Another elliptic curve.
    #[error("the key is on {curve}; accepted are {accepted}")]
    Curve {
        /// A name, or the OID in dotted form.
        curve: String,
        /// What would do.
        accepted: &'static str,
    },
    /// A compressed point.
    #[error(
        "the public key is a compressed point; send it uncompressed (65 octets beginning with 04 on P-256)"
    )]
    CompressedPoint,
    /// The length or first octet of the point is wrong.
    #[error("the public key point has {length} octets, {expected} are needed")]
    PointLength {
        /// What was given.
        length: usize,
        /// What the curve needs.
        expected: usize,
    },
    /// The point does not lie on its curve.
    #[error("the public key is not a point on {0}")]
    NotOnCurve(KeyKind),
    /// The signature does not verify.
    #[error("the signature does not verify under this key")]
    BadSignature,
    /// No private key was found.
    #[error("not a PKCS#8 or SEC 1 private key")]
    NotPrivateKey,
    /// The PEM text has no key, or more than one.
    #[error("expected one private key in the file, found {count}")]
    KeyCount {
        /// How many there are.
        count: usize,
    },
    /// The private key's parts do not belong together.
    #[error("the private key is inconsistent")]
    Inconsistent,
    /// The key is encrypted and no passphrase was given.
    #[error("the private key is encrypted, a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase is wrong, or the file is damaged.
    #[error("the passphrase does not open the private key")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The encryption scheme is not PBES2 with AES.
    #[error(
        "the private key is encrypted with an unsupported scheme; use PBES2 with AES (openssl pkcs8 -topk8 -v2 aes-256-cbc)"
    )]
    Encryption,
    /// What holds the key did not sign.
    #[error("{reason}")]
    Elsewhere {
        /// Its own words.
        reason: String,
    },
    /// The crypto library failed.
    #[error("the crypto library could not {act}")]
    Library {
        /// What it was asked to do.
        act: &'static str,
    },
}

/// The curve of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyKind {
    /// NIST P-256, signing with SHA-256.
    #[serde(rename = "p256")]
    P256,
    /// NIST P-384, signing with SHA-384.
    #[serde(rename = "p384")]
    P384,
}

impl KeyKind {
    /// Octets of an uncompressed point.
    pub fn point_length(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
        }
    }

    /// `ecdsa-with-SHA256` or `ecdsa-with-SHA384`.
    pub fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaSha256,
            Self::P384 => SignatureAlgorithm::EcdsaSha384,
        }
    }

    pub(crate) fn rcgen_algorithm(self) -> &'static rcgen::SignatureAlgorithm {
        match self {
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }

    /// The DER of a SubjectPublicKeyInfo up to the point.
    fn spki_prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => &[
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
                0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ],
            Self::P384 => &[
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
                0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
            ],
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        })
    }
}

/// A signature algorithm that is accepted in requests and used in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// `ecdsa-with-SHA256`.
    EcdsaSha256,
    /// `ecdsa-with-SHA384`.
    EcdsaSha384,
}

impl SignatureAlgorithm {
    /// The DER of the AlgorithmIdentifier; parameters are absent (RFC 5758 §3.2).
    pub(crate) fn identifier(self) -> &'static [u8] {
        match self {
            Self::EcdsaSha256 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
            Self::EcdsaSha384 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
        }
    }

    fn verification(self, key: KeyKind) -> &'static ecdsa::EcdsaVerificationAlgorithm {
        match (key, self) {
            (KeyKind::P256, Self::EcdsaSha256) => &ecdsa::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, Self::EcdsaSha384) => &ecdsa::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P384, Self::EcdsaSha256) => &ecdsa::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, Self::EcdsaSha384) => &ecdsa::ECDSA_P384_SHA384_ASN1,
        }
    }
}

#[cfg(test)]
mod tests;
