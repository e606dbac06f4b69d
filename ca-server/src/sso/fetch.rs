//! Calls that the server makes: to identity providers, for their documents and their token endpoint, and to webhooks.
//!
//! Only https leaves this machine; plain http is for loopback addresses alone, and `localhost` never resolves to anything else.
//! Every call has a time limit and a byte limit, and goes nowhere that `networks` denies. Nothing is decompressed, and no redirect is
//! followed. Must never show a body, a form or a header of a call in a message.

mod networks;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use url::{Host, Url};

pub use networks::Denied;

use networks::Networks;

/// Limits and trust of calls to one provider.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// The only roots for the provider's TLS certificate; `None` for those this machine trusts.
    pub roots: Option<Vec<CertificateDer<'static>>>,
    /// Longest time to connect, TLS included. Default: 5 s.
    pub connect_timeout: Duration,
    /// Longest time for one call, connecting included. Default: 10 s.
    pub timeout: Duration,
    /// Largest answer, in octets. Default: 256 KiB.
    pub max_body: usize,
    /// Use the proxy that the environment names, except for this machine itself. Default: yes.
    pub environment_proxy: bool,
    /// Networks that may be called although they are denied. Default: none.
    pub allow_networks: Vec<IpNet>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            roots: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            max_body: 256 * 1024,
            environment_proxy: true,
            allow_networks: Vec::new(),
        }
    }
}

/// The roots of a PEM text, at least one.
///
/// # Errors
/// [`SetupError::NotPem`]
pub fn roots_from_pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|_| SetupError::NotPem)?;
    if roots.is_empty() { Err(SetupError::NotPem) } else { Ok(roots) }
}

/// Why calls cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The roots' file holds no certificate.
    #[error("no PEM certificate found")]
    NotPem,
    /// A certificate cannot serve as a root.
    #[error("certificate {position} cannot serve as a root")]
    Root {
        /// Which one, from 1.
        position: usize,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refused.
    #[error("HTTP cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// Why a call brought nothing. Names the host, never the rest of the URL.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is neither https nor http on this machine, or carries a user name or a fragment.
    #[error("{host} may only be reached over https")]
    Address {
        /// The host.
        host: String,
    },
    /// The address is in a network that is never called.
    #[error("{host} may not be called")]
    Denied {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Denied,
    },
    /// It took too long.
    #[error("{host} did not answer within {} s", limit.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// The time it had.
        limit: Duration,
    },
    /// The answer is larger than allowed.
    #[error("{host} sent more than {limit} octets")]
    TooLarge {
        /// The host.
        host: String,
        /// The largest answer.
        limit: usize,
    },
    /// The answer is a redirect that may not be followed.
    #[error("{host} redirects ({status}), which is not followed")]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer is not a success.
    #[error("{host} answers {status}")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// There is no connection, or none that can be trusted.
    #[error("{host} cannot be reached")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke.
    #[error("the connection to {host} broke")]
    Broken {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// What came back: the status and the whole body.
pub struct Fetched {
    /// The status; any, for a POST.
    pub status: StatusCode,
    /// The body, at most [`FetchConfig::max_body`] octets.
    pub body: Vec<u8>,
}

/// What a call was answered of whose answer only the head counts.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status; any.
    pub status: StatusCode,
    /// `Retry-After`, as it was sent.
    pub retry_after: Option<String>,
}

/// Makes the calls. Clones share connections.
#[derive(Clone)]
pub struct Fetch {
    outward: reqwest::Client,
    loopback: reqwest::Client,
    networks: Networks,
    timeout: Duration,
    max_body: usize,
}

impl Fetch {
    /// Prepares; connects to nothing yet.
    ///
    /// # Errors
    /// If the roots are unusable.
    pub fn new(config: &FetchConfig) -> Result<Self, SetupError> {
        let networks = Networks::allowing(&config.allow_networks);
        Ok(Self {
            outward: client(config, &networks, config.environment_proxy)?,
            loopback: client(config, &networks, false)?,
            networks,
            timeout: config.timeout,
            max_body: config.max_body,
        })
    }

