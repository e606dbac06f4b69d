//! Private keys: made, loaded from PKCS#8 or SEC 1, written, and used to sign.
//!
//! Randomness for key generation and for ECDSA itself comes from the crypto library. The key is never shown: `Debug` prints its public half.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _,
};
use pkcs8::PrivateKeyInfo;
use pkcs8::der::Decode as _;
use zeroize::Zeroizing;

use super::{EncryptionEntropy, KeyError, KeyKind, PublicKey, Secret, encrypted};
use crate::pem::{Label, encode, parse_blocks};

/// An ECDSA private key with its public half.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(algorithm(kind))
            .map_err(|_| KeyError::Library { act: "generate a key" })?;
        Self::from_pair(kind, pair)
    }

    /// Reads an unencrypted PKCS#8 document (RFC 5208).
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfo::from_der(der).map_err(|_| KeyError::NotPrivateKey)?;
        let kind = kind_of(&info)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm(kind), der).map_err(|_| KeyError::Inconsistent)?;
        Self::from_pair(kind, pair)
    }

    /// Reads a bare SEC 1 `ECPrivateKey` (RFC 5915), as `openssl ecparam -genkey` writes it.
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        for kind in [KeyKind::P256, KeyKind::P384] {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(algorithm(kind), der) {
                return Self::from_pair(kind, pair);
            }
        }
        Err(KeyError::NotPrivateKey)
    }

    /// Reads a PEM file that is not encrypted.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::load(text, None)
    }

    /// Reads a PEM file that is encrypted.
    pub fn from_encrypted_pem(text: &str, passphrase: &Secret) -> Result<Self, KeyError> {
        Self::load(text, Some(passphrase))
    }

    /// Reads a PEM file, encrypted or not; the passphrase is used only if needed. The file must hold exactly one private key; curve
    /// parameters before it are skipped.
    pub fn load(text: &str, passphrase: Option<&Secret>) -> Result<Self, KeyError> {
        let blocks = parse_blocks(text).map_err(|_| KeyError::NotPrivateKey)?;
        let mut keys = blocks
            .into_iter()
            .filter(|(label, _)| label.ends_with("PRIVATE KEY"))
            .map(|(label, der)| (label, Zeroizing::new(der)))
            .collect::<Vec<_>>();
        let count = keys.len();
        let Some((label, der)) = keys.pop().filter(|_| count == 1) else {
            return Err(KeyError::KeyCount { count });
        };
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8_der(&der),
            "EC PRIVATE KEY" => Self::from_sec1_der(&der),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
                Self::from_pkcs8_der(encrypted::decrypt(&der, passphrase)?.as_bytes())
            }
            "RSA PRIVATE KEY" => Err(KeyError::Algorithm { algorithm: "RSA".to_owned() }),
            _ => Err(KeyError::NotPrivateKey),
        }
    }

    /// The unencrypted PKCS#8 document.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Library { act: "export a key" })?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// An unencrypted `PRIVATE KEY` block, for a file that only its owner may read.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(encode(Label::PrivateKey, &self.to_pkcs8_der()?)))
    }

    /// An `ENCRYPTED PRIVATE KEY` block (PBES2, scrypt, AES-256-CBC), readable by OpenSSL 1.1 and later.
    pub fn to_encrypted_pem(
        &self,
        passphrase: &Secret,
        entropy: EncryptionEntropy,
    ) -> Result<Zeroizing<String>, KeyError> {
        let der = encrypted::encrypt(&self.to_pkcs8_der()?, passphrase, &entropy)?;
        Ok(Zeroizing::new(encode(Label::EncryptedPrivateKey, der.as_bytes())))
    }

    /// Signs with the curve's own hash; the signature is ASN.1 (`SEQUENCE { r, s }`).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature =
            self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Library { act: "sign" })?;
        Ok(signature.as_ref().to_vec())
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its curve.
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    fn from_pair(kind: KeyKind, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_point(kind, pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }
}

fn algorithm(kind: KeyKind) -> &'static EcdsaSigningAlgorithm {
    match kind {
        KeyKind::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        KeyKind::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
    }
}

fn kind_of(info: &PrivateKeyInfo<'_>) -> Result<KeyKind, KeyError> {
    let algorithm = info.algorithm.oid.to_string();
    if algorithm != "1.2.840.10045.2.1" {
        let rsa = algorithm == "1.2.840.113549.1.1.1";
        return Err(KeyError::Algorithm { algorithm: if rsa { "RSA".to_owned() } else { algorithm } });
    }
    let curve = info.algorithm.parameters_oid().map_err(|_| KeyError::NotPrivateKey)?.to_string();
    match curve.as_str() {
        "1.2.840.10045.3.1.7" => Ok(KeyKind::P256),
        "1.3.132.0.34" => Ok(KeyKind::P384),
        _ => Err(KeyError::Curve { curve, accepted: "P-256 and P-384" }),
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.public.point()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.kind().rcgen_algorithm()
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, message).map_err(|_| rcgen::Error::RingUnspecified)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}
