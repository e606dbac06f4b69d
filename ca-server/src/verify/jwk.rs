//! Account keys as JSON Web Keys (RFC 7517, 7518, 8037) and their thumbprints (RFC 7638).
//!
//! Only public members are read; a key of an unsupported type or a weak one is refused here, before any signature is checked.

use serde::{Deserialize, Serialize};

/// A public key that may sign requests, in canonical form (base64url members, RFC 7638 order).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// P-256 or P-384 (`crv`), for ES256 and ES384.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256` or `P-384`.
        crv: EcCurve,
        /// The x coordinate, base64url, full width.
        x: String,
        /// The y coordinate, base64url, full width.
        y: String,
    },
    /// RSA of 2048 to 4096 bits, for RS256.
    #[serde(rename = "RSA")]
    Rsa {
        /// The exponent, base64url.
        e: String,
        /// The modulus, base64url.
        n: String,
    },
    /// Ed25519, for `EdDSA`.
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: OkpCurve,
        /// The public key, base64url.
        x: String,
    },
}

/// Curves of EC account keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EcCurve {
    /// NIST P-256.
    #[serde(rename = "P-256")]
    P256,
    /// NIST P-384.
    #[serde(rename = "P-384")]
    P384,
}

/// Curves of OKP account keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OkpCurve {
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl Jwk {
    /// The thumbprint (RFC 7638): base64url of SHA-256 over the canonical members.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        use base64::Engine as _;
        let canonical = match self {
            Self::Ec { crv, x, y } => {
                let crv = match crv {
                    EcCurve::P256 => "P-256",
                    EcCurve::P384 => "P-384",
                };
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv: OkpCurve::Ed25519, x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
    }
}
