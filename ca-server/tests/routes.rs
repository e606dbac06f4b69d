//! What surrounds every request, over a real socket: unknown paths, wrong methods, CORS, health, metrics, pages, faults.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ca_server::store::{Backend, Batch, Range, Row, Snapshot, StoreError, Table};
use http::Method;
use serde_json::json;
use support::{Ca, Key, Reply};

/// Every route that takes a POST, for the questions that are the same for all.
const POSTS: &[&str] =
    &["directory", "new-nonce", "new-account", "account/AAAAAAAAAAAAAAAAAAAAAA", "key-change"];

fn assert_framed(reply: &Reply, ca: &Ca) {
    assert_eq!(ca.running.app().nonces.redeem(reply.header("replay-nonce")), Ok(()), "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(reply.header("x-request-id").contains('-'), "{reply:?}");
}

#[tokio::test]
async fn the_directory_lists_every_resource_and_what_the_authority_asks() {
    let ca = Ca::start().await;
    let reply = ca.get(&ca.url("directory")).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
    let directory = reply.json();
    for (name, path) in [
        ("newNonce", "new-nonce"),
        ("newAccount", "new-account"),
        ("newOrder", "new-order"),
        ("newAuthz", "new-authz"),
        ("revokeCert", "revoke-cert"),
        ("keyChange", "key-change"),
        ("renewalInfo", "renewal-info"),
    ] {
        assert_eq!(directory[name], ca.url(path), "{name}");
    }
    assert_eq!(directory["meta"]["externalAccountRequired"], false);
    assert_eq!(directory["meta"]["caaIdentities"], json!(["ca.test"]));
    assert!(directory["meta"]["profiles"]["device"].is_string());
    assert_eq!(directory["meta"].get("termsOfService"), None);
    assert!(reply.headers.get_all("link").iter().next().is_none(), "the directory has no index");

    let closed = ca.get(&ca.url("directory").replace("external", "closed")).await.json();
    assert_eq!(closed["meta"]["externalAccountRequired"], true);
    assert_eq!(closed["meta"]["termsOfService"], "https://ca.test/terms");
}

#[tokio::test]
async fn new_authz_is_not_listed_where_pre_authorization_is_off() {
    let ca = Ca::start_with("", |config| config.acme.pre_authorization = false).await;
    assert_eq!(ca.get(&ca.url("directory")).await.json().get("newAuthz"), None);
}

#[tokio::test]
async fn new_nonce_answers_head_with_200_and_get_with_204() {
    let ca = Ca::start().await;
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204)] {
        let reply = ca.send(method, &ca.url("new-nonce"), &[], Bytes::new()).await;
        assert_eq!(reply.status, status);
        assert!(reply.body.is_empty());
        assert_framed(&reply, &ca);
        assert!(reply.header("link").contains("rel=\"index\""));
    }
}

#[tokio::test]
async fn directory_and_new_nonce_can_be_read_by_post_as_get() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    let directory = ca.post(&ca.url("directory"), &key, &kid, b"").await;
    assert_eq!(directory.json(), ca.get(&ca.url("directory")).await.json());
    let nonce = ca.post(&ca.url("new-nonce"), &key, &kid, b"").await;
    assert_eq!(nonce.status, 204);
    assert_framed(&nonce, &ca);
}

#[tokio::test]
async fn unknown_paths_are_not_found_and_posts_to_them_get_a_nonce() {
    let ca = Ca::start().await;
    for path in
        ["/nothing", "/acme", "/acme/external", "/acme/external/nothing", "/acme/%2e%2e/directory", "//"]
    {
        let url = format!("{}{path}", ca.base);
        assert_eq!(ca.get(&url).await.status, 404, "{path}");
        let posted = ca.post_raw(&url, "{}").await;
        assert_eq!((posted.status.as_u16(), posted.problem().as_str()), (404, "malformed"), "{path}");
        assert_framed(&posted, &ca);
    }
    for resource in POSTS {
        let url = ca.url(resource).replace("external", "absent");
        let reply = ca.post_raw(&url, "{}").await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (404, "malformed"), "{resource}");
        assert_framed(&reply, &ca);
    }
    for resource in ["directory", "new-nonce"] {
        assert_eq!(ca.get(&ca.url(resource).replace("external", "absent")).await.status, 404);
    }
}

