//! `dns-persist-01` against canned answers.

use certs::leaf::Proof;
use time::OffsetDateTime;

use super::*;
use crate::challenge::canned::{CannedDns, attempt};
use crate::clock::FixedClock;
use crate::respond::kinds::Kind;

const OWN: &str = "_validation-persist.room-1.example.com";
const ABOVE: &str = "_validation-persist.example.com";
const PLAIN: &str = "ca.example; accounturi=https://ca.example/acme/acct/1";
const WILD: &str = "CA.example; accounturi=https://ca.example/acme/acct/1; policy=wildcard";
const NOW: i64 = 1_800_000_000;

async fn validate(dns: CannedDns, wildcard: bool) -> Result<Control, ChallengeError> {
    let clock = FixedClock::at(OffsetDateTime::from_unix_timestamp(NOW).unwrap());
    let validator = DnsPersist01::new(Arc::new(dns), Arc::new(clock), vec!["ca.example".to_owned()]);
    validator.validate(&attempt(Proof::DnsPersist01, "room-1.example.com", wildcard)).await
}

fn own(values: &[&str]) -> CannedDns {
    CannedDns::default().txt(OWN, values)
}

#[tokio::test]
async fn a_record_at_the_name_proves_control_no_longer_than_its_time_to_live() {
    let control = validate(own(&["unrelated", "other.example; accounturi=x;;", PLAIN]), false).await.unwrap();
    let until = control.reusable_until().unwrap().unix_timestamp();
    assert_eq!(until, NOW + 60);
}

#[tokio::test]
async fn wildcards_and_names_below_need_policy_wildcard() {
    let above = |value| CannedDns::default().txt(ABOVE, &[value]);
    assert!(validate(own(&[WILD]), true).await.is_ok());
    assert!(validate(own(&[PLAIN]), true).await.is_err());
    assert!(validate(above(WILD), false).await.is_ok());
    assert!(validate(above(WILD), true).await.is_ok());
    let error = validate(above(PLAIN), false).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert!(error.to_string().contains(ABOVE), "{error}");
}

#[tokio::test]
async fn a_top_level_domain_and_a_name_that_only_ends_alike_vouch_for_nobody() {
    let dns = CannedDns::default()
        .txt("_validation-persist.com", &[WILD])
        .txt("_validation-persist.1.example.com", &[WILD]);
    assert!(matches!(validate(dns, false).await, Err(ChallengeError::NotFound { .. })));
}

#[tokio::test]
async fn another_account_and_a_time_that_is_over_are_unauthorized() {
    for (value, word) in [
        ("ca.example; accounturi=https://ca.example/acme/acct/2", "accounturi"),
        ("ca.example; accounturi=https://ca.example/acme/ACCT/1", "accounturi"),
        ("ca.example; accounturi=https://ca.example/acme/acct/1; persistUntil=1799999999", "persistUntil"),
    ] {
        let error = validate(own(&[value]), false).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthorized, "{value}");
        assert!(error.to_string().contains(word) && !error.is_transient(), "{error}");
    }
    let last = format!("{PLAIN}; persistUntil={NOW}");
    assert!(validate(own(&[&last]), false).await.is_ok(), "the last moment still counts");
}

#[tokio::test]
async fn a_malformed_record_is_malformed_unless_another_one_proves_control() {
    let malformed = "ca.example; accounturi=https://ca.example/acme/acct/1;";
    let error = validate(own(&[malformed, "ca.example; accounturi=other"]), false).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Malformed);
    assert!(error.to_string().contains("semicolon"), "{error}");
    assert!(validate(own(&[malformed, PLAIN]), false).await.is_ok());
}

#[tokio::test]
async fn nothing_there_is_told_with_the_record_to_publish() {
    let error = validate(CannedDns::default(), true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "TXT {OWN} at 192.0.2.53:53: no record; publish {OWN}. TXT \
             \"ca.example; accounturi=https://ca.example/acme/acct/1; policy=wildcard\" \
             (or policy=wildcard at a name above) and try again"
        )
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_failed_lookup_counts_only_at_the_name_itself() {
    let above_fails = CannedDns::default().txt_fails(ABOVE, "REFUSED");
    assert!(matches!(validate(above_fails, false).await, Err(ChallengeError::NotFound { .. })));
    let own_fails = CannedDns::default().txt_fails(OWN, "SERVFAIL");
    assert!(matches!(validate(own_fails, false).await, Err(ChallengeError::Dns(_))));
    let either = CannedDns::default().txt_fails(OWN, "SERVFAIL").txt(ABOVE, &[WILD]);
    assert!(validate(either, false).await.is_ok());
}
