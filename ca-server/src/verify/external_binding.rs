//! External account binding (RFC 8555 §7.3.4): an inner JWS whose MAC shows that an operator let this account in.
//!
//! The MAC is checked first and in constant time; that a key is revoked, expired or used up is told only to who holds it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::error::VerifyError;
use super::jwk::{Jwk, WireJwk};
use super::jws::{Flattened, Jws};
use super::url;
use crate::app::App;
use crate::ids::{AccountId, AuthorityName};
use crate::order::model::ExternalKey;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::{Batch, StoreError, Versioned, tables};

const ALGORITHMS: &[&str] = &["HS256", "HS384", "HS512"];

/// Why an external account binding is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The inner JWS is not one.
    #[error("externalAccountBinding: {0}")]
    Jws(#[from] VerifyError),
    /// Not a MAC algorithm of ours.
    #[error("externalAccountBinding must be made with HS256, HS384 or HS512")]
    Algorithm,
    /// RFC 8555 §7.3.4 forbids it.
    #[error("externalAccountBinding must not have a `nonce`")]
    Nonce,
    /// There is no key id.
    #[error("externalAccountBinding needs the external key's id as `kid`")]
    NoKid,
    /// Unknown key, or another MAC.
    #[error("externalAccountBinding does not verify: check the key id and the MAC key you were given")]
    Unverified,
    /// The payload is another key.
    #[error("the payload of externalAccountBinding must be the account's public key as JWK")]
    OtherKey,
    /// An operator withdrew it.
    #[error("the external account key was revoked; ask the operator for a new one")]
    Revoked,
    /// Its time is over.
    #[error("the external account key has expired; ask the operator for a new one")]
    Expired,
    /// It binds one account only, and has.
    #[error("the external account key was used already; ask the operator for a new one")]
    Used,
    /// The store failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
}

impl From<BindingError> for Problem {
    fn from(error: BindingError) -> Self {
        let kind = match error {
            BindingError::Store(cause) => return Self::internal(cause),
            BindingError::Algorithm => {
                let problem = Self::new(Kind::BadSignatureAlgorithm, error.to_string());
                return Self { algorithms: Some(ALGORITHMS), ..problem };
            }
            BindingError::Jws(_) | BindingError::Nonce | BindingError::NoKid | BindingError::OtherKey => {
                Kind::Malformed
            }
            BindingError::Unverified | BindingError::Revoked | BindingError::Expired | BindingError::Used => {
                Kind::Unauthorized
            }
        };
        Self::new(kind, error.to_string())
    }
}

/// That an operator's key stands behind a new account. Only [`check`] makes one; it is used up when the account is stored.
#[derive(Debug)]
pub struct Binding {
    key: Versioned<ExternalKey>,
}

impl Binding {
    /// The id of the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.key.value.kid
    }

    /// Notes in `batch` that the key bound `account`; stale if it was used up or revoked meanwhile.
    ///
    /// # Errors
    /// If the record cannot be serialised.
    pub fn record(self, account: AccountId, batch: &mut Batch) -> Result<(), StoreError> {
        tables::external_keys::bind(batch, &self.key, account)
    }
}

/// Checks the binding that a newAccount request (sent to `path_and_query`, signed by `account_key`) carries.
///
/// # Errors
/// Why it is not accepted.
pub async fn check(
    app: &App,
    authority: &AuthorityName,
    binding: &Flattened,
    account_key: &Jwk,
    new_account: &str,
) -> Result<Binding, BindingError> {
    let jws = Jws::open(binding)?;
    let algorithm = mac_algorithm(&jws.header.alg).ok_or(BindingError::Algorithm)?;
    if jws.header.nonce.is_some() {
        return Err(BindingError::Nonce);
    }
    let path = new_account.strip_prefix(app.links.base()).unwrap_or(new_account);
    url::check(jws.header.url.as_deref(), path, &app.links)?;
    if jws.header.jwk.is_some() {
        return Err(VerifyError::KidWanted.into());
    }
    let kid = jws.header.kid.clone().ok_or(BindingError::NoKid)?;
    let stored = app.store.load::<ExternalKey>(&kid).await?;
    let key = verified(stored, authority, algorithm, &jws)?;
    if bound_key(&jws.payload).as_ref() != Some(account_key) {
        return Err(BindingError::OtherKey);
    }
    usable(&key.value, app.clock.now())?;
    Ok(Binding { key })
}

fn mac_algorithm(name: &str) -> Option<hmac::Algorithm> {
    match name {
        "HS256" => Some(hmac::HMAC_SHA256),
        "HS384" => Some(hmac::HMAC_SHA384),
        "HS512" => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// The key, if the MAC is its own. An unknown key costs as much as a wrong MAC and is told the same.
fn verified(
    stored: Option<Versioned<ExternalKey>>,
    authority: &AuthorityName,
    algorithm: hmac::Algorithm,
    jws: &Jws,
) -> Result<Versioned<ExternalKey>, BindingError> {
    let key = stored.filter(|key| key.value.authority == *authority);
    let secret = key.as_ref().and_then(|key| URL_SAFE_NO_PAD.decode(&key.value.secret).ok());
    let mac = hmac::Key::new(algorithm, secret.as_deref().unwrap_or(&[0; 32]));
    let matches = hmac::verify(&mac, &jws.signing_input, &jws.signature).is_ok();
    match (key, secret) {
        (Some(key), Some(_)) if matches => Ok(key),
        _ => Err(BindingError::Unverified),
    }
}

fn bound_key(payload: &[u8]) -> Option<Jwk> {
    serde_json::from_slice::<WireJwk>(payload).ok()?.check().ok()
}

fn usable(key: &ExternalKey, now: OffsetDateTime) -> Result<(), BindingError> {
    if key.revoked {
        return Err(BindingError::Revoked);
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(BindingError::Expired);
    }
    if !key.reusable && !key.accounts.is_empty() {
        return Err(BindingError::Used);
    }
    Ok(())
}
