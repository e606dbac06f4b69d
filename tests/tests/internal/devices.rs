//! Devices: an activation code typed once, a token bound to the device's key, certificates for the machine account, and how all of it ends.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use certs::inspect::inspect_certificate;
use certs::key::SigningKey;
use certs::leaf::Proof;
use certs::verdict::State;
use rollcall_tests::device::Reply;
use rollcall_tests::internal::{InternalCa, chain, csr, new_key};
use serde_json::{Value, json};
use time::Duration;

async fn certify(it: &InternalCa, token: &str, key: &SigningKey) -> Reply {
    it.post("certificates", Some(token), &json!({"csr": csr(key, &[])})).await
}

/// A proof of `key` for `token`, with claims changed.
pub(crate) fn proof(
    it: &InternalCa,
    key: &SigningKey,
    token: &str,
    change: impl FnOnce(&mut Value),
) -> String {
    let mut claims = json!({
        "aud": it.ca.url("/internal/devices/token"),
        "iat": it.ca.app().clock.now().unix_timestamp(),
        "token_sha256": URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())),
    });
    change(&mut claims);
    let header = json!({"alg": "ES256", "typ": "rollcall-key-proof+jwt"});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = fixed(&key.sign(input.as_bytes()).unwrap());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// r‖s of an ECDSA signature in DER: `30 len 02 len r 02 len s`.
fn fixed(der: &[u8]) -> Vec<u8> {
    let r_length = usize::from(der[3]);
    let (r, rest) = der[4..].split_at(r_length);
    let s = &rest[2..];
    let wide = |number: &[u8]| {
        let bare: Vec<u8> = number.iter().copied().skip_while(|octet| *octet == 0).collect();
        [vec![0; 32 - bare.len()], bare].concat()
    };
    [wide(r), wide(s)].concat()
}

#[tokio::test]
async fn a_device_is_certified_by_its_account_and_the_preferred_domain() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    it.prefer("Corp", "corp.test").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    assert!(token.len() <= 128, "{} octets", token.len());
    let reply = certify(&it, &token, &key).await;
    assert_eq!(reply.status, 200, "{reply}");
    let judged = it.judged(&reply.text());
    assert_eq!((judged.state.clone(), judged.display.as_str()), (State::Internal, "corp.test"), "{judged}");
    assert_eq!(judged.proofs.into_iter().collect::<Vec<_>>(), [Proof::Token]);
    let leaf = inspect_certificate(&chain(&reply.text())[0]).unwrap();
    assert_eq!(leaf.names, [format!("uri:{account}"), "dns:corp.test".to_owned()]);
    assert!(leaf.subject.contains("CN=corp.test"), "{}", leaf.subject);
}

#[tokio::test]
async fn a_device_of_an_organisation_without_a_domain_carries_its_account_id_alone() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    let reply = certify(&it, &token, &key).await;
    assert_eq!(it.judged(&reply.text()).display, account, "{reply}");
    let leaf = inspect_certificate(&chain(&reply.text())[0]).unwrap();
    assert!(!leaf.subject.contains("CN="), "{}", leaf.subject);
}

#[tokio::test]
async fn a_token_is_of_no_use_with_another_key() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let (_, token) = it.activated("Corp", &new_key()).await;
    let reply = certify(&it, &token, &new_key()).await;
    assert_eq!(reply.status, 403, "{reply}");
    let audit = it.ca.audit().await;
    assert_eq!(audit.of_kind("refused").next().unwrap()["rule"], "internal:other-key");
    assert_eq!(audit.count("intent"), 0);
}

