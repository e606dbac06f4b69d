//! An issuer of access tokens whose every part can be wrong: ES256 keys, headers and claims as a test says.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// `iss` of its tokens.
pub const ISSUER: &str = "https://login.corp.test";
/// `aud` of its tokens.
pub const AUDIENCE: &str = "https://ca.test/internal";

/// A key with its name.
pub struct TokenIssuer {
    kid: String,
    key: EcdsaKeyPair,
}

impl TokenIssuer {
    /// A fresh key of this name.
    #[must_use]
    pub fn new(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
        Self { kid: kid.to_owned(), key }
    }

    /// Its public key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": text(x), "y": text(y)})
    }

    /// The key set that it publishes.
    #[must_use]
    pub fn key_set(&self) -> Value {
        json!({"keys": [self.jwk()]})
    }

    /// A token of these claims, as RFC 9068 writes one.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&json!({"alg": "ES256", "typ": "at+jwt", "kid": self.kid}), claims)
    }

    /// A JWS of this header, signed with the key whatever the header says.
    #[must_use]
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        let input = input(header, claims);
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).expect("the key signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// `header.claims` in base64url.
pub(super) fn input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
