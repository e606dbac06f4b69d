//! What must be remembered so that an assertion is used once (check 13).
//!
//! The key is the assertion's ID, which its issuer makes unique and which is signed; not the octets, which others can vary without breaking
//! the signature. It is remembered until no clock would take the assertion any more, so an assertion must not be valid for long.

use time::{Duration, OffsetDateTime};

use super::Expected;
use crate::sso::person::SingleUse;
use crate::sso::saml::refusal::SamlRefusal;
use crate::sso::saml::xml::Element;

/// Longest time for which an assertion may be valid.
const MAX_VALIDITY: Duration = Duration::hours(24);

/// Longest ID that is remembered.
const MAX_ID: usize = 256;

/// The key of an assertion, and until when it has to be remembered.
pub(super) fn single_use(
    assertion: Element<'_>,
    expected: &Expected<'_>,
    valid_until: OffsetDateTime,
) -> Result<SingleUse, SamlRefusal> {
    let id = assertion.attribute("ID").filter(|id| (1..=MAX_ID).contains(&id.len()));
    let id = id.filter(|id| !id.contains(char::is_control)).ok_or(SamlRefusal::AssertionId)?;
    if valid_until > expected.now.saturating_add(MAX_VALIDITY) {
        return Err(SamlRefusal::TooLong(valid_until));
    }
    let until = valid_until.saturating_add(expected.skew).saturating_add(Duration::SECOND);
    Ok(SingleUse { key: format!("{}\n{id}", expected.provider), until })
}
