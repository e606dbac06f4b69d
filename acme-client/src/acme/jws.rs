//! Flattened JWS as RFC 8555 §6.2 wants it: ES256, protected header only, with `nonce`, `url` and exactly one of `jwk` and `kid`.
//!
//! Also the inner JWS of a key change (§7.3.5), which carries `jwk` and `url` but no nonce. Nothing here decides when a request
//! is made; a [`Signer`] says who speaks, and a wrong combination of `jwk` and `kid` cannot be expressed.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::key::{Jwk, JwsKey, KeyError};
use super::nonce::Nonce;
use super::resource_url::ResourceUrl;

/// A request could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The key refused.
    #[error("the request could not be signed")]
    Key(#[from] KeyError),
    /// The payload cannot be written as JSON.
    #[error("the request could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The JSON form of a JWS with one signature (RFC 7515 §7.2.2).
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FlattenedJws {
    /// Protected header, base64url.
    pub protected: String,
    /// Payload, base64url; empty for POST-as-GET.
    pub payload: String,
    /// Signature, base64url.
    pub signature: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// A key that names itself: new accounts, and revocation with the certificate's key.
    Jwk(&'a JwsKey),
    /// A key that belongs to an account, named by the account's URL.
    Account(&'a JwsKey, &'a ResourceUrl),
}

/// What is said.
#[derive(Clone, Debug)]
pub enum Payload {
    /// POST-as-GET: the empty payload (RFC 8555 §6.3).
    Empty,
    /// A JSON document, already written.
    Json(Vec<u8>),
}

impl Payload {
    /// Writes `value` as JSON.
    ///
    /// # Errors
    /// If `value` cannot be written, as a map with keys that are not text.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Self::Json)
    }
}

#[derive(Serialize)]
struct ProtectedHeader<'a> {
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<&'a Jwk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    url: &'a str,
}

/// Signs `payload` for `url` with `nonce`.
///
/// # Errors
/// If the key refuses.
pub fn sign(
    signer: Signer<'_>,
    url: &ResourceUrl,
    nonce: &Nonce,
    payload: &Payload,
) -> Result<FlattenedJws, JwsError> {
    let (key, jwk, kid) = match signer {
        Signer::Jwk(key) => (key, Some(key.jwk()), None),
        Signer::Account(key, account) => (key, None, Some(account.as_str())),
    };
    seal(
        key,
        &ProtectedHeader { alg: "ES256", jwk, kid, nonce: Some(nonce.as_str()), url: url.as_str() },
        payload,
    )
}

/// The inner JWS of a key change: signed by the new key, naming itself, with the same `url` and no nonce.
pub(super) fn sign_key_change(
    new_key: &JwsKey,
    url: &ResourceUrl,
    payload: &Payload,
) -> Result<FlattenedJws, JwsError> {
    let header =
        ProtectedHeader { alg: "ES256", jwk: Some(new_key.jwk()), kid: None, nonce: None, url: url.as_str() };
    seal(new_key, &header, payload)
}

fn seal(key: &JwsKey, header: &ProtectedHeader<'_>, payload: &Payload) -> Result<FlattenedJws, JwsError> {
    let protected = BASE64URL_NOPAD.encode(&serde_json::to_vec(header)?);
    let payload = match payload {
        Payload::Empty => String::new(),
        Payload::Json(bytes) => BASE64URL_NOPAD.encode(bytes),
    };
    let signature = BASE64URL_NOPAD.encode(&key.sign(format!("{protected}.{payload}").as_bytes())?);
    Ok(FlattenedJws { protected, payload, signature })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    fn header_of(jws: &FlattenedJws) -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(jws.protected.as_bytes()).unwrap()).unwrap()
    }

    fn verify(jws: &FlattenedJws, jwk: &Jwk) {
        let jwk = serde_json::to_value(jwk).unwrap();
        let mut point = vec![4];
        for member in ["x", "y"] {
            point.extend(BASE64URL_NOPAD.decode(jwk[member].as_str().unwrap().as_bytes()).unwrap());
        }
        let signature = BASE64URL_NOPAD.decode(jws.signature.as_bytes()).unwrap();
        assert_eq!(signature.len(), 64, "raw r and s, not DER");
        let signed = format!("{}.{}", jws.protected, jws.payload);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_request_by_an_account_names_the_account_and_not_the_key() {
        let key = JwsKey::generate().unwrap();
        let account = "https://ca.example/acct/1".parse().unwrap();
        let url = "https://ca.example/new-order".parse().unwrap();
        let nonce = Nonce::parse("abc-_123").unwrap();
        let payload = Payload::json(&json!({"identifiers": []})).unwrap();
        let jws = sign(Signer::Account(&key, &account), &url, &nonce, &payload).unwrap();
        let expected = json!({"alg": "ES256", "kid": "https://ca.example/acct/1", "nonce": "abc-_123",
            "url": "https://ca.example/new-order"});
        assert_eq!(header_of(&jws), expected);
        verify(&jws, key.jwk());
    }

    #[test]
    fn a_request_by_a_bare_key_carries_the_jwk_and_no_kid() {
        let key = JwsKey::generate().unwrap();
        let url = "https://ca.example/new-account".parse().unwrap();
        let jws = sign(Signer::Jwk(&key), &url, &Nonce::parse("n").unwrap(), &Payload::Empty).unwrap();
        let header = header_of(&jws);
        assert_eq!(header["jwk"], serde_json::to_value(key.jwk()).unwrap());
        assert!(header.get("kid").is_none());
        assert_eq!(jws.payload, "", "POST-as-GET has an empty payload, not an empty object");
        verify(&jws, key.jwk());
    }

    #[test]
    fn the_inner_key_change_jws_has_the_new_jwk_and_no_nonce() {
        let key = JwsKey::generate().unwrap();
        let url = "https://ca.example/key-change".parse().unwrap();
        let jws = sign_key_change(&key, &url, &Payload::json(&json!({})).unwrap()).unwrap();
        let header = header_of(&jws);
        assert!(header.get("nonce").is_none());
        assert!(header.get("jwk").is_some());
        verify(&jws, key.jwk());
    }
}
