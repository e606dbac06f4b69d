//! Why a device was not provisioned: at which step, and what a person can do about it.
//!
//! A refusal's code decides what is advised; without one, the step at which it came does. Words of devices are only shown, after they were made tame, and no advice asks
//! for less care: nothing here ever says to skip a check, or to reset a device that may merely have refused an account.

use device_jwe::{OpenError, SealError};

use crate::device::connect::XapiError;
use crate::device::xapi::Refusal;
use crate::state::StateError;

/// A step of provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking at what is there.
    Look,
    /// Giving the first client secret to a device that has none.
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
    /// Changing the client secret, which is no part of provisioning.
    Change,
}

impl Step {
    /// In words, after "while" or before a colon.
    pub fn words(self) -> &'static str {
        match self {
            Self::Look => "looking at what is there",
            Self::Secret => "giving the client secret if it has none",
            Self::Domain => "setting the preferred domain",
            Self::Add => "adding the certificate",
            Self::Activate => "activating the certificate",
            Self::Verify => "waiting for the device to call it valid",
            Self::Deactivate => "deactivating the old certificate",
            Self::Delete => "deleting the old certificate",
            Self::Change => "changing the client secret",
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
    let text = match refusal.code.as_deref() {
        _ if refusal.is_unknown() => "this device has no such command: it may need newer software",
        _ if refusal.is_permission() => "the account needs the role Admin",
        Some(code) => coded(step, code)?,
        None => match step {
            Step::Add => NO_OR_OTHER_SECRET,
            Step::Activate | Step::Deactivate | Step::Change => OTHER_SECRET,
            Step::Secret => "the device has a client secret already: leave `--set-secret` out",
            Step::Look | Step::Domain | Step::Verify | Step::Delete => return None,
        },
    };
    Some(text.to_owned())
}

/// What a code means. Those that tell of a blob or a key cannot be this program's doing, unless something between changed what it sent.
fn coded(step: Step, code: &str) -> Option<&'static str> {
    Some(match code {
        "secret-missing" => return Some(no_secret(step)),
        "jwe-not-opened" => OTHER_SECRET,
        "secret-malformed" => "make one with `acme-client secret generate`",
        "jwe-malformed" | "jwe-misprinted" | "jwe-action" => {
            "something between changed what was sent, or the device's software takes another form; try another way to it with `--over`"
        }
        "certificate-malformed" => {
            "look at the chain with `acme-client inspect`: at most ten certificates, the device's own first"
        }
        "key-missing" | "key-malformed" | "key-password" | "key-mismatch" => {
            "something between changed what was sent; try another way to the device with `--over`, and renew with `acme-client renew --force` if that fails as well"
        }
        "certificate-expired" => "renew it first: `acme-client renew`",
        "certificate-not-yet-valid" => "set the clock of the device",
        "key-unsuitable" => "enrol with a P-256 key: devices take no other",
        "full" => "delete certificates that are no longer needed from the device",
        "fingerprint-unknown" | "not-activated" => {
            "somebody else changed the device's certificates; run the same command again"
        }
        "in-use" => {
            "somebody took the old certificate into use for something else; run the same command again, and it stays"
        }
        "parameter" | "illegal-value" if step == Step::Domain => {
            "give a name of at most 255 characters with `--preferred-domain`"
        }
        "parameter" | "illegal-value" => "this device wants other parameters: it may need other software",
        "internal" => "run the same command again; restart the device if that changes nothing",
        "injected" => "run the same command again: an emulator refused it as a test told it to",
        _ => return None,
    })
}

fn no_secret(step: Step) -> &'static str {
    match step {
        Step::Add => {
            "the device has no client secret yet: add `--set-secret` to give it this one, at the device's own network only, since the first goes unencrypted"
        }
        Step::Change => {
            "the device has no client secret yet: the first is given with `acme-client device push --set-secret`"
        }
        Step::Look
        | Step::Secret
        | Step::Domain
        | Step::Activate
        | Step::Verify
        | Step::Deactivate
        | Step::Delete => {
            "somebody took the device's client secret away meanwhile: delete the new certificate from the device, and push with `--set-secret`, which adds it anew"
        }
    }
}

/// For devices that do not say which.
const NO_OR_OTHER_SECRET: &str = "the client secret is probably not the device's: give the right one with `--secret-file`; if the device has none yet, add `--set-secret`, at its own network only; if nobody has it, reset the device";

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
            Self::Xapi(XapiError::Refused(refusal)) => refused(Step::Change, refusal),
            Self::Xapi(error) => error.hint(),
            Self::Neither => Some(
                "give the present one with `--secret-file`; one that has none yet takes its first with `acme-client device push --set-secret`; if nobody has it, reset the device".to_owned(),
            ),
            Self::Seal(_) | Self::Open(_) | Self::Stopped => None,
        }
    }
}
