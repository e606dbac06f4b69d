//! The provider's keys (RFC 7517), and which of them may have signed an ID token.
//!
//! A key of a kind we do not know is passed over. A weak key, or one published with its private part, stands in the set only to be
//! refused by its own reason. Without `kid` the set must hold exactly one key that fits (OpenID Connect Core §10.1).

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::id_token::{Algorithm, KeyShape};
use super::refusal::OidcRefusal;
use crate::sso::fetch::Fetch;
use crate::verify::jwk::{Jwk, KeyFault, WireJwk};

/// Keys that may sign, in the order published.
pub(crate) struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    algorithm: Option<String>,
    shape: KeyShape,
    jwk: Result<Jwk, KeyFault>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// A key as it came, but for its numbers.
#[derive(Deserialize)]
struct Entry {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

/// Reads the key set at `address`.
pub(crate) async fn load(fetch: &Fetch, address: &Url) -> Result<Keys, OidcRefusal> {
    let body = fetch.get(address, "application/json").await.map_err(OidcRefusal::KeysUnreachable)?;
    Keys::parse(&body)
}

impl Keys {
    /// The keys of a document (RFC 7517 §5).
    pub(crate) fn parse(json: &[u8]) -> Result<Self, OidcRefusal> {
        let document: Document = serde_json::from_slice(json).map_err(|_| OidcRefusal::KeysMalformed)?;
        Ok(Self(document.keys.into_iter().filter_map(key).collect()))
    }

    /// The one key that fits the header of an ID token.
    pub(crate) fn choose(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<&Jwk, OidcRefusal> {
        let fits = |key: &&Key| {
            key.shape == algorithm.shape()
                && key.algorithm.as_deref().is_none_or(|name| name == algorithm.name())
                && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        };
        let mut fitting = self.0.iter().filter(fits);
        let key = fitting.next().ok_or(OidcRefusal::KeyUnknown)?;
        if fitting.next().is_some() {
            return Err(OidcRefusal::KeyAmbiguous);
        }
        key.jwk.as_ref().map_err(|fault| OidcRefusal::KeyUnusable(*fault))
    }

    /// How many keys can verify anything.
    pub(crate) fn usable(&self) -> usize {
        self.0.iter().filter(|key| key.jwk.is_ok()).count()
    }
}

fn key(value: Value) -> Option<Key> {
    let entry = Entry::deserialize(&value).ok()?;
    let for_signatures = entry.usage.is_none_or(|usage| usage == "sig")
        && entry.key_ops.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
    let shape = match (entry.kty.as_str(), entry.crv.as_deref()) {
        ("RSA", _) => KeyShape::Rsa,
        ("EC", Some("P-256")) => KeyShape::P256,
        ("EC", Some("P-384")) => KeyShape::P384,
        _ => return None,
    };
    let jwk = WireJwk::deserialize(value).ok()?.check();
    for_signatures.then_some(Key { kid: entry.kid, algorithm: entry.alg, shape, jwk })
}

#[cfg(test)]
mod tests;
