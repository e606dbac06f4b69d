//! Every way in which a signed request can be wrong, sent to a real server: the right problem, a fresh nonce, nothing changed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::verify::Nonces;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::{Ca, Key, Reply, flattened, signing_input};

/// One line of `data/jws_refusals.json`: how a good request is spoiled, and what must come back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "account")]
    to: String,
    #[serde(default = "valid")]
    r#as: String,
    #[serde(default)]
    header: Map<String, Value>,
    header_text: Option<String>,
    #[serde(default)]
    outer: Map<String, Value>,
    payload: Option<String>,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    query: String,
    body: Option<String>,
    body_hex: Option<String>,
    body_size: Option<usize>,
    body_nested: Option<usize>,
    content_type: Option<String>,
    #[serde(default = "bad_request")]
    status: u16,
    r#type: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    algorithms: bool,
}

fn account() -> String {
    "account".to_owned()
}

fn valid() -> String {
    "valid".to_owned()
}

const fn bad_request() -> u16 {
    400
}

/// A server with one valid and one deactivated account.
struct Scene {
    ca: Ca,
    key: Key,
    kid: String,
    deactivated: (Key, String),
}

impl Scene {
    async fn new() -> Self {
        let ca = Ca::start().await;
        let (key, gone) = (Key::p256(), Key::p256());
        let kid = ca.register(&key).await;
        let gone_kid = ca.register(&gone).await;
        let reply = ca.post(&gone_kid, &gone, &gone_kid, br#"{"status":"deactivated"}"#).await;
        assert_eq!(reply.status, 200);
        Self { ca, key, kid, deactivated: (gone, gone_kid) }
    }

    fn signer(&self, case: &Case) -> (&Key, &str) {
        if case.r#as == "deactivated" {
            (&self.deactivated.0, &self.deactivated.1)
        } else {
            (&self.key, &self.kid)
        }
    }

    fn url(&self, case: &Case) -> String {
        let (_, kid) = self.signer(case);
        if case.to == "account" { kid.to_owned() } else { self.ca.url(&case.to) }
    }

    /// Replaces the words with a dollar.
    fn fill(&self, text: &str, case: &Case) -> String {
        let used = self.ca.nonce();
        self.ca.running.app().nonces.redeem(&used).unwrap();
        text.replace("$kid_at_closed", &self.kid.replace("/external/", "/closed/"))
            .replace("$kid", self.signer(case).1)
            .replace("$url", &self.url(case))
            .replace("$base", &self.ca.base)
            .replace("$nonce", &self.ca.nonce())
            .replace("$used_nonce", &used)
            .replace("$foreign_nonce", &Nonces::new().unwrap().issue())
            .replace("$rsa1024", &URL_SAFE_NO_PAD.encode([0xff; 128]))
            .replace("$rsa2048", &URL_SAFE_NO_PAD.encode([0xff; 256]))
    }

    fn header(&self, case: &Case) -> String {
        if let Some(text) = &case.header_text {
            return self.fill(text, case);
        }
        let (key, kid) = self.signer(case);
        let mut header = json!({"alg": key.alg(), "nonce": self.ca.nonce(), "url": self.url(case)});
        let header = header.as_object_mut().unwrap();
        match case.to.as_str() {
            "new-account" => header.insert("jwk".to_owned(), key.jwk()),
            _ => header.insert("kid".to_owned(), kid.into()),
        };
        for (name, value) in &case.header {
            match value {
                Value::Null => header.remove(name),
                value if value == "$jwk" => header.insert(name.clone(), key.jwk()),
                value => {
                    let filled = self.fill(&value.to_string(), case);
                    header.insert(name.clone(), serde_json::from_str(&filled).unwrap())
                }
            };
        }
        Value::Object(header.clone()).to_string()
    }

