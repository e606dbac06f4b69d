//! Accounts over a real socket (RFC 8555 §7.3): made once for each key, changed, rolled over, bound, given up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use std::collections::HashSet;

use aws_lc_rs::hmac;
use ca_server::ids::{AccountId, AuthorityName};
use ca_server::order::model::ExternalKey;
use ca_server::store::{Batch, Store};
use serde_json::{Value, json};
use support::{Ca, Key, flattened, signing_input};

#[tokio::test]
async fn a_new_account_is_created_and_the_same_key_gets_it_again() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let payload = json!({"contact": ["mailto:ops@example.com"], "termsOfServiceAgreed": true});
    let made = ca.post_with_jwk(&ca.url("new-account"), &key, &payload).await;
    assert_eq!(made.status, 201);
    let kid = made.header("location").to_owned();
    assert!(kid.starts_with(&ca.url("account/")), "{kid}");
    let expected = json!({
        "status": "valid", "contact": ["mailto:ops@example.com"], "termsOfServiceAgreed": true,
        "orders": format!("{kid}/orders"),
    });
    assert_eq!(made.json(), expected);

    let again = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({"onlyReturnExisting": true})).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (200, kid.as_str()));
    assert_eq!(again.json(), expected);
}

#[tokio::test]
async fn only_return_existing_of_an_unknown_key_is_account_does_not_exist() {
    let ca = Ca::start().await;
    let rows = ca.store.rows();
    let reply =
        ca.post_with_jwk(&ca.url("new-account"), &Key::p256(), &json!({"onlyReturnExisting": true})).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (400, "accountDoesNotExist"));
    assert_eq!(ca.store.rows(), rows);
}

#[tokio::test]
async fn sixty_four_requests_at_once_make_one_account() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let url = ca.url("new-account");
    let payload = json!({});
    let requests = (0..64).map(|_| ca.post_with_jwk(&url, &key, &payload));
    let replies = futures_util::future::join_all(requests).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    let existing = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!((created, existing), (1, 63));
    let locations: HashSet<_> = replies.iter().map(|reply| reply.header("location")).collect();
    assert_eq!(locations.len(), 1);
}

