//! What has to be done to a device, decided from what it has. Pure: nothing is asked here and nothing changed.
//!
//! Trusts what was seen for what is there, and the record only for what came from here and may therefore be taken away again. Must never plan to touch a certificate that
//! is neither an identity nor ours, and never a secret in the clear unless a certificate has to be added.

use std::collections::BTreeSet;

use device_jwe::Fingerprint;

use super::look::{ExternalIdentity, Installed};
use super::{Step, Wanted};
use crate::state::DeviceRecord;

/// What was seen of a device.
pub(super) struct Seen {
    pub(super) installed: Vec<Installed>,
    pub(super) identity: ExternalIdentity,
    /// The preferred domain, if one is wanted.
    pub(super) domain: Option<String>,
}

/// What has to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Give the first client secret, if the device turns out to have none.
    pub secret: bool,
    /// Set the preferred domain.
    pub domain: bool,
    /// Add the certificate.
    pub add: bool,
    /// Take it into use.
    pub activate: bool,
    /// Wait until the device says that it is valid.
    pub verify: bool,
    /// Certificates that are to go.
    pub retire: Vec<Fingerprint>,
}

impl Plan {
    pub(super) fn of(seen: &Seen, wanted: &Wanted<'_>, record: &DeviceRecord) -> Self {
        let own = wanted.material.fingerprint();
        let ours = seen.installed.iter().find(|one| one.fingerprint == *own);
        let add = ours.is_none();
        let activate = !ours.is_some_and(Installed::is_identity);
        let valid = seen.identity.valid && seen.identity.is_of(&wanted.material.leaf().der) != Some(false);
        let retire = retire(seen, own, record);
        Self {
            secret: wanted.set_secret && add,
            domain: wanted.preferred_domain.is_some_and(|domain| seen.domain.as_deref() != Some(domain)),
            add,
            activate,
            verify: activate || !valid,
            retire,
        }
    }

    /// Whether the device has everything it should have, and nothing else.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The steps, in order.
    pub fn steps(&self) -> Vec<Step> {
        let old = !self.retire.is_empty();
        let steps = [
            (self.domain, Step::Domain),
            (self.secret, Step::Secret),
            (self.add, Step::Add),
            (self.activate, Step::Activate),
            (self.verify, Step::Verify),
            (old, Step::Deactivate),
            (old, Step::Delete),
        ];
        steps.into_iter().filter(|(due, _)| *due).map(|(_, step)| step).collect()
    }
}

/// What is to go: what else is used as an identity, and what earlier runs left. Only what is there, never the new one.
fn retire(seen: &Seen, own: &Fingerprint, record: &DeviceRecord) -> Vec<Fingerprint> {
    let left: BTreeSet<&str> =
        record.replaces.iter().chain(&record.fingerprint).map(String::as_str).collect();
    let old = seen.installed.iter().filter(|one| one.fingerprint != *own);
    old.filter(|one| one.is_identity() || left.contains(one.fingerprint.as_str()))
        .map(|one| one.fingerprint.clone())
        .collect()
}

/// What comes back if the device never calls the new one valid: the identity in use, if it is valid; else what a run that was cut off had taken out of use; else the one in use.
pub(super) fn fallback(seen: &Seen, own: &Fingerprint, record: &DeviceRecord) -> Option<Fingerprint> {
    let old = || seen.installed.iter().filter(|one| one.fingerprint != *own);
    let used = old().find(|one| one.is_identity());
    let left = record.replaces.iter().find_map(|left| old().find(|one| one.fingerprint.as_str() == left));
    let chosen = if seen.identity.valid { used.or(left) } else { left.or(used) };
    chosen.map(|one| one.fingerprint.clone())
}
