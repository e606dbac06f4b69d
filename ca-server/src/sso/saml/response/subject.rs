//! Which person, and which address (SAML core §2.4.1; check 15).
//!
//! The address is the `NameID` in the format for e-mail addresses, whole, or the attribute that the configuration names. Where both are there
//! they have to agree. It is read as strictly as an identifier in an order; whether the provider may speak for its domain is the caller's
//! question.

use certs::name::{EmailAddress, NameError};

use crate::sso::saml::AttributeNames;
use crate::sso::saml::refusal::shown;
use crate::sso::saml::service_provider::EMAIL_FORMAT;
use crate::sso::saml::xml::{self, ASSERTION, Element};

/// Longest `NameID` (SAML core §8.3.7 says so for persistent ones).
const MAX_NAME_ID: usize = 256;

/// Why the person, or the address, cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectFault {
    /// No `NameID`, or several, or an encrypted one.
    #[error("there is no NameID")]
    NoNameId,
    /// The `NameID`, or the value, holds something other than text, or a control character.
    #[error("the name holds something other than text")]
    NotText,
    /// Empty, or longer than a name.
    #[error("the name is empty or longer than {MAX_NAME_ID} octets")]
    Length,
    /// Not in the format for e-mail addresses.
    #[error("the name is in the format {0:?}")]
    Format(Option<String>),
    /// The attribute for the address is not there.
    #[error("the attribute for the e-mail address is not there")]
    NoEmail,
    /// The attribute has several values.
    #[error("the attribute for the e-mail address has several values")]
    SeveralEmails,
    /// Name and attribute are for different mailboxes.
    #[error("the name and the attribute are different e-mail addresses")]
    Contradiction,
    /// Not an address as it could stand in a certificate.
    #[error("the e-mail address is not acceptable: {0}")]
    Email(NameError),
}

impl SubjectFault {
    /// The stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoNameId => "no-name-id",
            Self::NotText => "name-not-text",
            Self::Length => "name-length",
            Self::Format(_) => "name-id-format",
            Self::NoEmail => "no-email",
            Self::SeveralEmails => "several-emails",
            Self::Contradiction => "email-contradiction",
            Self::Email(_) => "email",
        }
    }
}

/// Who it is.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) email: EmailAddress,
}

/// Reads the `NameID` and decides on the address.
pub(super) fn check(
    assertion: Element<'_>,
    attribute: Option<&str>,
    names: &AttributeNames,
) -> Result<Subject, SubjectFault> {
    let name_id = xml::only(assertion, ASSERTION, "Subject")
        .ok()
        .flatten()
        .and_then(|subject| xml::only(subject, ASSERTION, "NameID").ok().flatten())
        .ok_or(SubjectFault::NoNameId)?;
    let name = xml::text(name_id).filter(|name| !name.contains(char::is_control));
    let name = name.ok_or(SubjectFault::NotText)?;
    if !(1..=MAX_NAME_ID).contains(&name.len()) {
        return Err(SubjectFault::Length);
    }
    let format = name_id.attribute("Format");
    let email = match (&names.email, attribute) {
        (None, _) if format == Some(EMAIL_FORMAT) => address(&name)?,
        (None, _) => return Err(SubjectFault::Format(format.map(shown))),
        (Some(_), None) => return Err(SubjectFault::NoEmail),
        (Some(_), Some(value)) => {
            let email = address(value)?;
            let other = format == Some(EMAIL_FORMAT) && !address(&name)?.is_same_ignoring_case(&email);
            if other { return Err(SubjectFault::Contradiction) } else { email }
        }
    };
    Ok(Subject { name, email })
}

fn address(text: &str) -> Result<EmailAddress, SubjectFault> {
    EmailAddress::parse(text).map_err(SubjectFault::Email)
}
