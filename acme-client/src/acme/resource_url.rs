//! A URL that an ACME server handed out, kept byte for byte as it was given.
//!
//! Account and order URLs are compared as strings: the `kid` of a JWS, its `url` header and the `dns-account-01` label are all
//! made from the text. Parsing and printing again could change it (`https://ca:443/x`), so the text is what is stored and sent.
//! What a server sends is not trusted: only `http` and `https` with a host, no user information, at most 2,048 bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest URL accepted.
const MAX_LENGTH: usize = 2_048;

/// Why a text is not a usable resource URL.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceUrlError {
    /// It does not parse as an absolute URL.
    #[error("not an absolute URL")]
    Syntax,
    /// The scheme is neither `https` nor `http`.
    #[error("scheme `{0}` is not https")]
    Scheme(String),
    /// It carries a user name or password.
    #[error("carries user information")]
    UserInformation,
    /// It is too long, or holds spaces, control characters or characters outside ASCII.
    #[error("{0} bytes with characters that do not belong in a URL, or too long")]
    Text(usize),
}

/// An `https` (or, where allowed, `http`) URL in the exact spelling that the server or the operator gave.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResourceUrl {
    text: String,
    parsed: Arc<Url>,
}

impl ResourceUrl {
    /// The exact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed form, to connect with.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.parsed
    }

    /// Resolves a `Location` or `Link` target that was found in the answer to this URL; relative references are allowed there.
    ///
    /// # Errors
    /// As [`FromStr`].
    pub fn join(&self, reference: &str) -> Result<Self, ResourceUrlError> {
        match Self::from_str(reference) {
            Err(ResourceUrlError::Syntax) => {
                let joined = self.parsed.join(reference).map_err(|_| ResourceUrlError::Syntax)?;
                Self::from_str(joined.as_str())
            }
            absolute => absolute,
        }
    }

    /// Whether the host is this machine itself (`localhost`, `127.0.0.0/8`, `::1`).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.parsed.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether requests to it travel unencrypted.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.parsed.scheme() == "http"
    }
}

impl FromStr for ResourceUrl {
    type Err = ResourceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ResourceUrlError::Text(text.len()));
        }
        let parsed = Url::parse(text).map_err(|_| ResourceUrlError::Syntax)?;
        if !matches!(parsed.scheme(), "https" | "http") {
            return Err(ResourceUrlError::Scheme(parsed.scheme().chars().take(32).collect()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(ResourceUrlError::UserInformation);
        }
        if !parsed.has_host() {
            return Err(ResourceUrlError::Syntax);
        }
        Ok(Self { text: text.to_owned(), parsed: Arc::new(parsed) })
    }
}

impl TryFrom<String> for ResourceUrl {
    type Error = ResourceUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ResourceUrl> for String {
    fn from(url: ResourceUrl) -> Self {
        url.text
    }
}

impl fmt::Display for ResourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ResourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_of_the_server_survives_a_round_trip() {
        let given = "https://CA.example:443/acme/acct/%7e1";
        let url: ResourceUrl = serde_json::from_str(&format!("\"{given}\"")).unwrap();
        assert_eq!(url.as_str(), given);
        assert_eq!(serde_json::to_string(&url).unwrap(), format!("\"{given}\""));
        assert_ne!(
            url.url().as_str(),
            given,
            "the parsed form is normalised, so it must not be what is signed"
        );
    }

    #[test]
    fn urls_that_could_mislead_are_refused() {
        for (text, why) in [
            ("file:///etc/passwd", ResourceUrlError::Scheme("file".into())),
            ("javascript:alert(1)", ResourceUrlError::Scheme("javascript".into())),
            ("https://user@ca.example/", ResourceUrlError::UserInformation),
            ("https://ca.example/a b", ResourceUrlError::Text(22)),
            ("https://ca.example/\r\nX: y", ResourceUrlError::Text(25)),
            ("https://ca.example/\u{202e}x", ResourceUrlError::Text(23)),
            ("/relative", ResourceUrlError::Syntax),
            ("", ResourceUrlError::Syntax),
        ] {
            assert_eq!(text.parse::<ResourceUrl>().unwrap_err(), why, "{text}");
        }
        assert!(format!("https://ca.example/{}", "a".repeat(MAX_LENGTH)).parse::<ResourceUrl>().is_err());
    }

    #[test]
    fn a_relative_location_is_resolved_against_the_request() {
        let base: ResourceUrl = "https://ca.example/acme/new-order".parse().unwrap();
        assert_eq!(base.join("/acme/order/7").unwrap().as_str(), "https://ca.example/acme/order/7");
        assert_eq!(base.join("https://other.example/o").unwrap().as_str(), "https://other.example/o");
        assert!(base.join("ftp://other.example/o").is_err());
    }

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for (text, expected) in [
            ("http://127.0.0.1:8080/", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://localhost.evil.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(text.parse::<ResourceUrl>().unwrap().is_loopback(), expected, "{text}");
        }
    }
}
