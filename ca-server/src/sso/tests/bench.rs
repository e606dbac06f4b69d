//! An account that asks, a browser with a cookie, and a provider that vouches.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use certs::csr::create_csr;
use certs::identifier::Identifier;
use certs::key::{KeyKind, SigningKey};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::support::{Ca, Key, Reply};
use crate::log::journal::{Selection, read};
use crate::sso::providers::Providers;
use crate::sso::providers::canned::{Said, provider};

pub(super) const ALICE: &str = "alice@corp.test";

/// A server where `corp` may speak for corp.test and `other` for other.test.
pub(super) async fn ca() -> Ca {
    Ca::start_people(providers(), |_| {}).await
}

pub(super) fn providers() -> Providers {
    Providers::new(vec![provider("corp", &["corp.test"]), provider("other", &["other.test"])])
}

/// An account.
pub(super) struct Client {
    pub(super) key: Key,
    pub(super) account: String,
}

/// An answered challenge.
pub(super) struct Challenge {
    pub(super) order: String,
    pub(super) authorization: String,
    pub(super) url: String,
    /// As it was answered.
    pub(super) object: Value,
}

impl Challenge {
    pub(super) fn link(&self) -> &str {
        self.object["sso_url"].as_str().unwrap()
    }

    pub(super) fn code(&self) -> &str {
        self.object["sso_code"].as_str().unwrap()
    }
}

impl Client {
    pub(super) async fn register(ca: &Ca) -> Self {
        let key = Key::p256();
        let account = ca.register(&key).await;
        Self { key, account }
    }

    pub(super) async fn post(&self, ca: &Ca, url: &str, payload: &Value) -> Reply {
        ca.post(url, &self.key, &self.account, payload.to_string().as_bytes()).await
    }

    pub(super) async fn read(&self, ca: &Ca, url: &str) -> Value {
        let reply = ca.post(url, &self.key, &self.account, b"").await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.json()
    }

    /// Opens an order; its URL and that of its only authorization.
    pub(super) async fn order(&self, ca: &Ca, address: &str) -> (String, String) {
        let payload = json!({"identifiers": [{"type": "email", "value": address}], "profile": "user"});
        let reply = self.post(ca, &ca.url("new-order"), &payload).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        let authorization = reply.json()["authorizations"][0].as_str().unwrap().to_owned();
        (reply.header("location").to_owned(), authorization)
    }

    /// Opens an order and answers the first challenge of its authorization.
    pub(super) async fn ask_with(&self, ca: &Ca, address: &str, answer: &Value) -> Challenge {
        let (order, authorization) = self.order(ca, address).await;
        let object = self.read(ca, &authorization).await;
        let url = object["challenges"][0]["url"].as_str().unwrap().to_owned();
        let reply = self.post(ca, &url, answer).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let object = reply.json();
        assert_eq!(object["status"], "processing", "{object}");
        Challenge { order, authorization, url, object }
    }

    pub(super) async fn ask(&self, ca: &Ca, address: &str) -> Challenge {
        self.ask_with(ca, address, &json!({})).await
    }

    /// The authorization once it is no longer pending.
    pub(super) async fn settled(&self, ca: &Ca, challenge: &Challenge) -> Value {
        for _ in 0..2000 {
            let object = self.read(ca, &challenge.authorization).await;
            if object["status"] != "pending" {
                return object;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} stays pending", challenge.authorization);
    }

    pub(super) async fn status(&self, ca: &Ca, challenge: &Challenge) -> String {
        self.read(ca, &challenge.url).await["status"].as_str().unwrap().to_owned()
    }

    pub(super) async fn finalize(&self, ca: &Ca, order: &str, address: &str) -> Reply {
        let identifier = Identifier::from_parts("email", address).unwrap();
        let csr = create_csr(&SigningKey::generate(KeyKind::P256).unwrap(), &[identifier]).unwrap();
        let finalize = self.read(ca, order).await["finalize"].as_str().unwrap().to_owned();
        self.post(ca, &finalize, &json!({"csr": URL_SAFE_NO_PAD.encode(csr)})).await
    }
}

/// A browser: it keeps the cookie and follows nothing by itself.
#[derive(Clone, Default)]
pub(super) struct Browser {
    cookie: Option<String>,
}

/// Where a browser stands at the provider.
#[derive(Clone, Debug)]
pub(super) struct AtProvider {
    pub(super) state: String,
    pub(super) nonce: String,
}

impl Browser {
    pub(super) async fn get(&mut self, ca: &Ca, url: &str) -> Reply {
        self.send(ca, Method::GET, url, &[], String::new()).await
    }

    pub(super) async fn form(&mut self, ca: &Ca, url: &str, members: &[(&str, &str)]) -> Reply {
        self.form_from(ca, url, members, "same-origin").await
    }

    /// Posts a form as a page of `site` does, in the words of `Sec-Fetch-Site`.
    pub(super) async fn form_from(
        &mut self,
        ca: &Ca,
        url: &str,
        members: &[(&str, &str)],
        site: &str,
    ) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", site)];
        self.send(ca, Method::POST, url, &headers, body).await
    }

    async fn send(
        &mut self,
        ca: &Ca,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let cookie = self.cookie.clone().unwrap_or_default();
        let mut headers = headers.to_vec();
        if !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        let reply = ca.send(method, url, &headers, Bytes::from(body)).await;
        if let Some(set) = reply.headers.get("set-cookie") {
            let set = set.to_str().unwrap();
            for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=None"] {
                assert!(set.contains(part), "{set}");
            }
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// Presses the button of the start page.
    pub(super) async fn start(&mut self, ca: &Ca, link: &str) -> AtProvider {
        let reply = self.form(ca, link, &[]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let to: Url = reply.header("location").parse().unwrap();
        let of = |name: &str| to.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        AtProvider { state: of("state"), nonce: of("nonce") }
    }

    /// Comes back from the provider with what it says.
    pub(super) async fn answer(&mut self, ca: &Ca, name: &str, state: &str, said: &Said) -> Reply {
        let response = serde_json::to_string(said).unwrap();
        let url = format!("{}/sso/saml/{name}/acs", ca.base);
        self.form_from(ca, &url, &[("RelayState", state), ("SAMLResponse", &response)], "cross-site").await
    }

    /// Signs in as `address`; where the server sends the browser then.
    pub(super) async fn sign_in(&mut self, ca: &Ca, link: &str, address: &str) -> String {
        let at = self.start(ca, link).await;
        let reply = self.answer(ca, "corp", &at.state, &says(address)).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        reply.header("location").to_owned()
    }
}

/// The provider vouches for `address`, with an assertion of its own, for whatever was asked.
pub(super) fn says(address: &str) -> Said {
    let assertion = crate::sso::binding::secret().unwrap();
    Said { commitment: None, email: address.to_owned(), assertion, groups: vec!["staff".to_owned()] }
}

pub(super) fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// The rules by which sign-ins were refused, in the order of the journal.
pub(super) async fn refusals(ca: &Ca) -> Vec<String> {
    let acts = acts(ca).await;
    let of = |act: &Value| {
        (act["act"] == "refused" && act["action"] == "sign-in")
            .then(|| act["rule"].as_str().unwrap().to_owned())
    };
    acts.iter().filter_map(of).collect()
}

pub(super) async fn acts(ca: &Ca) -> Vec<Value> {
    let page = read(&ca.running.app().store, Selection::default(), 100_000).await.unwrap();
    page.entries.iter().map(|entry| serde_json::to_value(entry.parse().unwrap()).unwrap()).collect()
}