#[tokio::test]
async fn a_code_serves_once_and_not_for_ever_and_is_forgiving_to_type() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let view = it.device_code("Corp").await;
    let code = view["code"].as_str().unwrap();
    let typed = code.to_lowercase().replace('-', " ");
    let activate = async |code: &str| {
        it.post("devices/activate", None, &json!({"code": code, "csr": csr(&new_key(), &[])})).await
    };
    assert_eq!(activate(&typed).await.status, 201);
    for wrong in [code, "0000-0000-0000", "", "x"] {
        let reply = activate(wrong).await;
        assert_eq!(reply.status, 403, "{wrong}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("activation code"), "{reply}");
    }
    let late = it.device_code("Corp").await;
    it.ca.clock.advance(Duration::days(7));
    assert_eq!(activate(late["code"].as_str().unwrap()).await.status, 403);
    let kept = it.ca.snapshot().await;
    assert!(kept.holds("Corp"));
    assert!([code, &code.replace('-', ""), &typed].iter().all(|code| !kept.holds(code)));
}

#[tokio::test]
async fn of_many_devices_that_type_one_code_at_once_one_gets_the_account() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let view = it.device_code("Corp").await;
    let tries = (0..8).map(|_| {
        let body = json!({"code": view["code"], "csr": csr(&new_key(), &[])});
        let it = &it;
        async move { it.post("devices/activate", None, &body).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403, 403, 403, 403, 403, 403, 403]);
}

#[tokio::test]
async fn guessing_codes_is_stopped_after_so_many_tries_even_with_a_right_one() {
    let it = InternalCa::start_with(|config| config.internal.activations_per_hour = 5).await;
    it.organisation("Corp").await;
    let view = it.device_code("Corp").await;
    for _ in 0..5 {
        let body = json!({"code": "0000-0000-0000", "csr": csr(&new_key(), &[])});
        assert_eq!(it.post("devices/activate", None, &body).await.status, 403);
    }
    let right = json!({"code": view["code"], "csr": csr(&new_key(), &[])});
    let reply = it.post("devices/activate", None, &right).await;
    assert_eq!(reply.status, 429, "{reply}");
    let wait: i64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    it.ca.clock.advance(Duration::seconds(wait));
    assert_eq!(it.post("devices/activate", None, &right).await.status, 201);
}

#[tokio::test]
async fn a_deactivated_account_gets_nothing_from_that_moment_on() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    let leaf = chain(&certify(&it, &token, &key).await.text())[0].clone();
    let id = account.strip_prefix("urn:uuid:").unwrap();
    it.tell(&format!("/devices/{id}/deactivate"), json!({})).await;
    let reply = certify(&it, &token, &key).await;
    assert_eq!(reply.status, 401, "{reply}");
    assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("deactivated"));
    let body = json!({"proof": proof(&it, &key, &token, |_| {})});
    assert_eq!(it.post("devices/token", Some(&token), &body).await.status, 401);
    let now = it.ca.app().clock.now();
    let by_certificate = ca_server::internal::Credential::Certificate(&leaf);
    let refused = ca_server::internal::authenticate(it.ca.app(), by_certificate, now).await.unwrap_err();
    assert_eq!(refused.reason(), "deactivated");
    assert!(it.try_tell("/devices", json!({"device": id})).await.is_err(), "no further code");
}

#[tokio::test]
async fn the_certificate_of_a_device_speaks_for_it_and_nobody_elses_does() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    let leaf = chain(&certify(&it, &token, &key).await.text())[0].clone();
    let (app, now) = (it.ca.app(), it.ca.app().clock.now());
    let of = async |der: &[u8], now| {
        let judged =
            ca_server::internal::authenticate(app, ca_server::internal::Credential::Certificate(der), now)
                .await;
        judged.map(|holder| holder.urn().to_string()).map_err(|error| error.reason())
    };
    assert_eq!(of(&leaf, now).await, Ok(account));
    assert_eq!(of(&leaf, now + Duration::days(8)).await, Err("certificate"));
    let mut forged = leaf.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(of(&forged, now).await, Err("certificate"));
    assert_eq!(of(b"", now).await, Err("certificate"));
    let person = it.certificate(&it.issuer.token(&it.claims("alice"))).await;
    assert_eq!(of(&chain(&person.text())[0], now).await, Err("certificate-kind"));
}

