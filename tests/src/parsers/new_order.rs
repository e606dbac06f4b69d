//! The payload of newOrder (RFC 8555 §7.4), as `ca-server` reads it after the signature was checked.

use std::collections::BTreeSet;

use ca_server::order::wanted::NewOrder;
use ca_server::policy::Wanted;
use ca_server::respond::kinds::Kind;
use ca_server::verify::payload::Payload as _;
use serde_json::{Value, json};
use time::UtcOffset;

use super::Outcome;
use super::support::{members, opens_object};

const MAX: usize = 100;

/// An order that is taken names somebody, each once and in one spelling, in any order; its times are whole seconds of UTC; and
/// what is refused is refused with one of the kinds that RFC 8555 §6.7 has for it.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(sent) = NewOrder::read(input) else { return Outcome::Refused };
    assert!(opens_object(input), "a payload is an object");
    if let Some(members) = members(input)
        && let Some([Value::Array(listed)]) = members.get("identifiers").map(Vec::as_slice)
    {
        assert!(listed.iter().all(Value::is_object), "an identifier is an object (RFC 8555 §9.7.7)");
    }
    let wanted = match sent.parse(MAX) {
        Ok(wanted) => wanted,
        Err(problem) => {
            let kinds = [Kind::Malformed, Kind::UnsupportedIdentifier, Kind::Compound];
            assert!(kinds.contains(&problem.kind), "{problem:?}");
            assert!(!problem.detail.is_empty());
            assert!(problem.kind != Kind::Compound || problem.subproblems.len() > 1, "{problem:?}");
            return Outcome::Refused;
        }
    };
    let distinct: BTreeSet<_> = wanted.identifiers.iter().cloned().collect();
    assert!(!wanted.identifiers.is_empty() && wanted.identifiers.len() <= sent.identifiers.len().min(MAX));
    assert_eq!(distinct.into_iter().collect::<Vec<_>>(), wanted.identifiers, "sorted, each once");
    for at in [wanted.not_before, wanted.not_after].into_iter().flatten() {
        assert_eq!((at.nanosecond(), at.offset()), (0, UtcOffset::UTC));
    }
    check_again(&wanted);
    assert!(sent.parse(sent.identifiers.len() - 1).is_err(), "one more than is allowed");
    Outcome::Accepted
}

fn check_again(wanted: &Wanted) {
    let identifiers: Vec<_> = wanted
        .identifiers
        .iter()
        .rev()
        .map(|one| json!({"type": one.kind().as_str(), "value": one.value().to_ascii_uppercase()}))
        .collect();
    let Ok(again) = NewOrder::read(json!({ "identifiers": identifiers }).to_string().as_bytes()) else {
        unreachable!("it is of that shape");
    };
    // Upper case is another spelling of a DNS name, but not of the rest.
    if wanted.identifiers.iter().all(|identifier| identifier.as_dns().is_some()) {
        assert_eq!(again.parse(MAX).map(|again| again.identifiers).ok().as_ref(), Some(&wanted.identifiers));
    }
}
