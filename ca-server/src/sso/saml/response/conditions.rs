//! Under which conditions the assertion counts: its time, and its audience (SAML core §2.5; check 12).

use time::OffsetDateTime;

use super::Expected;
use crate::sso::saml::instant;
use crate::sso::saml::refusal::{SamlRefusal, shown};
use crate::sso::saml::service_provider::ServiceProvider;
use crate::sso::saml::xml::{self, ASSERTION, Element};

/// Checks the conditions and says until when they hold.
pub(super) fn check(
    assertion: Element<'_>,
    sp: &ServiceProvider,
    expected: &Expected<'_>,
) -> Result<OffsetDateTime, SamlRefusal> {
    let conditions =
        xml::only(assertion, ASSERTION, "Conditions").ok().flatten().ok_or(SamlRefusal::NoConditions)?;
    check_known(conditions)?;
    check_audience(conditions, sp)?;
    check_time(conditions, expected)
}

/// SAML core §2.5.1.1: a condition that is not understood makes the assertion's validity indeterminate. Every assertion is used once here,
/// so `OneTimeUse` holds; nothing is passed on, so `ProxyRestriction` holds.
fn check_known(conditions: Element<'_>) -> Result<(), SamlRefusal> {
    for condition in xml::elements(conditions) {
        let known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
        if !known.iter().any(|name| xml::is(condition, ASSERTION, name)) {
            return Err(SamlRefusal::UnknownCondition(shown(condition.tag_name().name())));
        }
    }
    Ok(())
}

/// Each restriction must name us; there must be at least one.
fn check_audience(conditions: Element<'_>, sp: &ServiceProvider) -> Result<(), SamlRefusal> {
    let mut restricted = false;
    for restriction in xml::children(conditions, ASSERTION, "AudienceRestriction") {
        restricted = true;
        let audience: Vec<_> =
            xml::children(restriction, ASSERTION, "Audience").filter_map(xml::text).collect();
        if !audience.iter().any(|entity| entity == sp.entity_id()) {
            return Err(SamlRefusal::Audience(audience.iter().take(4).map(|entity| shown(entity)).collect()));
        }
    }
    if restricted { Ok(()) } else { Err(SamlRefusal::NoAudience) }
}

fn check_time(conditions: Element<'_>, expected: &Expected<'_>) -> Result<OffsetDateTime, SamlRefusal> {
    match instant::optional(conditions, "NotBefore")? {
        Some(start) if expected.is_future(start) => return Err(SamlRefusal::NotYetValid(start)),
        _ => {}
    }
    let end = instant::optional(conditions, "NotOnOrAfter")?.ok_or(SamlRefusal::NoEnd)?;
    if expected.is_past(end) { Err(SamlRefusal::Expired(end)) } else { Ok(end) }
}
