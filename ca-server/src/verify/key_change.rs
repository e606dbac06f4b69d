//! The inner JWS of keyChange (RFC 8555 §7.3.5): the new key itself asks to take the account over.
//!
//! Both keys must have signed: the old one the outer request, the new one this. Neither alone can move an account.

use serde::Deserialize;

use super::algorithm::Algorithm;
use super::error::VerifyError;
use super::jwk::{Jwk, WireJwk};
use super::jws::{Flattened, Jws, is_object};
use super::public_key::PublicKey;
use super::url;
use crate::order::model::Account;
use crate::request::links::Links;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Why a key change is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// The inner JWS is not acceptable.
    #[error("inner JWS: {0}")]
    Inner(#[from] VerifyError),
    /// RFC 8555 §7.3.5 forbids it.
    #[error("the inner JWS must not have a `nonce`")]
    Nonce,
    /// It must carry the new key.
    #[error("the inner JWS needs the new key as `jwk`, and no `kid`")]
    NoJwk,
    /// `account` is another one.
    #[error("`account` in the inner payload must be the account URL that the outer JWS has as `kid`")]
    OtherAccount,
    /// `oldKey` is not the account's key.
    #[error("`oldKey` in the inner payload is not the account's present key")]
    OtherOldKey,
    /// Nothing would change.
    #[error("the new key is the account's present key; make another one")]
    SameKey,
}

impl From<KeyChangeError> for Problem {
    fn from(error: KeyChangeError) -> Self {
        let kind = match error {
            KeyChangeError::Inner(inner) => {
                let inner = Self::from(inner);
                let detail = format!("inner JWS: {}", inner.detail);
                return Self { detail, ..inner };
            }
            KeyChangeError::Nonce
            | KeyChangeError::NoJwk
            | KeyChangeError::OtherAccount
            | KeyChangeError::OtherOldKey
            | KeyChangeError::SameKey => Kind::Malformed,
        };
        Self::new(kind, error.to_string())
    }
}

/// A key that asked, with both signatures, to become an account's. Only [`check`] makes one.
#[derive(Debug)]
pub struct NewKey(Jwk);

impl NewKey {
    /// The key.
    #[must_use]
    pub fn into_jwk(self) -> Jwk {
        self.0
    }
}

#[derive(Deserialize)]
struct Inner {
    account: String,
    #[serde(rename = "oldKey")]
    old_key: WireJwk,
}

/// Checks the inner JWS of a keyChange request that `account` signed.
///
/// # Errors
/// Why it is refused.
pub fn check(inner: &Flattened, account: &Account, links: &Links) -> Result<NewKey, KeyChangeError> {
    let jws = Jws::open(inner)?;
    let algorithm = Algorithm::named(&jws.header.alg).ok_or(VerifyError::Algorithm)?;
    if jws.header.nonce.is_some() {
        return Err(KeyChangeError::Nonce);
    }
    let (Some(key), None) = (jws.header.jwk, jws.header.kid) else {
        return Err(KeyChangeError::NoJwk);
    };
    let key = key.check().map_err(VerifyError::Key)?;
    let path = links.resource(&account.authority, "key-change");
    url::check(jws.header.url.as_deref(), path.strip_prefix(links.base()).unwrap_or(&path), links)?;
    let parsed = PublicKey::new(&key).map_err(VerifyError::Key)?;
    parsed.verify(algorithm, &jws.signing_input, &jws.signature)?;

    if !is_object(&jws.payload) {
        return Err(VerifyError::PayloadNotObject.into());
    }
    let payload: Inner = serde_json::from_slice(&jws.payload).map_err(VerifyError::Payload)?;
    if payload.account != links.account(&account.authority, account.id) {
        return Err(KeyChangeError::OtherAccount);
    }
    if payload.old_key.check().ok().as_ref() != Some(&account.key) {
        return Err(KeyChangeError::OtherOldKey);
    }
    if key == account.key {
        return Err(KeyChangeError::SameKey);
    }
    Ok(NewKey(key))
}
