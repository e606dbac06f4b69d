//! TLS client certificates: asked for, never demanded, and taken as proof of one thing, that the client holds their key.
//!
//! Who issued one, whose it is and whether it is in force is decided behind, where the records are (`internal::authenticate`): so a client learns in words
//! why its certificate does not serve, and one that shows a stranger's certificate can still do what needs none. Must never decide more than that.

use std::sync::Arc;

use certs::issuer::Issuer;
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
    /// Names the authority's certificates to clients, so that a browser with others does not ask the person which one to show: the present issuer, those
    /// before it whose chains are still configured, and what stands above them. Clients show a certificate only if one of its chain is named.
    pub(super) fn of(authority: &Authority) -> Arc<Self> {
        let chains = authority.chains().iter().flat_map(|chain| chain.certificates.iter());
        let mut names: Vec<Vec<u8>> = Vec::new();
        for certificate in chains.chain([authority.root()]) {
            let Ok(issuer) = Issuer::from_chain(vec![certificate.clone()]) else { continue };
            let name = issuer.subject_der().to_vec();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let issuers = names.into_iter().map(DistinguishedName::from).collect();
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
