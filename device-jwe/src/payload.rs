//! What the inside of a blob means, by its action.
//!
//! Read only after the tag was verified: what is here came from someone who knows the secret. It can still be nonsense, and is refused as such.

use zeroize::Zeroizing;

use crate::action::Action;
use crate::fingerprint::Fingerprint;
use crate::secret::{NotSecret, Secret};

/// A payload, read.
pub enum Payload {
    /// `add`: a certificate chain and its key in PEM, in whichever order.
    Pem(Zeroizing<String>),
    /// `populate`: the secret from now on, or none.
    NewSecret(Option<Secret>),
    /// `activate` and `deactivate`: which certificate.
    Certificate(Fingerprint),
}

/// Why a payload does not suit its action. Says nothing of what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not a text.
    #[error("the payload is not PEM text")]
    NotText,
    /// Not a secret.
    #[error("the payload is not a new secret: {0}")]
    Secret(#[from] NotSecret),
    /// Not a fingerprint.
    #[error("the payload is not a fingerprint of 40 hexadecimal digits")]
    Fingerprint,
}

impl Payload {
    /// Reads what [`crate::Blob::open`] gave.
    pub fn read(action: Action, octets: &[u8]) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(octets).map_err(|_| match action {
            Action::Add => PayloadError::NotText,
            Action::Populate => PayloadError::Secret(NotSecret::Text),
            Action::Activate | Action::Deactivate => PayloadError::Fingerprint,
        })?;
        match action {
            Action::Add if text.contains("-----BEGIN ") => Ok(Self::Pem(Zeroizing::new(text.to_owned()))),
            Action::Add => Err(PayloadError::NotText),
            // An empty payload takes the secret away: the device is as it was before its first.
            Action::Populate if text.is_empty() => Ok(Self::NewSecret(None)),
            Action::Populate => Ok(Self::NewSecret(Some(Secret::from_text(text)?))),
            Action::Activate | Action::Deactivate => {
                Ok(Self::Certificate(text.trim_ascii().parse().map_err(|_| PayloadError::Fingerprint)?))
            }
        }
    }

    /// The octets to seal.
    pub fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let text = match self {
            Self::Pem(pem) => pem.as_bytes().to_vec(),
            Self::NewSecret(None) => Vec::new(),
            Self::NewSecret(Some(secret)) => secret.to_text().as_bytes().to_vec(),
            Self::Certificate(fingerprint) => fingerprint.as_str().as_bytes().to_vec(),
        };
        Zeroizing::new(text)
    }
}
