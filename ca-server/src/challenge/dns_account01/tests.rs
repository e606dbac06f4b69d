//! `dns-account-01`: the draft's vector, and that the right place is asked.

use certs::leaf::Proof;
use time::OffsetDateTime;

use super::*;
use crate::challenge::canned::{CannedDns, attempt};
use crate::clock::FixedClock;

#[test]
fn the_label_of_the_draft_s_example_account_is_the_draft_s() {
    assert_eq!(account_label("https://example.com/acme/acct/ExampleAccount"), "ujmmovf2vn55tgye");
}

#[tokio::test]
async fn only_the_record_at_the_account_s_own_name_proves_control() {
    let attempt = attempt(Proof::DnsAccount01, "room-1.example.org", false);
    let digest = attempt.digest().unwrap();
    let own = format!("_{}._acme-challenge.room-1.example.org", account_label(&attempt.account_uri));
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(OffsetDateTime::UNIX_EPOCH));
    for (name, proves) in [(own.as_str(), true), ("_acme-challenge.room-1.example.org", false)] {
        let dns = Arc::new(CannedDns::default().txt(name, &[&digest]));
        let outcome = DnsAccount01::new(dns, clock.clone()).validate(&attempt).await;
        assert_eq!(outcome.is_ok(), proves, "{name}: {outcome:?}");
    }
}
