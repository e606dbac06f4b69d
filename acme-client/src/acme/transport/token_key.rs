//! A key in a token as TLS wants one (RFC 8446 §4.4.3): the token signs the handshake.
//!
//! The library asks for the signature in the midst of a handshake and takes no later answer, so the thread waits for the token; the runtime is
//! told, and lets others go on. P-256 alone, as certificates of this agent are.

use std::sync::Arc;

use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use tokens::TokenKey;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::enroll::{CsrError, HeldKey};

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

/// A key in a token.
#[derive(Clone, Debug)]
pub(super) struct TlsKey(Arc<TokenKey>);

impl TlsKey {
    /// The key that a URI names.
    pub(super) fn open(uri: &str) -> Result<Arc<dyn SigningKey>, CsrError> {
        match HeldKey::open(uri)? {
            HeldKey::Token(key) => Ok(Arc::new(Self(key))),
            // A URI never names a file.
            HeldKey::File(_) => Err(CsrError::Key(certs::key::KeyError::NotPrivateKey)),
        }
    }
}

impl SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SCHEME).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.0.public().spki_der()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let sign = || self.0.sign(message).map_err(|error| rustls::Error::General(error.to_string()));
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(sign),
            Ok(_) | Err(_) => sign(),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}
