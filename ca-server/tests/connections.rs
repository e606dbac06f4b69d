//! The listener over real sockets: TLS, slow and broken peers, limits, stopping in order.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use ca_server::config::TlsMode;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::json;
use support::{Ca, Key, folder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio_rustls::TlsConnector;

/// Takes whatever certificate is shown; the test then looks at it.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn tls(
    ca: &Ca,
    version: &'static rustls::SupportedProtocolVersion,
    alpn: &[u8],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let connection = TcpStream::connect(ca.address()).await.unwrap();
    let name = ServerName::try_from("ca.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connection).await.unwrap()
}

const GET: &[u8] = b"GET /acme/external/directory HTTP/1.1\r\nHost: ca.test\r\nConnection: close\r\n\r\n";

async fn exchange<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A peer that closes without TLS's farewell is no failure of what it sent before.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn both_tls_versions_are_served_and_a_replaced_certificate_is_shown_to_new_connections() {
    let ca = Ca::start_with("", |config| config.tls.mode = TlsMode::Files).await;
    let mut first = tls(&ca, &rustls::version::TLS13, b"http/1.1").await;
    let shown = first.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert!(exchange(&mut first, GET).await.starts_with("HTTP/1.1 200 OK"));

    let certificate = ca.running.certificate().unwrap();
    assert_eq!(certificate.chain()[0], shown);
    let (chain, key) = folder::self_signed();
    certificate.replace(chain.as_bytes(), key.as_bytes()).unwrap();
    let mut second = tls(&ca, &rustls::version::TLS12, b"http/1.1").await;
    assert_ne!(second.get_ref().1.peer_certificates().unwrap()[0], shown);
    assert!(exchange(&mut second, GET).await.starts_with("HTTP/1.1 200 OK"));

    let (_, other_key) = folder::self_signed();
    assert!(certificate.replace(chain.as_bytes(), other_key.as_bytes()).is_err());
    assert!(certificate.replace(b"", key.as_bytes()).is_err());
    assert_eq!(certificate.chain()[0], second.get_ref().1.peer_certificates().unwrap()[0]);
    ca.running.reload().await.unwrap();
    assert_eq!(certificate.chain()[0], shown, "a reload reads the files again");
}

