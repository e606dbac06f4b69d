//! Problem documents (RFC 7807 as RFC 8555 §6.7 uses it), with subproblems (§6.7.1).
//!
//! A problem's detail is written for the person at the other end. Causes of internal failures are logged, never sent.

use certs::identifier::Identifier;
use serde::{Deserialize, Serialize};

use super::kinds::Kind;

/// An answer that says what is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The kind: URN and status follow from it.
    pub kind: Kind,
    /// What is wrong and what to do, for a person.
    pub detail: String,
    /// Parts of it, each about one identifier.
    pub subproblems: Vec<Subproblem>,
    /// Algorithms to use instead (`badSignatureAlgorithm`, RFC 8555 §6.2).
    pub algorithms: Option<&'static [&'static str]>,
    /// Seconds after which to try again.
    pub retry_after: Option<u64>,
    /// A `Location` to send along (keyChange conflict, RFC 8555 §7.3.5).
    pub location: Option<Box<str>>,
    /// Where a person finds what he must agree to first (`userActionRequired`, RFC 8555 §7.3.3).
    pub instance: Option<Box<str>>,
}

/// One part of a compound problem (RFC 8555 §6.7.1).
#[derive(Clone, Debug)]
pub struct Subproblem {
    /// The kind.
    pub kind: Kind,
    /// What is wrong.
    pub detail: String,
    /// Which identifier it is about.
    pub identifier: Option<Identifier>,
}

/// A problem kept with an order or a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    /// The URN.
    #[serde(rename = "type")]
    pub urn: String,
    /// What is wrong.
    pub detail: String,
    /// The HTTP status that the kind has.
    pub status: u16,
    /// Which identifier it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identifier: Option<Identifier>,
    /// Parts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subproblems: Vec<Self>,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            subproblems: Vec::new(),
            algorithms: None,
            retry_after: None,
            location: None,
            instance: None,
        }
    }

    /// A failure of ours: `cause` is logged here, once, and not sent.
    #[must_use]
    pub fn internal(cause: impl std::error::Error) -> Self {
        tracing::error!(error = %causes(&cause), "request failed inside the server");
        Self::new(Kind::ServerInternal, "the server could not complete the request; try again later")
    }

    /// The same problem with one more part.
    #[must_use]
    pub fn with(mut self, part: Subproblem) -> Self {
        self.subproblems.push(part);
        self
    }

    /// The form in which it is kept with an order or challenge.
    #[must_use]
    pub fn stored(&self) -> StoredProblem {
        let part = |kind: Kind, detail: &str, identifier: Option<Identifier>| StoredProblem {
            urn: kind.urn(),
            detail: detail.to_owned(),
            status: kind.status().as_u16(),
            identifier,
            subproblems: Vec::new(),
        };
        let mut whole = part(self.kind, &self.detail, None);
        whole.subproblems =
            self.subproblems.iter().map(|sub| part(sub.kind, &sub.detail, sub.identifier.clone())).collect();
        whole
    }
}

/// An error and what caused it, in one line for the log.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        chain.push_str(": ");
        chain.push_str(&next.to_string());
        source = next.source();
    }
    chain
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<crate::ids::NoEntropy> for Problem {
    fn from(error: crate::ids::NoEntropy) -> Self {
        Self::internal(error)
    }
}
