//! What holds an issuer's private key: a file, or a token behind the same trait.
//!
//! A backend signs what it is given; that this was recorded first is the gate's business. It must never show the key.

use std::sync::Arc;

use async_trait::async_trait;
use certs::key::{KeyError, PublicKey, SigningKey};
use tokens::{TokenError, TokenKey};

/// The backend did not sign.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key in memory could not be used.
    #[error("signing with the key from {place}")]
    Key {
        /// Where the key came from.
        place: String,
        /// What failed.
        #[source]
        source: KeyError,
    },
    /// The token did not sign.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The backend cannot be reached now.
    #[error("the signing backend {place} is not available: {reason}")]
    Unavailable {
        /// Which one.
        place: String,
        /// Why.
        reason: String,
    },
}

/// Holds one private key and signs with it. `sign` must not block the thread for long: a slow token signs on a thread of its own.
#[async_trait]
pub trait SigningBackend: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// An ECDSA signature (ASN.1) over `message` with the curve's own hash.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// A key read from a file and kept in memory. One P-256 signature takes some 15 µs, so it is made on the calling thread.
pub struct FileKey {
    key: Arc<SigningKey>,
    place: String,
}

impl FileKey {
    /// Takes a key that was read from `place`.
    #[must_use]
    pub fn new(key: Arc<SigningKey>, place: impl Into<String>) -> Self {
        Self { key, place: place.into() }
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileKey").field("key", &"redacted").field("place", &self.place).finish()
    }
}

#[async_trait]
impl SigningBackend for FileKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.key.sign(message).map_err(|source| SigningError::Key { place: self.place.clone(), source })
    }
}

/// A key in a token. Each signature waits for the token on a thread of its own, never on one that serves others.
#[derive(Debug)]
pub struct TokenBackend {
    key: Arc<TokenKey>,
}

impl TokenBackend {
    /// Takes a key that was opened, and judged by that.
    #[must_use]
    pub fn new(key: Arc<TokenKey>) -> Self {
        Self { key }
    }
}

#[async_trait]
impl SigningBackend for TokenBackend {
    fn public_key(&self) -> &PublicKey {
        self.key.public()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let (key, message) = (Arc::clone(&self.key), message.to_vec());
        let signed = tokio::task::spawn_blocking(move || key.sign(&message)).await;
        signed
            .map_err(|error| SigningError::Unavailable {
                place: self.key.uri().to_string(),
                reason: error.to_string(),
            })?
            .map_err(Into::into)
    }
}