#[tokio::test]
async fn wrong_methods_are_told_which_are_allowed() {
    let ca = Ca::start().await;
    let key_change = ca.get(&ca.url("key-change")).await;
    assert_eq!((key_change.status.as_u16(), key_change.header("allow")), (405, "POST"));
    assert!(key_change.json()["detail"].as_str().unwrap().contains("POST-as-GET"));
    let delete = ca.send(Method::DELETE, &ca.url("directory"), &[], Bytes::new()).await;
    assert_eq!((delete.status.as_u16(), delete.problem().as_str()), (405, "malformed"));
    assert_eq!(delete.header("allow"), "GET,HEAD,POST");
    let health = ca.post_raw(&format!("{}/health", ca.base), "").await;
    assert_eq!(health.status, 405);
    assert_framed(&health, &ca);
}

#[tokio::test]
async fn scripts_may_read_what_anyone_may_read_and_nothing_else() {
    let ca = Ca::start().await;
    let origin = [("origin", "https://page.test")];
    for resource in ["directory", "new-nonce"] {
        let reply = ca.send(Method::GET, &ca.url(resource), &origin, Bytes::new()).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{resource}");
        assert!(reply.header("access-control-expose-headers").contains("replay-nonce"));
    }
    let asked = [("origin", "https://page.test"), ("access-control-request-method", "POST")];
    let preflight = ca.send(Method::OPTIONS, &ca.url("new-account"), &asked, Bytes::new()).await;
    assert_eq!(preflight.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn an_id_from_outside_is_not_taken_and_each_request_has_its_own() {
    let ca = Ca::start().await;
    let url = ca.url("directory");
    let first = ca.send(Method::GET, &url, &[("x-request-id", "forged")], Bytes::new()).await;
    let second = ca.get(&url).await;
    assert_ne!(first.header("x-request-id"), "forged");
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn health_says_when_the_store_fails_and_when_it_works_again() {
    let ca = Ca::start().await;
    let url = format!("{}/health", ca.base);
    let well = ca.get(&url).await;
    assert_eq!(
        (well.status.as_u16(), &well.json()["status"], &well.json()["store"]),
        (200, &json!("ok"), &json!("ok"))
    );
    ca.switches.fail_all_commits(true);
    let ill = ca.get(&url).await;
    assert_eq!((ill.status.as_u16(), &ill.json()["store"]), (503, &json!("failing")));
    ca.switches.fail_all_commits(false);
    assert_eq!(ca.get(&url).await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let ca = Ca::start_with("metrics_listen = \"127.0.0.1:0\"", |_| {}).await;
    ca.get(&ca.url("directory")).await;
    ca.post_raw(&ca.url("new-account"), "{}").await;
    let elsewhere = ca.running.metrics_address().unwrap();
    let page = ca.get_at(elsewhere, "/metrics").await;
    assert_eq!(page.status, 200);
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    for line in [
        r#"rollcall_http_requests_total{route="/acme/{authority}/directory",status="200"}"#,
        r#"rollcall_http_requests_total{route="/acme/{authority}/new-account",status="400"}"#,
        r#"rollcall_http_request_seconds_bucket{route="/acme/{authority}/directory",le="0.5"}"#,
        r#"rollcall_problems_total{kind="malformed"}"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(ca.get_at(elsewhere, "/health").await.status, 200);
    assert_eq!(ca.get_at(elsewhere, "/acme/external/directory").await.status, 404);
}

#[tokio::test]
async fn the_start_page_names_the_directories_and_the_roots_can_be_fetched() {
    let ca = Ca::start().await;
    let page = ca.get(&format!("{}/", ca.base)).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains(&ca.url("directory")), "{text}");
    let root = ca.get(&format!("{}/roots/external.pem", ca.base)).await;
    assert!(root.body.starts_with(b"-----BEGIN CERTIFICATE-----"), "{root:?}");
    for file in ["external", "absent.pem", "..%2fexternal.key", ".pem", "external.key"] {
        assert_eq!(ca.get(&format!("{}/roots/{file}", ca.base)).await.status, 404, "{file}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_for_acme_is_reached_by_its_root_and_lists_only() {
    let name = "closed".parse().unwrap();
    let ca = Ca::start_with("", |config| config.authority.get_mut(&name).unwrap().acme = false).await;
    let closed = |resource: &str| ca.url(resource).replace("external", "closed");
    let key = Key::p256();
    for resource in ["directory", "new-nonce", "renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"] {
        let reply = ca.get(&closed(resource)).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (404, "malformed"), "{resource}");
    }
    let account = json!({"termsOfServiceAgreed": true});
    for resource in ["new-account", "revoke-cert"] {
        let reply = ca.post_with_jwk(&closed(resource), &key, &account).await;
        assert_eq!(reply.status, 404, "{resource}: {reply:?}");
    }
    let page = ca.get(&format!("{}/", ca.base)).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!text.contains("/acme/closed/") && text.contains("/roots/closed.pem"), "{text}");
    for file in ["/roots/closed.pem", "/crl/closed.crl", "/issuer/closed.crt"] {
        assert_eq!(ca.get(&format!("{}{file}", ca.base)).await.status, 200, "{file}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_an_internal_problem_with_a_nonce_and_without_detail() {
    let ca = Ca::start().await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    ca.switches.fail_reads(true);
    for resource in ["directory", "new-nonce", "key-change"] {
        let reply = ca.post(&ca.url(resource), &key, &kid, b"").await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (500, "serverInternal"), "{resource}");
        assert_framed(&reply, &ca);
        assert!(!reply.json()["detail"].as_str().unwrap().contains("pretend"));
    }
}

#[tokio::test]
async fn a_server_under_a_path_answers_with_and_without_it() {
    let ca = Ca::start_with("", |config| config.url = "http://ca.test/pki/".parse().unwrap()).await;
    let reply = ca.get("/pki/acme/external/directory").await;
    assert_eq!(reply.json()["newNonce"], "http://ca.test/pki/acme/external/new-nonce");
    assert_eq!(ca.get("/acme/external/directory").await.json(), reply.json());
    let key = Key::p256();
    let url = "http://ca.test/pki/acme/external/new-account";
    let header = json!({"alg": "ES256", "nonce": ca.nonce(), "url": url, "jwk": key.jwk()});
    assert_eq!(ca.post_raw("/pki/acme/external/new-account", key.sign(&header, b"{}")).await.status, 201);
}

/// A backend whose reads panic, once it is told to.
struct Panics(Arc<dyn Backend>, Arc<AtomicBool>);

#[async_trait]
impl Backend for Panics {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        assert!(!self.1.load(Ordering::SeqCst), "as told");
        self.0.get(table, key).await
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.0.scan(range).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.0.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.0.snapshot().await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.0.health().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[tokio::test]
async fn a_panic_is_one_internal_problem_with_a_nonce_and_the_server_goes_on() {
    let told = Arc::new(AtomicBool::new(false));
    let around = |backend| -> Arc<dyn Backend> { Arc::new(Panics(backend, Arc::clone(&told))) };
    let ca = Ca::start_on("", |_| {}, around).await;
    let key = Key::p256();
    let kid = ca.register(&key).await;
    told.store(true, Ordering::SeqCst);
    let reply = ca.post(&kid, &key, &kid, b"").await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (500, "serverInternal"));
    assert_framed(&reply, &ca);
    assert!(!reply.json()["detail"].as_str().unwrap().contains("as told"));
    told.store(false, Ordering::SeqCst);
    assert_eq!(ca.post(&kid, &key, &kid, b"").await.status, 200);
}
