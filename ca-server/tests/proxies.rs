//! Behind a proxy: who a client is, and who is not believed about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use ca_server::config::{Config, TlsMode};
use http::{Method, StatusCode};
use serde_json::json;
use support::{Ca, Key};

/// newAccount by a new key, with this `X-Forwarded-For`.
async fn register(ca: &Ca, forwarded: &str) -> StatusCode {
    let (key, url) = (Key::p256(), ca.url("new-account"));
    let header = json!({"alg": key.alg(), "nonce": ca.nonce(), "url": url, "jwk": key.jwk()});
    let headers = [("content-type", "application/jose+json"), ("x-forwarded-for", forwarded)];
    ca.send(Method::POST, &url, &headers, key.sign(&header, b"{}")).await.status
}

fn one_account_an_hour(config: &mut Config) {
    config.limits.accounts_per_hour = 1;
}

#[tokio::test]
async fn a_peer_that_is_no_trusted_proxy_cannot_pretend_to_be_many_clients() {
    let ca = Ca::start_with("trusted_proxies = [\"10.0.0.0/8\"]", one_account_an_hour).await;
    assert_eq!(register(&ca, "192.0.2.1").await, StatusCode::CREATED);
    assert_eq!(register(&ca, "192.0.2.2").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_one_by_one_and_cannot_hide_behind_others() {
    let ca = Ca::start_with("trusted_proxies = [\"127.0.0.0/8\"]", one_account_an_hour).await;
    assert_eq!(register(&ca, "192.0.2.1").await, StatusCode::CREATED);
    assert_eq!(register(&ca, "192.0.2.2").await, StatusCode::CREATED);
    assert_eq!(register(&ca, "198.51.100.1, 192.0.2.2").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(register(&ca, "198.51.100.2, 192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_clients_of_a_proxy_on_this_host_do_not_see_the_metrics() {
    let ca = Ca::start().await;
    let metrics = format!("{}/metrics", ca.base);
    for headers in [&[][..], &[("x-forwarded-for", "127.0.0.1")]] {
        let reply = ca.send(Method::GET, &metrics, headers, bytes::Bytes::new()).await;
        assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::FORBIDDEN, "unauthorized"));
        assert!(reply.json()["detail"].as_str().unwrap().contains("metrics_listen"), "{reply:?}");
    }
}

#[tokio::test]
async fn every_address_counts_its_own_connections_but_a_proxy_does_not() {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;
    let limited = |config: &mut Config| {
        config.tls.mode = TlsMode::Files;
        config.limits.connections_per_address = 3;
    };
    let ca = Ca::start_with("", limited).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(TcpStream::connect(ca.address()).await.unwrap());
    }
    let mut fourth = TcpStream::connect(ca.address()).await.unwrap();
    let end = fourth.read(&mut [0; 1]).await;
    assert!(matches!(end, Ok(0) | Err(_)), "closed at once: {end:?}");

    let ca = Ca::start_with("trusted_proxies = [\"127.0.0.1/32\"]", limited).await;
    for _ in 0..8 {
        open.push(TcpStream::connect(ca.address()).await.unwrap());
    }
    let last = open.last_mut().unwrap();
    let waits = tokio::time::timeout(std::time::Duration::from_millis(100), last.read(&mut [0; 1])).await;
    assert!(waits.is_err(), "it is still open: {waits:?}");
}
