//! What is to be certified (RFC 8555 §9.7.7): a DNS name, an e-mail address (RFC 8823), an IP address (RFC 8738), or a type this
//! client does not know and passes through unchanged. Values are sent as given; the server decides what is acceptable.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::printable;

/// The `type` of an identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum IdentifierType {
    /// `dns`: a domain name, with `*.` in an order for a wildcard.
    Dns,
    /// `email`: a mailbox.
    Email,
    /// `ip`: an address.
    Ip,
    /// A type this client does not know.
    Other(String),
}

impl IdentifierType {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns => "dns",
            Self::Email => "email",
            Self::Ip => "ip",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for IdentifierType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "dns" => Self::Dns,
            "email" => Self::Email,
            "ip" => Self::Ip,
            _ => Self::Other(word),
        }
    }
}

impl From<IdentifierType> for String {
    fn from(kind: IdentifierType) -> Self {
        kind.as_str().to_owned()
    }
}

/// One thing to be certified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: IdentifierType,
    /// Its name.
    pub value: String,
}

impl Identifier {
    /// A domain name; `*.example.com` asks for a wildcard.
    pub fn dns(name: impl Into<String>) -> Self {
        Self { kind: IdentifierType::Dns, value: name.into() }
    }

    /// A mailbox.
    pub fn email(address: impl Into<String>) -> Self {
        Self { kind: IdentifierType::Email, value: address.into() }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, value) = (printable(self.kind.as_str(), 64), printable(&self.value, 320));
        write!(f, "{kind} {value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_shape_of_the_rfcs() {
        let order = [Identifier::dns("*.example.org"), Identifier::email("alice@example.org")];
        let expected = serde_json::json!([
            {"type": "dns", "value": "*.example.org"}, {"type": "email", "value": "alice@example.org"}]);
        assert_eq!(serde_json::to_value(&order).unwrap(), expected);
    }

    #[test]
    fn an_unknown_type_is_passed_through() {
        let given = r#"{"type":"permanent-identifier","value":"x"}"#;
        let identifier: Identifier = serde_json::from_str(given).unwrap();
        assert_eq!(identifier.kind, IdentifierType::Other("permanent-identifier".into()));
        assert_eq!(serde_json::to_string(&identifier).unwrap(), given);
    }
}
