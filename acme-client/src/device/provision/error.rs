//! Why a device was not provisioned: at which step, and what a person can do about it.

use device_jwe::{OpenError, SealError};

use crate::device::connect::XapiError;
use crate::device::xapi::Refusal;
use crate::state::StateError;

/// A step of provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking at what is there.
    Look,
    /// Giving the first client secret.
    Secret,
    /// Setting the preferred domain.
    Domain,
    /// Adding the certificate.
    Add,
    /// Taking it into use.
    Activate,
    /// Waiting until the device says that it is valid.
    Verify,
    /// Taking the old one out of use.
    Deactivate,
    /// Deleting the old one.
    Delete,
}

impl Step {
    /// In words, after "while" or before a colon.
    pub fn words(self) -> &'static str {
        match self {
            Self::Look => "looking at what is there",
            Self::Secret => "giving the client secret",
            Self::Domain => "setting the preferred domain",
            Self::Add => "adding the certificate",
            Self::Activate => "activating the certificate",
            Self::Verify => "waiting for the device to call it valid",
            Self::Deactivate => "deactivating the old certificate",
            Self::Delete => "deleting the old certificate",
        }
    }
}

/// Why a device was not provisioned.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The device, or the way to it.
    #[error("{}: {source}", step.words())]
    Xapi {
        /// At which step.
        step: Step,
        /// Why.
        source: XapiError,
    },
    /// A command went well, and the device still does not show the certificate.
    #[error("the device took the certificate and does not show it")]
    NotThere,
    /// It is in use, and the device does not call it valid.
    #[error("the device says {says} of its identity{}", if *restored { "; the old certificate is in use again" } else { "" })]
    Invalid {
        /// What it says.
        says: String,
        /// Whether the old certificate is in use again.
        restored: bool,
    },
    /// Something could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The machine could not derive a key.
    #[error("no key could be derived: the task was stopped")]
    Stopped,
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ProvisionError {
    pub(super) fn at(step: Step) -> impl Fn(XapiError) -> Self {
        move |source| Self::Xapi { step, source }
    }

    /// Whether the way to the device failed, and not the device.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Xapi { source, .. } if !matches!(source, XapiError::Refused(_)))
    }

    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Xapi { step, source: XapiError::Refused(refusal) } => refused(*step, refusal),
            Self::Xapi { source, .. } => source.hint(),
            Self::NotThere => Some("look with `xCommand Security Certificates Services Show` at the device".to_owned()),
            Self::Invalid { .. } => Some(
                "the device trusts the authority's root only if its organisation does; its clock has to be right, and its name has to be in the certificate".to_owned(),
            ),
            Self::Seal(_) | Self::Stopped | Self::State(_) => None,
        }
    }
}

/// What a refusal at a step usually means. The words of devices differ with their software; where one gives a code, that counts.
fn refused(step: Step, refusal: &Refusal) -> Option<String> {
    let code = refusal.code.as_deref().unwrap_or_default();
    let text = match code {
        "secret-missing" => {
            "the device has no client secret yet: add `--set-secret` to give it this one, at the device's own network only, since the first goes unencrypted"
        }
        "jwe-not-opened" => OTHER_SECRET,
        "secret-malformed" => "make one with `acme-client secret generate`",
        "certificate-expired" => "renew it first: `acme-client renew`",
        "certificate-not-yet-valid" => "set the clock of the device",
        "key-unsuitable" => "enrol with a P-256 key: devices take no other",
        "full" => "delete certificates that are no longer needed from the device",
        "fingerprint-unknown" => {
            "somebody else changed the device's certificates; run the same command again"
        }
        _ if refusal.is_unknown() => "this device has no such command: it may need newer software",
        "" | "permission" if refusal.reason.to_ascii_lowercase().contains("permission") => {
            "the account needs the role Admin"
        }
        "" => match step {
            Step::Add | Step::Activate | Step::Deactivate => OTHER_SECRET,
            Step::Secret => "the device has a client secret already: leave `--set-secret` out",
            Step::Look | Step::Domain | Step::Verify | Step::Delete => return None,
        },
        _ => return None,
    };
    Some(text.to_owned())
}

const OTHER_SECRET: &str = "the client secret is probably not the device's: give the right one with `--secret-file`; if nobody has it, reset the device";

/// Why a client secret was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The device, or the way to it.
    #[error("the client secret was not changed: {0}")]
    Xapi(#[from] XapiError),
    /// Neither secret is the device's.
    #[error("the device has neither the old nor the new client secret")]
    Neither,
    /// Something could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A blob of our own does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The machine could not derive a key.
    #[error("no key could be derived: the task was stopped")]
    Stopped,
}

impl SecretError {
    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Xapi(error) => error.hint(),
            Self::Neither => Some(
                "give the present one with `--secret-file`; if nobody has it, reset the device, which then takes a first one".to_owned(),
            ),
            Self::Seal(_) | Self::Open(_) | Self::Stopped => None,
        }
    }
}
