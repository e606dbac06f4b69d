//! Access tokens that must not be taken: a table of them in `attacks.json`, each refused with its reason, with one record, and nothing issued.
//!
//! A case changes a good token: members of the header and the claims are replaced (`null` removes), and `sign` says by whom and how.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rollcall_tests::internal::est::{Wanted, key, request};
use rollcall_tests::internal::{InternalCa, TokenIssuer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::Duration;

const CASES: &str = include_str!("attacks.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    claims: Map<String, Value>,
    /// Claims that are times, in seconds from now.
    #[serde(default)]
    times: Map<String, Value>,
    #[serde(default = "own")]
    sign: String,
    status: u16,
    reason: String,
}

fn own() -> String {
    "own".to_owned()
}

fn change(value: &mut Value, changes: &Map<String, Value>) {
    for (name, change) in changes {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
}

fn token(it: &InternalCa, case: &Case) -> String {
    let mut header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"});
    let mut claims = it.claims("alice");
    change(&mut header, &case.header);
    change(&mut claims, &case.claims);
    let now = it.ca.app().clock.now().unix_timestamp();
    for (name, offset) in &case.times {
        claims[name] = (now + offset.as_i64().unwrap()).into();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let good = it.issuer.signed(&header, &claims);
    let mac = |key: &[u8]| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    };
    match case.sign.as_str() {
        "own" => good,
        "none" => format!("{input}."),
        "other-key" => TokenIssuer::new("k1").signed(&header, &claims),
        "own-key-in-header" => {
            let other = TokenIssuer::new("k1");
            header["jwk"] = other.jwk();
            other.signed(&header, &claims)
        }
        "mac-with-public-key" => mac(it.issuer.jwk()["x"].as_str().unwrap().as_bytes()),
        "mac-with-key-set" => mac(it.issuer.key_set().to_string().as_bytes()),
        "changed-payload" => {
            let mut other = claims.clone();
            other["sub"] = "bob".into();
            let (_, signature) = good.rsplit_once('.').unwrap();
            format!("{}.{}.{signature}", part(&header), part(&other))
        }
        "zero-signature" => format!("{input}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        "padded" => format!("{good}="),
        "five-parts" => format!("{good}.AAAA.AAAA"),
        "repeated-claim" => {
            let text = claims.to_string().replacen('{', r#"{"sub":"bob","#, 1);
            let raw = format!("{}.{}", part(&header), URL_SAFE_NO_PAD.encode(text));
            format!("{raw}.{}", URL_SAFE_NO_PAD.encode([1; 64]))
        }
        "garbage" => "abc".to_owned(),
        "opaque-device" => "rd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "opaque-guest" => "rg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "opaque-long" => format!("rd_{}", "A".repeat(200)),
        "too-long" => format!("{good}{}", "A".repeat(17_000)),
        other => unreachable!("no way to sign {other}"),
    }
}

#[tokio::test]
async fn every_attack_token_is_refused_with_its_reason_recorded_once_and_issues_nothing() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in &cases {
        // Refusals have a budget of records for each minute.
        it.ca.clock.advance(Duration::minutes(1));
        let before = it.ca.audit().await;
        let reply = it.certificate(&token(&it, case)).await;
        assert_eq!(reply.status.as_u16(), case.status, "{}: {reply}", case.name);
        let after = it.ca.audit().await;
        if case.status == 200 {
            continue;
        }
        let expected = format!("token:{}", case.reason);
        let acts: Vec<_> = after.of_kind("refused").skip(before.count("refused")).collect();
        assert_eq!(acts.len(), 1, "{}: one record", case.name);
        assert_eq!(acts[0]["rule"], expected.as_str(), "{}", case.name);
        assert_eq!(after.count("intent"), before.count("intent"), "{}: nothing issued", case.name);
        let challenge = reply.headers.get("www-authenticate").unwrap().to_str().unwrap();
        assert!(
            challenge.contains(&case.reason) || challenge.contains("scope"),
            "{}: {challenge}",
            case.name
        );
    }
}

#[tokio::test]
async fn what_strangers_are_refused_does_not_hide_what_people_are() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let forged = TokenIssuer::new("k1").token(&it.claims("alice"));
    for _ in 0..30 {
        assert_eq!(it.certificate(&forged).await.status, 401);
    }
    let mut claims = it.claims("alice");
    claims["aud"] = "https://other.test".into();
    assert_eq!(it.certificate(&it.issuer.token(&claims)).await.status, 401);
    let audit = it.ca.audit().await;
    let refused: Vec<_> = audit.of_kind("refused").collect();
    assert_eq!(refused.len(), 11, "ten of strangers, and hers");
    assert_eq!(refused[0].get("credential"), None, "nobody is named by a forged token");
    assert_eq!(refused[10]["credential"], "access-token corp alice");
    assert_eq!(refused[10]["rule"], "token:audience");
}

#[tokio::test]
async fn without_a_token_the_answer_says_which_kind_is_wanted_and_nothing_is_recorded() {
    let it = InternalCa::start().await;
    let before = it.ca.snapshot().await;
    let reply = it.post("certificates", None, &json!({"csr": ""})).await;
    assert_eq!(reply.status, 401, "{reply}");
    assert_eq!(reply.headers["www-authenticate"], "Bearer realm=\"rollcall\"");
    assert_eq!(it.ca.snapshot().await, before);
}

#[tokio::test]
async fn a_token_that_serves_once_is_refused_the_second_time_even_in_a_race() {
    let it = InternalCa::start_with(|config| config.token_issuer[0].single_use = true).await;
    it.organisation("Corp").await;
    let token = it.issuer.token(&it.claims("alice"));
    let tries = (0..6).map(|_| {
        let (it, token) = (&it, &token);
        async move { it.certificate(token).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401]);
    let audit = it.ca.audit().await;
    assert_eq!(audit.count("intent"), 1);
    let rules: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!(rules, vec![json!("token:replayed"); 5]);
    let mut claims = it.claims("alice");
    claims.as_object_mut().unwrap().remove("jti");
    assert_eq!(
        it.certificate(&it.issuer.token(&claims)).await.status,
        401,
        "without jti it cannot serve once"
    );
}

#[tokio::test]
async fn a_demanded_scope_must_be_there() {
    let it = InternalCa::start_with(|config| config.token_issuer[0].scopes = vec!["certificates".to_owned()])
        .await;
    it.organisation("Corp").await;
    for (scope, status) in
        [(json!("openid certificates"), 200), (json!("certificates2"), 403), (json!(null), 403)]
    {
        let mut claims = it.claims("alice");
        let changes = Map::from_iter([("scope".to_owned(), scope.clone())]);
        change(&mut claims, &changes);
        let reply = it.certificate(&it.issuer.token(&claims)).await;
        assert_eq!(reply.status, status, "{scope}: {reply}");
        let bearer = format!("Bearer {}", it.issuer.token(&claims));
        let answer =
            it.enroll(None, "simpleenroll", Some(&bearer), &request(&key(), &Wanted::default())).await;
        assert_eq!(answer.status, status, "{scope}: {answer:?}");
        // RFC 6750 §3: also where the answer is 403.
        let challenges = [
            reply.headers.get("www-authenticate").and_then(|value| value.to_str().ok()),
            answer.header("www-authenticate"),
        ];
        for challenge in challenges {
            assert_eq!(
                challenge.is_some_and(|text| text.contains("insufficient_scope")),
                status == 403,
                "{scope}"
            );
        }
    }
}

#[tokio::test]
async fn keys_are_read_again_when_a_token_names_an_unknown_one() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, 200);
    let next = TokenIssuer::new("k2");
    let both = json!({"keys": [it.issuer.jwk(), next.jwk()]});
    std::fs::write(it.ca.folder().join("corp-keys.json"), both.to_string()).unwrap();
    it.ca.clock.advance(Duration::seconds(11));
    assert_eq!(it.certificate(&next.token(&it.claims("alice"))).await.status, 200);
    let withdrawn = json!({"keys": [next.jwk()]});
    std::fs::write(it.ca.folder().join("corp-keys.json"), withdrawn.to_string()).unwrap();
    it.ca.clock.advance(Duration::hours(1));
    let reply = it.certificate(&it.issuer.token(&it.claims("alice"))).await;
    assert_eq!(reply.status, 401, "a withdrawn key serves an hour at most: {reply}");
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_an_outage_and_no_decision() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    std::fs::remove_file(it.ca.folder().join("corp-keys.json")).unwrap();
    it.ca.clock.advance(Duration::hours(2));
    let reply = it.certificate(&it.issuer.token(&it.claims("alice"))).await;
    assert_eq!(reply.status, 503, "{reply}");
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(it.ca.audit().await.count("refused"), 0);
}
