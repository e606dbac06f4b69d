//! The flattened JWS of a request (RFC 7515 §7.2.2 as RFC 8555 §6.2 narrows it): parse strictly, decide nothing about keys.
//!
//! Refuses unprotected headers, several signatures, `crit`, `b64` and repeated members; unknown members are ignored.
//! Nothing that stands here is authentic until `public_key` verified [`Jws::signing_input`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::VerifyError;
use super::jwk::WireJwk;
use super::object::ObjectOnly;

/// The three members of a flattened JWS, as they came.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct Flattened {
    protected: String,
    payload: String,
    signature: String,
    #[serde(default)]
    header: Present,
    #[serde(default)]
    signatures: Present,
}

impl<'de> Deserialize<'de> for Flattened {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(ObjectOnly(deserializer))
    }
}

/// Whether a member stands there at all, even as `null`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present(bool);

impl Present {
    pub(crate) const fn is(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// The protected header (RFC 8555 §6.2). Repeated members do not parse.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The algorithm's name, not yet judged.
    pub alg: String,
    /// The nonce; absent from inner JWS.
    #[serde(default)]
    pub nonce: Option<String>,
    /// The URL the sender means.
    #[serde(default)]
    pub url: Option<String>,
    /// The sender's key.
    #[serde(default)]
    pub jwk: Option<WireJwk>,
    /// The sender's account URL, or the key id of an external account.
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
}

/// A JWS taken apart; nothing of it is authentic yet.
#[derive(Debug)]
pub struct Jws {
    /// The protected header.
    pub header: Header,
    /// The payload's octets.
    pub payload: Vec<u8>,
    /// The signature's or MAC's octets.
    pub signature: Vec<u8>,
    /// What the signature covers.
    pub signing_input: Vec<u8>,
}

impl Jws {
    /// Takes a request body apart.
    ///
    /// # Errors
    /// The member that is not as RFC 8555 §6.2 wants it.
    pub fn parse(body: &[u8]) -> Result<Self, VerifyError> {
        let flattened: Flattened = serde_json::from_slice(body).map_err(VerifyError::NotJws)?;
        if !is_object(body) {
            return Err(VerifyError::NotJws(serde::de::Error::custom("expected a JSON object")));
        }
        Self::open(&flattened)
    }

    /// Takes a flattened JWS apart that came within a payload.
    ///
    /// # Errors
    /// As [`Jws::parse`].
    pub fn open(flattened: &Flattened) -> Result<Self, VerifyError> {
        if flattened.signatures.is() {
            return Err(VerifyError::ManySignatures);
        }
        if flattened.header.is() {
            return Err(VerifyError::UnprotectedHeader);
        }
        let protected = decode("protected", &flattened.protected)?;
        let payload = decode("payload", &flattened.payload)?;
        let signature = decode("signature", &flattened.signature)?;
        if !is_object(&protected) {
            return Err(VerifyError::HeaderNotObject);
        }
        let header: Header = serde_json::from_slice(&protected).map_err(VerifyError::Header)?;
        if header.crit.is() {
            return Err(VerifyError::Extension("crit"));
        }
        if header.b64.is() {
            return Err(VerifyError::Extension("b64"));
        }
        let signing_input = [flattened.protected.as_bytes(), flattened.payload.as_bytes()].join(&b'.');
        Ok(Self { header, payload, signature, signing_input })
    }
}

/// Strict base64url: no padding, no white space, no stray bits in the last character.
fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| VerifyError::NotBase64Url(member))
}

/// Serde reads a struct from an array too; RFC 7515 and RFC 8555 speak of objects only.
pub(super) fn is_object(json: &[u8]) -> bool {
    json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

#[cfg(test)]
mod tests;
