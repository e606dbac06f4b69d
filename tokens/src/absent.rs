//! What stands in the place of tokens in a program that was built without them: every use is refused, and says so.

use certs::key::PublicKey;

use super::{TokenError, TokenUri};

/// No key: there is no value of this type.
#[derive(Debug)]
pub enum TokenKey {}

impl TokenKey {
    /// Refused.
    ///
    /// # Errors
    /// [`TokenError::NotBuilt`]
    pub fn open(uri: &TokenUri) -> Result<Self, TokenError> {
        Err(TokenError::NotBuilt(Box::new(uri.clone())))
    }

    /// Its name.
    #[must_use]
    pub fn uri(&self) -> &TokenUri {
        match *self {}
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        match *self {}
    }

    /// An ECDSA signature.
    ///
    /// # Errors
    /// None.
    pub fn sign(&self, _: &[u8]) -> Result<Vec<u8>, TokenError> {
        match *self {}
    }

    /// The same as `r ‖ s`.
    ///
    /// # Errors
    /// None.
    pub fn sign_raw(&self, _: &[u8]) -> Result<Vec<u8>, TokenError> {
        match *self {}
    }
}

/// Refused.
///
/// # Errors
/// [`TokenError::NotBuilt`]
pub fn generate(store: &TokenUri, _: &str, _: &[u8]) -> Result<TokenKey, TokenError> {
    Err(TokenError::NotBuilt(Box::new(store.clone())))
}

/// Refused.
///
/// # Errors
/// [`TokenError::NotBuilt`]
pub fn destroy(uri: &TokenUri) -> Result<usize, TokenError> {
    Err(TokenError::NotBuilt(Box::new(uri.clone())))
}

/// Refused.
///
/// # Errors
/// [`TokenError::NotBuilt`]
pub fn check(store: &TokenUri) -> Result<(), TokenError> {
    Err(TokenError::NotBuilt(Box::new(store.clone())))
}
