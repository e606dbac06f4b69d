//! What is sent to a device: a certificate chain and the key of its leaf, looked at before anything leaves this machine.
//!
//! A device would refuse the same, later and in fewer words: another key than the certificate's, a key that is not on P-256, a certificate that has ended.

use std::fmt;

use certs::key::{KeyError, KeyKind, PublicKey, SigningKey};
use certs::pem::{PemError, encode_chain, parse_certificates};
use device_jwe::{Fingerprint, Payload};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::enroll::{Leaf, LeafError};

/// Why something is not sent.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// The chain is no PEM, or holds no certificate.
    #[error("the certificate chain cannot be used: {0}")]
    Chain(PemError),
    /// There is no certificate in it.
    #[error("the certificate chain is empty")]
    Empty,
    /// The leaf is no certificate.
    #[error("the first certificate cannot be used: {0}")]
    Leaf(#[from] LeafError),
    /// The certificate's key is of a kind that devices do not take.
    #[error("the certificate's key cannot be an identity's: {0}")]
    Kind(KeyError),
    /// It is on another curve.
    #[error("the certificate's key is on P-384; a device's identity is on P-256")]
    Curve,
    /// The private key cannot be read.
    #[error("the private key cannot be used: {0}")]
    Key(KeyError),
    /// It belongs to another certificate.
    #[error("the private key is not that of the certificate")]
    OtherKey,
    /// The certificate has ended.
    #[error("the certificate expired at {0}")]
    Expired(OffsetDateTime),
    /// It is not valid yet.
    #[error("the certificate is not valid before {0}")]
    NotYet(OffsetDateTime),
}

impl MaterialError {
    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Chain(_) | Self::Empty | Self::Leaf(_) => {
                Some("give a PEM file with the device's certificate first, then those above it")
            }
            Self::Kind(_) | Self::Curve => {
                Some("enrol with a P-256 key, which `acme-client enroll device` makes: devices take no other")
            }
            Self::Key(KeyError::PassphraseNeeded) => Some("decrypt it first: `openssl pkcs8 -in FILE`"),
            Self::Key(_) => Some("give the P-256 key in PEM, PKCS#8 or SEC 1, not encrypted"),
            Self::OtherKey => Some(
                "give the chain and the key of the same generation: `current/fullchain.pem` and `current/key.pem`",
            ),
            Self::Expired(_) => Some("renew it first: `acme-client renew`"),
            Self::NotYet(_) => Some("see that this machine's clock is right"),
        }
    }
}

/// A chain and a key that belong together.
pub struct Material {
    pem: Zeroizing<String>,
    leaf: Leaf,
    fingerprint: Fingerprint,
}

impl Material {
    /// Looks at a chain, leaf first, and a key, both PEM.
    ///
    /// # Errors
    /// [`MaterialError`], naming what a device would not take.
    pub fn new(chain: &str, key: &str, now: OffsetDateTime) -> Result<Self, MaterialError> {
        let certificates = parse_certificates(chain).map_err(MaterialError::Chain)?;
        let first = certificates.first().ok_or(MaterialError::Empty)?;
        let leaf = Leaf::from_der(first)?;
        let public = PublicKey::of_certificate(first).map_err(MaterialError::Kind)?;
        if public.kind() != KeyKind::P256 {
            return Err(MaterialError::Curve);
        }
        let signing = SigningKey::from_pem(key).map_err(MaterialError::Key)?;
        if signing.public() != &public {
            return Err(MaterialError::OtherKey);
        }
        let key = signing.to_pem().map_err(MaterialError::Key)?;
        leaf.check_key(&key, now).map_err(|error| match error {
            LeafError::Expired(at) => MaterialError::Expired(at),
            LeafError::NotYet(at) => MaterialError::NotYet(at),
            LeafError::OtherKey => MaterialError::OtherKey,
            other => MaterialError::Leaf(other),
        })?;
        // Written anew: no comments, no attributes, nothing between the certificates.
        let chain = encode_chain(&certificates);
        let mut pem = Zeroizing::new(String::with_capacity(chain.len() + key.len()));
        pem.push_str(&chain);
        pem.push_str(&key);
        Ok(Self { pem, fingerprint: Fingerprint::of(first), leaf })
    }

    /// What goes into a blob: the chain, then the key.
    pub fn payload(&self) -> Payload {
        Payload::Pem(self.pem.clone())
    }

    /// How a device names the certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Whether the certificate is about this name, in whatever case it is written.
    pub fn names(&self, name: &str) -> bool {
        self.leaf.names().iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The certificate.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Material({})", self.fingerprint)
    }
}
