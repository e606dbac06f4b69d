//! External account binding (RFC 8555 §7.3.4): proof that the new account key belongs to an account the authority already knows.
//!
//! The inner JWS is HS256 with a key the operator was given out of band. The MAC key is a secret: it is wiped on drop, never
//! shown by `Debug`, and has no serialised form.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use serde::Serialize;
use zeroize::Zeroizing;

use super::jws::FlattenedJws;
use super::key::Jwk;
use super::resource_url::ResourceUrl;

/// Why an external account key cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternalAccountKeyError {
    /// The text is not base64 or base64url.
    #[error("the external account key is not base64url text ({characters} characters)")]
    Encoding {
        /// How long the text was; the text itself is secret.
        characters: usize,
    },
    /// The key is too short for HS256.
    #[error("the external account key has {bytes} bytes; HS256 needs at least 16")]
    TooShort {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The key identifier is empty, too long, or holds control characters.
    #[error("the external account key identifier is empty, over 512 bytes or holds control characters")]
    KeyId,
}

/// A key identifier and MAC key issued by the authority out of band.
#[derive(Clone)]
pub struct ExternalAccountKey {
    key_id: String,
    mac_key: Zeroizing<Vec<u8>>,
}

impl ExternalAccountKey {
    /// From raw MAC key bytes.
    ///
    /// # Errors
    /// If the identifier is unusable or the key too short.
    pub fn new(key_id: impl Into<String>, mac_key: &[u8]) -> Result<Self, ExternalAccountKeyError> {
        let key_id = key_id.into();
        if key_id.is_empty() || key_id.len() > 512 || key_id.chars().any(char::is_control) {
            return Err(ExternalAccountKeyError::KeyId);
        }
        if mac_key.len() < 16 {
            return Err(ExternalAccountKeyError::TooShort { bytes: mac_key.len() });
        }
        Ok(Self { key_id, mac_key: Zeroizing::new(mac_key.to_vec()) })
    }

    /// From the text authorities hand out: base64url, with padding and standard base64 tolerated, white space around it ignored.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if the text is not base64.
    pub fn from_base64url(key_id: impl Into<String>, text: &str) -> Result<Self, ExternalAccountKeyError> {
        let text = text.trim().as_bytes();
        let decoded = [BASE64URL_NOPAD, BASE64URL, BASE64_NOPAD, BASE64]
            .iter()
            .find_map(|encoding| encoding.decode(text).ok())
            .map(Zeroizing::new)
            .ok_or(ExternalAccountKeyError::Encoding { characters: text.len() })?;
        Self::new(key_id, &decoded)
    }

    /// The key identifier.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The binding for `account_key` at `new_account`, as it goes into the `externalAccountBinding` member.
    pub(super) fn bind(
        &self,
        account_key: &Jwk,
        new_account: &ResourceUrl,
    ) -> Result<FlattenedJws, serde_json::Error> {
        let header = BindingHeader { alg: "HS256", kid: &self.key_id, url: new_account.as_str() };
        let protected = BASE64URL_NOPAD.encode(&serde_json::to_vec(&header)?);
        let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(account_key)?);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.mac_key);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        Ok(FlattenedJws { protected, payload, signature: BASE64URL_NOPAD.encode(tag.as_ref()) })
    }
}

impl fmt::Debug for ExternalAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccountKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The protected header of the binding: no nonce, and the same `url` as the outer JWS.
#[derive(Serialize)]
struct BindingHeader<'a> {
    alg: &'static str,
    kid: &'a str,
    url: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::key::JwsKey;

    #[test]
    fn the_binding_is_hs256_over_the_account_jwk_without_a_nonce() {
        let secret = b"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajV";
        let external = ExternalAccountKey::new("kid-1", secret).unwrap();
        let account = JwsKey::generate().unwrap();
        let url: ResourceUrl = "https://example.com/acme/new-account".parse().unwrap();
        let binding = external.bind(account.jwk(), &url).unwrap();

        let header: serde_json::Value =
            serde_json::from_slice(&BASE64URL_NOPAD.decode(binding.protected.as_bytes()).unwrap()).unwrap();
        let expected = serde_json::json!({"alg": "HS256", "kid": "kid-1", "url": url.as_str()});
        assert_eq!(header, expected);
        let payload: serde_json::Value =
            serde_json::from_slice(&BASE64URL_NOPAD.decode(binding.payload.as_bytes()).unwrap()).unwrap();
        assert_eq!(payload, serde_json::to_value(account.jwk()).unwrap());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = BASE64URL_NOPAD.decode(binding.signature.as_bytes()).unwrap();
        hmac::verify(&key, format!("{}.{}", binding.protected, binding.payload).as_bytes(), &tag).unwrap();
    }

    #[test]
    fn a_key_is_read_from_every_base64_that_authorities_hand_out() {
        let bytes = [0xfb, 0xff, 0xfe, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        for text in [
            BASE64URL_NOPAD.encode(&bytes),
            BASE64.encode(&bytes),
            format!(" {}\n", BASE64URL.encode(&bytes)),
        ] {
            let key = ExternalAccountKey::from_base64url("k", &text).unwrap();
            assert_eq!(key.mac_key.as_slice(), bytes);
        }
    }

    #[test]
    fn unusable_keys_are_refused_without_echoing_them() {
        let error = ExternalAccountKey::from_base64url("k", "not base64!").unwrap_err();
        assert_eq!(error, ExternalAccountKeyError::Encoding { characters: 11 });
        assert_eq!(
            ExternalAccountKey::new("k", &[1; 8]).unwrap_err(),
            ExternalAccountKeyError::TooShort { bytes: 8 }
        );
        assert_eq!(ExternalAccountKey::new("", &[1; 32]).unwrap_err(), ExternalAccountKeyError::KeyId);
        let key = ExternalAccountKey::new("k", b"super-secret-mac-key").unwrap();
        assert!(!format!("{key:?}").contains("115"), "no byte of the key in Debug: {key:?}");
    }
}
