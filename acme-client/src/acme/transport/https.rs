//! The real transport: HTTP/1.1 and HTTP/2 over rustls with aws-lc-rs.
//!
//! Trusts only the configured roots. Shows a certificate of its own only where it was given one. A proxy named in the environment is used, except for this machine itself. The body is read
//! piece by piece and dropped as soon as it exceeds the limit, so a server cannot fill the memory.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokens::TokenUri;
use zeroize::Zeroizing;

use super::token_key::TlsKey;
use super::{HttpRequest, HttpResponse, Transport, TransportCause, TransportError};
use crate::acme::resource_url::ResourceUrl;

/// Whom to trust for the server's TLS certificate.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The certificates this machine trusts.
    System,
    /// These and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// The roots cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The file holds no certificate, or something that is not PEM.
    #[error("no PEM certificate found")]
    NotPem,
    /// A certificate cannot serve as a root.
    #[error("certificate {position} cannot serve as a root")]
    Unusable {
        /// Which one, from 1.
        position: usize,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate of our own, or its key, cannot be used.
    #[error("the certificate in use cannot be shown in TLS: {0}")]
    Identity(String),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refused.
    #[error("HTTP cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// What a client shows of itself in TLS: a certificate chain, leaf first, and the key of its leaf.
#[derive(Clone)]
pub struct ClientIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<String>,
}

impl ClientIdentity {
    /// From PEM texts; the key may be named by the `pkcs11:` URI of one in a token.
    ///
    /// # Errors
    /// [`RootsError::Identity`] if the chain is none.
    pub fn from_pem(chain: &str, key: Zeroizing<String>) -> Result<Self, RootsError> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| RootsError::Identity(error.to_string()))?;
        Ok(Self { chain, key })
    }

    /// It as what TLS shows and signs with.
    pub(crate) fn certified(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<dyn ResolvesClientCert>, RootsError> {
        let unusable = |error: &dyn fmt::Display| RootsError::Identity(error.to_string());
        let key: Arc<dyn SigningKey> = if TokenUri::is_meant(&self.key) {
            TlsKey::open(&self.key).map_err(|error| unusable(&error))?
        } else {
            // The parser's own words could hold a piece of the key.
            let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
                .map_err(|_| unusable(&"its key cannot be read"))?;
            provider.key_provider.load_private_key(key).map_err(|error| unusable(&error))?
        };
        let certified = CertifiedKey::new(self.chain.clone(), key);
        certified.keys_match().map_err(|error| unusable(&error))?;
        Ok(Arc::new(SingleCertAndKey::from(certified)))
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(…)")
    }
}

impl Roots {
    /// Every certificate of a PEM text.
    ///
    /// # Errors
    /// [`RootsError::NotPem`] if there is none or one does not decode.
    pub fn from_pem(pem: &[u8]) -> Result<Self, RootsError> {
        let roots: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| RootsError::NotPem)?;
        if roots.is_empty() { Err(RootsError::NotPem) } else { Ok(Self::Only(roots)) }
    }

    /// A rustls configuration that trusts exactly these; `None` where nothing is shown to servers that the system's vouch for, which the HTTP library
    /// sets up by itself.
    fn tls(&self, shown: Option<&ClientIdentity>) -> Result<Option<rustls::ClientConfig>, RootsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(RootsError::Tls)?;
        let builder = match (self, shown) {
            (Self::Only(certificates), _) => builder.with_root_certificates(store_of(certificates)?),
            (Self::System, None) => return Ok(None),
            (Self::System, Some(_)) => builder.with_platform_verifier().map_err(RootsError::Tls)?,
        };
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => builder.with_client_cert_resolver(shown.certified(&provider)?),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(config))
    }
}

fn store_of(certificates: &[CertificateDer<'static>]) -> Result<rustls::RootCertStore, RootsError> {
    let mut store = rustls::RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        store
            .add(certificate.clone())
            .map_err(|source| RootsError::Unusable { position: index + 1, source })?;
    }
    Ok(store)
}

/// Where requests may travel unencrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Nowhere.
    Never,
    /// To this machine itself.
    Loopback,
    /// Anywhere: whoever listens can read and change everything.
    Anywhere,
}

