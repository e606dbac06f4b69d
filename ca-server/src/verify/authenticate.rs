//! The checks of RFC 8555 §6.2–6.5 in their order: form, algorithm, key, url, nonce, account, signature.
//!
//! The nonce is spent only by a request that is otherwise addressed to us, and before any costly work is done for it.

use super::account;
use super::algorithm::Algorithm;
use super::error::VerifyError;
use super::extract::Signer;
use super::jws::Jws;
use super::nonce::NonceFault;
use super::public_key::PublicKey;
use super::url;
use crate::app::App;
use crate::ids::AuthorityName;

/// Which keys a resource takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    /// An account's, by `kid`.
    Account,
    /// The key itself, by `jwk`.
    Key,
    /// Either.
    Either,
}

/// Who signed, and the octets that were signed.
#[derive(Debug)]
pub(super) struct Authentic {
    pub(super) signer: Signer,
    pub(super) payload: Vec<u8>,
}

/// Authenticates the body of a request that came for `path_and_query`.
pub(super) async fn authenticate(
    app: &App,
    authority: &AuthorityName,
    path_and_query: &str,
    body: &[u8],
    accepts: Accepts,
) -> Result<Authentic, VerifyError> {
    let jws = Jws::parse(body)?;
    let algorithm = Algorithm::named(&jws.header.alg).ok_or(VerifyError::Algorithm)?;
    let named_key = named_key(&jws, accepts)?;
    url::check(jws.header.url.as_deref(), path_and_query, &app.links)?;
    app.nonces.redeem(jws.header.nonce.as_deref().ok_or(NonceFault::Missing)?)?;

    let signer = match named_key {
        NamedKey::Jwk(key) => {
            PublicKey::new(&key)?.verify(algorithm, &jws.signing_input, &jws.signature)?;
            Signer::Key(key)
        }
        NamedKey::Kid(kid) => {
            let account = account::named(app, authority, &kid).await?;
            let key = app.keys.parsed(account.value.id, &account.value.key)?;
            key.verify(algorithm, &jws.signing_input, &jws.signature)?;
            Signer::Account(Box::new(account))
        }
    };
    Ok(Authentic { signer, payload: jws.payload })
}

enum NamedKey {
    Kid(String),
    Jwk(super::jwk::Jwk),
}

/// Exactly one of `kid` and `jwk`, and the one that the resource takes.
fn named_key(jws: &Jws, accepts: Accepts) -> Result<NamedKey, VerifyError> {
    match (&jws.header.kid, &jws.header.jwk, accepts) {
        (Some(_), Some(_), _) => Err(VerifyError::BothKeys),
        (None, None, _) => Err(VerifyError::NoKey),
        (Some(_), None, Accepts::Key) => Err(VerifyError::JwkWanted),
        (None, Some(_), Accepts::Account) => Err(VerifyError::KidWanted),
        (Some(kid), None, Accepts::Account | Accepts::Either) => Ok(NamedKey::Kid(kid.clone())),
        (None, Some(key), Accepts::Key | Accepts::Either) => Ok(NamedKey::Jwk(key.clone().check()?)),
    }
}
