//! Problem documents (RFC 9457 as used by RFC 8555 §6.7): what a server says went wrong.
//!
//! [`parse`] is total: any bytes give a problem or nothing, in bounded time and memory. Nothing in a problem is trusted: text is
//! made printable and cut, subproblems are counted and never nested. The kind is an enum, so code decides on it and not on prose.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::identifier::Identifier;
use super::text::printable;

/// Longest document read, in bytes.
pub const MAX_DOCUMENT: usize = 256 * 1_024;
const MAX_DETAIL: usize = 1_000;
const MAX_KIND: usize = 128;
const MAX_SUBPROBLEMS: usize = 100;
const URN: &str = "urn:ietf:params:acme:error:";

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// The `type` of a problem, without its URN prefix.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[$doc])* $variant,)+
            /// A type this client does not know; `about:blank` if the document named none.
            Other(String),
        }

        impl ProblemKind {
            /// Every kind with a name of its own.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// The word after the URN prefix, or the whole type if it is none that this client knows.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// The request names an account that does not exist.
    AccountDoesNotExist = "accountDoesNotExist",
    /// The certificate named by `replaces` was already replaced (RFC 9773).
    AlreadyReplaced = "alreadyReplaced",
    /// The certificate is already revoked.
    AlreadyRevoked = "alreadyRevoked",
    /// An attestation was refused (device attestation draft).
    BadAttestationStatement = "badAttestationStatement",
    /// The certificate request is unacceptable.
    BadCsr = "badCSR",
    /// The nonce was not accepted.
    BadNonce = "badNonce",
    /// The public key is unacceptable.
    BadPublicKey = "badPublicKey",
    /// The revocation reason is not allowed.
    BadRevocationReason = "badRevocationReason",
    /// The signature algorithm is not supported.
    BadSignatureAlgorithm = "badSignatureAlgorithm",
    /// CAA records forbid issuance.
    Caa = "caa",
    /// Several errors, told by the subproblems.
    Compound = "compound",
    /// The server could not connect to the validation target.
    Connection = "connection",
    /// A DNS query failed during validation.
    Dns = "dns",
    /// The server wants an external account binding.
    ExternalAccountRequired = "externalAccountRequired",
    /// The response to a challenge was wrong.
    IncorrectResponse = "incorrectResponse",
    /// A contact URL is unacceptable.
    InvalidContact = "invalidContact",
    /// The profile is unknown or does not suit the order.
    InvalidProfile = "invalidProfile",
    /// The request was malformed.
    Malformed = "malformed",
    /// The order cannot be finalized yet.
    OrderNotReady = "orderNotReady",
    /// Too many requests.
    RateLimited = "rateLimited",
    /// The server will not issue for the identifier.
    RejectedIdentifier = "rejectedIdentifier",
    /// An internal error of the server.
    ServerInternal = "serverInternal",
    /// TLS failed during validation.
    Tls = "tls",
    /// The client is not authorized.
    Unauthorized = "unauthorized",
    /// The contact URL scheme is not supported.
    UnsupportedContact = "unsupportedContact",
    /// The identifier type is not supported.
    UnsupportedIdentifier = "unsupportedIdentifier",
    /// A person has to visit the `instance` URL, as for new terms of service.
    UserActionRequired = "userActionRequired",
}

impl ProblemKind {
    fn parse(text: &str) -> Self {
        let shown = printable(text, MAX_KIND);
        Self::from_word(shown.strip_prefix(URN).unwrap_or(&shown)).unwrap_or(Self::Other(shown))
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a server says went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of problem.
    pub kind: ProblemKind,
    /// What the server says to people; printable, at most 1,000 characters, possibly empty.
    pub detail: String,
    /// The HTTP status the document repeats.
    pub status: Option<u16>,
    /// The identifier a subproblem is about.
    pub identifier: Option<Identifier>,
    /// A URL about this occurrence.
    pub instance: Option<String>,
    /// One problem per identifier, never nested.
    pub subproblems: Vec<Problem>,
}

impl Problem {
    /// A problem with a kind and a detail and nothing else.
    pub fn new(kind: ProblemKind, detail: &str) -> Self {
        Self {
            kind,
            detail: printable(detail, MAX_DETAIL),
            status: None,
            identifier: None,
            instance: None,
            subproblems: Vec::new(),
        }
    }

    fn from_value(value: &Value, with_subproblems: bool) -> Option<Self> {
        let members = value.as_object()?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let detail = text("detail").or_else(|| text("title")).unwrap_or_default();
        let mut problem = Self::new(ProblemKind::parse(text("type").unwrap_or("about:blank")), detail);
        problem.status =
            members.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        problem.identifier =
            members.get("identifier").and_then(|identifier| Identifier::deserialize(identifier).ok());
        problem.instance = text("instance").map(|instance| printable(instance, MAX_DETAIL));
        if with_subproblems && let Some(Value::Array(listed)) = members.get("subproblems") {
            problem.subproblems =
                listed.iter().take(MAX_SUBPROBLEMS).filter_map(|sub| Self::from_value(sub, false)).collect();
        }
        Some(problem)
    }
}

/// Reads a problem document. `None` if the bytes are not one JSON object, or are more than [`MAX_DOCUMENT`].
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Problem> {
    if bytes.len() > MAX_DOCUMENT {
        return None;
    }
    Problem::from_value(&serde_json::from_slice(bytes).ok()?, true)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(identifier) = &self.identifier {
            write!(f, " for {identifier}")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        // A server may repeat itself for the only identifier.
        match self.subproblems.as_slice() {
            [only] if (&only.kind, &only.detail) == (&self.kind, &self.detail) => {}
            several => several.iter().try_for_each(|sub| write!(f, "; {sub}"))?,
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value, true).ok_or_else(|| D::Error::custom("a problem document is a JSON object"))
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let urn = match &self.kind {
            ProblemKind::Other(whole) => whole.clone(),
            known => format!("{URN}{known}"),
        };
        let mut document = json!({"type": urn, "detail": self.detail});
        if let Value::Object(members) = &mut document {
            let mut add = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    members.insert(name.to_owned(), value);
                }
            };
            add("status", self.status.map(Value::from));
            add("identifier", self.identifier.as_ref().map(|identifier| json!(identifier)));
            add("instance", self.instance.clone().map(Value::from));
            add("subproblems", (!self.subproblems.is_empty()).then(|| json!(self.subproblems)));
        }
        document.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
