//! A TLS handshake that looks at what the server presents, whatever it is worth.
//!
//! The chain is judged by the given roots and the judgement reported, but never enforced; the server must still prove that it
//! holds the leaf's key. Nothing is sent after the handshake.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{InspectError, PATIENCE};
use crate::acme::{ClientIdentity, Roots, RootsError};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The certificates, leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether they lead to a root; `None` if there was none to lead to.
    pub(super) verdict: Option<Result<(), Error>>,
    /// Whether the server asked for a certificate; `None` if there was none to show.
    pub(super) shown: Option<bool>,
}

/// Shakes hands with `host`.
pub(super) async fn look(
    host: &str,
    port: u16,
    roots: Option<Roots>,
    shown: Option<ClientIdentity>,
) -> Result<Seen, InspectError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let judge = match roots {
        Some(Roots::Only(certificates)) => Some(judge(certificates, Arc::clone(&provider))?),
        Some(Roots::System) | None => None,
    };
    let witness = Arc::new(Witness { provider: Arc::clone(&provider), judge, seen: Mutex::default() });
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Witness>::clone(&witness));
    let ours = match shown {
        Some(shown) => {
            let certified = tokio::task::spawn_blocking(move || shown.certified(&provider)).await;
            let inner = certified.map_err(|error| Error::General(error.to_string()))??;
            Some(Arc::new(Ours { inner, asked: AtomicBool::new(false) }))
        }
        None => None,
    };
    let config = match &ours {
        Some(ours) => builder.with_client_cert_resolver(Arc::<Ours>::clone(ours)),
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| InspectError::Host(host.to_owned()))?;
    let address = format!("{host}:{port}");
    let talk = async {
        let stream = TcpStream::connect((host, port)).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
    };
    let ended: Result<io::Result<()>, _> = timeout(PATIENCE, talk).await;
    let mut seen = std::mem::take(&mut *witness.seen.lock().unwrap_or_else(PoisonError::into_inner));
    seen.shown = ours.map(|ours| ours.asked.load(Ordering::SeqCst));
    match ended {
        // A server that wants a client certificate hangs up after it has shown its own.
        _ if !seen.chain.is_empty() => Ok(seen),
        Ok(Ok(())) => Ok(seen),
        Ok(Err(source)) => Err(InspectError::Connect { address, source }),
        Err(_) => Err(InspectError::Timeout { address }),
    }
}

fn judge(
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, InspectError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store.add(certificate).map_err(|source| RootsError::Unusable { position: index + 1, source })?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| InspectError::Tls(Error::General(error.to_string())))
}

/// A certificate of our own, which remembers whether somebody asked for it.
#[derive(Debug)]
struct Ours {
    inner: Arc<dyn ResolvesClientCert>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Ours {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::SeqCst);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Remembers the chain and what the judge said, and lets the handshake go on.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    judge: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Seen>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.judge.as_ref().map(|judge| {
            judge.verify_server_cert(leaf, intermediates, name, ocsp, now).map(|_: ServerCertVerified| ())
        });
        let chain = std::iter::once(leaf)
            .chain(intermediates)
            .map(|one| one.clone().into_owned())
            .collect::<Vec<_>>();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { chain, verdict, shown: None };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
