//! The sockets of the web face: one task for each connection, all gone with the emulator. HTTP/1.1 only, as the devices speak it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::room::StartError;
use crate::room::bounds::{Bounds, accept};

/// Where a connection comes from.
#[derive(Clone, Copy)]
pub(in crate::room) struct Peer(pub(in crate::room) IpAddr);

/// TLS with this chain and key, PEM.
pub(in crate::room) fn acceptor(chain: &str, key: &str) -> Result<TlsAcceptor, StartError> {
    let wrong = |detail: String| StartError::Tls { detail };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong("the certificate is not PEM".to_owned()))?;
    // The parser's own words could hold a piece of the key.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| wrong("the key is not a private key in PEM".to_owned()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until it is stopped.
pub(in crate::room) async fn run(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
) {
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        let Some(place) = bounds.place() else { continue };
        // Without it, small answers wait for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        let router = router.clone().layer(Extension(Peer(peer.ip())));
        let (acceptor, bounds, stop) = (acceptor.clone(), bounds.clone(), stop.clone());
        tokio::spawn(async move {
            let serving = async {
                match acceptor {
                    None => connection(stream, router, bounds.patience).await,
                    Some(acceptor) => {
                        let shaken = tokio::time::timeout(bounds.patience, acceptor.accept(stream)).await;
                        if let Ok(Ok(stream)) = shaken {
                            connection(stream, router, bounds.patience).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = serving => {}
            }
            drop(place);
        });
    }
}

async fn connection<S>(stream: S, router: Router, patience: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience).max_headers(64).max_buf_size(32 * 1024);
    // A client that goes away is no failure of the device.
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
