//! The P-256 key that signs ACME requests (RFC 7518 §3.4, RFC 8555 §6.2), its public JWK and its thumbprint (RFC 7638).
//!
//! The same type signs for an account and, when a certificate is revoked with its own key (RFC 8555 §7.6), for that certificate.
//! Only ES256 exists here: the servers this client is for accept it, and one algorithm cannot be confused with another.
//! A private key never reaches a log: `Debug` shows the thumbprint only, and there is no `Display`.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use zeroize::Zeroizing;

/// A key could not be made, read or used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The system's random generator or the signature routine failed.
    #[error("the cryptographic library refused to {0}")]
    Crypto(KeyOperation),
    /// The bytes are not a PKCS#8 document with a P-256 key.
    #[error("not a PKCS#8 P-256 private key ({bytes} bytes)")]
    NotP256Pkcs8 {
        /// How many bytes were read.
        bytes: usize,
    },
    /// The text holds no `PRIVATE KEY` block.
    #[error("no `PRIVATE KEY` PEM block found")]
    NoPemBlock,
}

/// What was being done with a key when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOperation {
    /// Making a new key.
    Generate,
    /// Writing a key as PKCS#8.
    Export,
    /// Signing.
    Sign,
}

impl fmt::Display for KeyOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generate => "generate a key",
            Self::Export => "export a key",
            Self::Sign => "sign",
        })
    }
}

/// A P-256 private key that signs ACME requests. Cloning shares the key.
#[derive(Clone)]
pub struct JwsKey {
    pair: Arc<EcdsaKeyPair>,
    jwk: Jwk,
}

impl JwsKey {
    /// Makes a new key from the system's random generator.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the random generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| KeyError::Crypto(KeyOperation::Generate))?;
        Self::from_pair(pair).ok_or(KeyError::Crypto(KeyOperation::Generate))
    }

    /// Reads an unencrypted PKCS#8 document (DER).
    ///
    /// # Errors
    /// [`KeyError::NotP256Pkcs8`] if it is anything else.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let refused = KeyError::NotP256Pkcs8 { bytes: der.len() };
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .ok()
            .and_then(Self::from_pair)
            .ok_or(refused)
    }

    /// Reads the first `PRIVATE KEY` block of a PEM text.
    ///
    /// # Errors
    /// [`KeyError::NoPemBlock`], or [`KeyError::NotP256Pkcs8`] if the block holds another kind of key.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NoPemBlock)?;
        Self::from_pkcs8_der(der.secret_pkcs8_der())
    }

    /// The key as an unencrypted PKCS#8 document, for the caller to keep.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the library refuses.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Crypto(KeyOperation::Export))?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public half as a JSON Web Key.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The public half's thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.jwk.thumbprint()
    }

    /// ES256: the raw `r ‖ s` of 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| KeyError::Crypto(KeyOperation::Sign))
    }

    fn from_pair(pair: EcdsaKeyPair) -> Option<Self> {
        let jwk = Jwk::from_uncompressed_point(pair.public_key().as_ref())?;
        Some(Self { pair: Arc::new(pair), jwk })
    }
}

impl fmt::Debug for JwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwsKey").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

/// A public P-256 key as JSON (RFC 7517). The members stand in the order that RFC 7638 hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    crv: &'static str,
    kty: &'static str,
    x: String,
    y: String,
}

impl Jwk {
    /// From `04 ‖ x ‖ y`; any other form of point is refused.
    #[must_use]
    pub fn from_uncompressed_point(point: &[u8]) -> Option<Self> {
        let (x, y) = match point.split_first() {
            Some((0x04, coordinates)) if coordinates.len() == 64 => coordinates.split_at(32),
            _ => return None,
        };
        Some(Self { crv: "P-256", kty: "EC", x: BASE64URL_NOPAD.encode(x), y: BASE64URL_NOPAD.encode(y) })
    }

    /// RFC 7638: SHA-256 over the required members in lexical order, without white space.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let canonical =
            format!(r#"{{"crv":"{}","kty":"{}","x":"{}","y":"{}"}}"#, self.crv, self.kty, self.x, self.y);
        Thumbprint(BASE64URL_NOPAD.encode(digest(&SHA256, canonical.as_bytes()).as_ref()))
    }
}

/// The thumbprint of a public key, base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.3: a published P-256 key pair.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn rfc7515_point() -> Vec<u8> {
        let mut point = vec![4];
        point.extend(BASE64URL_NOPAD.decode(X.as_bytes()).unwrap());
        point.extend(BASE64URL_NOPAD.decode(Y.as_bytes()).unwrap());
        point
    }

    #[test]
    fn the_thumbprint_of_the_rfc_7515_key_is_the_published_one() {
        // RFC 7638 §3.1 publishes only an RSA vector; this value was computed with another implementation (Python hashlib).
        let jwk = Jwk::from_uncompressed_point(&rfc7515_point()).unwrap();
        assert_eq!(jwk.thumbprint().as_str(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn compressed_points_and_other_lengths_are_no_jwk() {
        let point = rfc7515_point();
        let mut compressed = point[..33].to_vec();
        compressed[0] = 2;
        assert!(Jwk::from_uncompressed_point(&compressed).is_none());
        assert!(Jwk::from_uncompressed_point(&point[..64]).is_none());
        assert!(Jwk::from_uncompressed_point(&[]).is_none());
    }

    #[test]
    fn a_key_written_as_pkcs8_reads_back_as_the_same_key() {
        let key = JwsKey::generate().unwrap();
        let again = JwsKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint());
    }

    #[test]
    fn junk_and_truncated_keys_are_refused() {
        let der = JwsKey::generate().unwrap().to_pkcs8_der().unwrap();
        assert!(JwsKey::from_pkcs8_der(&der[..der.len() - 1]).is_err());
        assert_eq!(JwsKey::from_pkcs8_pem("nothing here").unwrap_err(), KeyError::NoPemBlock);
    }

    #[test]
    fn debug_output_shows_no_private_key() {
        let key = JwsKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(key.thumbprint().as_str()));
        assert!(shown.len() < 120, "{shown}");
    }
}
