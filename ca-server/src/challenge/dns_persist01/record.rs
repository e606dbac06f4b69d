//! The value of a `_validation-persist` TXT record (draft-ietf-acme-dns-persist): `issuer; accounturi=…; policy=…; persistUntil=…`.
//!
//! Decides what the record says, not whether that suffices. Unknown tags are ignored; everything else that is not exactly right is a
//! fault, because the record stands for years and speaks for its owner each time.

use time::OffsetDateTime;

/// Why a record cannot be read. Parameters count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// It is not UTF-8.
    #[error("it is not text")]
    NotText,
    /// Nothing between two `;`, or a `;` at the end.
    #[error("parameter {number} is empty; leave out the semicolon")]
    EmptyParameter {
        /// Which one.
        number: usize,
    },
    /// No `=`, or nothing before it.
    #[error("parameter {number} is not of the form tag=value")]
    NoTag {
        /// Which one.
        number: usize,
    },
    /// A character that values do not have.
    #[error("the value of {tag} has a character that is not allowed")]
    ValueCharacter {
        /// The tag.
        tag: String,
    },
    /// A tag that matters stands there twice.
    #[error("{tag} stands there twice")]
    Duplicate {
        /// The tag.
        tag: &'static str,
    },
    /// There is no account in it.
    #[error("accounturi is missing")]
    NoAccount,
    /// The time is not a number of seconds.
    #[error("persistUntil is not a number of seconds since 1970")]
    BadTime,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistRecord {
    /// The account it allows.
    pub account_uri: String,
    /// Whether it also speaks for wildcards and for names below its own.
    pub wildcard: bool,
    /// The last moment at which it may be relied on.
    pub until: Option<OffsetDateTime>,
}

/// The issuer that a record names, which is all that matters for records that speak to another authority.
#[must_use]
pub fn issuer(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Reads the parameters of a record.
///
/// # Errors
/// The first fault.
pub fn parse(value: &[u8]) -> Result<PersistRecord, RecordFault> {
    let text = std::str::from_utf8(value).map_err(|_| RecordFault::NotText)?;
    let (mut account, mut policy, mut until) = (None, None, None);
    for (parameter, number) in text.split(';').skip(1).zip(1..) {
        let (tag, value) = split(parameter, number)?;
        match tag.to_ascii_lowercase().as_str() {
            "accounturi" => once(&mut account, value, "accounturi")?,
            "policy" => once(&mut policy, value, "policy")?,
            "persistuntil" => once(&mut until, value, "persistUntil")?,
            _ => {}
        }
    }
    Ok(PersistRecord {
        account_uri: account.filter(|uri| !uri.is_empty()).ok_or(RecordFault::NoAccount)?.to_owned(),
        wildcard: policy.is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard")),
        until: until.map(parse_time).transpose()?,
    })
}

fn split(parameter: &str, number: usize) -> Result<(&str, &str), RecordFault> {
    let parameter = trim(parameter);
    if parameter.is_empty() {
        return Err(RecordFault::EmptyParameter { number });
    }
    let (tag, value) = parameter.split_once('=').ok_or(RecordFault::NoTag { number })?;
    let (tag, value) = (trim(tag), trim(value));
    if tag.is_empty() {
        return Err(RecordFault::NoTag { number });
    }
    if !value.bytes().all(|byte| matches!(byte, 0x21..=0x3a | 0x3c..=0x7e)) {
        return Err(RecordFault::ValueCharacter { tag: tag.escape_default().take(32).collect() });
    }
    Ok((tag, value))
}

fn once<'a>(slot: &mut Option<&'a str>, value: &'a str, tag: &'static str) -> Result<(), RecordFault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(RecordFault::Duplicate { tag }),
    }
}

fn parse_time(text: &str) -> Result<OffsetDateTime, RecordFault> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RecordFault::BadTime);
    }
    let seconds = text.parse().map_err(|_| RecordFault::BadTime)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| RecordFault::BadTime)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests;
