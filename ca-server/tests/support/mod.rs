//! A real server on a loopback socket, keys that sign requests, and a plain HTTP client that shows everything.

#![allow(dead_code, unreachable_pub, reason = "every test program uses another part")]

pub mod dns;
pub mod folder;
pub mod key;

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ca_server::clock::FixedClock;
use ca_server::config::Config;
use ca_server::server::{self, Parts, Running};
use ca_server::sso::providers::Providers;
use ca_server::store::Backend;
use ca_server::store::faulty::{Faulty, Switches};
use ca_server::store::memory::Memory;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};

pub use dns::FakeDns;
pub use key::Key;

/// What a request was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The last part of the problem's URN.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16(), "{json}");
        let urn = json["type"].as_str().unwrap();
        urn.strip_prefix("urn:ietf:params:acme:error:").unwrap().to_owned()
    }
}

/// A running server with its store and clock at hand.
pub struct Ca {
    pub running: Running,
    pub store: Arc<Memory>,
    pub switches: Switches,
    pub clock: FixedClock,
    pub dns: Arc<FakeDns>,
    pub base: String,
    client: Client<HttpConnector, Full<Bytes>>,
    config: Config,
    folder: Arc<tempfile::TempDir>,
    providers: Option<Providers>,
}

impl Ca {
    /// A server with the authorities `external` (binding optional) and `closed` (terms, binding required).
    pub async fn start() -> Self {
        Self::start_with("", |_| {}).await
    }

    /// The same with more lines at the top of `ca.toml`, and changes to what was parsed.
    pub async fn start_with(lines: &str, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(lines, change, |backend| backend).await
    }

    /// The same on a backend put around the usual one.
    pub async fn start_on(
        lines: &str,
        change: impl FnOnce(&mut Config),
        around: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = format!("http://ca.test:{}", folder::free_port());
        let mut config = folder::config(folder.path(), &base, lines);
        change(&mut config);
        let clock = FixedClock::at(time::OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap());
        let (store, dns) = (Arc::new(Memory::new()), Arc::new(FakeDns::default()));
        Self::run(config, (Arc::new(folder), base), clock, (store, dns), None, around).await
    }

    /// A server at which people sign in, with these identity providers instead of configured ones.
    pub async fn start_people(providers: Providers, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_people_on(providers, change, |backend| backend).await
    }

    /// The same on a backend put around the usual one.
    pub async fn start_people_on(
        providers: Providers,
        change: impl FnOnce(&mut Config),
        around: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = format!("http://ca.test:{}", folder::free_port());
        let mut config = folder::config(folder.path(), &base, "");
        for authority in config.authority.values_mut() {
            authority.profiles.push("user".to_owned());
        }
        change(&mut config);
        let clock = FixedClock::at(time::OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap());
        let (store, dns) = (Arc::new(Memory::new()), Arc::new(FakeDns::default()));
        let place = (Arc::new(folder), base);
        Self::run(config, place, clock, (store, dns), Some(providers), around).await
    }

    /// Another server on the same store and files, as after the end of this one's process; this one does nothing any more.
    pub async fn again(&self) -> Self {
        let place = (self.folder.clone(), self.base.clone());
        let world = (self.store.clone(), self.dns.clone());
        let (config, clock) = (self.config.clone(), self.clock.clone());
        Self::run(config, place, clock, world, self.providers.clone(), |backend| backend).await
    }

    async fn run(
        config: Config,
        (folder, base): (Arc<tempfile::TempDir>, String),
        clock: FixedClock,
        (store, dns): (Arc<Memory>, Arc<FakeDns>),
        providers: Option<Providers>,
        around: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>,
    ) -> Self {
        let switches = Switches::default();
        let backend = Faulty::new(Arc::<Memory>::clone(&store), switches.clone());
        let parts = Parts {
            clock: Some(Arc::new(clock.clone())),
            backend: Some(around(Arc::new(backend))),
            resolver: Some(dns.clone()),
            providers: providers.clone(),
        };
        let running = server::start(config.clone(), parts).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { running, store, switches, clock, dns, base, client, config, folder, providers }
    }

    /// Writes a file beside `ca.toml`.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The text of a file beside `ca.toml`.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// The absolute URL of a resource of `external`.
    pub fn url(&self, resource: &str) -> String {
        format!("{}/acme/external/{resource}", self.base)
    }

    /// Sends a request to where `url` stands on this server, whatever host it names.
    pub async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
        let path = url.strip_prefix(&self.base).unwrap_or(url);
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.send(Method::GET, url, &[], Bytes::new()).await
    }

    /// Gets a path from another listener.
    pub async fn get_at(&self, address: SocketAddr, path: &str) -> Reply {
        let request = Request::get(format!("http://{address}{path}")).body(Full::default()).unwrap();
        let (parts, body) = self.client.request(request).await.unwrap().into_parts();
        Reply { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Stops the server as SIGTERM does.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }

    /// Posts a body as `application/jose+json`.
    pub async fn post_raw(&self, url: &str, body: impl Into<Bytes>) -> Reply {
        self.send(Method::POST, url, &[("content-type", "application/jose+json")], body.into()).await
    }

    pub fn nonce(&self) -> String {
        self.running.app().nonces.issue()
    }

    /// Posts a payload signed by `key` with its JWK in the header.
    pub async fn post_with_jwk(&self, url: &str, key: &Key, payload: &Value) -> Reply {
        let header = json!({"alg": key.alg(), "nonce": self.nonce(), "url": url, "jwk": key.jwk()});
        self.post_raw(url, key.sign(&header, payload.to_string().as_bytes())).await
    }

    /// Posts octets signed by the account `kid`.
    pub async fn post(&self, url: &str, key: &Key, kid: &str, payload: &[u8]) -> Reply {
        let header = json!({"alg": key.alg(), "nonce": self.nonce(), "url": url, "kid": kid});
        self.post_raw(url, key.sign(&header, payload)).await
    }

    /// Makes an account; its URL.
    pub async fn register(&self, key: &Key) -> String {
        let reply = self.post_with_jwk(&self.url("new-account"), key, &json!({})).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        reply.header("location").to_owned()
    }
}

/// A flattened JWS of these parts.
pub fn flattened(protected: &str, payload: &[u8], signature: &[u8]) -> Map<String, Value> {
    let mut jws = Map::new();
    jws.insert("protected".to_owned(), URL_SAFE_NO_PAD.encode(protected).into());
    jws.insert("payload".to_owned(), URL_SAFE_NO_PAD.encode(payload).into());
    jws.insert("signature".to_owned(), URL_SAFE_NO_PAD.encode(signature).into());
    jws
}

/// `protected.payload` in base64url.
pub fn signing_input(protected: &str, payload: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(protected), URL_SAFE_NO_PAD.encode(payload))
}
