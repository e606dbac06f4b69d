//! The certificate with which a client authenticated its TLS connection.
//!
//! TLS has shown that the client holds its key, and nothing else: who issued it and whether it is in force is decided by `internal::authenticate`.

use rustls_pki_types::CertificateDer;

/// The leaf that the client showed; in the extensions of every request of the connection.
#[derive(Clone, Debug)]
pub struct ClientCertificate(CertificateDer<'static>);

impl ClientCertificate {
    /// A leaf whose key the client has proven to hold. Only the listener can know that.
    pub(crate) const fn shown(leaf: CertificateDer<'static>) -> Self {
        Self(leaf)
    }

    /// The DER octets.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}
