//! The proof value of this stage: a provider vouched for a person, and every check passed.
//!
//! Only `sso/` can make a [`Person`]. Its [`Evidence`] is what is kept (authorization, certificate, journal, policy facts); the raw assertion
//! never is. Its [`SingleUse`] must be committed with an "absent" condition in the batch that moves the sign-in on, so that a replay
//! is refused across restarts and races.

use certs::name::EmailAddress;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a provider said about a person, after every check. Only `sso/` can make one; it is used up.
#[derive(Debug)]
pub struct Person {
    pub(in crate::sso) email: EmailAddress,
    pub(in crate::sso) evidence: Evidence,
    pub(in crate::sso) single_use: SingleUse,
}

impl Person {
    /// The address the provider vouched for. Whether the provider may speak for its domain is the caller's question.
    #[must_use]
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }

    /// The facts to keep.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What the replay table must not have seen yet.
    #[must_use]
    pub fn single_use(&self) -> &SingleUse {
        &self.single_use
    }

    /// Uses the proof up.
    #[must_use]
    pub fn into_parts(self) -> (EmailAddress, Evidence, SingleUse) {
        (self.email, self.evidence, self.single_use)
    }
}

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    Oidc,
}

impl Protocol {
    /// The word for it in records, rules and addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }
}

/// Facts kept with the authorization, the certificate and the journal; carried into policy. Never the raw assertion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The provider's name in the configuration.
    pub provider: String,
    /// How it was asked.
    pub protocol: Protocol,
    /// Its entity id (SAML) or issuer URL (OIDC).
    pub issuer: String,
    /// `NameID` or `sub`.
    pub subject: String,
    /// The assertion's ID, or the SHA-256 of the ID token in base64url.
    pub assertion: String,
    /// When the person authenticated there (`AuthnInstant`, `auth_time`).
    #[serde(with = "time::serde::timestamp")]
    pub authenticated: OffsetDateTime,
    /// How strongly (`AuthnContextClassRef`, `acr`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// By which means (`amr`); empty for SAML.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The groups the provider named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The person's name as the provider shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// What the replay table must not have seen yet: a key, and how long to remember it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleUse {
    /// Provider name, a line feed, and the assertion's id.
    pub key: String,
    /// After this time the assertion is refused as expired, so the key may be forgotten.
    pub until: OffsetDateTime,
}
