//! How long a sign-in can be issued for: to its end, by the configuration and by the profile, also for orders that were opened before.

use std::time::Duration;

use time::Duration as Span;

use super::bench::*;
use super::support::Ca;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Signs in and finishes the order; the client that did.
async fn signed_in(ca: &Ca) -> Client {
    let (client, mut browser) = (Client::register(ca).await, Browser::default());
    let asked = client.ask(ca, ALICE).await;
    let confirm = browser.sign_in(ca, asked.link(), ALICE).await;
    browser.form(ca, &confirm, &[("code", asked.code())]).await;
    client.settled(ca, &asked).await;
    assert_eq!(client.finalize(ca, &asked.order, ALICE).await.json()["status"], "valid");
    client
}

#[tokio::test]
async fn an_order_that_was_ready_in_time_is_refused_once_the_profile_wants_a_new_sign_in() {
    let ca = Ca::start_people(providers(), |config| {
        (config.sso.valid_for, config.acme.authorization_lifetime) = (DAY * 2, DAY * 2);
        config.acme.order_lifetime = DAY;
    })
    .await;
    let client = signed_in(&ca).await;
    ca.clock.advance(Span::hours(11));
    let (order, _) = client.order(&ca, ALICE).await;
    assert_eq!(client.read(&ca, &order).await["status"], "ready");
    ca.clock.advance(Span::hours(2));
    let refused = client.finalize(&ca, &order, ALICE).await;
    assert_eq!(refused.problem(), "unauthorized");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("the sign-in for this address could be used until"), "{detail}");
}

#[tokio::test]
async fn an_order_that_was_ready_in_time_is_refused_once_the_sign_in_is_over() {
    let ca = Ca::start_people(providers(), |config| {
        config.sso.valid_for = Duration::from_secs(2 * 3600);
        (config.acme.authorization_lifetime, config.acme.order_lifetime) = (DAY * 7, DAY);
    })
    .await;
    let client = signed_in(&ca).await;
    ca.clock.advance(Span::minutes(110));
    let (order, authorization) = client.order(&ca, ALICE).await;
    assert_eq!(client.read(&ca, &order).await["status"], "ready");
    let told = client.read(&ca, &authorization).await["expires"].as_str().unwrap().to_owned();
    assert_eq!(told, "2026-05-28T22:26:40Z", "two hours after the person authenticated");
    ca.clock.advance(Span::minutes(11));
    let refused = client.finalize(&ca, &order, ALICE).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

#[tokio::test]
async fn where_every_order_needs_a_sign_in_its_own_can_still_be_finished() {
    let ca = Ca::start_people(providers(), |config| config.sso.valid_for = Duration::from_secs(1)).await;
    let (client, mut browser) = (Client::register(&ca).await, Browser::default());
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    client.settled(&ca, &asked).await;
    ca.clock.advance(Span::minutes(10));
    let (other, _) = client.order(&ca, ALICE).await;
    assert_eq!(client.read(&ca, &other).await["status"], "pending");
    assert_eq!(client.finalize(&ca, &asked.order, ALICE).await.json()["status"], "valid");
}
