//! A front before the server that answers some requests itself: a refused nonce, 429, 503, or nothing at all.
//!
//! It shows the server's own TLS certificate, so that any client can be sent through it. What it spoils follows from a seed, so a failing test fails again.

#![expect(clippy::expect_used, reason = "a harness whose own set-up is wrong must stop at once")]

mod transport;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::ca::TestCa;
use crate::device::Http;
use crate::dice::Dice;

pub use transport::{Hurt, Rates, Tally};

/// Of how many POSTs in a hundred each is the fate; the rest goes through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares {
    /// `badNonce`, although the nonce was good.
    pub bad_nonce: u64,
    /// 429 with Retry-After.
    pub too_many: u64,
    /// 503 with Retry-After.
    pub unavailable: u64,
    /// The server acts, but its answer is lost.
    pub lost_answer: u64,
}

/// The front; it stops when this is dropped.
pub struct Front {
    address: SocketAddr,
    spoiled: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

struct Inside {
    server: Http,
    nonces: Box<dyn Fn() -> String + Send + Sync>,
    shares: Shares,
    dice: Mutex<Dice>,
    spoiled: Arc<AtomicU64>,
}

impl Front {
    /// A front before `ca`.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn before(ca: &TestCa, shares: Shares, seed: u64) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        let app = ca.app().clone();
        let spoiled = Arc::new(AtomicU64::new(0));
        let inside = Arc::new(Inside {
            server: ca.http(),
            nonces: Box::new(move || app.nonces.issue()),
            shares,
            dice: Mutex::new(Dice(seed)),
            spoiled: spoiled.clone(),
        });
        let task = tokio::spawn(accept(socket, acceptor(), inside));
        Self { address, spoiled, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it spoiled so far.
    #[must_use]
    pub fn spoiled(&self) -> u64 {
        self.spoiled.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn acceptor() -> TlsAcceptor {
    let (certificate, key) = TestCa::tls_pair();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the protocol versions are supported")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the certificate and key fit");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(socket: TcpListener, tls: TlsAcceptor, inside: Arc<Inside>) {
    while let Ok((stream, _)) = socket.accept().await {
        tokio::spawn(serve(stream, tls.clone(), inside.clone()));
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, inside: Arc<Inside>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request| answer(inside.clone(), request));
    // A connection that breaks is the client's business.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to break off without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost")]
struct Lost;

async fn answer(inside: Arc<Inside>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
    let fate = if head.method == Method::POST { inside.dice.lock().below(100) } else { 100 };
    let Shares { bad_nonce, too_many, unavailable, lost_answer } = inside.shares;
    let ends = [bad_nonce, bad_nonce + too_many, bad_nonce + too_many + unavailable];
    let [nonce_end, many_end, unavailable_end] = ends;
    if fate < unavailable_end + lost_answer {
        inside.spoiled.fetch_add(1, Ordering::SeqCst);
    }
    if fate < nonce_end {
        return Ok(inside.refusal(StatusCode::BAD_REQUEST, "badNonce", None));
    }
    if fate < many_end {
        return Ok(inside.refusal(StatusCode::TOO_MANY_REQUESTS, "rateLimited", Some("1")));
    }
    if fate < unavailable_end {
        return Ok(inside.refusal(StatusCode::SERVICE_UNAVAILABLE, "serverInternal", Some("2")));
    }
    let url = format!("https://{}{}", crate::ca::HOST, head.uri);
    let mut headers = head.headers;
    for name in [http::header::HOST, http::header::CONTENT_LENGTH, http::header::CONNECTION] {
        headers.remove(name);
    }
    let reply = inside.server.try_send(head.method, &url, headers, body.to_vec()).await.map_err(|_| Lost)?;
    if fate < unavailable_end + lost_answer {
        return Err(Lost);
    }
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

impl Inside {
    fn refusal(
        &self,
        status: StatusCode,
        kind: &str,
        retry_after: Option<&'static str>,
    ) -> Response<Full<Bytes>> {
        let document = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"),
            "detail": "spoiled on purpose",
            "status": status.as_u16(),
        });
        let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Ok(nonce) = HeaderValue::try_from((self.nonces)()) {
            headers.insert("replay-nonce", nonce);
        }
        if let Some(seconds) = retry_after {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}
