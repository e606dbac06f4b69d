//! An answer, read whole, and the problem document in it.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What RFC 8555 §6.7 puts before every kind.
const URN: &str = "urn:ietf:params:acme:error:";

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A problem document that was answered with the right headers.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The last part of the URN.
    pub kind: String,
    /// What it says to a person.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// The whole document.
    pub document: Box<Value>,
    /// The answer that it came in.
    pub reply: Box<Reply>,
}

impl Problem {
    /// The parts of it.
    #[must_use]
    pub fn subproblems(&self) -> Vec<Value> {
        self.document["subproblems"].as_array().cloned().unwrap_or_default()
    }
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self}"))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Its nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        Some(self.header("replay-nonce")).filter(|nonce| !nonce.is_empty())
    }

    /// The targets of its links of this relation.
    #[must_use]
    pub fn links(&self, relation: &str) -> Vec<String> {
        let wanted = format!("rel=\"{relation}\"");
        let values = self.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let links = values.flat_map(|value| value.split(',')).filter(|link| link.contains(&wanted));
        links.filter_map(|link| Some(link.trim().strip_prefix('<')?.split_once('>')?.0.to_owned())).collect()
    }

    /// The same answer, which must have this status.
    ///
    /// # Panics
    /// If it has not.
    #[must_use]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The same answer if it is a success.
    ///
    /// # Errors
    /// The problem in it.
    pub fn success(self) -> Result<Self, Problem> {
        if self.status.is_success() { Ok(self) } else { Err(self.problem()) }
    }

    /// The problem document in it, which must be whole: media type, URN, the same status, a detail.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn problem(self) -> Problem {
        assert!(self.status.is_client_error() || self.status.is_server_error(), "a success: {self}");
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        assert_eq!(media_type, Some("application/problem+json"), "{self}");
        let document = self.json();
        let urn = document["type"].as_str().unwrap_or_default();
        let kind = urn.strip_prefix(URN).unwrap_or_else(|| panic!("no ACME problem: {self}")).to_owned();
        assert_eq!(document["status"], self.status.as_u16(), "{self}");
        let detail = document["detail"].as_str().unwrap_or_default().to_owned();
        assert!(!detail.trim().is_empty(), "a problem without detail: {self}");
        Problem {
            kind,
            detail,
            status: self.status.as_u16(),
            document: Box::new(document),
            reply: Box::new(self),
        }
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}
