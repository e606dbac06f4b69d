//! What response and assertion say about themselves: version, status, issuer, destination, and what they answer (checks 8, 9, 10, 11).

use super::Expected;
use crate::sso::saml::SamlIdentityProvider;
use crate::sso::saml::instant;
use crate::sso::saml::refusal::{SamlRefusal, shown};
use crate::sso::saml::service_provider::ServiceProvider;
use crate::sso::saml::xml::{self, ASSERTION, Element, PROTOCOL};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const ENTITY_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// Check 8: SAML 2.0.
pub(super) fn check_version(node: Element<'_>, element: &'static str) -> Result<(), SamlRefusal> {
    match node.attribute("Version") {
        Some("2.0") => Ok(()),
        found => Err(SamlRefusal::Version { element, found: found.map(shown) }),
    }
}

/// Check 8: the provider says that it worked.
pub(super) fn check_status(response: Element<'_>) -> Result<(), SamlRefusal> {
    let code = xml::only(response, PROTOCOL, "Status")
        .ok()
        .flatten()
        .and_then(|status| xml::only(status, PROTOCOL, "StatusCode").ok().flatten())
        .ok_or(SamlRefusal::NoStatus)?;
    match code.attribute("Value") {
        Some(SUCCESS) => Ok(()),
        None => Err(SamlRefusal::NoStatus),
        Some(other) => {
            let second = xml::only(code, PROTOCOL, "StatusCode").ok().flatten();
            let detail = second.and_then(|code| code.attribute("Value")).map(shown);
            Err(SamlRefusal::Status { code: shown(other), detail })
        }
    }
}

/// Check 9, outside: the response may leave its issuer out only while nobody relies on it.
pub(super) fn check_issuer_of_response(
    response: Element<'_>,
    idp: &SamlIdentityProvider,
    signed: bool,
) -> Result<(), SamlRefusal> {
    let absent = xml::children(response, ASSERTION, "Issuer").next().is_none();
    if absent && !signed { Ok(()) } else { check_issuer_as(response, idp, "Response") }
}

/// Check 9, inside: the assertion is from this provider and no other.
pub(super) fn check_issuer(assertion: Element<'_>, idp: &SamlIdentityProvider) -> Result<(), SamlRefusal> {
    check_issuer_as(assertion, idp, "Assertion")
}

fn check_issuer_as(
    node: Element<'_>,
    idp: &SamlIdentityProvider,
    element: &'static str,
) -> Result<(), SamlRefusal> {
    let issuer = xml::only(node, ASSERTION, "Issuer").ok().flatten();
    let found = issuer.and_then(xml::text);
    let plain = issuer.is_some_and(|issuer| {
        issuer.attribute("Format").is_none_or(|format| format == ENTITY_FORMAT)
            && issuer.attribute("NameQualifier").is_none()
    });
    if plain && found.as_deref() == Some(idp.metadata.entity_id()) {
        return Ok(());
    }
    Err(SamlRefusal::Issuer { element, found: found.as_deref().map(shown) })
}

/// Check 10: meant for our address. A signed response has to say so.
pub(super) fn check_destination(
    response: Element<'_>,
    sp: &ServiceProvider,
    signed: bool,
) -> Result<(), SamlRefusal> {
    match response.attribute("Destination") {
        None if !signed => Ok(()),
        Some(address) if address == sp.assertion_consumer().as_str() => Ok(()),
        found => Err(SamlRefusal::Destination { found: found.map(shown) }),
    }
}

/// Check 11, outside: the answer to the request of this very sign-in.
pub(super) fn check_in_response_to(
    response: Element<'_>,
    expected: &Expected<'_>,
) -> Result<(), SamlRefusal> {
    match response.attribute("InResponseTo") {
        Some(id) if id == expected.request_id => Ok(()),
        found => Err(SamlRefusal::InResponseTo { found: found.map(shown) }),
    }
}

/// Check 12: made for this sign-in, and not in the future.
pub(super) fn check_issue_instant(
    assertion: Element<'_>,
    expected: &Expected<'_>,
) -> Result<(), SamlRefusal> {
    let issued = instant::required(assertion, "IssueInstant")?;
    if expected.is_within(issued) { Ok(()) } else { Err(SamlRefusal::Issued(issued)) }
}
