//! A device that speaks ACME to the server under test, one request at a time.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::log::journal::{Selection, read};
use ca_server::verify::jwk::Jwk;
use certs::csr::create_csr;
use certs::identifier::Identifier;
use certs::key::{KeyKind, SigningKey};
use certs::name::DnsName;
use http::StatusCode;
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

use crate::support::{Ca, Key, Reply};

/// An account and its key.
pub struct Device {
    pub key: Key,
    pub account: String,
}

/// Identifiers of these DNS names.
pub fn dns(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"type": "dns", "value": name})).collect()
}

/// A request for these names by a fresh key.
pub fn csr(names: &[&str]) -> Vec<u8> {
    csr_by(&SigningKey::generate(KeyKind::P256).unwrap(), names)
}

/// A request for these names by this key.
pub fn csr_by(key: &SigningKey, names: &[&str]) -> Vec<u8> {
    let identifiers: Vec<Identifier> =
        names.iter().map(|name| DnsName::parse(name).unwrap().into()).collect();
    create_csr(key, &identifiers).unwrap()
}

impl Device {
    pub async fn register(ca: &Ca) -> Self {
        let key = Key::p256();
        let account = ca.register(&key).await;
        Self { key, account }
    }

    pub async fn post(&self, ca: &Ca, url: &str, payload: &Value) -> Reply {
        ca.post(url, &self.key, &self.account, payload.to_string().as_bytes()).await
    }

    pub async fn read(&self, ca: &Ca, url: &str) -> Reply {
        ca.post(url, &self.key, &self.account, b"").await
    }

    /// Opens an order; its URL and object.
    pub async fn order(&self, ca: &Ca, names: &[&str]) -> (String, Value) {
        self.order_with(ca, json!({"identifiers": dns(names)})).await
    }

    pub async fn order_with(&self, ca: &Ca, payload: Value) -> (String, Value) {
        let reply = self.post(ca, &ca.url("new-order"), &payload).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        (reply.header("location").to_owned(), reply.json())
    }

    /// Publishes the record of an authorization's dns-01 challenge and answers it; waits for the outcome.
    pub async fn prove(&self, ca: &Ca, authorization: &str) -> Value {
        let object = self.read(ca, authorization).await.json();
        if object["status"] != "pending" {
            return object;
        }
        let challenge = challenge(&object, "dns-01");
        self.publish(ca, &object);
        let reply = self.post(ca, challenge["url"].as_str().unwrap(), &json!({})).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        self.settled(ca, authorization).await
    }

    /// Publishes the record of an authorization's dns-01 challenge.
    pub fn publish(&self, ca: &Ca, authorization: &Value) {
        let challenge = challenge(authorization, "dns-01");
        let token = challenge["token"].as_str().unwrap();
        let jwk: Jwk = serde_json::from_value(self.key.jwk()).unwrap();
        let key_authorization = format!("{token}.{}", jwk.thumbprint());
        let value = URL_SAFE_NO_PAD.encode(digest(&SHA256, key_authorization.as_bytes()));
        let name = format!("_acme-challenge.{}", authorization["identifier"]["value"].as_str().unwrap());
        ca.dns.add_txt(&name, &value);
    }

    /// The authorization once it is no longer pending.
    pub async fn settled(&self, ca: &Ca, authorization: &str) -> Value {
        for _ in 0..2000 {
            let object = self.read(ca, authorization).await.json();
            if object["status"] != "pending" {
                return object;
            }
            tokio::task::yield_now().await;
        }
        panic!("{authorization} stays pending");
    }

    /// An order with every authorization proven.
    pub async fn ready(&self, ca: &Ca, names: &[&str]) -> (String, Value) {
        let (url, order) = self.order(ca, names).await;
        for authorization in order["authorizations"].as_array().unwrap() {
            let object = self.prove(ca, authorization.as_str().unwrap()).await;
            assert_eq!(object["status"], "valid", "{object}");
        }
        let order = self.read(ca, &url).await.json();
        assert_eq!(order["status"], "ready", "{order}");
        (url, order)
    }

    pub async fn finalize(&self, ca: &Ca, order: &Value, csr: &[u8]) -> Reply {
        let payload = json!({"csr": URL_SAFE_NO_PAD.encode(csr)});
        self.post(ca, order["finalize"].as_str().unwrap(), &payload).await
    }

    /// A certificate for these names: the order and the chain.
    pub async fn enrol(&self, ca: &Ca, names: &[&str]) -> (Value, Vec<CertificateDer<'static>>) {
        let (_, order) = self.ready(ca, names).await;
        let reply = self.finalize(ca, &order, &csr(names)).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let order = reply.json();
        let chain = self.download(ca, &order).await;
        (order, chain)
    }

    pub async fn download(&self, ca: &Ca, order: &Value) -> Vec<CertificateDer<'static>> {
        let reply = self.read(ca, order["certificate"].as_str().unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert_eq!(reply.header("content-type"), "application/pem-certificate-chain");
        certs::pem::parse_certificates(std::str::from_utf8(&reply.body).unwrap()).unwrap()
    }

    pub async fn revoke(&self, ca: &Ca, der: &[u8], reason: Option<u64>) -> Reply {
        self.post(ca, &ca.url("revoke-cert"), &revocation(der, reason)).await
    }
}

pub fn revocation(der: &[u8], reason: Option<u64>) -> Value {
    let mut payload = json!({"certificate": URL_SAFE_NO_PAD.encode(der)});
    if let Some(reason) = reason {
        payload["reason"] = reason.into();
    }
    payload
}

/// The challenge of this kind.
pub fn challenge(authorization: &Value, kind: &str) -> Value {
    let challenges = authorization["challenges"].as_array().unwrap();
    challenges.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("{authorization}")).clone()
}

/// How often the journal has an act of this name.
pub async fn acts(ca: &Ca, name: &str) -> usize {
    let page = read(&ca.running.app().store, Selection::default(), 100_000).await.unwrap();
    let named = |entry: &ca_server::log::chain::Entry| {
        serde_json::to_value(entry.parse().unwrap()).unwrap()["act"] == name
    };
    page.entries.iter().filter(|entry| named(entry)).count()
}
