//! TLS client certificates: asked for, never demanded, and taken as proof of one thing, that the client holds their key.
//!
//! Who issued one, whose it is and whether it is in force is decided behind, where the records are (`internal::authenticate`): so a client learns in words
//! why its certificate does not serve, and one that shows a stranger's certificate can still do what needs none. Must never decide more than that.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::sign::Authority;

/// Asks for certificates of one authority.
#[derive(Debug)]
pub(super) struct HoldsItsKey {
    issuers: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl HoldsItsKey {
    /// Names the issuer to clients, so that a browser with other certificates does not ask the person which one to show.
    pub(super) fn of(authority: &Authority) -> Arc<Self> {
        let issuers = vec![DistinguishedName::from(authority.issuer().subject_der().to_vec())];
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Arc::new(Self { issuers, algorithms })
    }
}

impl ClientCertVerifier for HoldsItsKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.issuers
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
