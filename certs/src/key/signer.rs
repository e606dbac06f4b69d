//! What can sign: a key in memory, or one that lies elsewhere and does not come out.
//!
//! Trusts nobody to sign what was asked: whoever uses a signature verifies it, or has somebody do so.

use std::cell::RefCell;

use rcgen::CertificateParams;

use super::{KeyError, PublicKey, SigningKey};

/// A private key, wherever it is.
pub trait Signer {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// An ECDSA signature (ASN.1) over `message` with the curve's own hash. May wait for what holds the key.
    ///
    /// # Errors
    /// If it does not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

impl Signer for SigningKey {
    fn public(&self) -> &PublicKey {
        Self::public(self)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::sign(self, message)
    }
}

/// Why a request was not made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The encoder refused.
    #[error(transparent)]
    Encoder(#[from] rcgen::Error),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The DER of a certificate request (RFC 2986) with these parameters, signed by `key`.
///
/// # Errors
/// [`RequestError`]
pub fn sign_request(params: &CertificateParams, key: &dyn Signer) -> Result<Vec<u8>, RequestError> {
    let borrowed = Borrowed { key, failure: RefCell::default() };
    let request = params.serialize_request(&borrowed);
    // The encoder's error has no room for the key's.
    match borrowed.failure.into_inner() {
        Some(failure) => Err(failure.into()),
        None => Ok(request?.der().to_vec()),
    }
}

/// A key as the encoder wants one.
struct Borrowed<'a> {
    key: &'a dyn Signer,
    failure: RefCell<Option<KeyError>>,
}

impl rcgen::PublicKeyData for Borrowed<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.key.public().point()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.key.public().kind().rcgen_algorithm()
    }
}

impl rcgen::SigningKey for Borrowed<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign(message).map_err(|failure| {
            *self.failure.borrow_mut() = Some(failure);
            rcgen::Error::RemoteKeyError
        })
    }
}