#[tokio::test]
async fn http_2_is_offered_over_tls() {
    let ca = Ca::start_with("", |config| config.tls.mode = TlsMode::Files).await;
    let mut sender = http_2(&ca).await;
    let request = http::Request::get("https://ca.test/acme/external/directory");
    let request = request.body(http_body_util::Empty::<bytes::Bytes>::new().boxed_unsync()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

type Http2 = hyper::client::conn::http2::SendRequest<UnsyncBoxBody<bytes::Bytes, std::convert::Infallible>>;

async fn http_2(ca: &Ca) -> Http2 {
    let stream = tls(ca, &rustls::version::TLS13, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn over_http_2_a_refusal_arrives_although_its_request_was_never_read() {
    let ca = Ca::start_with("", |config| config.tls.mode = TlsMode::Files).await;
    let mut sender = http_2(&ca).await;
    for _ in 0..20 {
        let (late, chunks) = tokio::sync::mpsc::channel(1);
        let frames = futures_util::stream::unfold(chunks, |mut chunks: Receiver<bytes::Bytes>| async {
            chunks.recv().await.map(|chunk| (Ok(hyper::body::Frame::data(chunk)), chunks))
        });
        let body = http_body_util::StreamBody::new(frames).boxed_unsync();
        let request = http::Request::post("https://ca.test/acme/external/directory");
        let answer = sender.send_request(request.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 415);
        let told = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(told.starts_with(b"{"), "{told:?}");
        // A client that has its answer before its request was out is not cut off in the middle of it.
        late.send(bytes::Bytes::from(vec![b'x'; 1000])).await.unwrap();
        late.send(bytes::Bytes::from(vec![b'x'; 1000])).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_stops_halfway_is_a_request_timeout_with_a_nonce() {
    let ca = Ca::start_with("", |config| config.limits.request_timeout = Duration::from_millis(400)).await;
    let mut stream = TcpStream::connect(ca.address()).await.unwrap();
    let head = "POST /acme/external/new-account HTTP/1.1\r\nHost: ca.test\r\n\
                Content-Type: application/jose+json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{";
    let answer = exchange(&mut stream, head.as_bytes()).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 408"), "{answer}");
    assert!(answer.contains("replay-nonce: ") && answer.contains("application/problem+json"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_counted_while_it_comes() {
    let ca = Ca::start_with("", |config| config.limits.body = 1000).await;
    let mut stream = TcpStream::connect(ca.address()).await.unwrap();
    let chunk = format!("400\r\n{}\r\n0\r\n\r\n", "a".repeat(1024));
    let head = format!(
        "POST /acme/external/new-account HTTP/1.1\r\nHost: ca.test\r\nContent-Type: application/jose+json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}"
    );
    let answer = exchange(&mut stream, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("1000 octets"), "{answer}");
}

#[tokio::test]
async fn a_handler_slower_than_the_limit_is_answered_for_and_goes_on() {
    let ca = Ca::start_with("", |config| config.limits.request_timeout = Duration::from_millis(200)).await;
    let key = Key::p256();
    ca.switches.hold_commits(true);
    let reply = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (503, "serverInternal"));
    assert_eq!((reply.header("retry-after"), reply.header("replay-nonce").len()), ("5", 32));
    ca.switches.hold_commits(false);
    ca.running.app().tasks.close();
    ca.running.app().tasks.wait().await;
    let found = ca.post_with_jwk(&ca.url("new-account"), &key, &json!({"onlyReturnExisting": true})).await;
    assert_eq!(found.status, 200, "what was begun was finished");
}

/// Waits until a request is being worked on.
async fn at_work(ca: &Ca) {
    while ca.running.app().tasks.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_what_it_began() {
    let ca = Ca::start().await;
    let key = Key::p256();
    ca.switches.delay_commits(Duration::from_millis(300));
    let url = ca.url("new-account");
    let payload = json!({});
    tokio::select! {
        reply = ca.post_with_jwk(&url, &key, &payload) => panic!("answered before it was abandoned: {reply:?}"),
        () = at_work(&ca) => {}
    }
    ca.running.app().tasks.close();
    ca.running.app().tasks.wait().await;
    ca.switches.delay_commits(Duration::ZERO);
    let found = ca.post_with_jwk(&url, &key, &json!({"onlyReturnExisting": true})).await;
    assert_eq!(found.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_seat() {
    let ca = Ca::start_with("", |config| config.limits.connections = 1).await;
    let mut first = TcpStream::connect(ca.address()).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n").await.unwrap();
    let mut octet = [0; 1];
    first.read_exact(&mut octet).await.unwrap();
    let mut second = TcpStream::connect(ca.address()).await.unwrap();
    second.write_all(GET).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.read_exact(&mut octet)).await;
    assert!(early.is_err(), "the only seat is taken");
    drop(first);
    second.read_exact(&mut octet).await.unwrap();
}

#[tokio::test]
async fn a_stop_finishes_requests_at_work_and_then_refuses_connections() {
    let ca = Ca::start().await;
    let address = ca.address();
    ca.switches.delay_commits(Duration::from_millis(300));
    let key = Key::p256();
    let header = json!({"alg": "ES256", "nonce": ca.nonce(), "url": ca.url("new-account"), "jwk": key.jwk()});
    let body = key.sign(&header, b"{}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /acme/external/new-account HTTP/1.1\r\nHost: ca.test\r\nContent-Type: application/jose+json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    at_work(&ca).await;
    ca.stop().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
    assert!(TcpStream::connect(address).await.is_err());
}

/// A server behind TLS with so few seats, given up after a second without a request.
async fn with_seats(seats: usize) -> Ca {
    Ca::start_with("", move |config| {
        config.tls.mode = TlsMode::Files;
        config.limits.connections = seats;
        config.limits.connections_per_address = 0;
        config.limits.idle_timeout = Duration::from_secs(1);
    })
    .await
}

/// A new connection gets a seat and an answer.
async fn assert_served(ca: &Ca) {
    let asking = async { exchange(&mut tls(ca, &rustls::version::TLS13, b"http/1.1").await, GET).await };
    let answer = tokio::time::timeout(Duration::from_secs(20), asking).await;
    let answer = answer.unwrap_or_else(|_| panic!("no seat was given up"));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_six_connections_that_ask_nothing_more_give_their_seats_up() {
    let ca = with_seats(66).await;
    let mut silent = Vec::new();
    let mut asked = Vec::new();
    let mut pinged = Vec::new();
    for _ in 0..22 {
        silent.push(tls(&ca, &rustls::version::TLS13, b"http/1.1").await);
        let mut stream = tls(&ca, &rustls::version::TLS13, b"http/1.1").await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 15]).await.unwrap();
        asked.push(stream);
        let io = hyper_util::rt::TokioIo::new(tls(&ca, &rustls::version::TLS13, b"h2").await);
        let executor = hyper_util::rt::TokioExecutor::new();
        let handshake = hyper::client::conn::http2::handshake::<_, _, http_body_util::Empty<bytes::Bytes>>;
        let (sender, connection) = handshake(executor, io).await.unwrap();
        // It answers every ping.
        tokio::spawn(connection);
        pinged.push(sender);
    }
    assert_served(&ca).await;
    assert_eq!((silent.len(), asked.len(), pinged.len()), (22, 22, 22), "they were open all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_their_answers_give_their_seats_up() {
    let ca = with_seats(2).await;
    let asking = b"GET /acme/external/directory HTTP/1.1\r\nHost: ca.test\r\n\r\n".repeat(1000);
    for _ in 0..2 {
        let mut stream = tls(&ca, &rustls::version::TLS13, b"http/1.1").await;
        let asking = asking.clone();
        // Asks on until nothing goes out any more, which is when nothing comes in.
        tokio::spawn(async move { while stream.write_all(&asking).await.is_ok() {} });
    }
    assert_served(&ca).await;
}

#[tokio::test]
async fn the_servers_own_certificate_is_as_the_profile_of_its_file_says() {
    let ca = Ca::start_with("", |config| {
        config.tls.mode = TlsMode::Own;
        let path = config.resolve(std::path::Path::new("policy/profiles/server.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("lifetime = \"30days\"") && text.contains("backdate = \"5min\""));
        let text =
            text.replace("\"30days\"", "\"10days\"").replace("policy = \"none\"", "policy = \"proof\"");
        std::fs::write(&path, text).unwrap();
    })
    .await;
    let shown = ca.running.certificate().unwrap().chain();
    let report = certs::inspect::inspect_certificate(&shown[0]).unwrap();
    let life = report.not_after - report.not_before;
    assert_eq!(life, time::Duration::days(10) + time::Duration::minutes(5));
    assert!(report.names.contains(&"dns:ca.test".to_owned()), "{:?}", report.names);
    assert!(report.proofs.is_empty() && report.other_policies.is_empty(), "it names no proof: {report:?}");
}
