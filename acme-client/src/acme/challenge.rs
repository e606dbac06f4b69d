//! Challenges (RFC 8555 §7.1.5, §7.5.1): one way to prove an identifier, and the response that says "look now".
//!
//! The response may carry any JSON document: `{}` for the DNS proofs, more for `sso-01`. Members of types this client does not know
//! are kept in [`Challenge::other`] and survive being stored.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::account::Account;
use super::key_authorization::{KeyAuthorization, KeyAuthorizationError};
use super::problem::Problem;
use super::request::RequestError;
use super::resource_url::ResourceUrl;

/// The `type` of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum ChallengeType {
    /// A TXT record at `_acme-challenge`.
    Dns01,
    /// A TXT record at a label of the account's own (draft-ietf-acme-dns-account-label).
    DnsAccount01,
    /// A standing TXT record (draft-ietf-acme-dns-persist).
    DnsPersist01,
    /// A single sign-on of the organisation (draft-biggs-acme-sso).
    Sso01,
    /// A type this client does not know.
    Other(String),
}

impl ChallengeType {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns01 => "dns-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::Sso01 => "sso-01",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for ChallengeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::text::printable(self.as_str(), 64))
    }
}

impl From<String> for ChallengeType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "dns-01" => Self::Dns01,
            "dns-account-01" => Self::DnsAccount01,
            "dns-persist-01" => Self::DnsPersist01,
            "sso-01" | "ca-sso-01" => Self::Sso01,
            _ => Self::Other(word),
        }
    }
}

impl From<ChallengeType> for String {
    fn from(kind: ChallengeType) -> Self {
        kind.as_str().to_owned()
    }
}

/// The state of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeStatus {
    /// Not responded to.
    Pending,
    /// Being checked.
    Processing,
    /// Proven.
    Valid,
    /// Failed.
    Invalid,
}

/// One way to prove an identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Which way.
    #[serde(rename = "type")]
    pub kind: ChallengeType,
    /// Where to respond.
    pub url: ResourceUrl,
    /// Its state.
    pub status: ChallengeStatus,
    /// When it was proven.
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<OffsetDateTime>,
    /// Why it failed, or why the last attempt did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// The random value that the key authorization is made from; `dns-persist-01` and `sso-01` have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// `dns-persist-01`: the names that the record may start with.
    #[serde(rename = "issuer-domain-names", default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_domain_names: Vec<String>,
    /// `sso-01`: the page to open in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_url: Option<ResourceUrl>,
    /// `sso-01`: whose sign-on it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_provider: Option<String>,
    /// `sso-01`: the code that the person types into that page, if the browser does not come back to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_code: Option<String>,
    /// Every other member.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Challenge {
    /// Reads the wire form. Total: any bytes give a challenge or an error.
    ///
    /// # Errors
    /// If it is not JSON of this shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl Account {
    /// The key authorization of a challenge (RFC 8555 §8.1).
    ///
    /// # Errors
    /// If the challenge has no token or an unusable one.
    pub fn key_authorization(
        &self,
        challenge: &Challenge,
    ) -> Result<KeyAuthorization, KeyAuthorizationError> {
        let token = challenge
            .token
            .as_deref()
            .ok_or_else(|| KeyAuthorizationError::NoToken(challenge.kind.clone()))?;
        KeyAuthorization::new(token, &self.key.thumbprint())
    }

    /// Says that the proof is in place. The authority then checks in its own time.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn respond(&self, challenge: &Challenge) -> Result<Challenge, RequestError> {
        self.respond_with(&challenge.url, &Value::Object(Map::new())).await
    }

    /// As [`respond`](Self::respond), with a document that the type of challenge asks for.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn respond_with<T: Serialize + ?Sized>(
        &self,
        url: &ResourceUrl,
        response: &T,
    ) -> Result<Challenge, RequestError> {
        self.tell(url, response).await?.json("challenge")
    }

    /// The challenge at `url`, as it is now.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn challenge(&self, url: &ResourceUrl) -> Result<Challenge, RequestError> {
        self.ask(url).await?.json("challenge")
    }
}
