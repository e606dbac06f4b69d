//! TLS to a device: verified under roots, or against pinned fingerprints. There is no third way.
//!
//! Devices come with certificates that they made for themselves. A pin stands for what somebody looked at; the handshake's signature is verified in any case, so
//! that a certificate which is merely shown, without its key, is worth nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Limits, Trust, XapiError};
use crate::device::place::{Over, Pin, Place};

/// A configuration for this trust.
pub(super) fn config(trust: &Trust, seen: &Seen) -> Result<ClientConfig, XapiError> {
    let failed = |error: Error| XapiError::Roots(Box::new(error));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = match trust {
        Trust::System | Trust::KnownHosts(_) => {
            builder.with_platform_verifier().map_err(failed)?.with_no_client_auth()
        }
        Trust::Roots(roots) => {
            let mut store = rustls::RootCertStore::empty();
            roots.iter().try_for_each(|root| store.add(root.clone())).map_err(failed)?;
            builder.with_root_certificates(store).with_no_client_auth()
        }
        Trust::Pinned(pins) => {
            let verifier = Pinned { pins: pins.clone(), seen: seen.clone(), provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    Ok(config)
}

/// Connects. The stream is open only if the device is who it should be.
pub(super) async fn open(
    place: &Place,
    over: Over,
    trust: &Trust,
    limits: Limits,
) -> Result<TlsStream<TcpStream>, XapiError> {
    let seen = Seen::default();
    let connector = TlsConnector::from(Arc::new(config(trust, &seen)?));
    let tcp = tcp(place, over, limits.connect).await?;
    let handshake = connector.connect(name(place)?, tcp);
    match timeout(limits.connect, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(place, error, &seen)),
        Err(_) => Err(late(place, limits.connect)),
    }
}

/// Looks what a device shows.
pub(super) async fn look(place: &Place, over: Over, limits: Limits) -> Result<Pin, XapiError> {
    // Nothing matches no pin: the handshake ends before anything is sent.
    match open(place, over, &Trust::Pinned(Vec::new()), limits).await {
        Err(XapiError::OtherPin { found, .. }) => Ok(found),
        Err(error) => Err(error),
        Ok(_) => Err(XapiError::Closed { place: place.clone() }),
    }
}

pub(super) async fn tcp(place: &Place, over: Over, limit: Duration) -> Result<TcpStream, XapiError> {
    let connecting = TcpStream::connect((place.host(), place.port(over)));
    let stream = timeout(limit, connecting).await.map_err(|_| late(place, limit))?;
    let stream = stream.map_err(|source| XapiError::Unreachable { place: place.clone(), source })?;
    // Commands are small and answered one by one; without it each may wait for the last one's acknowledgement.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

pub(super) fn late(place: &Place, limit: Duration) -> XapiError {
    XapiError::Timeout { place: place.clone(), seconds: limit.as_secs() }
}

fn name(place: &Place) -> Result<ServerName<'static>, XapiError> {
    ServerName::try_from(place.host().to_owned()).map_err(|_| XapiError::Name { place: place.clone() })
}

fn failed(place: &Place, error: std::io::Error, seen: &Seen) -> XapiError {
    let place = place.clone();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(reason) => of_tls(place, reason.clone(), seen),
        None => XapiError::Unreachable { place, source: error },
    }
}

/// What a TLS error means here.
pub(super) fn of_tls(place: Place, reason: Error, seen: &Seen) -> XapiError {
    let pinned = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    match seen.pin() {
        Some(found) if reason == pinned => XapiError::OtherPin { place, found },
        _ => XapiError::Tls { place, reason: Box::new(reason) },
    }
}

/// What a device showed, kept for the error.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Pin>>>);

impl Seen {
    pub(super) fn set(&self, pin: Pin) {
        if let Ok(mut seen) = self.0.lock() {
            *seen = Some(pin);
        }
    }

    pub(super) fn pin(&self) -> Option<Pin> {
        self.0.lock().ok().and_then(|seen| seen.clone())
    }
}

#[derive(Debug)]
struct Pinned {
    pins: Vec<Pin>,
    seen: Seen,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pin = Pin::of_certificate(end_entity);
        let matches = self.pins.contains(&pin);
        self.seen.set(pin);
        match matches {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
