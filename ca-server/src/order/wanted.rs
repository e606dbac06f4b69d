//! The payload of newOrder, read (RFC 8555 §7.4): identifiers one by one, times, profile, what it replaces.
//!
//! Decides syntax only, and reports every identifier that is wrong at once. Whether they may be certified is the policy's business.

use std::collections::BTreeSet;

use certs::identifier::{Identifier, IdentifierError};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::policy::{Wanted, summed_up};
use crate::respond::kinds::Kind;
use crate::respond::problem::{Problem, Subproblem};
use crate::verify::object::ObjectOnly;

/// An identifier as sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct RawIdentifier {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    pub value: String,
}

impl<'de> Deserialize<'de> for RawIdentifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(ObjectOnly(deserializer))
    }
}

/// The payload of newOrder. Members that are not known here are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// What is to be certified.
    pub identifiers: Vec<RawIdentifier>,
    /// The start of validity that the client wants, RFC 3339.
    pub not_before: Option<String>,
    /// The end of validity that the client wants, RFC 3339.
    pub not_after: Option<String>,
    /// The profile that the client wants (draft-ietf-acme-profiles).
    pub profile: Option<String>,
    /// The ARI id of the certificate that this order replaces (RFC 9773 §5).
    pub replaces: Option<String>,
}

impl NewOrder {
    /// The payload as parsed; at most `max` identifiers.
    ///
    /// # Errors
    /// What is wrong with each identifier, or with the times.
    pub fn parse(&self, max: usize) -> Result<Wanted, Problem> {
        Ok(Wanted {
            identifiers: identifiers(&self.identifiers, max)?,
            profile: self.profile.clone(),
            not_before: instant("notBefore", self.not_before.as_deref())?,
            not_after: instant("notAfter", self.not_after.as_deref())?,
        })
    }
}

/// Every identifier, sorted, each once.
fn identifiers(raw: &[RawIdentifier], max: usize) -> Result<Vec<Identifier>, Problem> {
    if raw.is_empty() {
        return Err(Problem::new(Kind::Malformed, "the order has no identifiers"));
    }
    if raw.len() > max {
        let detail = format!("the order has {} identifiers, at most {max} are accepted", raw.len());
        return Err(Problem::new(Kind::Malformed, detail));
    }
    let (mut good, mut faults) = (BTreeSet::new(), Vec::new());
    for one in raw {
        match identifier(one) {
            Ok(identifier) => {
                good.insert(identifier);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(good.into_iter().collect()) } else { Err(summed_up(faults)) }
}

/// One identifier, or what is wrong with it.
///
/// # Errors
/// `unsupportedIdentifier` or `malformed`.
pub fn identifier(raw: &RawIdentifier) -> Result<Identifier, Subproblem> {
    Identifier::from_parts(&raw.kind, &raw.value).map_err(|error| {
        let kind = match error {
            IdentifierError::UnsupportedKind { .. } => Kind::UnsupportedIdentifier,
            IdentifierError::Name { .. } | IdentifierError::NotUuidUrn { .. } => Kind::Malformed,
        };
        Subproblem { kind, detail: error.to_string(), identifier: None }
    })
}

fn instant(member: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| at.replace_nanosecond(0).ok());
    // Written with an offset, a time may lie outside of the years that there are in UTC.
    match parsed.and_then(|at| at.checked_to_offset(time::UtcOffset::UTC)) {
        Some(at) => Ok(Some(at)),
        None => {
            let detail = format!("{member} {text:?} is not a date and time such as \"2030-01-31T12:00:00Z\"");
            Err(Problem::new(Kind::Malformed, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(identifiers: &[(&str, &str)]) -> NewOrder {
        NewOrder {
            identifiers: identifiers
                .iter()
                .map(|(kind, value)| RawIdentifier { kind: (*kind).to_owned(), value: (*value).to_owned() })
                .collect(),
            not_before: None,
            not_after: None,
            profile: None,
            replaces: None,
        }
    }

    #[test]
    fn identifiers_are_sorted_and_repeated_ones_merged_in_any_letter_case() {
        let wanted = order(&[("dns", "b.corp.test"), ("dns", "a.corp.test"), ("dns", "B.Corp.Test")])
            .parse(10)
            .unwrap();
        let names: Vec<_> = wanted.identifiers.iter().map(Identifier::value).collect();
        assert_eq!(names, ["a.corp.test", "b.corp.test"]);
    }

    #[test]
    fn one_wrong_identifier_names_itself_and_its_kind() {
        let problem = order(&[("dns", "ok.corp.test"), ("tel", "+1")]).parse(10).unwrap_err();
        assert_eq!(problem.kind, Kind::UnsupportedIdentifier);
        let problem = order(&[("dns", "a_b.corp.test")]).parse(10).unwrap_err();
        assert_eq!(problem.kind, Kind::Malformed);
        assert!(problem.detail.contains("a_b.corp.test"), "{}", problem.detail);
    }

    #[test]
    fn several_wrong_identifiers_are_all_reported_as_compound() {
        let problem = order(&[("dns", ""), ("tel", "+1"), ("dns", "x.*.test")]).parse(10).unwrap_err();
        assert_eq!(problem.kind, Kind::Compound);
        let kinds: Vec<_> = problem.subproblems.iter().map(|part| part.kind).collect();
        assert_eq!(kinds, [Kind::Malformed, Kind::UnsupportedIdentifier, Kind::Malformed]);
    }

    #[test]
    fn no_identifiers_and_too_many_are_malformed() {
        assert_eq!(order(&[]).parse(10).unwrap_err().kind, Kind::Malformed);
        let problem = order(&[("dns", "a.corp.test"), ("dns", "b.corp.test")]).parse(1).unwrap_err();
        assert_eq!(problem.kind, Kind::Malformed);
        assert!(problem.detail.contains("at most 1"), "{}", problem.detail);
    }

    #[test]
    fn times_are_rfc_3339_and_cut_to_seconds_in_utc() {
        let mut wanted = order(&[("dns", "a.corp.test")]);
        wanted.not_after = Some("2030-01-31T14:00:00.5+02:00".to_owned());
        let parsed = wanted.parse(10).unwrap();
        assert_eq!(parsed.not_after.unwrap().to_string(), "2030-01-31 12:00:00.0 +00:00:00");
        wanted.not_after = Some("tomorrow".to_owned());
        let problem = wanted.parse(10).unwrap_err();
        assert_eq!(problem.kind, Kind::Malformed);
        assert!(problem.detail.starts_with("notAfter \"tomorrow\""), "{}", problem.detail);
    }
}
