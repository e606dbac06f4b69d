//! The steps of a proper flow, each stopping the test when its answer is not the right one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Device, Issued, Order, Problem, Reply};
use crate::dns::FakeDns;

/// Longest that anything may take that the server works on.
const LONGEST: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(2);

impl Device {
    /// Orders DNS names.
    ///
    /// # Panics
    /// If the answer is not 201.
    pub async fn new_order(&self, names: &[&str]) -> Order {
        self.order(&json!({"identifiers": dns(names)})).await.expect("the order is opened")
    }

    /// Sends newOrder with this payload.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn order(&self, payload: &Value) -> Result<Order, Problem> {
        let reply = self.post(&self.resource("new-order"), payload).await.success()?;
        let reply = reply.expect(StatusCode::CREATED);
        Ok(Order { url: reply.header("location").to_owned(), body: reply.json() })
    }

    /// The order as it stands now.
    pub async fn seen(&self, order: &Order) -> Order {
        Order { url: order.url.clone(), body: self.read(&order.url).await }
    }

    /// Proves every name of the order by `dns-01`.
    ///
    /// # Panics
    /// If one does not become valid.
    pub async fn prove(&self, dns: &FakeDns, order: &Order) -> Order {
        for url in order.authorizations() {
            let authorization = self.read(&url).await;
            if authorization["status"] == "valid" {
                continue;
            }
            self.publish(dns, &authorization, "dns-01");
            let settled = self.answer(&url, "dns-01").await;
            assert_eq!(settled["status"], "valid", "{settled}");
        }
        self.seen(order).await
    }

    /// Answers the challenge of this kind and waits for what becomes of the authorization.
    ///
    /// # Panics
    /// If there is none of this kind, or the answer is not taken.
    pub async fn answer(&self, authorization: &str, kind: &str) -> Value {
        let before = self.read(authorization).await;
        let challenge = challenge(&before, kind);
        let url = challenge["url"].as_str().unwrap_or_default();
        let _ = self.post(url, &json!({})).await.expect(StatusCode::OK);
        self.settled(authorization).await
    }

    /// The authorization once it is not pending any more.
    pub async fn settled(&self, authorization: &str) -> Value {
        self.until(authorization, |seen| seen["status"] != "pending").await
    }

    /// Reads until it is so.
    ///
    /// # Panics
    /// If it takes too long.
    pub async fn until(&self, url: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let seen = self.read(url).await;
                if is_so(&seen) {
                    return seen;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let ended = tokio::time::timeout(LONGEST, waiting).await;
        ended.unwrap_or_else(|_| panic!("{url} did not change within {LONGEST:?}"))
    }

    /// Puts the TXT record into the DNS that proves this authorization by a challenge of this kind.
    pub fn publish(&self, dns: &FakeDns, authorization: &Value, kind: &str) {
        let (name, value) = self.record(authorization, kind);
        dns.add_txt(&name, &value);
    }

    /// The TXT record that proves this authorization by a challenge of this kind.
    ///
    /// # Panics
    /// If there is no such challenge.
    #[must_use]
    pub fn record(&self, authorization: &Value, kind: &str) -> (String, String) {
        let name = authorization["identifier"]["value"].as_str().unwrap_or_default();
        let challenge = challenge(authorization, kind);
        let token = challenge["token"].as_str().unwrap_or_default();
        let digest = aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            format!("{token}.{}", self.key().thumbprint()).as_bytes(),
        );
        let value = URL_SAFE_NO_PAD.encode(digest);
        match kind {
            "dns-01" => (format!("_acme-challenge.{name}"), value),
            "dns-account-01" => (format!("_{}._acme-challenge.{name}", self.label()), value),
            _ => panic!("{kind} has no record of this form"),
        }
    }

    /// The account's label in names of `dns-account-01`.
    fn label(&self) -> String {
        let url = self.url().parse().expect("the account has a URL");
        acme_client::acme::key_authorization::account_label(&url)
    }

    /// Finalizes with this request and waits for the end of it.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn finalize(&self, order: &Order, csr: &[u8]) -> Result<Order, Problem> {
        let reply = self.finalize_once(order, csr).await.success()?;
        let mut body = reply.expect(StatusCode::OK).json();
        if body["status"] == "processing" {
            body = self.until(&order.url, |seen| seen["status"] != "processing").await;
        }
        Ok(Order { url: order.url.clone(), body })
    }

    /// Sends finalize and shows the answer as it came.
    pub async fn finalize_once(&self, order: &Order, csr: &[u8]) -> Reply {
        self.post(order.finalize(), &json!({"csr": URL_SAFE_NO_PAD.encode(csr)})).await
    }

    /// Downloads a chain.
    ///
    /// # Panics
    /// If the answer is not 200 with certificates.
    pub async fn download(&self, url: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
        let reply = self.get(url).await.expect(StatusCode::OK);
        assert_eq!(reply.header("content-type"), "application/pem-certificate-chain", "{reply}");
        certs::pem::parse_certificates(&reply.text()).expect("the chain is PEM")
    }

    /// Orders, proves by `dns-01`, finalizes and downloads.
    ///
    /// # Panics
    /// If a step fails.
    pub async fn issue(&self, dns: &FakeDns, names: &[&str]) -> Issued {
        let order = self.new_order(names).await;
        self.complete(dns, &order).await
    }

    /// Proves by `dns-01`, finalizes and downloads.
    ///
    /// # Panics
    /// If a step fails.
    pub async fn complete(&self, dns: &FakeDns, order: &Order) -> Issued {
        let order = self.prove(dns, order).await;
        assert_eq!(order.status(), "ready", "{}", order.body);
        let (key, csr) = order.csr();
        let order = self.finalize(&order, &csr).await.expect("the order is finalized");
        assert_eq!(order.status(), "valid", "{}", order.body);
        let url = order.certificate().expect("a valid order has a certificate").to_owned();
        let chain = self.download(&url).await;
        Issued { order, url, key, chain }
    }

    /// Asks for revocation, signed by the account.
    pub async fn revoke(&self, der: &[u8], reason: Option<u8>) -> Reply {
        self.post(&self.resource("revoke-cert"), &revocation(der, reason)).await
    }
}

/// The payload of revokeCert.
#[must_use]
pub fn revocation(der: &[u8], reason: Option<u8>) -> Value {
    let mut payload = json!({"certificate": URL_SAFE_NO_PAD.encode(der)});
    if let (Some(reason), Value::Object(members)) = (reason, &mut payload) {
        members.insert("reason".to_owned(), reason.into());
    }
    payload
}

/// DNS identifiers.
#[must_use]
pub fn dns(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"type": "dns", "value": name})).collect()
}

/// The challenge of this kind.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn challenge(authorization: &Value, kind: &str) -> Value {
    let challenges = authorization["challenges"].as_array().cloned().unwrap_or_default();
    let found = challenges.into_iter().find(|one| one["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {authorization}"))
}