/// Limits and trust of the real transport.
#[derive(Clone, Debug)]
pub struct HttpsConfig {
    /// Whom to trust.
    pub roots: Roots,
    /// What to show of ourselves to a server that asks. Default: nothing.
    pub client_identity: Option<ClientIdentity>,
    /// Where plain HTTP is allowed.
    pub plain_http: PlainHttp,
    /// Longest time to connect, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// Longest time for one exchange, connecting included. Default: 30 s.
    pub request_timeout: Duration,
    /// Largest answer, in bytes. Default: 1 MiB.
    pub max_body: usize,
    /// What the client calls itself.
    pub user_agent: HeaderValue,
    /// Addresses to use instead of asking DNS, by host name.
    pub addresses: Vec<(String, SocketAddr)>,
    /// Use the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`). Default: yes.
    pub environment_proxy: bool,
}

impl HttpsConfig {
    /// The defaults, trusting `roots`.
    #[must_use]
    pub fn new(roots: Roots) -> Self {
        Self {
            roots,
            client_identity: None,
            plain_http: PlainHttp::Never,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            max_body: 1_024 * 1_024,
            user_agent: HeaderValue::from_static(concat!("acme-client/", env!("CARGO_PKG_VERSION"))),
            addresses: Vec::new(),
            environment_proxy: true,
        }
    }
}

/// HTTPS to one or more servers, connections kept open between requests.
#[derive(Debug)]
pub struct HttpsTransport {
    outward: reqwest::Client,
    loopback: reqwest::Client,
    plain_http: PlainHttp,
    max_body: usize,
}

impl HttpsTransport {
    /// Prepares; connects to nothing yet.
    ///
    /// # Errors
    /// If the roots are unusable.
    pub fn new(config: &HttpsConfig) -> Result<Self, RootsError> {
        Ok(Self {
            outward: build(config, config.environment_proxy)?,
            loopback: build(config, false)?,
            plain_http: config.plain_http,
            max_body: config.max_body,
        })
    }

    fn check_plain_http(&self, url: &ResourceUrl) -> Result<(), TransportError> {
        let allowed = match self.plain_http {
            PlainHttp::Never => false,
            PlainHttp::Loopback => url.is_loopback(),
            PlainHttp::Anywhere => true,
        };
        if url.is_plain_http() && !allowed {
            return Err(TransportError::PlainHttp { host: host(url) });
        }
        Ok(())
    }

    async fn read(
        &self,
        url: &ResourceUrl,
        mut answer: reqwest::Response,
    ) -> Result<HttpResponse, TransportError> {
        let too_large = || TransportError::TooLarge { host: host(url), limit: self.max_body };
        let limit = u64::try_from(self.max_body).unwrap_or(u64::MAX);
        if answer.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| classify(url, error))? {
            if body.len().saturating_add(piece.len()) > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(HttpResponse { status, headers, body })
    }
}

#[async_trait]
impl Transport for HttpsTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let HttpRequest { method, url, headers, body } = request;
        self.check_plain_http(&url)?;
        let client = if url.is_loopback() { &self.loopback } else { &self.outward };
        let exchange = client.request(method, url.url().clone()).headers(headers).body(body);
        let answer = exchange.send().await.map_err(|error| classify(&url, error))?;
        self.read(&url, answer).await
    }
}

fn build(config: &HttpsConfig, proxy: bool) -> Result<reqwest::Client, RootsError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(config.user_agent.clone())
        .connect_timeout(config.connect_timeout)
        .timeout(config.request_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never());
    let shown = config.client_identity.as_ref();
    if let Some(tls) = config.roots.tls(shown)? {
        builder = builder.tls_backend_preconfigured(tls);
    }
    if !proxy {
        builder = builder.no_proxy();
    }
    for (name, address) in &config.addresses {
        builder = builder.resolve(name, *address);
    }
    builder.build().map_err(RootsError::Http)
}

fn host(url: &ResourceUrl) -> String {
    let url = url.url();
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

fn classify(url: &ResourceUrl, error: reqwest::Error) -> TransportError {
    let host = host(url);
    if let Some(reason) = tls_reason(&error) {
        return TransportError::Tls { host, reason };
    }
    if error.is_timeout() {
        return TransportError::Timeout { host };
    }
    let connecting = error.is_connect();
    let source: TransportCause = Box::new(error);
    if connecting {
        TransportError::Connect { host, source }
    } else {
        TransportError::Broken { host, source }
    }
}

/// The TLS error somewhere below. An `io::Error` hides the error it wraps from `source`, so that is looked into as well.
pub(crate) fn tls_reason(error: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found.clone());
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