    fn body(&self, case: &Case) -> Vec<u8> {
        if let Some(text) = &case.body {
            return text.clone().into_bytes();
        }
        if let Some(hex) = &case.body_hex {
            return data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        }
        if let Some(size) = case.body_size {
            return vec![b'a'; size];
        }
        if let Some(depth) = case.body_nested {
            return format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        }
        let (key, _) = self.signer(case);
        let header = self.header(case);
        let default = if case.to == "new-account" { "{}" } else { "" };
        let payload = case.payload.as_deref().unwrap_or(default).as_bytes();
        let mut signature = key.signature(signing_input(&header, payload).as_bytes());
        match case.signature.as_str() {
            "" => {}
            "empty" => signature.clear(),
            "zeros" => signature.fill(0),
            "short" => signature.truncate(63),
            "flip" => signature[40] ^= 1,
            "other" => signature = Key::p256().signature(signing_input(&header, payload).as_bytes()),
            unknown => panic!("unknown change of the signature: {unknown}"),
        }
        let mut jws = flattened(&header, payload, &signature);
        for (name, value) in &case.outer {
            match value {
                Value::Null => jws.remove(name),
                value => jws.insert(name.clone(), value.clone()),
            };
        }
        Value::Object(jws).to_string().into_bytes()
    }

    async fn send(&self, case: &Case) -> Reply {
        let url = format!("{}{}", self.url(case), case.query);
        let content_type = case.content_type.as_deref().unwrap_or("application/jose+json");
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &headers[..0] } else { &headers[..] };
        self.ca.send(http::Method::POST, &url, headers, self.body(case).into()).await
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("data/jws_refusals.json");
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn every_spoiled_request_gets_its_problem_a_fresh_nonce_and_changes_nothing() {
    let scene = Scene::new().await;
    let mut failures = Vec::new();
    for case in cases() {
        let rows = scene.ca.store.rows();
        let reply = scene.send(&case).await;
        let (kind, json) = (reply.problem(), reply.json());
        let detail = json["detail"].as_str().unwrap();
        let as_wanted = reply.status == case.status
            && kind == case.r#type
            && detail.contains(&case.detail)
            && json["algorithms"].is_array() == case.algorithms;
        if !as_wanted {
            failures.push(format!("{}: {} {json}", case.name, reply.status));
        }
        assert_eq!(scene.ca.store.rows(), rows, "{}: something was stored", case.name);
        let nonce = reply.header("replay-nonce");
        assert_eq!(scene.ca.running.app().nonces.redeem(nonce), Ok(()), "{}", case.name);
        let index = reply.header("link").contains("/acme/external/directory>;rel=\"index\"");
        assert_eq!(index, case.to != "directory", "{}", case.name);
        assert_eq!(reply.header("cache-control"), "no-store", "{}", case.name);
        assert!(!reply.header("x-request-id").is_empty(), "{}", case.name);
        assert!(detail.len() > 20, "{}: a person needs more than {detail:?}", case.name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn the_request_that_the_cases_spoil_is_good_until_spoiled() {
    let scene = Scene::new().await;
    let good = |to: &str| Case {
        to: to.to_owned(),
        ..serde_json::from_value(json!({"name": "", "type": ""})).unwrap()
    };
    for to in ["account", "new-account", "directory"] {
        let reply = scene.send(&good(to)).await;
        assert_eq!(reply.status, 200, "{to}: {reply:?}");
    }
    let spaced =
        Case { content_type: Some("Application/JOSE+JSON; charset=utf-8".to_owned()), ..good("account") };
    assert_eq!(scene.send(&spaced).await.status, 200);
    let unknown: Map<_, _> = serde_json::from_value(json!({"typ": "x", "zip": "DEF", "x5c": []})).unwrap();
    assert_eq!(scene.send(&Case { header: unknown, ..good("account") }).await.status, 200);
    let outer: Map<_, _> = serde_json::from_value(json!({"extra": 1})).unwrap();
    assert_eq!(scene.send(&Case { outer, ..good("account") }).await.status, 200);
}

#[tokio::test]
async fn keys_of_every_kind_can_sign() {
    let ca = Ca::start().await;
    for key in [Key::p256(), Key::p384(), Key::rsa(), Key::ed25519()] {
        let kid = ca.register(&key).await;
        let reply = ca.post(&kid, &key, &kid, b"").await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", key.alg());
        assert_eq!(reply.json()["status"], "valid");
    }
}

#[tokio::test]
async fn the_same_request_sent_twice_is_refused_the_second_time() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    let header = json!({"alg": "ES256", "nonce": ca.nonce(), "url": kid, "kid": kid});
    let body = key.sign(&header, b"");
    assert_eq!(ca.post_raw(&kid, body.clone()).await.status, 200);
    assert_eq!(ca.post_raw(&kid, body).await.problem(), "badNonce");
}
