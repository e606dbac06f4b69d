//! What the parsers of OpenID Connect share: a provider as a relying party knows it, its key, and the hour.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::clock::FixedClock;
use ca_server::sso::fetch::{Fetch, FetchConfig};
use ca_server::sso::oidc::{Expected, OidcProvider, OidcRefusal, Settings};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

use super::support::is_tame;

/// Sunday, 1 March 2026, noon.
pub(super) const NOW: i64 = 1_772_366_400;
pub(super) const ISSUER: &str = "https://idp.example";
pub(super) const CLIENT: &str = "rollcall";
pub(super) const NONCE: &str = "GltmDF-rbqbBGiuL8wmRWEqg6bSUtQMyQJ2zQhPOOEM";

/// The provider with its key.
pub(super) struct Party {
    pub(super) provider: OidcProvider,
    key: EcdsaKeyPair,
}

pub(super) static PARTY: LazyLock<Option<Party>> = LazyLock::new(|| {
    let callback = Url::parse("https://ca.example/sso/oidc/corp/callback").ok()?;
    let settings = Settings::new("corp", ISSUER, CLIENT, callback);
    let fetch = Fetch::new(&FetchConfig::default()).ok()?;
    let provider = OidcProvider::new(settings, fetch, Arc::new(FixedClock::at(at(NOW)))).ok()?;
    Some(Party { provider, key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()? })
});

impl Party {
    /// The key set that it publishes.
    pub(super) fn key_set(&self) -> String {
        let point = self.key.public_key().as_ref();
        let part =
            |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
        json!({"keys": [{"kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65)}]}).to_string()
    }

    /// An ID token over these octets.
    pub(super) fn sign(&self, claims: &[u8]) -> Option<String> {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).ok()?;
        Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

pub(super) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What is expected of this sign-in, which was asked for ninety seconds ago.
pub(super) fn expected(nonce: &str) -> Expected<'_> {
    Expected { nonce, requested: at(NOW - 90) }
}

pub(super) fn check_refusal(refusal: &OidcRefusal) {
    let word = refusal.reason();
    assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{word:?}");
    assert!(is_tame(&refusal.to_string()), "{refusal:?}");
}

/// The one value of a member; `None` if it is absent, repeated or unreadable.
pub(super) fn only(members: &std::collections::BTreeMap<String, Vec<Value>>, name: &str) -> Option<Value> {
    match members.get(name).map(Vec::as_slice) {
        Some([one]) => Some(one.clone()),
        _ => None,
    }
}
