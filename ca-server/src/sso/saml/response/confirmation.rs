//! Who may present the assertion: whoever bears it, here, now, once, for this request (SAML profiles §4.1.4.2; check 11).

use time::OffsetDateTime;

use super::Expected;
use crate::sso::saml::instant;
use crate::sso::saml::refusal::{SamlRefusal, shown};
use crate::sso::saml::service_provider::ServiceProvider;
use crate::sso::saml::xml::{self, ASSERTION, Element};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Why the confirmation does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationFault {
    /// None, or several.
    #[error("there are {0} subject confirmations")]
    Count(usize),
    /// Not by bearing it.
    #[error("its method is {0:?}")]
    Method(Option<String>),
    /// For another address.
    #[error("its recipient is {0:?}")]
    Recipient(Option<String>),
    /// For another request, or for none.
    #[error("it answers request {0:?}")]
    InResponseTo(Option<String>),
    /// It has a beginning, which a bearer's has not.
    #[error("it has a NotBefore")]
    NotBefore,
    /// It has no end.
    #[error("it has no end")]
    NoEnd,
    /// It has ended.
    #[error("it ended at {0}")]
    Expired(OffsetDateTime),
}

impl ConfirmationFault {
    /// The stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Count(_) => "confirmations",
            Self::Method(_) => "confirmation-method",
            Self::Recipient(_) => "recipient",
            Self::InResponseTo(_) => "confirmation-in-response-to",
            Self::NotBefore => "confirmation-not-before",
            Self::NoEnd => "confirmation-no-end",
            Self::Expired(_) => "confirmation-expired",
        }
    }
}

/// Checks the one bearer confirmation and says until when it holds.
pub(super) fn check(
    assertion: Element<'_>,
    sp: &ServiceProvider,
    expected: &Expected<'_>,
) -> Result<OffsetDateTime, SamlRefusal> {
    let data = bearer_data(assertion)?;
    check_recipient(data, sp)?;
    check_in_response_to(data, expected)?;
    check_time(data, expected)
}

fn bearer_data(assertion: Element<'_>) -> Result<Element<'_>, ConfirmationFault> {
    let subject = xml::only(assertion, ASSERTION, "Subject").ok().flatten();
    let all: Vec<_> = subject
        .into_iter()
        .flat_map(|subject| xml::children(subject, ASSERTION, "SubjectConfirmation"))
        .collect();
    let [confirmation] = all.as_slice() else {
        return Err(ConfirmationFault::Count(all.len()));
    };
    if confirmation.attribute("Method") != Some(BEARER) {
        return Err(ConfirmationFault::Method(confirmation.attribute("Method").map(shown)));
    }
    let data = xml::only(*confirmation, ASSERTION, "SubjectConfirmationData").ok().flatten();
    data.ok_or(ConfirmationFault::Recipient(None))
}

fn check_recipient(data: Element<'_>, sp: &ServiceProvider) -> Result<(), ConfirmationFault> {
    match data.attribute("Recipient") {
        Some(address) if address == sp.assertion_consumer().as_str() => Ok(()),
        found => Err(ConfirmationFault::Recipient(found.map(shown))),
    }
}

fn check_in_response_to(data: Element<'_>, expected: &Expected<'_>) -> Result<(), ConfirmationFault> {
    match data.attribute("InResponseTo") {
        Some(id) if id == expected.request_id => Ok(()),
        found => Err(ConfirmationFault::InResponseTo(found.map(shown))),
    }
}

fn check_time(data: Element<'_>, expected: &Expected<'_>) -> Result<OffsetDateTime, SamlRefusal> {
    if data.attribute("NotBefore").is_some() {
        return Err(ConfirmationFault::NotBefore.into());
    }
    let end = instant::optional(data, "NotOnOrAfter")?.ok_or(ConfirmationFault::NoEnd)?;
    if expected.is_past(end) { Err(ConfirmationFault::Expired(end).into()) } else { Ok(end) }
}
