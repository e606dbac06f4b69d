//! A private key in a token: its public half is known here, and it signs there.
//!
//! It is judged when it is opened, and has to sign a probe: a token whose key and public key do not belong together would else be found
//! out with the first certificate. The probe is text that begins as no certificate, list or request does.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use certs::key::{KeyKind, PublicKey};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use super::fault::Fault;
use super::find;
use super::pool::{Age, Token};
use super::signer::der_signature;
use super::{TokenError, TokenUri};

const PROBE: &[u8] = b"rollcall: does this key sign for the public key beside it?";

/// A private key in a token.
pub struct TokenKey {
    uri: TokenUri,
    token: Arc<Token>,
    public: PublicKey,
    handle: Mutex<Option<(Age, ObjectHandle)>>,
}

impl TokenKey {
    /// Finds and judges the key of this name. Blocks on the token.
    ///
    /// # Errors
    /// [`TokenError`]: the token is not there or does not open, there is not exactly one such key, or it is not one to use.
    pub fn open(uri: &TokenUri) -> Result<Self, TokenError> {
        if !uri.names_key() {
            return Err(TokenError::NotAKey(Box::new(uri.clone())));
        }
        let token = Token::of(uri)?;
        let public = token.with(("show the key", uri), |session, _| find::public_half(session, uri))?;
        let key = Self { uri: uri.clone(), token, public, handle: Mutex::new(None) };
        let signature = key.sign(PROBE)?;
        key.public.verify(PROBE, &signature).map_err(|_| TokenError::OtherHalf(Box::new(uri.clone())))?;
        Ok(key)
    }

    /// Its name.
    #[must_use]
    pub fn uri(&self) -> &TokenUri {
        &self.uri
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// An ECDSA signature (ASN.1) over `message` with the curve's own hash. Blocks on the token.
    ///
    /// # Errors
    /// [`TokenError::Failed`], after some tries.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let raw = self.sign_raw(message)?;
        der_signature(&raw).ok_or_else(|| self.unusable(raw.len()))
    }

    /// The same as `r ‖ s` (RFC 7518 §3.4). Blocks on the token.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let (algorithm, length) = match self.public.kind() {
            KeyKind::P256 => (&SHA256, 64),
            KeyKind::P384 => (&SHA384, 96),
        };
        let hash = digest(algorithm, message);
        let raw = self.token.with(("sign", &self.uri), |session, age| {
            Ok(session.sign(&Mechanism::Ecdsa, self.handle(session, age)?, hash.as_ref())?)
        })?;
        if raw.len() == length { Ok(raw) } else { Err(self.unusable(raw.len())) }
    }

    fn unusable(&self, length: usize) -> TokenError {
        let reason = format!("it gave a signature of {length} octets");
        TokenError::Failed { act: "sign", uri: Box::new(self.uri.clone()), reason }
    }

    /// The key's handle, looked up once in the life of a session pool.
    fn handle(&self, session: &Session, age: Age) -> Result<ObjectHandle, Fault> {
        let known = *self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, handle)) = known.filter(|(of, _)| *of == age) {
            return Ok(handle);
        }
        let handle = find::private(session, &self.uri)?;
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some((age, handle));
        Ok(handle)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("uri", &self.uri)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
