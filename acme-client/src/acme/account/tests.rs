//! Accounts: the shapes of RFC 8555 §7.3 on the wire, and lists that do not end.

use serde_json::json;

use super::*;
use crate::acme::script::{Reply, Script, at};

fn account_reply(status: u16) -> Reply {
    let document = json!({"status": "valid", "contact": ["mailto:a@example.com"], "orders": at("/orders")});
    Reply::json(status, &document).with("location", at("/acct/7").as_str())
}

#[tokio::test]
async fn registering_signs_with_the_key_itself_and_sends_what_is_known() {
    let script = Script::new([account_reply(201)]);
    let key = JwsKey::generate().unwrap();
    let external = ExternalAccountKey::new("kid-1", &[7; 32]).unwrap();
    let new = NewAccount {
        contact: vec!["mailto:a@example.com".into()],
        terms_of_service_agreed: true,
        external_account: Some(external),
    };
    let registration = script.client().await.register(key.clone(), &new).await.unwrap();
    assert!(registration.created);
    assert_eq!(registration.account.url(), &at("/acct/7"));
    let seen = &script.seen()[0];
    assert_eq!(seen.protected["jwk"], serde_json::to_value(key.jwk()).unwrap());
    assert!(seen.protected.get("kid").is_none());
    assert_eq!(seen.payload["termsOfServiceAgreed"], true);
    assert_eq!(seen.payload["contact"], json!(["mailto:a@example.com"]));
    assert!(seen.payload["externalAccountBinding"]["signature"].is_string());
}

#[tokio::test]
async fn an_empty_registration_says_nothing_it_does_not_know() {
    let script = Script::new([account_reply(200)]);
    let key = JwsKey::generate().unwrap();
    let registration = script.client().await.register(key, &NewAccount::default()).await.unwrap();
    assert!(!registration.created, "200 means that the key was known");
    assert_eq!(script.seen()[0].payload, json!({}));
}

#[tokio::test]
async fn an_account_is_found_by_its_key_or_not_at_all() {
    let script = Script::new([account_reply(200), Reply::problem(400, "accountDoesNotExist")]);
    let client = script.client().await;
    let found = client.find_account(JwsKey::generate().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.account.url(), &at("/acct/7"));
    assert!(client.find_account(JwsKey::generate().unwrap()).await.unwrap().is_none());
    assert_eq!(script.seen()[0].payload, json!({"onlyReturnExisting": true}));
}

#[tokio::test]
async fn a_registration_without_a_location_is_an_error() {
    for reply in [
        Reply::json(201, &json!({"status": "valid"})),
        Reply::json(201, &json!({"status": "valid"})).with("location", "file:///etc/passwd"),
    ] {
        let script = Script::new([reply]);
        let key = JwsKey::generate().unwrap();
        let error = script.client().await.register(key, &NewAccount::default()).await.unwrap_err();
        assert!(matches!(*error.cause, RequestFailure::NoLocation | RequestFailure::Location(_)), "{error}");
    }
}

#[tokio::test]
async fn requests_by_an_account_name_it_exactly_as_the_server_spelled_it() {
    let script = Script::new([account_reply(200)]);
    let spelled: ResourceUrl = "https://CA.example:443/acct/%7e1".parse().unwrap();
    let account = script.client().await.account(JwsKey::generate().unwrap(), spelled);
    // The script answers by path; only the kid matters here.
    account.tell(&at("/acct/1"), &json!({})).await.unwrap();
    assert_eq!(script.seen()[0].protected["kid"], "https://CA.example:443/acct/%7e1");
}

#[tokio::test]
async fn contact_terms_and_deactivation_change_only_their_own_member() {
    let script = Script::new((0..4).map(|_| account_reply(200)));
    let account = script.account().await;
    account.document().await.unwrap();
    account.update_contact(&["mailto:b@example.com".into()]).await.unwrap();
    account.agree_to_terms().await.unwrap();
    account.deactivate().await.unwrap();
    let seen = script.seen();
    assert!(
        seen[0].post_as_get,
        "asking is a POST-as-GET (RFC 8555 §6.3); an empty update is refused by some authorities"
    );
    let payloads: Vec<_> = seen.into_iter().skip(1).map(|seen| seen.payload).collect();
    let expected = [
        json!({"contact": ["mailto:b@example.com"]}),
        json!({"termsOfServiceAgreed": true}),
        json!({"status": "deactivated"}),
    ];
    assert_eq!(payloads, expected);
}

#[tokio::test]
async fn all_pages_of_orders_are_read_by_post_as_get() {
    let script = Script::new([
        account_reply(200),
        Reply::json(200, &json!({"orders": [at("/order/1"), at("/order/2")]}))
            .with("link", format!("<{}>;rel=\"next\"", at("/orders?cursor=2"))),
        Reply::json(200, &json!({"orders": [at("/order/3")]})),
    ]);
    let orders = script.account().await.orders().await.unwrap();
    assert_eq!(orders, [at("/order/1"), at("/order/2"), at("/order/3")]);
    assert!(script.seen()[1..].iter().all(|seen| seen.post_as_get));
}

#[tokio::test]
async fn a_list_of_orders_that_runs_in_a_circle_ends() {
    let page = |next: &str| {
        Reply::json(200, &json!({"orders": [at("/order/1")]}))
            .with("link", format!("<{}>;rel=next", at(next)))
    };
    let script = Script::new([account_reply(200), page("/orders?b"), page("/orders"), page("/orders?b")]);
    assert_eq!(script.account().await.orders().await.unwrap().len(), 2);
    assert_eq!(script.left(), 1);
}

#[tokio::test]
async fn an_authority_that_lists_no_orders_has_none_to_show() {
    let script = Script::new([Reply::json(200, &json!({"status": "valid"}))]);
    assert!(script.account().await.orders().await.unwrap().is_empty());
}
