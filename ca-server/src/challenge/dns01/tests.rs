//! `dns-01` against canned answers.

use certs::leaf::Proof;
use time::OffsetDateTime;

use super::*;
use crate::challenge::canned::{CannedDns, attempt};
use crate::clock::FixedClock;
use crate::respond::kinds::Kind;

const NAME: &str = "_acme-challenge.example.org";

/// Base64url of SHA-256 of `LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`.
const DIGEST: &str = "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo";

async fn validate(dns: CannedDns, wildcard: bool) -> Result<Control, ChallengeError> {
    let clock = FixedClock::at(OffsetDateTime::UNIX_EPOCH);
    let validator = Dns01::new(Arc::new(dns), Arc::new(clock));
    validator.validate(&attempt(Proof::Dns01, "example.org", wildcard)).await
}

#[test]
fn the_digest_is_the_one_that_other_software_computes() {
    assert_eq!(attempt(Proof::Dns01, "example.org", false).digest().unwrap(), DIGEST);
}

#[tokio::test]
async fn the_digest_among_other_records_proves_control_also_for_a_wildcard() {
    for wildcard in [false, true] {
        let control = validate(CannedDns::default().txt(NAME, &["other", DIGEST]), wildcard).await.unwrap();
        assert_eq!((control.proof(), control.at()), (Proof::Dns01, OffsetDateTime::UNIX_EPOCH));
        assert_eq!(control.identifier().value(), "example.org");
        assert_eq!(control.reusable_until(), None);
    }
}

#[tokio::test]
async fn no_record_is_told_with_the_record_to_publish_and_may_appear_later() {
    let error = validate(CannedDns::default(), false).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("TXT {NAME} at 192.0.2.53:53: no record; publish {NAME}. TXT \"{DIGEST}\" and try again")
    );
    assert!(error.is_transient());
    assert_eq!(error.kind(), Kind::IncorrectResponse);
}

#[tokio::test]
async fn other_records_are_told_and_final() {
    let error = validate(CannedDns::default().txt(NAME, &["one", "t\u{1b}wo"]), false).await.unwrap_err();
    let text = error.to_string();
    let start = format!(
        "TXT {NAME} at 192.0.2.53:53: found 2 records (\"one\", \"t\\x1bwo\"), none equals \"{DIGEST}\"; "
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn the_usual_mistakes_get_a_hint() {
    let quoted = format!("\"{DIGEST}\"");
    let token = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
    for (value, word) in [(quoted.as_str(), "quotes"), (token, "SHA-256"), ("x", "earlier orders")] {
        let text = validate(CannedDns::default().txt(NAME, &[value]), false).await.unwrap_err().to_string();
        assert!(text.contains(word), "{value}: {text}");
    }
}

#[tokio::test]
async fn near_misses_do_not_prove_control() {
    for value in [DIGEST.to_lowercase(), format!("{DIGEST}="), format!(" {DIGEST}"), DIGEST[..42].to_owned()]
    {
        assert!(validate(CannedDns::default().txt(NAME, &[&value]), false).await.is_err(), "{value:?}");
    }
}

#[tokio::test]
async fn a_failed_lookup_is_a_dns_problem_and_transient() {
    let error = validate(CannedDns::default().txt_fails(NAME, "SERVFAIL"), false).await.unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (Kind::Dns, true));
    let problem = error.problem(&attempt(Proof::Dns01, "example.org", false).identifier);
    assert_eq!(problem.subproblems.len(), 1);
}
