//! What is certified (RFC 8555 §9.7.7, RFC 8823 §3): a DNS name, an e-mail address, or an account id of the internal authority.
//!
//! Decides the JSON shape `{"type":"dns","value":"…"}` and refuses types that no profile can certify. An identifier that exists is
//! well-formed; whether it is *proven* is another stage's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{DnsName, EmailAddress, NameError};

/// Why a type and value are not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// The type is none that is certified here (`unsupportedIdentifier` in ACME).
    #[error("identifier type {kind:?} is not supported; use \"dns\", \"email\" or \"uri\"")]
    UnsupportedKind {
        /// The type that was asked for.
        kind: String,
    },
    /// The value is not a DNS name or e-mail address.
    #[error("{kind} identifier {value:?}: {fault}")]
    Name {
        /// The type.
        kind: IdentifierKind,
        /// The value that was given.
        value: String,
        /// What is wrong with it.
        fault: NameError,
    },
    /// The value is not a lower-case `urn:uuid:` URI.
    #[error(
        "uri identifier {value:?} is not of the form \"urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\" in lower case"
    )]
    NotUuidUrn {
        /// The value that was given.
        value: String,
    },
}

/// The type of an identifier, as ACME spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifierKind {
    /// A device's DNS name.
    Dns,
    /// A person's e-mail address.
    Email,
    /// An account id, `urn:uuid:…`.
    Uri,
}

impl IdentifierKind {
    /// The ACME spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Email => "email",
            Self::Uri => "uri",
        }
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for IdentifierKind {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        match text {
            "dns" => Ok(Self::Dns),
            "email" => Ok(Self::Email),
            "uri" => Ok(Self::Uri),
            _ => Err(IdentifierError::UnsupportedKind { kind: text.to_owned() }),
        }
    }
}

/// One thing that a certificate says about its holder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub enum Identifier {
    /// A DNS name, possibly a wildcard.
    Dns(DnsName),
    /// An e-mail address.
    Email(EmailAddress),
    /// An account id.
    Uri(UuidUrn),
}

impl Identifier {
    /// Reads the two members of an ACME identifier object.
    pub fn from_parts(kind: &str, value: &str) -> Result<Self, IdentifierError> {
        let kind: IdentifierKind = kind.parse()?;
        let name = |fault| IdentifierError::Name { kind, value: value.to_owned(), fault };
        match kind {
            IdentifierKind::Dns => DnsName::parse(value).map(Self::Dns).map_err(name),
            IdentifierKind::Email => EmailAddress::parse(value).map(Self::Email).map_err(name),
            IdentifierKind::Uri => value.parse().map(Self::Uri),
        }
    }

    /// Reads a name that stands alone, as a common name does or as people write it. Its type can be seen by its punctuation: only an address has `@`, only a
    /// URN begins with `urn:`.
    pub fn from_text(text: &str) -> Result<Self, IdentifierError> {
        let kind = if text.contains('@') {
            IdentifierKind::Email
        } else if text.starts_with("urn:") {
            IdentifierKind::Uri
        } else {
            IdentifierKind::Dns
        };
        Self::from_parts(kind.as_str(), text)
    }

    /// Its type.
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::Dns(_) => IdentifierKind::Dns,
            Self::Email(_) => IdentifierKind::Email,
            Self::Uri(_) => IdentifierKind::Uri,
        }
    }

    /// Its value as text.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.as_str().to_owned(),
            Self::Email(address) => address.to_string(),
            Self::Uri(urn) => urn.as_str().to_owned(),
        }
    }

    /// The DNS name, if it is one.
    pub fn as_dns(&self) -> Option<&DnsName> {
        match self {
            Self::Dns(name) => Some(name),
            Self::Email(_) | Self::Uri(_) => None,
        }
    }

    /// The e-mail address, if it is one.
    pub fn as_email(&self) -> Option<&EmailAddress> {
        match self {
            Self::Email(address) => Some(address),
            Self::Dns(_) | Self::Uri(_) => None,
        }
    }

    /// The DNS name that stands behind it: the name itself or the domain of the address.
    pub fn domain(&self) -> Option<&DnsName> {
        match self {
            Self::Dns(name) => Some(name),
            Self::Email(address) => Some(address.domain()),
            Self::Uri(_) => None,
        }
    }
}

/// `dns:room-1.example.com`: the way identifiers are written in logs and on command lines.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.value())
    }
}

/// Reads `type:value`, the form that [`Display`](fmt::Display) writes.
impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        match text.split_once(':') {
            Some((kind, value)) => Self::from_parts(kind, value),
            None => Err(IdentifierError::UnsupportedKind { kind: text.to_owned() }),
        }
    }
}

impl From<DnsName> for Identifier {
    fn from(name: DnsName) -> Self {
        Self::Dns(name)
    }
}

impl From<EmailAddress> for Identifier {
    fn from(address: EmailAddress) -> Self {
        Self::Email(address)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

/// A stored identifier may be a server's own single-label name; what an order asks for goes through [`Identifier::from_parts`].
impl TryFrom<Parts> for Identifier {
    type Error = IdentifierError;

    fn try_from(parts: Parts) -> Result<Self, IdentifierError> {
        match (
            Self::from_parts(&parts.kind, &parts.value),
            DnsName::parse_allowing_single_label(&parts.value),
        ) {
            (Err(IdentifierError::Name { fault: NameError::SingleLabel { .. }, .. }), Ok(name)) => {
                Ok(Self::Dns(name))
            }
            (parsed, _) => parsed,
        }
    }
}

impl From<Identifier> for Parts {
    fn from(identifier: Identifier) -> Self {
        Self { kind: identifier.kind().as_str().to_owned(), value: identifier.value() }
    }
}

/// `urn:uuid:` and a UUID in lower case (RFC 9562 §4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UuidUrn(String);

impl UuidUrn {
    /// Formats 16 octets.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        let hex = data_encoding::HEXLOWER.encode(&octets);
        let (a, rest) = hex.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        Self(format!("urn:uuid:{a}-{b}-{c}-{d}-{e}"))
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UuidUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UuidUrn {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let well_formed = text.strip_prefix("urn:uuid:").is_some_and(|uuid| {
            uuid.len() == 36
                && uuid.bytes().enumerate().all(|(at, byte)| match at {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                })
        });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentifierError::NotUuidUrn { value: text.to_owned() })
        }
    }
}

impl TryFrom<String> for UuidUrn {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<UuidUrn> for String {
    fn from(urn: UuidUrn) -> Self {
        urn.0
    }
}

#[cfg(test)]
mod tests;
