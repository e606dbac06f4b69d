//! Certificate keys and signing requests (RFC 2986).
//!
//! The request names exactly the names of the order and nothing else; the authority takes no more than its public key.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use zeroize::Zeroizing;

use crate::state::KeyType;

/// Why a key or request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// The cryptographic library refused.
    #[error("cannot make a key or signing request: {0}")]
    Crypto(#[from] rcgen::Error),
}

/// A new private key as PKCS#8 PEM.
pub(super) fn new_key(kind: KeyType) -> Result<Zeroizing<String>, CsrError> {
    let algorithm = match kind {
        KeyType::P256 => &PKCS_ECDSA_P256_SHA256,
    };
    Ok(Zeroizing::new(KeyPair::generate_for(algorithm)?.serialize_pem()))
}

/// A signing request (DER) for these DNS names with this key.
pub fn signing_request(names: &[String], key_pem: &str) -> Result<Vec<u8>, CsrError> {
    let key = KeyPair::from_pem(key_pem)?;
    let mut parameters = CertificateParams::new(names.to_vec())?;
    parameters.distinguished_name = DistinguishedName::new();
    Ok(parameters.serialize_request(&key)?.der().to_vec())
}

/// The public half of a private key (PEM), as the content of a SubjectPublicKeyInfo.
pub(super) fn public_key_der(key_pem: &str) -> Result<Vec<u8>, CsrError> {
    use rcgen::PublicKeyData;
    Ok(KeyPair::from_pem(key_pem)?.subject_public_key_info())
}
