//! Names as they may stand in an order, a request or a certificate: DNS names and e-mail addresses.
//!
//! Decides what is a name at all (RFC 1123 letters, digits and hyphens; RFC 5890 A-labels; RFC 5321 dot-atoms) and gives each one
//! canonical spelling. Nothing is repaired: an input that is not already a name is refused with the position of the fault, because
//! a repaired name is a name that nobody asked for. Must never accept an IP literal, a trailing dot or a wildcard that is not leftmost.

mod email;

pub use email::EmailAddress;

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest DNS name in octets (RFC 1035 §2.3.4, without the root label).
pub const MAX_DNS_NAME: usize = 253;

/// Longest DNS label in octets.
pub const MAX_LABEL: usize = 63;

/// Why a text is not a name. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty")]
    Empty,
    /// The name ends in the root label.
    #[error("the name ends with a dot; leave the trailing dot out")]
    TrailingDot,
    /// Two dots in a row, or a dot at the start.
    #[error("empty label at position {position}")]
    EmptyLabel {
        /// Where the missing label should begin.
        position: usize,
    },
    /// One label is longer than [`MAX_LABEL`].
    #[error("the label at position {position} has {length} octets, at most {MAX_LABEL} are allowed")]
    LabelTooLong {
        /// Where the label begins.
        position: usize,
        /// Its length in octets.
        length: usize,
    },
    /// The whole is too long.
    #[error("the name has {length} octets, at most {limit} are allowed")]
    TooLong {
        /// Its length in octets.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A character outside ASCII: an internationalised name that was not converted.
    #[error(
        "character {character:?} at position {position} is not ASCII; write the label as an A-label (\"xn--…\")"
    )]
    NonAscii {
        /// The first such character.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// `_` names services, not hosts; it cannot be certified.
    #[error("underscore at position {position}; host names have letters, digits and hyphens only")]
    Underscore {
        /// Where it stands.
        position: usize,
    },
    /// Any other character that host names do not have.
    #[error("character {character:?} at position {position} is not a letter, digit or hyphen")]
    Character {
        /// The first such character.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// A label that begins or ends with a hyphen.
    #[error("the label at position {position} begins or ends with a hyphen")]
    HyphenAtEdge {
        /// Where the label begins.
        position: usize,
    },
    /// A label with hyphens in its third and fourth place that is no A-label, or a broken A-label.
    #[error("the label {label:?} at position {position} is not a valid A-label")]
    ALabel {
        /// The label.
        label: String,
        /// Where it begins.
        position: usize,
    },
    /// An IPv4 address, or something that software reads as one.
    #[error("{text:?} is an IP address or reads as one, not a DNS name")]
    IpLiteral {
        /// What was given.
        text: String,
    },
    /// Only one label, which no public or private zone can delegate safely.
    #[error("{text:?} has one label only; at least two are needed (\"host.example\")")]
    SingleLabel {
        /// What was given.
        text: String,
    },
    /// A `*` that is not the whole leftmost label.
    #[error("wildcard at position {position}; only the whole leftmost label may be \"*\"")]
    WildcardPosition {
        /// Where it stands.
        position: usize,
    },
    /// A wildcard where a plain name is needed.
    #[error("{text:?} is a wildcard, a plain name is needed here")]
    Wildcard {
        /// What was given.
        text: String,
    },
    /// No `@`, or more than one.
    #[error("an e-mail address has exactly one \"@\", found {count}")]
    AtSigns {
        /// How many there are.
        count: usize,
    },
    /// The part before `@` is empty or longer than 64 octets.
    #[error("the part before \"@\" has {length} octets, 1 to 64 are allowed")]
    LocalPartLength {
        /// Its length in octets.
        length: usize,
    },
    /// Quoted local parts and comments: legal mail, but two programs may read them as two people.
    #[error("quoted local parts and comments are not accepted ({character:?} at position {position})")]
    QuotedOrComment {
        /// The quote or parenthesis.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// A character that an unquoted local part cannot have.
    #[error("character {character:?} at position {position} is not allowed before \"@\"")]
    LocalPartCharacter {
        /// The first such character.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// A dot at the start or end of the local part, or two in a row.
    #[error("misplaced dot at position {position} before \"@\"")]
    LocalPartDot {
        /// Where it stands.
        position: usize,
    },
    /// The part after `@` is not a DNS name.
    #[error("the part after \"@\": {0}")]
    Domain(#[source] Box<Self>),
}

/// A DNS name in lower-case A-label form, possibly with a leading `*.`.
///
/// Two names are the same name exactly if they are equal as values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl DnsName {
    /// Reads a name of at least two labels, in any letter case, with or without a leading `*.`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::parse_any(text)?;
        if name.base_str().contains('.') {
            Ok(name)
        } else {
            Err(NameError::SingleLabel { text: text.to_owned() })
        }
    }

    /// Like [`parse`](Self::parse) but refuses a wildcard.
    pub fn parse_host(text: &str) -> Result<Self, NameError> {
        let name = Self::parse(text)?;
        if name.is_wildcard() { Err(NameError::Wildcard { text: text.to_owned() }) } else { Ok(name) }
    }

    /// Also takes a single label such as `localhost`. For a server's own name, never for what an order asks.
    pub fn parse_allowing_single_label(text: &str) -> Result<Self, NameError> {
        Self::parse_any(text)
    }

    fn parse_any(text: &str) -> Result<Self, NameError> {
        check_whole(text)?;
        let base = text.strip_prefix("*.").unwrap_or(text);
        let mut position = text.len() - base.len() + 1;
        for label in base.split('.') {
            check_label(label, position)?;
            position += label.len() + 1;
        }
        check_not_an_address(base)?;
        let name = text.to_ascii_lowercase();
        check_a_labels(&name)?;
        Ok(Self(name))
    }

    /// The name as text, with `*.` if it is a wildcard.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the leftmost label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without `*.`: where control of it is proven.
    #[must_use]
    pub fn base(&self) -> Self {
        Self(self.base_str().to_owned())
    }

    /// [`base`](Self::base), borrowed.
    pub fn base_str(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }

    /// The base itself, then each name above it: `a.b.c`, `b.c`, `c`. The order in which CAA is looked up (RFC 8659 §3).
    pub fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        std::iter::successors(Some(self.base_str()), |name| name.split_once('.').map(|(_, rest)| rest))
            .map(|name| Self(name.to_owned()))
    }

    /// Whether this name (or, for a wildcard, its base) is `domain` or lies below it.
    pub fn is_within(&self, domain: &Self) -> bool {
        let (name, domain) = (self.base_str(), domain.base_str());
        name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    }

    /// Whether a certificate for this name is valid for `host`: equal, or `host` has one more label below the wildcard (RFC 6125 §6.4.3).
    pub fn covers(&self, host: &Self) -> bool {
        if self == host {
            return true;
        }
        self.is_wildcard()
            && !host.is_wildcard()
            && host.0.split_once('.').is_some_and(|(_, rest)| rest == self.base_str())
    }
}

fn check_whole(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some((at, character)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii()) {
        return Err(NameError::NonAscii { character, position: at + 1 });
    }
    if text.len() > MAX_DNS_NAME {
        return Err(NameError::TooLong { length: text.len(), limit: MAX_DNS_NAME });
    }
    if text.len() > 1 && text.ends_with('.') && !text.ends_with("..") {
        return Err(NameError::TrailingDot);
    }
    Ok(())
}

fn check_label(label: &str, position: usize) -> Result<(), NameError> {
    if label.is_empty() {
        return Err(NameError::EmptyLabel { position });
    }
    if label.len() > MAX_LABEL {
        return Err(NameError::LabelTooLong { position, length: label.len() });
    }
    let fault = label.chars().enumerate().find(|(_, c)| !(c.is_ascii_alphanumeric() || *c == '-'));
    if let Some((at, character)) = fault {
        let position = position + at;
        return Err(match character {
            '*' => NameError::WildcardPosition { position },
            '_' => NameError::Underscore { position },
            _ => NameError::Character { character, position },
        });
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(NameError::HyphenAtEdge { position });
    }
    Ok(())
}

/// Names whose last label is a number are read as addresses by URL parsers (`1.2.3.4`, `127.1`, `x.0x7f`).
fn check_not_an_address(base: &str) -> Result<(), NameError> {
    let last = base.rsplit('.').next().unwrap_or(base);
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let number = last.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    if number || base.parse::<Ipv4Addr>().is_ok() {
        return Err(NameError::IpLiteral { text: base.to_owned() });
    }
    Ok(())
}

/// Hyphens in places three and four are reserved: only `xn--` may have them, and then the rest must decode (RFC 5890 §2.3.1).
fn check_a_labels(name: &str) -> Result<(), NameError> {
    let mut position = 1;
    for label in name.split('.') {
        if label.get(2..4) == Some("--") {
            let decodes = label.starts_with("xn--")
                && matches!(url::Host::parse(label), Ok(url::Host::Domain(same)) if same == label);
            if !decodes {
                return Err(NameError::ALabel { label: label.to_owned(), position });
            }
        }
        position += label.len() + 1;
    }
    Ok(())
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for DnsName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for DnsName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for DnsName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests;
