//! What a device holds is worth something as long as its account is bound to the key that it was given for: codes, tokens and certificates of before are void.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_server::internal::{Asked, Credential, Front, authenticate, issue};
use ca_server::store::Table;
use certs::key::SigningKey;
use rollcall_tests::device::Reply;
use rollcall_tests::internal::est::{Identity, Wanted, key, request};
use rollcall_tests::internal::{InternalCa, chain, csr, new_key};
use serde_json::{Value, json};
use time::Duration;

use crate::devices::proof;

async fn start() -> InternalCa {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it
}

async fn refresh(it: &InternalCa, token: &str, key: &SigningKey, change: impl FnOnce(&mut Value)) -> Reply {
    it.post("devices/token", Some(token), &json!({"proof": proof(it, key, token, change)})).await
}

async fn certify(it: &InternalCa, token: &str, key: &SigningKey) -> Reply {
    it.post("certificates", Some(token), &json!({"csr": csr(key, &[])})).await
}

fn token_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["token"].as_str().unwrap().to_owned()
}

fn jwk(key: &SigningKey) -> Value {
    let point = key.public().point().to_vec();
    let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
}

/// A further code for the account.
async fn further_code(it: &InternalCa, account: &str) -> String {
    let id = account.strip_prefix("urn:uuid:").unwrap();
    it.tell("/devices", json!({"device": id})).await["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_certificate_of_the_device_that_lost_the_account_renews_nothing() {
    let it = start().await;
    let (first, second) = (key(), key());
    let (account, token) = it.activated_for_est("Corp", &first).await;
    let old = request(&first, &Wanted::default());
    let answer = it.enroll(None, "simpleenroll", Some(&format!("Bearer {token}")), &old).await;
    let held = Identity { certificate: answer.certificates()[0].clone(), key: &first };
    let again = it.enroll(Some(&held), "simplereenroll", None, &old).await;
    assert_eq!(again.status, 200, "{again:?}");
    let held_again = Identity { certificate: again.certificates()[0].clone(), key: &first };
    let code = further_code(&it, &account).await;
    assert_eq!(it.enroll(Some(&held), "simplereenroll", None, &old).await.status, 200, "until it is typed");
    let new = request(&second, &Wanted::default());
    let body = json!({"code": code, "csr": STANDARD.encode(&new)});
    let reply = it.post("devices/activate", None, &body).await;
    assert_eq!(reply.status, 201, "{reply}");
    let intents = it.ca.audit().await.count("intent");
    for held in [&held, &held_again] {
        let answer = it.enroll(Some(held), "simplereenroll", None, &old).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let audit = it.ca.audit().await;
    assert_eq!(audit.count("intent"), intents);
    let rules: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!(rules, [json!("token:replaced"), json!("token:replaced")]);
    // The device that has it now goes on by itself.
    let bearer = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
    let answer = it.enroll(None, "simpleenroll", Some(&bearer), &new).await;
    let held = Identity { certificate: answer.certificates()[0].clone(), key: &second };
    assert_eq!(it.enroll(Some(&held), "simplereenroll", None, &new).await.status, 200);
}

#[tokio::test]
async fn a_certificate_of_the_key_that_the_account_was_moved_from_renews_nothing() {
    let it = start().await;
    let (key, next) = (new_key(), new_key());
    let (_, token) = it.activated("Corp", &key).await;
    let leaf = chain(&certify(&it, &token, &key).await.text())[0].clone();
    let (app, now) = (it.ca.app(), it.ca.app().clock.now());
    let holder = authenticate(app, Credential::Certificate(&leaf), now).await.unwrap();
    let fresh = token_of(&refresh(&it, &token, &key, |claims| claims["key"] = jwk(&next)).await);
    let refused = authenticate(app, Credential::Certificate(&leaf), now).await.unwrap_err();
    assert_eq!(refused.reason(), "replaced");
    // Who was known before the key moved gets nothing after it.
    let authority = app.internal_authority().unwrap();
    let request = STANDARD.decode(csr(&key, &[])).unwrap();
    let asked = Asked { csr: &request, front: Front::Est, replaces: None };
    let refused = issue(app, &authority, &holder, asked).await.unwrap_err();
    assert_eq!(refused.rule().as_deref(), Some("token:replaced"));
    assert_eq!(certify(&it, &fresh, &next).await.status, 200);
}

#[tokio::test]
async fn a_further_code_ends_the_one_before_it() {
    let it = start().await;
    let view = it.device_code("Corp").await;
    let account = format!("urn:uuid:{}", view["id"].as_str().unwrap());
    let further = further_code(&it, &account).await;
    let activate = async |code: &str| {
        it.post("devices/activate", None, &json!({"code": code, "csr": csr(&new_key(), &[])})).await.status
    };
    assert_eq!(activate(view["code"].as_str().unwrap()).await, 403);
    assert_eq!(activate(&further).await, 201);
    assert_eq!(it.ca.snapshot().await.rows(Table::ActivationCodes), 1, "the one that was typed, for a while");
    assert_eq!(activate(&further).await, 403);
}

#[tokio::test]
async fn a_token_has_one_successor_however_often_it_is_refreshed() {
    let it = start().await;
    let key = new_key();
    let (_, token) = it.activated("Corp", &key).await;
    let lost = token_of(&refresh(&it, &token, &key, |_| {}).await);
    let second = token_of(&refresh(&it, &token, &key, |_| {}).await);
    assert_eq!(it.ca.snapshot().await.rows(Table::OpaqueTokens), 2);
    assert_eq!(certify(&it, &lost, &key).await.status, 401, "the one that was lost is over");
    assert_eq!(certify(&it, &second, &key).await.status, 200);
    let third = token_of(&refresh(&it, &second, &key, |_| {}).await);
    assert_eq!(refresh(&it, &token, &key, |_| {}).await.status, 401, "its successor was refreshed");
    assert_eq!(certify(&it, &third, &key).await.status, 200);
}

#[tokio::test]
async fn refreshes_that_meet_leave_one_successor() {
    let it = start().await;
    let key = new_key();
    let (_, token) = it.activated("Corp", &key).await;
    let tries = (0..4).map(|_| refresh(&it, &token, &key, |_| {}));
    for reply in futures_util::future::join_all(tries).await {
        assert_eq!(reply.status, 200, "{reply}");
    }
    assert_eq!(it.ca.snapshot().await.rows(Table::OpaqueTokens), 2);
}

#[tokio::test]
async fn a_move_to_another_key_whose_answer_was_lost_is_done_again_with_that_key() {
    let it = start().await;
    let (key, next) = (new_key(), new_key());
    let (_, token) = it.activated("Corp", &key).await;
    token_of(&refresh(&it, &token, &key, |claims| claims["key"] = jwk(&next)).await);
    assert_eq!(refresh(&it, &token, &key, |_| {}).await.status, 403, "the old key is out");
    let fresh = token_of(&refresh(&it, &token, &next, |claims| claims["key"] = jwk(&next)).await);
    assert_eq!(certify(&it, &fresh, &next).await.status, 200);
}

#[tokio::test]
async fn refreshes_of_a_token_count_in_the_limit_of_its_device_before_anything_is_written() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 2).await;
    it.organisation("Corp").await;
    let key = new_key();
    let (_, token) = it.activated("Corp", &key).await;
    for _ in 0..2 {
        token_of(&refresh(&it, &token, &key, |_| {}).await);
    }
    let before = it.ca.snapshot().await;
    let reply = refresh(&it, &token, &key, |_| {}).await;
    assert_eq!(reply.status, 429, "{reply}");
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(it.ca.snapshot().await, before);
    it.ca.clock.advance(Duration::minutes(31));
    token_of(&refresh(&it, &token, &key, |_| {}).await);
}

