//! A plain HTTPS client to one server, and the nonces it was given.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Reply;

/// Nonces that a server gave and nobody used yet; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct NoncePool(Arc<Mutex<Vec<String>>>);

impl NoncePool {
    fn keep(&self, nonce: &str) {
        self.0.lock().push(nonce.to_owned());
    }

    fn take(&self) -> Option<String> {
        self.0.lock().pop()
    }

    /// A nonce that is used otherwise is not used again.
    fn forget(&self, nonce: &str) {
        self.0.lock().retain(|kept| kept != nonce);
    }
}

/// The client; clones share connections and nonces.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    nonces: NoncePool,
}

impl Http {
    /// A client that reaches `host` at `address` and trusts `root` (PEM) for it.
    ///
    /// # Panics
    /// If the root is none.
    #[must_use]
    pub fn new(host: &str, address: SocketAddr, root: &str) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(root.as_bytes()).expect("the root is PEM");
        roots.add(root).expect("the root is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the protocol versions are supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .resolve(host, address)
            .build()
            .expect("the client can be set up");
        Self { client, nonces: NoncePool::default() }
    }

    /// Uses the nonces that this server gave to others, and gives them its own.
    #[must_use]
    pub fn sharing(self, nonces: &NoncePool) -> Self {
        Self { nonces: nonces.clone(), ..self }
    }

    /// Sends a request and reads the answer whole.
    ///
    /// # Panics
    /// If the exchange breaks.
    pub async fn send(&self, method: Method, url: &str, headers: HeaderMap, body: Vec<u8>) -> Reply {
        self.try_send(method, url, headers, body).await.expect("the server answers")
    }

    /// The same, for tests in which the server may be gone.
    ///
    /// # Errors
    /// If the exchange breaks.
    pub async fn try_send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.client.request(method.clone(), url).headers(headers);
        if !body.is_empty() || method == Method::POST {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let reply = Reply { status, headers, body: answer.bytes().await? };
        if let Some(nonce) = reply.nonce() {
            self.nonces.keep(nonce);
        }
        Ok(reply)
    }

    /// An unsigned GET.
    pub async fn get(&self, url: &str) -> Reply {
        self.send(Method::GET, url, HeaderMap::new(), Vec::new()).await
    }

    /// A nonce that was not used yet: one of an earlier answer, or a new one.
    pub async fn nonce(&self, new_nonce: &str) -> String {
        match self.nonces.take() {
            Some(nonce) => nonce,
            None => {
                let _ = self.send(Method::HEAD, new_nonce, HeaderMap::new(), Vec::new()).await;
                self.nonces.take().expect("newNonce gives a nonce")
            }
        }
    }

    /// Says that a nonce of an earlier answer is used otherwise.
    pub fn forget_nonce(&self, nonce: &str) {
        self.nonces.forget(nonce);
    }
}
