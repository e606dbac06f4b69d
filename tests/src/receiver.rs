//! A receiver of webhooks that keeps what it was sent and answers as a test says: well, slowly, with lies, or not at all.
//!
//! Speaks just enough HTTP/1.1 to be able to break it. Checks signatures by itself, with nothing of the server's. Ends when dropped.

#![expect(clippy::expect_used, reason = "a harness whose own set-up is wrong must stop at once")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Longest that anything is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// With this status and one header.
    With(u16, &'static str, String),
    /// With 200 and a body that never ends.
    Endless,
    /// With these octets, which need not be HTTP.
    Raw(&'static [u8]),
    /// With 204, after this time.
    After(Duration),
    /// Not at all.
    Never,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The request line.
    pub line: String,
    /// Its headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
    /// When it was read.
    pub at: Instant,
}

impl Received {
    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The id of the event.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Which of its signatures this secret (`whsec_…`) made, counted from 0.
    #[must_use]
    pub fn signed_by(&self, secret: &str) -> Option<usize> {
        let octets = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("the secret is base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &octets);
        let mut message = format!("{}.{}.", self.id(), self.header("webhook-timestamp")).into_bytes();
        message.extend_from_slice(&self.body);
        let fits = |text: &str| {
            let tag = text.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &message, &tag).is_ok())
        };
        self.header("webhook-signature").split(' ').position(fits)
    }
}

/// The receiver.
pub struct Receiver {
    address: SocketAddr,
    root: Option<String>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: tokio::sync::Mutex<mpsc::UnboundedReceiver<Received>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// One that speaks plain HTTP.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// One behind TLS, with a certificate of its own for `localhost`.
    pub async fn start_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).expect("a key");
        Self::listen(Some((made.cert.pem(), key))).await
    }

    async fn listen(tls: Option<(String, PrivateKeyDer<'static>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("it has an address");
        let root = tls.as_ref().map(|(pem, _)| pem.clone());
        let acceptor = tls.map(|(pem, key)| acceptor(&pem, key));
        let (sender, requests) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<Answer>>>::default();
        let kept = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept, sender) = (acceptor.clone(), Arc::clone(&kept), sender.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &kept, &sender).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &kept, &sender).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, root, answers, requests: tokio::sync::Mutex::new(requests), task }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.root {
            Some(_) => format!("https://localhost:{}/hook", self.address.port()),
            None => format!("http://{}/hook", self.address),
        }
    }

    /// What to trust for its TLS, PEM.
    #[must_use]
    pub fn root(&self) -> &str {
        self.root.as_deref().unwrap_or_default()
    }

    /// Answers the next requests so, one after the other; all others with 204.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().extend(answers);
    }

    /// The next request, in the order in which they came.
    ///
    /// # Panics
    /// If none comes within a minute.
    pub async fn next(&self) -> Received {
        let mut requests = self.requests.lock().await;
        let next = tokio::time::timeout(LONGEST, requests.recv()).await;
        next.expect("a request comes in time").expect("the receiver runs")
    }

    /// The requests that came and were not looked at yet.
    pub async fn rest(&self) -> Vec<Received> {
        let mut requests = self.requests.lock().await;
        std::iter::from_fn(|| requests.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn acceptor(pem: &str, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the defaults are safe")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("certificate and key fit");
    TlsAcceptor::from(Arc::new(config))
}

/// Answers the requests of one connection until one side has enough.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &Mutex<VecDeque<Answer>>,
    sender: &mpsc::UnboundedSender<Received>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(received) = read(&mut stream).await {
        let answer = answers.lock().pop_front().unwrap_or(Answer::Status(204));
        // Whoever does not look any more is not told.
        let _ = sender.send(received);
        let written = match answer {
            Answer::Status(status) => write(&mut stream, status, "").await,
            Answer::With(status, name, value) => {
                write(&mut stream, status, &format!("{name}: {value}\r\n")).await
            }
            Answer::Raw(octets) => {
                let _ = stream.write_all(octets).await;
                let _ = stream.flush().await;
                return;
            }
            Answer::After(time) => {
                tokio::time::sleep(time).await;
                write(&mut stream, 204, "").await
            }
            Answer::Never => std::future::pending().await,
            Answer::Endless => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
                let mut written = stream.write_all(head.as_bytes()).await;
                while written.is_ok() {
                    written = stream.write_all(&[b'x'; 4096]).await;
                }
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), status: u16, header: &str) -> std::io::Result<()> {
    let length = if status == 204 { "" } else { "content-length: 0\r\n" };
    stream.write_all(format!("HTTP/1.1 {status} Told\r\n{header}{length}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let line = lines.next()?.to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body =
        vec![0; headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or_default()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { line, headers, body, at: Instant::now() })
}
