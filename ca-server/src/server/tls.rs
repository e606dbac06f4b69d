//! The server's own TLS certificate: TLS 1.2 and 1.3 by aws-lc, replaceable while connections are open.
//!
//! A certificate and key that do not belong together are refused and the old pair stays. The key never leaves this process.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};

use super::client_certificates::HoldsItsKey;
use crate::config::Config;

/// Why a TLS certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is not PEM of the kind wanted.
    #[error("the {what} is not in PEM")]
    Pem {
        /// `certificate chain` or `private key`.
        what: &'static str,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// There is no certificate in the text.
    #[error("the certificate chain is empty")]
    Empty,
    /// The key is not of a kind that TLS can use, or belongs to another certificate.
    #[error("the certificate and the key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// The protocol settings were refused.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// The certificate in use. Clones share it: replacing one replaces all.
#[derive(Clone, Debug)]
pub struct TlsCertificate(Arc<InUse>);

#[derive(Debug)]
struct InUse(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl TlsCertificate {
    /// Reads the files that `[tls]` names.
    ///
    /// # Errors
    /// If one cannot be read or they do not belong together.
    pub fn load(config: &Config) -> Result<Self, TlsError> {
        let (chain, key) = read(config)?;
        Ok(Self(Arc::new(InUse(ArcSwap::from_pointee(pair(&chain, &key)?)))))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`TlsCertificate::load`]; the pair in use stays.
    pub fn reload(&self, config: &Config) -> Result<(), TlsError> {
        let (chain, key) = read(config)?;
        self.replace(&chain, &key)
    }

    /// Shows this chain (PEM, leaf first) with this key (PEM) to new connections.
    ///
    /// # Errors
    /// If they cannot be used together; the pair in use stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0.0.store(Arc::new(pair(chain, key)?));
        Ok(())
    }

    /// The chain in use, leaf first, DER.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.0.load().cert.clone()
    }

    /// How connections are made with it; clients may show a certificate if there is somebody to look at it.
    pub(super) fn server_config(
        &self,
        clients: Option<Arc<HoldsItsKey>>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?;
        let builder = match clients {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::<InUse>::clone(&self.0));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(config: &Config) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let file = |path: &std::path::Path| {
        let path = config.resolve(path);
        std::fs::read(&path).map_err(|source| TlsError::Read { path, source })
    };
    Ok((file(&config.tls.certificate)?, file(&config.tls.key)?))
}

fn pair(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what: "certificate chain", source })?;
    if chain.is_empty() {
        return Err(TlsError::Empty);
    }
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem { what: "private key", source })?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(TlsError::Pair)
}