#[tokio::test]
async fn a_proof_that_fails_is_counted_and_recorded_with_the_account_whose_token_it_came_with() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 3).await;
    it.organisation("Corp").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    // As many strangers as the journal takes in a minute.
    for _ in 0..12 {
        let body = json!({"code": "0000-0000-0000", "csr": csr(&new_key(), &[])});
        assert_eq!(it.post("devices/activate", None, &body).await.status, 403);
    }
    for _ in 0..3 {
        let reply = refresh(&it, &token, &key, |claims| claims["aud"] = "https://evil.test".into()).await;
        assert_eq!(reply.status, 403, "{reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("rule `refresh:proof-other`"), "{reply}");
    }
    let reply = refresh(&it, &token, &key, |_| {}).await;
    assert_eq!(
        reply.status, 200,
        "who has the token alone does not use up what the device may ask for: {reply}"
    );
    let more = refresh(&it, &token, &key, |claims| claims["aud"] = "https://evil.test".into()).await;
    assert_eq!(more.status, 429, "they have a limit of their own: {more}");
    let audit = it.ca.audit().await;
    let refused: Vec<_> = audit.of_kind("refused").filter(|act| act["action"] == "refresh").collect();
    assert_eq!(refused.len(), 3, "strangers do not hide them");
    for act in refused {
        assert_eq!(
            (&act["rule"], &act["credential"]),
            (&json!("refresh:proof-other"), &json!("device-token"))
        );
        assert_eq!(act["identifiers"], json!([{"type": "uri", "value": account}]), "{act}");
    }
    let strangers = audit.of_kind("refused").filter(|act| act["rule"] == "activation:code");
    assert!(strangers.into_iter().all(|act| act.get("credential").is_none()));
}

#[tokio::test]
async fn a_token_that_is_over_is_refused_as_its_accounts() {
    let it = start().await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    it.ca.clock.advance(Duration::days(30));
    assert_eq!(refresh(&it, &token, &key, |_| {}).await.status, 401);
    assert_eq!(certify(&it, &token, &key).await.status, 401);
    let audit = it.ca.audit().await;
    let refused: Vec<_> = audit.of_kind("refused").collect();
    assert_eq!(refused.len(), 2);
    for act in refused {
        assert_eq!(act["rule"], "token:expired");
        assert_eq!(act["identifiers"], json!([{"type": "uri", "value": account}]), "{act}");
    }
}

#[tokio::test]
async fn who_has_a_token_and_not_its_key_does_not_stop_the_device() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 2).await;
    it.organisation("Corp").await;
    let key = new_key();
    let (_, token) = it.activated("Corp", &key).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(refresh(&it, &token, &new_key(), |_| {}).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 429, 429]);
    token_of(&refresh(&it, &token, &key, |_| {}).await);
    assert_eq!(certify(&it, &token, &key).await.status, 200);
}
