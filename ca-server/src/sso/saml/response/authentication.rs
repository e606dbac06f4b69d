//! That the person authenticated, when, and how strongly (SAML core §2.7.2; check 14).

use time::OffsetDateTime;

use super::Expected;
use crate::sso::saml::instant;
use crate::sso::saml::refusal::{SamlRefusal, shown};
use crate::sso::saml::xml::{self, ASSERTION, Element};

/// Longest `AuthnContextClassRef` that is kept.
const MAX_CONTEXT: usize = 512;

/// What the one authentication statement says.
pub(super) struct Authentication {
    pub(super) instant: OffsetDateTime,
    pub(super) context: Option<String>,
}

/// Checks the one authentication statement.
pub(super) fn check(assertion: Element<'_>, expected: &Expected<'_>) -> Result<Authentication, SamlRefusal> {
    let all: Vec<_> = xml::children(assertion, ASSERTION, "AuthnStatement").collect();
    let statement = match all.as_slice() {
        [] => return Err(SamlRefusal::NoAuthentication),
        [statement] => *statement,
        several => return Err(SamlRefusal::SeveralAuthentications(several.len())),
    };
    let instant = check_fresh(statement, expected)?;
    check_session(statement, expected)?;
    Ok(Authentication { instant, context: check_context(statement, expected)? })
}

/// Every request forces authentication, so nobody can have authenticated before it.
fn check_fresh(statement: Element<'_>, expected: &Expected<'_>) -> Result<OffsetDateTime, SamlRefusal> {
    let instant = instant::required(statement, "AuthnInstant")?;
    if expected.is_before_request(instant) {
        Err(SamlRefusal::StaleAuthentication(instant))
    } else if expected.is_future(instant) {
        Err(SamlRefusal::FutureAuthentication(instant))
    } else {
        Ok(instant)
    }
}

fn check_session(statement: Element<'_>, expected: &Expected<'_>) -> Result<(), SamlRefusal> {
    match instant::optional(statement, "SessionNotOnOrAfter")? {
        Some(end) if expected.is_past(end) => Err(SamlRefusal::SessionOver(end)),
        _ => Ok(()),
    }
}

fn check_context(statement: Element<'_>, expected: &Expected<'_>) -> Result<Option<String>, SamlRefusal> {
    let context = xml::only(statement, ASSERTION, "AuthnContext")
        .ok()
        .flatten()
        .and_then(|context| xml::only(context, ASSERTION, "AuthnContextClassRef").ok().flatten())
        .and_then(xml::text);
    let known = context
        .as_deref()
        .is_none_or(|class| class.len() <= MAX_CONTEXT && !class.contains(char::is_control));
    let suffices = expected.contexts.is_empty()
        || context.as_deref().is_some_and(|class| expected.contexts.iter().any(|wanted| wanted == class));
    if known && suffices { Ok(context) } else { Err(SamlRefusal::Context(context.as_deref().map(shown))) }
}
