//! Problem documents (RFC 9457, RFC 8555 §6.7), as `acme-client` reads them from whatever answers.

use acme_client::acme::problem::{Problem, parse};

use super::Outcome;
use super::support::{is_tame, opens_object};

/// A problem that is read is one line of bounded length that a terminal can show, with problems under it that have none under
/// them, and reads the same when it was stored.
pub fn check(input: &[u8]) -> Outcome {
    let Some(problem) = parse(input) else { return Outcome::Refused };
    assert!(opens_object(input), "a problem document is an object");
    check_one(&problem);
    assert!(problem.subproblems.len() <= 100);
    for sub in &problem.subproblems {
        check_one(sub);
        assert!(sub.subproblems.is_empty(), "subproblems do not nest");
    }
    assert!(is_tame(&problem.to_string()), "{:?}", problem.to_string());
    let stored = serde_json::to_vec(&problem).unwrap_or_default();
    assert_eq!(parse(&stored).as_ref(), Some(&problem), "stored and read back");
    Outcome::Accepted
}

fn check_one(problem: &Problem) {
    let lengths = [
        (problem.kind.as_str(), 128),
        (problem.detail.as_str(), 1_000),
        (problem.instance.as_deref().unwrap_or_default(), 1_000),
    ];
    for (text, most) in lengths {
        assert!(is_tame(text), "{text:?}");
        assert!(text.chars().count() <= most + 1, "{text:?}");
    }
}