    /// The document at `url`; a redirect or any status but 200 is an error.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Vec<u8>, FetchError> {
        let answer = self.send(url, |client| client.get(url.clone()).header(ACCEPT, accept)).await?;
        self.document(url, answer).await
    }

    /// The document at `url`, read with an access token.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn get_with_token(&self, url: &Url, authorization: HeaderValue) -> Result<Vec<u8>, FetchError> {
        let call = |client: &reqwest::Client| {
            client.get(url.clone()).header(ACCEPT, "application/json").header(AUTHORIZATION, authorization)
        };
        let answer = self.send(url, call).await?;
        self.document(url, answer).await
    }

    /// Posts a form; any status but a redirect is an answer.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn post_form(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<Fetched, FetchError> {
        let call = |client: &reqwest::Client| {
            let mut request = client
                .post(url.clone())
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form);
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            request
        };
        let answer = self.send(url, call).await?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(FetchError::Redirect { host: host(url), status });
        }
        Ok(Fetched { status, body: self.read(url, answer).await? })
    }

    /// Posts a message; any status is an answer, and of the body nothing is kept.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn post_message(
        &self,
        url: &Url,
        headers: HeaderMap,
        message: Bytes,
    ) -> Result<Answered, FetchError> {
        let answer = self.send(url, |client| client.post(url.clone()).headers(headers).body(message)).await?;
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        // Read so that the connection serves again; a body that is too long or never ends costs only the connection.
        let _ = self.read(url, answer).await;
        Ok(Answered { status, retry_after })
    }

    async fn send(
        &self,
        url: &Url,
        call: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, FetchError> {
        if !may_be_reached(url) {
            return Err(FetchError::Address { host: host(url) });
        }
        // A name is looked at when it is resolved; an address in the URL never is.
        if let Some(Err(source)) = literal(url).map(|address| self.networks.check(address)) {
            return Err(FetchError::Denied { host: host(url), source });
        }
        let client = if is_loopback(url) { &self.loopback } else { &self.outward };
        call(client).send().await.map_err(|error| self.classify(url, error))
    }

    async fn document(&self, url: &Url, answer: reqwest::Response) -> Result<Vec<u8>, FetchError> {
        let status = answer.status();
        if status.is_redirection() {
            return Err(FetchError::Redirect { host: host(url), status });
        }
        if status != StatusCode::OK {
            return Err(FetchError::Status { host: host(url), status });
        }
        self.read(url, answer).await
    }

    async fn read(&self, url: &Url, mut answer: reqwest::Response) -> Result<Vec<u8>, FetchError> {
        let too_large = || FetchError::TooLarge { host: host(url), limit: self.max_body };
        let limit = u64::try_from(self.max_body).unwrap_or(u64::MAX);
        if answer.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.classify(url, error))? {
            if body.len().saturating_add(piece.len()) > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn classify(&self, url: &Url, error: reqwest::Error) -> FetchError {
        let (host, source) = (host(url), error.without_url());
        if source.is_timeout() {
            FetchError::Timeout { host, limit: self.timeout }
        } else if source.is_connect() {
            FetchError::Connect { host, source }
        } else {
            FetchError::Broken { host, source }
        }
    }
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetch").field("timeout", &self.timeout).field("max_body", &self.max_body).finish()
    }
}

fn client(config: &FetchConfig, networks: &Networks, proxy: bool) -> Result<reqwest::Client, SetupError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(Arc::new(networks.clone()))
        .resolve_to_addrs("localhost", &networks::here());
    if let Some(roots) = &config.roots {
        builder = builder.tls_backend_preconfigured(trusting(roots)?);
    }
    if !proxy {
        builder = builder.no_proxy();
    }
    builder.build().map_err(SetupError::Http)
}

fn trusting(roots: &[CertificateDer<'static>]) -> Result<rustls::ClientConfig, SetupError> {
    let mut store = rustls::RootCertStore::empty();
    for (index, root) in roots.iter().enumerate() {
        let position = index + 1;
        store.add(root.clone()).map_err(|source| SetupError::Root { position, source })?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Whether the relying party may call this address: https, or http on this machine; no user name, no fragment.
#[must_use]
pub fn may_be_reached(url: &Url) -> bool {
    let scheme = match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    };
    scheme && url.host().is_some() && bare(url)
}

fn bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Whether the address is on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The address that stands in the URL itself.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
    }
}

fn host(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leaves_this_machine() {
        for fine in
            ["https://idp.test/x", "http://127.0.0.1:8080/", "http://localhost:1/x", "http://[::1]:9/"]
        {
            assert!(may_be_reached(&Url::parse(fine).unwrap()), "{fine}");
        }
        let refused = [
            "http://idp.test/x",
            "http://localhost.idp.test/",
            "http://127.0.0.1.idp.test/",
            "http://0.0.0.0/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://user@idp.test/",
            "https://idp.test/#fragment",
        ];
        for text in refused {
            assert!(!may_be_reached(&Url::parse(text).unwrap()), "{text}");
        }
    }
}