#[tokio::test]
async fn a_token_is_refreshed_by_whoever_holds_its_key_and_moves_to_a_new_one() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let (key, next) = (new_key(), new_key());
    let (_, token) = it.activated("Corp", &key).await;
    let point = next.public().point().to_vec();
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
    let body = json!({"proof": proof(&it, &key, &token, |claims| claims["key"] = jwk)});
    let reply = it.post("devices/token", Some(&token), &body).await;
    assert_eq!(reply.status, 200, "{reply}");
    let answer = reply.json();
    let fresh = answer["token"].as_str().unwrap();
    assert_ne!(fresh, token);
    assert_eq!(certify(&it, fresh, &next).await.status, 200);
    assert_eq!(certify(&it, fresh, &key).await.status, 403, "the old key is out");
    assert_eq!(
        certify(&it, &token, &next).await.status,
        200,
        "the old token goes on while the answer may be lost"
    );
    it.ca.clock.advance(Duration::hours(1));
    assert_eq!(certify(&it, &token, &next).await.status, 401, "and then ends");
}

#[tokio::test]
async fn a_proof_that_does_not_hold_refreshes_nothing() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let key = new_key();
    let (_, token) = it.activated("Corp", &key).await;
    let stale = it.ca.app().clock.now().unix_timestamp() - 301;
    let good = proof(&it, &key, &token, |_| {});
    let of_other_type = {
        let header = STANDARD.encode(r#"{"alg":"ES256"}"#);
        format!("{header}.{}", good.split_once('.').unwrap().1)
    };
    let cases = [
        (proof(&it, &new_key(), &token, |_| {}), "signed"),
        (proof(&it, &key, "rd_other", |_| {}), "token"),
        (proof(&it, &key, &token, |claims| claims["aud"] = "https://evil.test".into()), "address"),
        (proof(&it, &key, &token, |claims| claims["iat"] = stale.into()), "clock"),
        (proof(&it, &key, &token, |claims| claims["key"] = json!({"kty": "oct", "k": "AA"})), "P-256"),
        (of_other_type, "typ"),
        ("x".to_owned(), "JWS"),
    ];
    let before = it.ca.snapshot().await.rows(ca_server::store::Table::OpaqueTokens);
    for (proof, word) in cases {
        let reply = it.post("devices/token", Some(&token), &json!({"proof": proof})).await;
        assert_eq!(reply.status, 403, "{word}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(word), "{word}: {reply}");
    }
    assert_eq!(it.ca.snapshot().await.rows(ca_server::store::Table::OpaqueTokens), before);
    assert_eq!(it.post("devices/token", Some(&token), &json!({"proof": good})).await.status, 200);
}

#[tokio::test]
async fn a_further_code_gives_the_account_to_another_device_and_ends_the_tokens_of_the_first() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let (first, second) = (new_key(), new_key());
    let (account, token) = it.activated("Corp", &first).await;
    let id = account.strip_prefix("urn:uuid:").unwrap();
    let view = it.tell("/devices", json!({"device": id})).await;
    assert_eq!(certify(&it, &token, &first).await.status, 200, "until the code is typed");
    let body = json!({"code": view["code"], "csr": csr(&second, &[])});
    let answer = it.post("devices/activate", None, &body).await.json();
    assert_eq!(answer["account"], account.as_str());
    assert_eq!(certify(&it, &token, &first).await.status, 401);
    assert_eq!(certify(&it, answer["token"].as_str().unwrap(), &second).await.status, 200);
}

#[tokio::test]
async fn ended_tokens_and_codes_leave_the_store() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.activated("Corp", &new_key()).await;
    it.device_code("Corp").await;
    it.post("guests", None, &json!({})).await;
    it.ca.clock.advance(Duration::days(31));
    let app = it.ca.app();
    let pruned =
        ca_server::store::prune::prune(&app.store, &app.config.store, app.clock.now()).await.unwrap();
    assert_eq!((pruned.opaque_tokens, pruned.activation_codes), (2, 2));
}
