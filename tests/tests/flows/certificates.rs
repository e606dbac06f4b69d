//! Downloads (RFC 8555 §7.4.2): chains, alternates, whose they are; and the files that certificates point to.

use certs::verdict::State;
use http::StatusCode;
use rollcall_tests::ca::TestCa;

use crate::support::judge;

#[tokio::test]
async fn the_alternate_chain_leads_the_same_certificate_to_the_other_root() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let reply = alice.get(&issued.url).await.expect(StatusCode::OK);
    let alternates = reply.links("alternate");
    assert_eq!(alternates.len(), 1, "{reply}");
    let other = alice.download(&alternates[0]).await;
    assert_eq!(other[0], issued.chain[0]);
    assert_ne!(other[1], issued.chain[1]);
    let by_second = judge(&ca, ca.second_root_pem(), &other);
    assert!(matches!(by_second.state, State::VerifiedBy(_)), "{by_second}");
    assert_eq!(judge(&ca, ca.second_root_pem(), &issued.chain).state, State::Unverified);
    let back = alice.get(&alternates[0]).await.links("alternate");
    assert_eq!(back, [issued.url]);
}

#[tokio::test]
async fn a_certificate_is_shown_to_its_account_only_and_a_chain_that_is_not_there_is_not_found() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let problem = bob.get(&issued.url).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
    for beyond in ["2", "99999999999999999999", "x"] {
        let problem = alice.get(&format!("{}/{beyond}", issued.url)).await.problem();
        assert_eq!(problem.status, 404, "{beyond}");
    }
}

#[tokio::test]
async fn a_client_that_takes_no_pem_is_told_so() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let problem = alice.draft_read(&issued.url).accept("application/pkix-cert").send().await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (406, "malformed"));
}

#[tokio::test]
async fn the_urls_in_a_certificate_lead_to_the_issuer_and_to_a_list_that_it_signed() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let report = issued.report();
    let issuer = ca.http().get(&report.ca_issuers_urls[0]).await.expect(StatusCode::OK);
    assert_eq!(issuer.body.as_ref(), issued.chain[1].as_ref());
    let list = ca.http().get(&report.crl_urls[0]).await.expect(StatusCode::OK);
    assert_eq!(list.header("content-type"), "application/pkix-crl");
    assert!(certs::chain::RevocationList::from_der(&list.body).is_ok());
}

#[tokio::test]
async fn scripts_of_any_page_may_read_what_is_public_and_nothing_that_is_signed() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let mut headers = http::HeaderMap::new();
    headers.insert("origin", http::HeaderValue::from_static("https://page.test"));
    let directory = ca.resource("external", "directory");
    let reply = ca.http().send(http::Method::GET, &directory, headers.clone(), Vec::new()).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let account = ca.http().send(http::Method::OPTIONS, alice.url(), headers, Vec::new()).await;
    assert_eq!(account.header("access-control-allow-origin"), "");
}
