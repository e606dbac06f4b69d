//! Literals in a rule that no request can ever equal, such as `Domain::"Example.com"` or `Domain::"example.com."`. To Cedar
//! they are well typed; to an administrator they are a rule that silently does nothing. Identifiers reach the rules in one
//! canonical form (lower case, A-labels, no trailing dot), so the literal must be in that form too.

use cedar_policy::Policy;
use certs::name::{DnsName, EmailAddress};

use super::fault::RuleFault;

/// What the literals of one rule say.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Literals that match nothing, with their offset in the file.
    pub(super) dead: Vec<(usize, RuleFault)>,
    /// Profiles that are named, with their offset in the file.
    pub(super) profiles: Vec<(String, usize)>,
}

/// Looks at every entity literal of a rule. `text` is the rule's own text and `offset` where it begins in its file.
pub(super) fn inspect(policy: &Policy, text: &str, offset: usize) -> Found {
    let mut found = Found::default();
    for literal in policy.entity_literals() {
        let written = literal.id().unescaped();
        let place = offset + text.find(&format!("\"{written}\"")).unwrap_or(0);
        let type_name = literal.type_name().to_string();
        let because = match type_name.as_str() {
            "Domain" => domain(written),
            "Dns" => canonical(DnsName::parse(written).map(|name| name.as_str().to_owned()), written),
            "Email" => canonical(
                EmailAddress::parse(written).map(|name| name.to_string().to_ascii_lowercase()),
                written,
            ),
            "Profile" => {
                found.profiles.push((written.to_owned(), place));
                None
            }
            _ => None,
        };
        if let Some(because) = because {
            let fault = RuleFault::DeadLiteral { type_name, written: written.to_owned(), because };
            found.dead.push((place, fault));
        }
    }
    found
}

/// A domain may be a single label, which a name to be certified may not be.
fn domain(written: &str) -> Option<String> {
    match DnsName::parse_allowing_single_label(written) {
        Ok(name) if name.is_wildcard() => Some("a domain already stands for all names below it".to_owned()),
        parsed => canonical(parsed.map(|name| name.as_str().to_owned()), written),
    }
}

fn canonical<E: std::fmt::Display>(parsed: Result<String, E>, written: &str) -> Option<String> {
    match parsed {
        Ok(canonical) if canonical == written => None,
        Ok(canonical) => Some(format!("its canonical form is `{canonical}`")),
        Err(error) => Some(error.to_string()),
    }
}
