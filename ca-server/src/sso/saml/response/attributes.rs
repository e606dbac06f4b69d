//! What else the assertion says of the person: the address where it is in an attribute, groups, the name to show (SAML core §2.7.3).
//!
//! Groups decide in policy, so they are taken whole or the assertion is refused. The name is only shown: one that is odd is left out.

use super::subject::SubjectFault;
use crate::sso::saml::AttributeNames;
use crate::sso::saml::refusal::SamlRefusal;
use crate::sso::saml::xml::{self, ASSERTION, Element};

/// Most groups of one person.
const MAX_GROUPS: usize = 256;

/// Longest group, and longest name, in octets.
const MAX_VALUE: usize = 256;

/// What was found.
pub(super) struct Claims {
    pub(super) email: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) display_name: Option<String>,
}

/// Reads the attributes under the names that count.
pub(super) fn read(assertion: Element<'_>, names: &AttributeNames) -> Result<Claims, SamlRefusal> {
    let email = match &names.email {
        Some(name) => Some(email(assertion, name)?),
        None => None,
    };
    let display_name = names.display_name.iter().find_map(|name| {
        let shown = values(assertion, name).next().flatten()?;
        (!shown.is_empty() && is_plain(&shown)).then_some(shown)
    });
    Ok(Claims { email, groups: groups(assertion, names)?, display_name })
}

fn is_plain(text: &str) -> bool {
    text.len() <= MAX_VALUE && !text.contains(char::is_control)
}

fn attributes<'a>(assertion: Element<'a>, name: &str) -> impl Iterator<Item = Element<'a>> {
    xml::children(assertion, ASSERTION, "AttributeStatement")
        .flat_map(|statement| xml::children(statement, ASSERTION, "Attribute"))
        .filter(move |attribute| attribute.attribute("Name") == Some(name))
}

/// The values of all attributes of a name; `None` for one that is not text alone.
fn values<'a>(assertion: Element<'a>, name: &str) -> impl Iterator<Item = Option<String>> {
    attributes(assertion, name)
        .flat_map(|attribute| xml::children(attribute, ASSERTION, "AttributeValue"))
        .map(xml::text)
}

/// Check 15 for providers that state the address in an attribute: there is one, and it has one value.
fn email(assertion: Element<'_>, name: &str) -> Result<String, SubjectFault> {
    let mut all = values(assertion, name);
    match (all.next(), all.next()) {
        (None, _) => Err(SubjectFault::NoEmail),
        (Some(Some(email)), None) => Ok(email),
        (Some(None), None) => Err(SubjectFault::NotText),
        (Some(_), Some(_)) => Err(SubjectFault::SeveralEmails),
    }
}

fn groups(assertion: Element<'_>, names: &AttributeNames) -> Result<Vec<String>, SamlRefusal> {
    let mut groups = Vec::new();
    let mut count = 0;
    for name in &names.groups {
        for group in values(assertion, name) {
            count += 1;
            match group {
                Some(group) if group.is_empty() => {}
                Some(group) if count <= MAX_GROUPS && is_plain(&group) => groups.push(group),
                _ => return Err(SamlRefusal::Groups { count, longest: MAX_VALUE }),
            }
        }
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}
