//! Key rollover: the nested JWS, a lost answer, and a crash at the worst moment.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::*;
use crate::acme::script::{Reply, Script, at, directory};

fn known(account: &str) -> Reply {
    Reply::json(200, &json!({"status": "valid"})).with("location", at(account).as_str())
}

fn unknown() -> Reply {
    Reply::problem(400, "accountDoesNotExist")
}

fn key() -> JwsKey {
    JwsKey::generate().unwrap()
}

#[tokio::test]
async fn the_inner_jws_is_signed_by_the_new_key_and_names_the_old_one() {
    let script = Script::new([Reply::json(200, &json!({"status": "valid"}))]);
    let account = script.account().await;
    let new_key = key();
    let change = account.prepare_key_change(new_key.clone()).unwrap();
    assert!(script.seen().is_empty(), "preparing asks nobody, so that the key can be stored first");
    let changed = change.send().await.unwrap();
    assert_eq!(changed.key().thumbprint(), new_key.thumbprint());
    assert_eq!(changed.url(), account.url());

    let outer = &script.seen()[0];
    assert_eq!(outer.protected["kid"], account.url().as_str());
    let inner = &outer.payload;
    let part = |name: &str| -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(inner[name].as_str().unwrap().as_bytes()).unwrap())
            .unwrap()
    };
    let header = json!({"alg": "ES256", "jwk": new_key.jwk(), "url": at("/key-change")});
    assert_eq!(part("protected"), header);
    assert_eq!(part("payload"), json!({"account": account.url(), "oldKey": account.key().jwk()}));
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_recognised_as_made() {
    let script = Script::new([Reply::broken(), Reply::problem(403, "unauthorized"), known("/acct/1")]);
    let account = script.account().await;
    let new_key = key();
    let changed = account.prepare_key_change(new_key.clone()).unwrap().send().await.unwrap();
    assert_eq!(changed.key().thumbprint(), new_key.thumbprint());
}

#[tokio::test]
async fn a_refused_change_stays_refused() {
    let script = Script::new([Reply::problem(403, "unauthorized"), unknown()]);
    let error = script.account().await.prepare_key_change(key()).unwrap().send().await.unwrap_err();
    assert!(matches!(error, KeyChangeError::Request(_)), "{error}");
}

#[tokio::test]
async fn a_key_of_another_account_is_named_as_such() {
    let conflict = Reply::problem(409, "malformed").with("location", at("/acct/2").as_str());
    let script = Script::new([conflict, known("/acct/2")]);
    let error = script.account().await.prepare_key_change(key()).unwrap().send().await.unwrap_err();
    assert!(matches!(error, KeyChangeError::KeyInUse(url) if url == at("/acct/2")));
}

#[tokio::test]
async fn a_change_to_the_same_key_or_without_the_resource_is_refused_before_asking() {
    let mut bare = directory();
    bare.as_object_mut().unwrap().remove("keyChange");
    let account = Script::with_directory(bare, []).account().await;
    assert!(matches!(account.prepare_key_change(key()), Err(KeyChangeError::NotOffered(_))));
    let account = Script::new([]).account().await;
    assert!(matches!(account.prepare_key_change(account.key().clone()), Err(KeyChangeError::SameKey)));
}

#[tokio::test]
async fn after_a_crash_the_key_that_the_authority_holds_is_found() {
    let (old, new) = (key(), key());
    for (replies, expected) in [
        (vec![known("/acct/1")], new.thumbprint()),
        (vec![unknown(), known("/acct/1")], old.thumbprint()),
        (vec![known("/acct/2"), known("/acct/1")], old.thumbprint()),
    ] {
        let client = Script::new(replies).client().await;
        let account = client.settle_key_change(&at("/acct/1"), old.clone(), new.clone()).await.unwrap();
        assert_eq!(account.key().thumbprint(), expected);
    }
    let client = Script::new([unknown(), unknown()]).client().await;
    let error = client.settle_key_change(&at("/acct/1"), old, new).await.unwrap_err();
    assert!(matches!(error, KeyChangeError::NeitherKey(_)));
}
