//! The value of `issue`, `issuewild` and `issuemail` properties (RFC 8659 §4.2), strictly by its grammar.
//!
//! Decides only what a value says. A value that does not fit the grammar is a fault, and the caller must treat it as one that names
//! nobody: leniency here would let a typing error open a domain.

use std::str;

/// Why a value does not fit the grammar. Positions count octets from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueFault {
    /// Something other than printable ASCII, space or tab.
    #[error("octet {position} is not printable ASCII")]
    NotPrintable {
        /// Where it stands.
        position: usize,
    },
    /// The part before the first `;` is not a domain name.
    #[error("the issuer is not a domain name")]
    Issuer,
    /// A parameter without `=`, or nothing between two `;`.
    #[error("parameter {number} is not of the form tag=value")]
    Parameter {
        /// Which one, from 1.
        number: usize,
    },
    /// A parameter's tag has a character that tags do not have.
    #[error("the tag of parameter {number} is not made of letters, digits and hyphens")]
    Tag {
        /// Which one, from 1.
        number: usize,
    },
    /// A parameter's value has white space within.
    #[error("the value of parameter {number} has white space within")]
    Value {
        /// Which one, from 1.
        number: usize,
    },
}

/// A parsed value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueValue {
    /// The issuer's domain name as written; `None` allows nobody.
    pub issuer: Option<String>,
    /// Tag (lower case) and value of each parameter, in order.
    pub parameters: Vec<(String, String)>,
}

impl IssueValue {
    /// The values of the parameters with this tag (given in lower case).
    pub fn parameter<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.parameters.iter().filter(move |(name, _)| name == tag).map(|(_, value)| value.as_str())
    }
}

/// Reads an issue value.
///
/// # Errors
/// The first place where it leaves the grammar.
pub fn parse_issue_value(value: &[u8]) -> Result<IssueValue, IssueFault> {
    let printable = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    if let Some(at) = value.iter().position(|byte| !printable(byte)) {
        return Err(IssueFault::NotPrintable { position: at + 1 });
    }
    let text = str::from_utf8(value)
        .map_err(|error| IssueFault::NotPrintable { position: error.valid_up_to() + 1 })?;
    let (issuer, parameters) = match text.split_once(';') {
        Some((issuer, parameters)) => (trim(issuer), trim(parameters)),
        None => (trim(text), ""),
    };
    let issuer = match issuer {
        "" => None,
        name if is_domain(name) => Some(name.to_owned()),
        _ => return Err(IssueFault::Issuer),
    };
    Ok(IssueValue { issuer, parameters: parse_parameters(parameters)? })
}

fn parse_parameters(text: &str) -> Result<Vec<(String, String)>, IssueFault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(';').zip(1..).map(|(parameter, number)| parse_parameter(parameter, number)).collect()
}

fn parse_parameter(text: &str, number: usize) -> Result<(String, String), IssueFault> {
    let (tag, value) = text.split_once('=').ok_or(IssueFault::Parameter { number })?;
    let (tag, value) = (trim(tag), trim(value));
    if !is_label(tag) {
        return Err(IssueFault::Tag { number });
    }
    if value.contains([' ', '\t']) {
        return Err(IssueFault::Value { number });
    }
    Ok((tag.to_ascii_lowercase(), value.to_owned()))
}

/// `issuer-domain-name` of the grammar: labels with dots between them.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// `label` and `tag` of the grammar: letters, digits, and hyphens that neither begin nor end it.
fn is_label(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inner && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
