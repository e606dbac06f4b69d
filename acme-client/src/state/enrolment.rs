//! The request to an internal authority that is being worked on, stored with its certificate key before it is sent.
//!
//! A server may want somebody's approval first, which is for exactly this key: later runs send the same request again, until there is a certificate. Request and
//! key become visible together, by one rename, in the place where an order would be.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use super::{
    IdentityDir, StateError,
    account::{from_json, to_json},
    durable,
    token_keys::read_key,
};
use crate::internal::Token;

const RECORD: &str = "enrolment.json";

/// What is asked of the server: one of its EST operations (RFC 7030 §4.2), or its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// A certificate on a token.
    SimpleEnroll,
    /// One in the place of the certificate in use, which authenticates the connection.
    SimpleReenroll,
    /// A certificate on a token, at `certificates`.
    Certificates,
}

/// A request that was made and is not answered with a certificate yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEnrolment {
    /// The folder of the server's operations.
    pub server: Url,
    /// What is asked.
    pub operation: Operation,
    /// The serial of the certificate that was current when it was made; with another one it is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The certificate signing request, base64url of its DER.
    pub csr: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// A guest's token: what is approved is for this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// That the server wants approval first, once it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// That nothing is waited for any more: the server refused it since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// An approval that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When the server wants to be asked again.
    #[serde(with = "time::serde::rfc3339")]
    pub ask_again: OffsetDateTime,
}

impl IdentityDir {
    /// Stores a request and the key its certificate will be for. Durable on return: only then may it be sent.
    pub fn store_enrolment(&self, enrolment: &PendingEnrolment, key_pem: &str) -> Result<(), StateError> {
        self.store_pending_as(RECORD, enrolment, key_pem)
    }

    /// Stores what became of the request that is there.
    pub fn update_enrolment(&self, enrolment: &PendingEnrolment) -> Result<(), StateError> {
        let path = self.folder.join("pending").join(RECORD);
        durable::replace(&path, &to_json(&path, enrolment)?)
    }

    /// The request that waits to be answered, with its key.
    pub fn enrolment(&self) -> Result<Option<(PendingEnrolment, Zeroizing<String>)>, StateError> {
        let folder = self.folder.join("pending");
        let path = folder.join(RECORD);
        let Some(bytes) = durable::read(&path)? else { return Ok(None) };
        let enrolment = from_json(&path, &bytes)?;
        Ok(read_key(&folder)?.map(|key| (enrolment, key)))
    }
}
