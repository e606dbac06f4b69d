//! Guests get a temporary id and hours, and their certificate says that nothing is known of them.

use ca_server::internal::standing::standing;
use ca_server::internal::{Credential, authenticate};
use certs::leaf::Proof;
use certs::verdict::{Reason, State};
use rollcall_tests::ca::TestCa;
use rollcall_tests::internal::InternalCa;
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn a_guest_is_certified_by_a_temporary_id_that_says_anonymous() {
    let it = InternalCa::start().await;
    let reply = it.post("guests", None, &json!({})).await;
    assert_eq!(reply.status, 201, "{reply}");
    let admitted = reply.json();
    let reply = it.certificate(admitted["token"].as_str().unwrap()).await;
    assert_eq!(reply.status, 200, "{reply}");
    let judged = it.judged(&reply.text());
    assert_eq!(judged.display, admitted["account"].as_str().unwrap());
    assert_eq!(judged.proofs.into_iter().collect::<Vec<_>>(), [Proof::Anonymous]);
    assert_eq!((judged.state, judged.reason), (State::Unverified, Some(Reason::Anonymous)));
    assert_eq!(
        judged.not_after.unwrap() - judged.not_before.unwrap(),
        Duration::hours(8) + Duration::minutes(1)
    );
}

#[tokio::test]
async fn a_guest_token_ends_after_hours() {
    let it = InternalCa::start().await;
    let admitted = it.post("guests", None, &json!({})).await.json();
    it.ca.clock.advance(Duration::seconds(admitted["expires_in"].as_i64().unwrap()));
    let reply = it.certificate(admitted["token"].as_str().unwrap()).await;
    assert_eq!(reply.status, 401, "{reply}");
    assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("expired"), "{reply}");
}

#[tokio::test]
async fn a_guest_token_ends_when_the_operator_wants_no_more_guests() {
    let it = InternalCa::build(TestCa::builder().sled(), |_| {}).await;
    let admitted = it.post("guests", None, &json!({})).await.json();
    let token = admitted["token"].as_str().unwrap();
    assert_eq!(it.certificate(token).await.status, 200, "while guests are wanted");
    let ca = it.into_ca();
    let mut config = ca.config().clone();
    config.internal.guests = false;
    let ca = ca.restart_with(config).await;
    let credential = Credential::Bearer(token);
    let refused = authenticate(ca.app(), credential, ca.app().clock.now()).await.unwrap_err();
    assert_eq!(refused.reason(), "guests");
}

#[tokio::test]
async fn no_guest_comes_in_unless_the_operator_wants_guests_and_only_so_many() {
    let it = InternalCa::start_with(|config| config.internal.guests = false).await;
    assert_eq!(it.post("guests", None, &json!({})).await.status, 403);
    let it = InternalCa::start_with(|config| config.internal.guests_per_hour = 2).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(it.post("guests", None, &json!({})).await.status.as_u16());
    }
    assert_eq!(statuses, [201, 201, 429]);
}

#[tokio::test]
async fn a_guest_token_gives_four_certificates_and_across_restarts_no_more() {
    let it = InternalCa::build(TestCa::builder().sled(), |_| {}).await;
    let admitted = it.post("guests", None, &json!({})).await.json();
    let token = admitted["token"].as_str().unwrap().to_owned();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(it.certificate(&token).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 403, 403]);
    let audit = it.ca.audit().await;
    let rules: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!((audit.count("intent"), rules), (4, vec![json!("internal:guest-certificates"); 2]));
    let ca = it.into_ca().restart().await;
    let holder = authenticate(ca.app(), Credential::Bearer(&token), ca.app().clock.now()).await.unwrap();
    let refused = standing(ca.app(), &holder, ca.app().clock.now()).await.unwrap_err();
    assert_eq!(refused.rule().as_deref(), Some("internal:guest-certificates"));
}
