//! E-mail addresses of people (RFC 8823, RFC 5321 §4.1.2 restricted to dot-atoms).
//!
//! The local part is kept as given, since only the receiving domain may say whether case matters; the domain is a [`DnsName`].
//! Comparison policy: `==` is exact (local part byte for byte, domain case-insensitively). Where an identity provider's answer is
//! matched to an order, the same exact comparison applies; [`EmailAddress::is_same_ignoring_case`] is for warnings, never for trust.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DnsName, NameError};

/// Longest address in octets (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS: usize = 254;

const MAX_LOCAL_PART: usize = 64;

/// One mailbox: a dot-atom, `@`, and a host name of at least two labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    domain: DnsName,
    local: String,
}

impl EmailAddress {
    /// Reads an address; the domain may be in any letter case.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_ADDRESS {
            return Err(NameError::TooLong { length: text.len(), limit: MAX_ADDRESS });
        }
        let quoted = text.chars().enumerate().find(|(_, c)| matches!(c, '"' | '(' | ')' | '<' | '>'));
        if let Some((at, character)) = quoted {
            return Err(NameError::QuotedOrComment { character, position: at + 1 });
        }
        let count = text.matches('@').count();
        let (local, domain) = match text.split_once('@') {
            Some(parts) if count == 1 => parts,
            _ => return Err(NameError::AtSigns { count }),
        };
        check_local_part(local)?;
        let domain = DnsName::parse_host(domain).map_err(|fault| NameError::Domain(Box::new(fault)))?;
        Ok(Self { domain, local: local.to_owned() })
    }

    /// The part before `@`, as it was given.
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// The part after `@`.
    pub fn domain(&self) -> &DnsName {
        &self.domain
    }

    /// Whether the two differ at most in the letter case of the local part. Good for a hint, not for a decision.
    pub fn is_same_ignoring_case(&self, other: &Self) -> bool {
        self.domain == other.domain && self.local.eq_ignore_ascii_case(&other.local)
    }
}

fn check_local_part(local: &str) -> Result<(), NameError> {
    if local.is_empty() || local.len() > MAX_LOCAL_PART {
        return Err(NameError::LocalPartLength { length: local.len() });
    }
    let mut after_dot = true;
    for (at, character) in local.chars().enumerate() {
        let position = at + 1;
        match character {
            '.' if after_dot => return Err(NameError::LocalPartDot { position }),
            '.' => {}
            c if !c.is_ascii() => return Err(NameError::NonAscii { character, position }),
            c if c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) => {}
            _ => return Err(NameError::LocalPartCharacter { character, position }),
        }
        after_dot = character == '.';
    }
    if after_dot { Err(NameError::LocalPartDot { position: local.len() }) } else { Ok(()) }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl FromStr for EmailAddress {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.to_string()
    }
}
