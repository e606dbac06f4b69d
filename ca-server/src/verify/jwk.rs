//! Account keys as JSON Web Keys (RFC 7517, 7518, 8037) and their thumbprints (RFC 7638).
//!
//! A key of an unsupported type, a weak one, or one sent with private members is refused here, before any signature is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::jws::Present;
use super::object::ObjectOnly;

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

/// Smallest and largest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Why a key may not sign requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// `kty` or `crv` is none of ours.
    #[error("its type is not supported; use EC with P-256 or P-384, RSA, or OKP with Ed25519")]
    Unsupported,
    /// A public member is absent.
    #[error("its member `{0}` is missing")]
    Missing(&'static str),
    /// A member is not base64url, or has another width than RFC 7518 demands.
    #[error("its member `{0}` is not base64url of the right length")]
    Encoding(&'static str),
    /// A private member was sent: the key is compromised.
    #[error("it was sent with its private part and must not be used any more; make a new key")]
    Private,
    /// An RSA modulus out of bounds.
    #[error("RSA of {0} bits; use 2048 to 4096")]
    RsaSize(usize),
    /// An RSA exponent that is even, one, or wider than 32 bits, or an even modulus.
    #[error("its RSA numbers are weak; use an odd modulus and the exponent 65537")]
    RsaNumbers,
    /// Not a point on its curve.
    #[error("it is not a point on its curve")]
    Point,
}

/// A JSON Web Key as it came: every member optional, private ones only noticed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, remote = "Self")]
pub struct WireJwk {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Present,
    p: Present,
    q: Present,
    dp: Present,
    dq: Present,
    qi: Present,
    oth: Present,
    k: Present,
}

impl<'de> Deserialize<'de> for WireJwk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(ObjectOnly(deserializer))
    }
}

impl WireJwk {
    /// The key in canonical form, its members well formed; `public_key` still checks that it is a point on its curve.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self) -> Result<Jwk, KeyFault> {
        let private = [self.d, self.p, self.q, self.dp, self.dq, self.qi, self.oth, self.k];
        if private.iter().any(|member| member.is()) {
            return Err(KeyFault::Private);
        }
        match (self.kty.as_deref(), self.crv.as_deref()) {
            (Some("EC"), Some("P-256")) => ec(EcCurve::P256, 32, self.x, self.y),
            (Some("EC"), Some("P-384")) => ec(EcCurve::P384, 48, self.x, self.y),
            (Some("RSA"), _) => rsa(self.e, self.n),
            (Some("OKP"), Some("Ed25519")) => {
                let x = fixed("x", self.x, 32)?;
                Ok(Jwk::Okp { crv: OkpCurve::Ed25519, x })
            }
            (None, _) => Err(KeyFault::Missing("kty")),
            (Some("EC" | "OKP"), None) => Err(KeyFault::Missing("crv")),
            (Some(_), _) => Err(KeyFault::Unsupported),
        }
    }
}

fn ec(crv: EcCurve, width: usize, x: Option<String>, y: Option<String>) -> Result<Jwk, KeyFault> {
    Ok(Jwk::Ec { crv, x: fixed("x", x, width)?, y: fixed("y", y, width)? })
}

fn fixed(member: &'static str, text: Option<String>, width: usize) -> Result<String, KeyFault> {
    let text = text.ok_or(KeyFault::Missing(member))?;
    if octets(member, &text)?.len() == width { Ok(text) } else { Err(KeyFault::Encoding(member)) }
}

fn octets(member: &'static str, text: &str) -> Result<Vec<u8>, KeyFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Encoding(member))
}

fn rsa(e: Option<String>, n: Option<String>) -> Result<Jwk, KeyFault> {
    let (e, n) = (e.ok_or(KeyFault::Missing("e"))?, n.ok_or(KeyFault::Missing("n"))?);
    let (exponent, modulus) = (octets("e", &e)?, octets("n", &n)?);
    // RFC 7518 §2: Base64urlUInt has no leading zero octets.
    let first = *modulus.first().ok_or(KeyFault::Encoding("n"))?;
    if first == 0 {
        return Err(KeyFault::Encoding("n"));
    }
    if exponent.first().is_none_or(|octet| *octet == 0) {
        return Err(KeyFault::Encoding("e"));
    }
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if !RSA_BITS.contains(&bits) {
        return Err(KeyFault::RsaSize(bits));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|octet| octet & 1 == 1);
    if exponent.len() > 4 || exponent == [1] || !odd(&exponent) || !odd(&modulus) {
        return Err(KeyFault::RsaNumbers);
    }
    Ok(Jwk::Rsa { e, n })
}

impl Jwk {
    /// The thumbprint (RFC 7638): base64url of SHA-256 over the canonical members.
    #[must_use]
    pub fn thumbprint(&self) -> String {
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
        URL_SAFE_NO_PAD.encode(digest)
    }
}

#[cfg(test)]
mod tests;
