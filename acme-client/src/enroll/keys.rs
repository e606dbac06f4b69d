//! Keys of certificates: in files, or in tokens, where they are made, used and destroyed.
//!
//! What goes from hand to hand is a text: PEM, or the `pkcs11:` URI of a key in a token. A key that was opened once in this process stays open.
//! Work with a token is done on threads of its own. A key in a token is noted before it is made; those that nothing names any more are
//! destroyed before the next one is made and after the next one is in use, so that a writer killed anywhere leaves one at most.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use certs::csr::{ContinueError, create_continuing_csr};
use certs::key::{KeyError, PublicKey, Signer, SigningKey};
use data_encoding::HEXLOWER;
use tokens::{TokenError, TokenKey, TokenUri};
use zeroize::Zeroizing;

use super::csr::{CsrError, new_key};
use crate::state::{IdentityDir, IdentitySettings};

/// Those in tokens that were opened.
static OPEN: LazyLock<Mutex<HashMap<TokenUri, Arc<TokenKey>>>> = LazyLock::new(Mutex::default);

/// A private key, ready to sign.
#[derive(Clone, Debug)]
pub enum HeldKey {
    /// Read from a file.
    File(Arc<SigningKey>),
    /// In a token.
    Token(Arc<TokenKey>),
}

impl HeldKey {
    /// Reads PEM, or opens the key in a token that the text names, which may wait for that.
    ///
    /// # Errors
    /// If it cannot be read, or the token does not give its use.
    pub fn open(text: &str) -> Result<Self, CsrError> {
        if !TokenUri::is_meant(text) {
            return Ok(Self::File(Arc::new(SigningKey::from_pem(text)?)));
        }
        let uri: TokenUri = text.parse().map_err(TokenError::from)?;
        let known = OPEN.lock().unwrap_or_else(PoisonError::into_inner).get(&uri).cloned();
        match known {
            Some(key) => Ok(Self::Token(key)),
            None => Ok(Self::Token(keep(TokenKey::open(&uri)?))),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        match self {
            Self::File(key) => key.public(),
            Self::Token(key) => key.public(),
        }
    }

    /// It as what signs.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        match self {
            Self::File(key) => &**key,
            Self::Token(key) => &**key,
        }
    }
}

/// A request with the subject and names of a certificate (RFC 7030 §4.2.2).
pub(super) async fn continuing(certificate: &[u8], key: &str) -> Result<Vec<u8>, ContinueError> {
    let (certificate, key) = (certificate.to_vec(), Zeroizing::new(key.to_owned()));
    let made = apart(move || Ok(create_continuing_csr(HeldKey::open(&key)?.signer(), &certificate))).await;
    made.map_err(|error| ContinueError::Key(KeyError::Elsewhere { reason: error.to_string() }))?
}

fn keep(key: TokenKey) -> Arc<TokenKey> {
    let key = Arc::new(key);
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(key.uri().clone(), Arc::clone(&key));
    key
}

/// Opens a key on a thread that may wait for a token, so that later uses of it do not have to look it up.
pub(super) async fn ready(text: &str) -> Result<(), CsrError> {
    let text = Zeroizing::new(text.to_owned());
    apart(move || HeldKey::open(&text).map(drop)).await
}

/// Whether keys can be made where the settings want them, before anything is begun.
///
/// # Errors
/// [`CsrError::Token`]
pub async fn check_store(settings: &IdentitySettings) -> Result<(), CsrError> {
    let Some(store) = settings.key_store.token().map_err(TokenError::from)?.cloned() else { return Ok(()) };
    apart(move || Ok(tokens::check(&store)?)).await
}

/// Whether a key that was kept with what is pending can still be used; one that is gone from its token cannot, ever.
///
/// # Errors
/// If that cannot be told now.
pub(super) async fn is_usable(key: &str) -> Result<bool, CsrError> {
    match ready(key).await {
        Ok(()) => Ok(true),
        Err(CsrError::Token(error)) if error.is_final() => {
            tracing::warn!(%error, "the key of what was begun cannot be used any more; beginning anew");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// A new key where the settings want it: PEM, or the URI of one in a token.
pub(super) async fn new_key_for(
    identity: &IdentityDir,
    settings: &IdentitySettings,
) -> Result<Zeroizing<String>, super::EnrollError> {
    let Some(store) = settings.key_store.token().map_err(|error| CsrError::from(TokenError::from(error)))?
    else {
        return Ok(new_key(settings.key_type)?);
    };
    sweep(identity).await;
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| CsrError::from(KeyError::Library { act: "make an id" }))?;
    let begins: String = HEXLOWER.encode(&id).chars().take(8).collect();
    let label = format!("rollcall {} {begins}", identity.name());
    let (store, uri) = (store.clone(), store.key(&label, &id));
    identity.note_token_key(&uri)?;
    apart(move || Ok(keep(tokens::generate(&store, &label, &id)?))).await?;
    Ok(Zeroizing::new(format!("{uri}\n")))
}

/// Destroys the keys in tokens that nothing names any more. One that cannot be destroyed now stays noted, and is tried again.
pub async fn sweep(identity: &IdentityDir) {
    let identity = identity.clone();
    let swept = apart(move || {
        let unneeded = match identity.unneeded_token_keys() {
            Ok(unneeded) => unneeded,
            Err(error) => {
                tracing::warn!(identity = %identity.name(), %error, "keys in tokens could not be looked through");
                return Ok(());
            }
        };
        for uri in unneeded {
            OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&uri);
            // Another one's token may be gone for good; that must not keep this one's keys where they are.
            let destroyed = match tokens::destroy(&uri) {
                Ok(destroyed) => destroyed,
                Err(error) => {
                    tracing::warn!(identity = %identity.name(), key = %uri, %error, "a key that is not needed any more is left in its token for now");
                    continue;
                }
            };
            tracing::info!(identity = %identity.name(), key = %uri, objects = destroyed, "a key that is not needed any more was destroyed");
            if let Err(error) = identity.forget_token_key(&uri) {
                tracing::warn!(identity = %identity.name(), %error, "the key is still noted");
            }
        }
        Ok(())
    });
    if let Err(error) = swept.await {
        tracing::warn!(%error, "keys in tokens that are not needed any more were not looked for");
    }
}

/// Destroys every key in a token that was made for this identity, because the identity is given up.
///
/// # Errors
/// [`CsrError::Token`] of the first that could not be destroyed; such keys stay noted, the others are gone.
pub async fn destroy_all(identity: &IdentityDir) -> Result<(), super::EnrollError> {
    let mut left = None;
    for uri in identity.token_keys()? {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&uri);
        let doomed = uri.clone();
        match apart(move || Ok(tokens::destroy(&doomed)?)).await {
            Ok(_) => identity.forget_token_key(&uri)?,
            Err(error) => left = left.or(Some(error)),
        }
    }
    left.map_or(Ok(()), |error| Err(error.into()))
}

/// Does something that may wait for a token.
pub(super) async fn apart<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, CsrError> + Send + 'static,
) -> Result<T, CsrError> {
    match tokio::task::spawn_blocking(act).await {
        Ok(outcome) => outcome,
        // Whoever awaits this is stopped with it.
        Err(_) => Err(CsrError::Key(KeyError::Library { act: "end its work" })),
    }
}
