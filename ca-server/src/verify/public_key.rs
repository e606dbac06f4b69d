//! Signature verification with an account's or a request's key, by the one algorithm the key serves.
//!
//! Trusts aws-lc for the arithmetic and for the check that a point is on its curve. A parsed key is made once for an account
//! (see `key_cache`): parsing takes 3 µs, a verification 40 µs.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::error::VerifyError;
use super::jwk::{EcCurve, Jwk, KeyFault};

/// A public key ready to verify.
#[derive(Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Makes a key ready; checks that it is a point on its curve.
    ///
    /// # Errors
    /// [`KeyFault`] if it is no valid key.
    pub fn new(key: &Jwk) -> Result<Self, KeyFault> {
        let algorithm = Algorithm::of(key);
        let parsed = match key {
            Jwk::Ec { crv: EcCurve::P256, x, y } => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point(x, y)?)
            }
            Jwk::Ec { crv: EcCurve::P384, x, y } => {
                ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point(x, y)?)
            }
            Jwk::Rsa { e, n } => {
                let components = PublicKeyComponents { n: octets("n", n)?, e: octets("e", e)? };
                return components
                    .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
                    .map(|parsed| Self { algorithm, parsed })
                    .map_err(|_| KeyFault::RsaNumbers);
            }
            Jwk::Okp { x, .. } => ParsedPublicKey::new(&signature::ED25519, octets("x", x)?),
        };
        parsed.map(|parsed| Self { algorithm, parsed }).map_err(|_| KeyFault::Point)
    }

    /// Verifies `signature` over `message`, which says it was made with `claimed`.
    ///
    /// # Errors
    /// [`VerifyError::AlgorithmOfKey`] if the key serves another algorithm, [`VerifyError::Signature`] if it does not verify.
    pub fn verify(&self, claimed: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        if claimed != self.algorithm {
            let (claimed, expected) = (claimed.name(), self.algorithm.name());
            return Err(VerifyError::AlgorithmOfKey { claimed, expected });
        }
        self.parsed.verify_sig(message, signature).map_err(|_| VerifyError::Signature)
    }
}

/// The uncompressed point (SEC 1 §2.3.3).
fn point(x: &str, y: &str) -> Result<Vec<u8>, KeyFault> {
    let mut point = Vec::with_capacity(97);
    point.push(4);
    point.extend(octets("x", x)?);
    point.extend(octets("y", y)?);
    Ok(point)
}

fn octets(member: &'static str, text: &str) -> Result<Vec<u8>, KeyFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Encoding(member))
}

#[cfg(test)]
mod tests;
