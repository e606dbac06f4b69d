//! The real transport against real sockets on this machine: wrong roots, cut-off and endless bodies, silence, redirects.

use std::net::SocketAddr;

use http::header::ACCEPT;
use http::{HeaderMap, Method, StatusCode};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

/// A server that answers one connection with `answer`, then keeps it open if `hold`. Gives the address and what it was sent.
async fn serve(answer: impl Into<Vec<u8>>, hold: bool) -> (SocketAddr, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hearing) = oneshot::channel();
    let answer = answer.into();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut piece = [0; 4_096];
            let read = stream.read(&mut piece).await.unwrap();
            request.extend_from_slice(&piece[..read]);
        }
        heard.send(String::from_utf8(request).unwrap()).ok();
        stream.write_all(&answer).await.ok();
        if hold {
            std::future::pending::<()>().await;
        }
    });
    (address, hearing)
}

fn config() -> HttpsConfig {
    HttpsConfig { plain_http: PlainHttp::Loopback, ..HttpsConfig::new(Roots::Only(vec![authority().0])) }
}

async fn fetch(config: HttpsConfig, url: &str) -> Result<HttpResponse, TransportError> {
    let request = HttpRequest {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    HttpsTransport::new(&config).unwrap().send(request).await
}

/// A root certificate and its key.
fn authority() -> (CertificateDer<'static>, rcgen::CertificateParams, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (parameters.self_signed(&key).unwrap().der().clone(), parameters, key)
}

/// A TLS server named `name`, with a fresh root. Answers every connection with an empty 200 over HTTP/1.1.
async fn serve_tls(name: &str) -> (SocketAddr, CertificateDer<'static>) {
    let (root, issuer, issuer_key) = authority();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&issuer, &issuer_key);
    let leaf = rcgen::CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok();
        }
    });
    (address, root)
}

#[tokio::test]
async fn a_server_under_the_given_root_is_reached_and_under_another_is_not() {
    let (address, root) = serve_tls("ca.test").await;
    let url = format!("https://ca.test:{}/", address.port());
    let trusting = |root| HttpsConfig {
        addresses: vec![("ca.test".into(), address)],
        environment_proxy: false,
        ..HttpsConfig::new(Roots::Only(vec![root]))
    };
    assert_eq!(fetch(trusting(root), &url).await.unwrap().status, StatusCode::OK);
    let error = fetch(trusting(authority().0), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    assert!(!error.is_passing(), "trying again cannot help");
    assert!(error.hint().unwrap().contains("--root"), "{:?}", error.hint());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (address, root) = serve_tls("other.test").await;
    let url = format!("https://127.0.0.1:{}/", address.port());
    let error = fetch(HttpsConfig::new(Roots::Only(vec![root])), &url).await.unwrap_err();
    assert!(error.hint().unwrap().contains("host name"), "{error}");
}

#[tokio::test]
async fn roots_come_from_pem_and_nothing_else() {
    let pem = rcgen::CertificateParams::new(["a".to_owned()]).unwrap();
    let pem = pem.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let Roots::Only(roots) = Roots::from_pem(format!("{pem}\n{pem}").as_bytes()).unwrap() else { panic!() };
    assert_eq!(roots.len(), 2);
    for junk in ["", "text", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(Roots::from_pem(junk.as_bytes()), Err(RootsError::NotPem)), "{junk}");
    }
    let junk = HttpsConfig::new(Roots::Only(vec![CertificateDer::from(vec![0x30, 0x00])]));
    let error = HttpsTransport::new(&junk).unwrap_err();
    assert!(matches!(error, RootsError::Unusable { position: 1, .. }));
}

#[tokio::test]
async fn the_request_says_who_asks_and_for_what() {
    let (address, heard) = serve("HTTP/1.1 204 No Content\r\nreplay-nonce: abc\r\n\r\n", false).await;
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let url = format!("http://{address}/new-nonce").parse().unwrap();
    let request = HttpRequest { method: Method::HEAD, url, headers, body: Vec::new() };
    let answer = HttpsTransport::new(&config()).unwrap().send(request).await.unwrap();
    assert_eq!(answer.headers["replay-nonce"], "abc");
    let heard = heard.await.unwrap().to_ascii_lowercase();
    assert!(heard.starts_with("head /new-nonce http/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nuser-agent: acme-client/"), "{heard}");
    assert!(heard.contains("\r\naccept: application/json\r\n"), "{heard}");
}

#[tokio::test]
async fn plain_http_goes_nowhere_unless_it_was_allowed() {
    for (allowed, url, refused) in [
        (PlainHttp::Never, "http://127.0.0.1:1/", true),
        (PlainHttp::Loopback, "http://127.0.0.1:1/", false),
        (PlainHttp::Loopback, "http://192.0.2.1:1/", true),
        (PlainHttp::Loopback, "http://localhost.ca.test:1/", true),
    ] {
        let error = fetch(HttpsConfig { plain_http: allowed, ..config() }, url).await.unwrap_err();
        assert_eq!(matches!(error, TransportError::PlainHttp { .. }), refused, "{allowed:?} {url}: {error}");
    }
}

#[tokio::test]
async fn a_refused_connection_may_pass_and_says_where() {
    // Nobody listens there; at a port that was free a moment ago another test may by now.
    let error = fetch(config(), "http://127.0.0.1:1/").await.unwrap_err();
    assert!(error.is_passing());
    let shown = error.to_string();
    assert!(shown.starts_with("no connection to 127.0.0.1:1: ") && shown.contains("refused"), "{shown}");
}

#[tokio::test]
async fn an_announced_body_over_the_limit_is_not_even_read() {
    let (address, _) = serve("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", true).await;
    let error = fetch(config(), &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { limit: 1_048_576, .. }), "{error}");
}

#[tokio::test]
async fn an_endless_body_is_dropped_at_the_limit() {
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100 {
        endless.extend_from_slice(format!("{:x}\r\n{}\r\n", 1_000, "x".repeat(1_000)).as_bytes());
    }
    let (address, _) = serve(endless, true).await;
    let error =
        fetch(HttpsConfig { max_body: 5_000, ..config() }, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { limit: 5_000, .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_not_taken_for_the_whole() {
    let (address, _) = serve("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\":", false).await;
    let error = fetch(config(), &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Broken { .. }), "{error}");
    assert!(error.is_passing());
}

#[tokio::test]
async fn something_that_does_not_speak_http_is_an_error() {
    let (address, _) = serve("SSH-2.0-OpenSSH_9.9\r\n", false).await;
    let error = fetch(config(), &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Broken { .. } | TransportError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_before_and_inside_the_body_ends_at_the_time_limit() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun"] {
        let (address, _) = serve(begun, true).await;
        let impatient = HttpsConfig { request_timeout: Duration::from_millis(20), ..config() };
        let error = fetch(impatient, &format!("http://{address}/")).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { .. }), "{begun}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let (address, _) =
        serve("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", false)
            .await;
    let answer = fetch(config(), &format!("http://{address}/")).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
}