#[tokio::test]
async fn contacts_are_checked_and_replaced() {
    let ca = Ca::start().await;
    let url = ca.url("new-account");
    let refused = [
        ("tel:+15551234567", "unsupportedContact"),
        ("mailto:a@example.com,b@example.com", "invalidContact"),
        ("mailto:a@example.com?subject=x", "invalidContact"),
        ("mailto:nobody", "invalidContact"),
    ];
    for (contact, kind) in refused {
        let reply = ca.post_with_jwk(&url, &Key::p256(), &json!({"contact": [contact]})).await;
        assert_eq!(reply.problem(), kind, "{contact}");
    }
    let key = Key::p256();
    let kid = ca.register(&key).await;
    let reply =
        ca.post(&kid, &key, &kid, br#"{"contact":["mailto:new@example.com"],"status":"revoked"}"#).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["contact"], json!(["mailto:new@example.com"]));
    assert_eq!(reply.json()["status"], "valid", "a status that a client may not set is ignored");
    assert_eq!(ca.post(&kid, &key, &kid, br#"{"contact":["tel:1"]}"#).await.problem(), "unsupportedContact");
    let emptied = ca.post(&kid, &key, &kid, br#"{"contact":[]}"#).await;
    assert_eq!(emptied.json().get("contact"), None);
}

#[tokio::test]
async fn the_url_of_another_account_is_refused() {
    let ca = Ca::start().await;
    let (alice, bob) = (Key::p256(), Key::p256());
    let (alice_kid, bob_kid) = (ca.register(&alice).await, ca.register(&bob).await);
    let reply = ca.post(&alice_kid, &bob, &bob_kid, br#"{"status":"deactivated"}"#).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (403, "unauthorized"));
    assert_eq!(ca.post(&alice_kid, &alice, &alice_kid, b"").await.json()["status"], "valid");
}

#[tokio::test]
async fn a_deactivated_account_can_do_nothing_and_its_key_gets_no_other() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    let reply = ca.post(&kid, &key, &kid, br#"{"status":"deactivated"}"#).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (200, &json!("deactivated")));
    let after = ca.post(&kid, &key, &kid, b"").await;
    assert_eq!((after.status.as_u16(), after.problem().as_str()), (401, "unauthorized"));
    let again = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({})).await;
    assert_eq!((again.status.as_u16(), again.problem().as_str()), (401, "unauthorized"));
}

#[tokio::test]
async fn terms_must_be_agreed_to_where_there_are_any() {
    let ca = Ca::start().await;
    let url = ca.url("new-account").replace("external", "closed");
    let reply = ca.post_with_jwk(&url, &Key::p256(), &json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (403, "userActionRequired"));
    assert_eq!(reply.json()["instance"], "https://ca.test/terms");
    let links: Vec<_> = reply.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    assert!(links.contains(&"<https://ca.test/terms>;rel=\"terms-of-service\""), "{links:?}");
}

#[tokio::test]
async fn too_many_new_accounts_from_one_address_are_rate_limited() {
    let ca = Ca::start_with("", |config| config.limits.accounts_per_hour = 2).await;
    let key = Key::p256();
    ca.register(&key).await;
    ca.register(&Key::p256()).await;
    let reply = ca.post_with_jwk(&ca.url("new-account"), &Key::p256(), &json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (429, "rateLimited"));
    let wait: i64 = reply.header("retry-after").parse().unwrap();
    let known = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({})).await;
    assert_eq!(known.status, 200, "an existing account is not counted");
    ca.clock.advance(time::Duration::seconds(wait));
    ca.register(&Key::p256()).await;
}

/// A keyChange request: the outer JWS by `old`, the inner by `new` with these headers and payload.
async fn key_change(
    ca: &Ca,
    old: &Key,
    kid: &str,
    new: &Key,
    header: Value,
    payload: Value,
) -> support::Reply {
    let inner = new.sign(&header, payload.to_string().as_bytes());
    ca.post(&ca.url("key-change"), old, kid, &inner).await
}

#[tokio::test]
async fn an_account_takes_a_new_key_and_the_old_one_is_free() {
    let ca = Ca::start().await;
    let (old, new) = (Key::p256(), Key::p384());
    let kid = ca.register(&old).await;
    assert_eq!(ca.post(&kid, &old, &kid, b"").await.status, 200);
    let header = json!({"alg": "ES384", "jwk": new.jwk(), "url": ca.url("key-change")});
    let payload = json!({"account": kid, "oldKey": old.jwk()});
    let reply = key_change(&ca, &old, &kid, &new, header, payload).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(ca.post(&kid, &new, &kid, b"").await.status, 200);
    assert_eq!(ca.post(&kid, &old, &kid, b"").await.problem(), "badSignatureAlgorithm");
    let found = ca.post_with_jwk(&ca.url("new-account"), &new, &json!({"onlyReturnExisting": true})).await;
    assert_eq!(found.header("location"), kid);
    let free = ca.post_with_jwk(&ca.url("new-account"), &old, &json!({"onlyReturnExisting": true})).await;
    assert_eq!(free.problem(), "accountDoesNotExist");
}

#[tokio::test]
async fn changes_of_one_account_are_rate_limited_but_giving_it_up_is_not() {
    let ca = Ca::start_with("", |config| config.limits.account_changes_per_hour = 2).await;
    let (old, new) = (Key::p256(), Key::p256());
    let kid = ca.register(&old).await;
    assert_eq!(ca.post(&kid, &old, &kid, br#"{"contact":[]}"#).await.status, 200);
    let header = json!({"alg": "ES256", "jwk": new.jwk(), "url": ca.url("key-change")});
    let payload = json!({"account": kid, "oldKey": old.jwk()});
    assert_eq!(key_change(&ca, &old, &kid, &new, header, payload).await.status, 200);
    let header = json!({"alg": "ES256", "jwk": old.jwk(), "url": ca.url("key-change")});
    let payload = json!({"account": kid, "oldKey": new.jwk()});
    let third = key_change(&ca, &new, &kid, &old, header, payload).await;
    assert_eq!((third.status.as_u16(), third.problem().as_str()), (429, "rateLimited"));
    assert_eq!(ca.post(&kid, &new, &kid, br#"{"contact":[]}"#).await.problem(), "rateLimited");
    assert_eq!(ca.post(&kid, &new, &kid, br#"{"status":"deactivated"}"#).await.status, 200);
}

#[tokio::test]
async fn the_key_of_another_account_is_a_conflict_that_names_it() {
    let ca = Ca::start().await;
    let (alice, bob) = (Key::p256(), Key::p256());
    let (kid, bob_kid) = (ca.register(&alice).await, ca.register(&bob).await);
    let header = json!({"alg": "ES256", "jwk": bob.jwk(), "url": ca.url("key-change")});
    let payload = json!({"account": kid, "oldKey": alice.jwk()});
    let reply = key_change(&ca, &alice, &kid, &bob, header, payload).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (409, bob_kid.as_str()));
    assert_eq!(ca.post(&kid, &alice, &kid, b"").await.status, 200);
}

#[tokio::test]
async fn every_flaw_of_a_key_change_is_refused_and_the_old_key_stays() {
    let ca = Ca::start().await;
    let (old, new, other) = (Key::p256(), Key::p256(), Key::p256());
    let kid = ca.register(&old).await;
    let url = ca.url("key-change");
    let header = json!({"alg": "ES256", "jwk": new.jwk(), "url": url});
    let payload = json!({"account": kid, "oldKey": old.jwk()});
    let with = |base: &Value, name: &str, value: Value| {
        let mut changed = base.clone();
        match value {
            Value::Null => changed.as_object_mut().unwrap().remove(name),
            value => changed.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        changed
    };
    let other_kid = kid.replace("/account/", "/account/x");
    let flaws = [
        ("nonce", with(&header, "nonce", ca.nonce().into()), payload.clone(), "malformed"),
        ("no jwk", with(&header, "jwk", Value::Null), payload.clone(), "malformed"),
        ("kid too", with(&header, "kid", kid.clone().into()), payload.clone(), "malformed"),
        ("other url", with(&header, "url", ca.url("new-order").into()), payload.clone(), "unauthorized"),
        ("no url", with(&header, "url", Value::Null), payload.clone(), "malformed"),
        ("alg none", with(&header, "alg", "none".into()), payload.clone(), "badSignatureAlgorithm"),
        ("alg HS256", with(&header, "alg", "HS256".into()), payload.clone(), "badSignatureAlgorithm"),
        ("signed by another", with(&header, "jwk", other.jwk()), payload.clone(), "malformed"),
        (
            "bad key",
            with(&header, "jwk", json!({"kty": "EC", "crv": "P-521"})),
            payload.clone(),
            "badPublicKey",
        ),
        ("other account", header.clone(), with(&payload, "account", other_kid.into()), "malformed"),
        ("no account", header.clone(), with(&payload, "account", Value::Null), "malformed"),
        ("other old key", header.clone(), with(&payload, "oldKey", other.jwk()), "malformed"),
        ("no old key", header.clone(), with(&payload, "oldKey", Value::Null), "malformed"),
    ];
    for (name, header, payload, kind) in flaws {
        let reply = key_change(&ca, &old, &kid, &new, header, payload).await;
        assert_eq!(reply.problem(), kind, "{name}: {reply:?}");
    }
    let same = json!({"alg": "ES256", "jwk": old.jwk(), "url": url});
    assert_eq!(key_change(&ca, &old, &kid, &old, same, payload).await.problem(), "malformed");
    assert_eq!(ca.post(&url, &old, &kid, b"{}").await.problem(), "malformed");
    assert_eq!(ca.post(&kid, &old, &kid, b"").await.status, 200);
}

/// Puts an external key into the store, as `ca-server eab create` does.
async fn external_key(ca: &Ca, kid: &str, change: impl FnOnce(&mut ExternalKey)) {
    let now = ca.running.app().clock.now();
    let mut key = ExternalKey {
        kid: kid.to_owned(),
        authority: "closed".parse::<AuthorityName>().unwrap(),
        secret: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".to_owned(),
        domains: Vec::new(),
        created: now,
        expires: Some(now + time::Duration::hours(1)),
        reusable: false,
        accounts: Vec::new(),
        revoked: false,
    };
    change(&mut key);
    let store: &Store = &ca.running.app().store;
    let mut batch = Batch::new();
    ca_server::store::tables::external_keys::insert(&mut batch, &key).unwrap();
    store.commit(batch).await.unwrap();
}

/// A newAccount request at `closed` whose binding has this header and payload.
async fn bound(ca: &Ca, key: &Key, header: &Value, payload: &Value) -> support::Reply {
    let algorithm = match header["alg"].as_str().unwrap() {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let mac_key =
        hmac::Key::new(algorithm, &std::array::from_fn::<u8, 32, _>(|at| u8::try_from(at).unwrap()));
    let (header, payload) = (header.to_string(), payload.to_string());
    let mac = hmac::sign(&mac_key, signing_input(&header, payload.as_bytes()).as_bytes());
    let binding = flattened(&header, payload.as_bytes(), mac.as_ref());
    let payload = json!({"termsOfServiceAgreed": true, "externalAccountBinding": binding});
    ca.post_with_jwk(&closed(ca), key, &payload).await
}

fn closed(ca: &Ca) -> String {
    ca.url("new-account").replace("external", "closed")
}

#[tokio::test]
async fn a_bound_account_is_made_once_with_a_single_use_key() {
    let ca = Ca::start().await;
    external_key(&ca, "kid-1", |_| {}).await;
    let none = ca.post_with_jwk(&closed(&ca), &Key::p256(), &json!({"termsOfServiceAgreed": true})).await;
    assert_eq!((none.status.as_u16(), none.problem().as_str()), (403, "externalAccountRequired"));
    let key = Key::p256();
    let header = json!({"alg": "HS256", "kid": "kid-1", "url": closed(&ca)});
    assert_eq!(bound(&ca, &key, &header, &key.jwk()).await.status, 201);
    assert_eq!(bound(&ca, &key, &header, &key.jwk()).await.status, 200, "the account is there already");
    let second = Key::p256();
    let reply = bound(&ca, &second, &header, &second.jwk()).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (403, "unauthorized"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("used already"));
}

#[tokio::test]
async fn sixteen_keys_that_race_for_a_single_use_binding_get_one_account() {
    let ca = Ca::start().await;
    external_key(&ca, "kid-1", |_| {}).await;
    let header = json!({"alg": "HS256", "kid": "kid-1", "url": closed(&ca)});
    let keys: Vec<_> = (0..16).map(|_| Key::p256()).collect();
    let requests = keys.iter().map(|key| {
        let (ca, header) = (&ca, &header);
        async move { bound(ca, key, header, &key.jwk()).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(requests).await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| *status == 403), "{statuses:?}");
}

#[tokio::test]
async fn a_reusable_binding_makes_several_accounts_with_each_mac() {
    let ca = Ca::start().await;
    external_key(&ca, "many", |key| key.reusable = true).await;
    for algorithm in ["HS256", "HS384", "HS512"] {
        let key = Key::p256();
        let header = json!({"alg": algorithm, "kid": "many", "url": closed(&ca)});
        assert_eq!(bound(&ca, &key, &header, &key.jwk()).await.status, 201, "{algorithm}");
    }
}

#[tokio::test]
async fn a_reusable_binding_that_bound_thousands_before_binds_many_more_at_once() {
    let ca = Ca::start().await;
    let before = || (0..2270).map(|_| AccountId::fresh(time::OffsetDateTime::UNIX_EPOCH).unwrap()).collect();
    external_key(&ca, "fleet", |key| (key.reusable, key.accounts) = (true, before())).await;
    let store = &ca.running.app().store;
    let kid = "fleet".to_owned();
    let version = store.load::<ExternalKey>(&kid).await.unwrap().unwrap().version;
    let header = json!({"alg": "HS256", "kid": "fleet", "url": closed(&ca)});
    let keys: Vec<_> = (0..64).map(|_| Key::p256()).collect();
    let requests = keys.iter().map(|key| {
        let (ca, header) = (&ca, &header);
        async move { bound(ca, key, header, &key.jwk()).await.status.as_u16() }
    });
    let statuses = futures_util::future::join_all(requests).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let seen = store.load::<ExternalKey>(&kid).await.unwrap().unwrap();
    assert_eq!(seen.version, version, "nobody had to write the key, so nobody waited for another");
    assert_eq!(store.accounts_bound_by("fleet", 100).await.unwrap().len(), 64);
    assert!(store.accounts_bound_by("flee", 100).await.unwrap().is_empty());

    let mut batch = Batch::new();
    let revoked = ExternalKey { revoked: true, ..seen.value.clone() };
    ca_server::store::tables::external_keys::replace(&mut batch, &seen, &revoked).unwrap();
    store.commit(batch).await.unwrap();
    let key = Key::p256();
    assert_eq!(bound(&ca, &key, &header, &key.jwk()).await.problem(), "unauthorized");
}

#[tokio::test]
async fn every_flaw_of_a_binding_is_refused() {
    let ca = Ca::start().await;
    external_key(&ca, "good", |_| {}).await;
    external_key(&ca, "revoked", |key| key.revoked = true).await;
    external_key(&ca, "expired", |key| key.expires = Some(key.created)).await;
    external_key(&ca, "elsewhere", |key| key.authority = "external".parse().unwrap()).await;
    external_key(&ca, "other-secret", |key| key.secret = "AAAA".to_owned()).await;
    external_key(&ca, "broken-secret", |key| key.secret = "!".to_owned()).await;
    let key = Key::p256();
    let url = closed(&ca);
    let flaws = [
        (json!({"alg": "HS256", "kid": "unknown", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "HS256", "kid": "revoked", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "HS256", "kid": "expired", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "HS256", "kid": "elsewhere", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "HS256", "kid": "other-secret", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "HS256", "kid": "broken-secret", "url": url}), key.jwk(), "unauthorized"),
        (json!({"alg": "ES256", "kid": "good", "url": url}), key.jwk(), "badSignatureAlgorithm"),
        (json!({"alg": "none", "kid": "good", "url": url}), key.jwk(), "badSignatureAlgorithm"),
        (json!({"alg": "HS256", "kid": "good", "url": url, "nonce": "x"}), key.jwk(), "malformed"),
        (json!({"alg": "HS256", "kid": "good"}), key.jwk(), "malformed"),
        (json!({"alg": "HS256", "kid": "good", "url": ca.url("new-account")}), key.jwk(), "malformed"),
        (json!({"alg": "HS256", "url": url}), key.jwk(), "malformed"),
        (json!({"alg": "HS256", "kid": "good", "url": url}), Key::p256().jwk(), "malformed"),
        (json!({"alg": "HS256", "kid": "good", "url": url}), json!({}), "malformed"),
    ];
    let rows = ca.store.rows();
    for (header, payload, kind) in flaws {
        let reply = bound(&ca, &key, &header, &payload).await;
        assert_eq!(reply.problem(), kind, "{header}: {reply:?}");
    }
    assert_eq!(ca.store.rows(), rows);
    let unbound = ca.url("new-account").replace("external", "unbound");
    let reply =
        ca.post_with_jwk(&unbound, &key, &json!({"externalAccountBinding": flattened("{}", b"", b"")})).await;
    assert_eq!(reply.problem(), "malformed");
}

#[tokio::test]
async fn an_account_that_could_not_be_stored_does_not_exist() {
    let ca = Ca::start().await;
    let key = Key::p256();
    ca.switches.fail_next_commits(1);
    let reply = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (500, "serverInternal"));
    assert!(!reply.header("replay-nonce").is_empty());
    let found = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({"onlyReturnExisting": true})).await;
    assert_eq!(found.problem(), "accountDoesNotExist");
    ca.register(&key).await;
}
