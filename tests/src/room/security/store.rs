//! The certificates of a device and what each is used for.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use device_jwe::{Fingerprint, Secret};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::room::xapi::Fault;
use crate::room::xapi::schema::WEBEX_IDENTITY;

/// Most certificates.
const MOST: usize = 64;

/// SHA-256 of a certificate in the same form.
#[must_use]
pub fn sha256_hex(der: &[u8]) -> String {
    digest(&SHA256, der).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// One certificate with its key.
pub struct Entry {
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key, PKCS#8. It is never read again: nothing here signs with it.
    pub(super) _key: Zeroizing<Vec<u8>>,
    /// Whether it came encrypted under the client secret.
    pub encrypted: bool,
    /// What it is used for.
    pub purposes: BTreeSet<&'static str>,
}

impl Entry {
    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }
}

/// A key whose request was shown and whose certificate is awaited.
pub(super) struct Pending {
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) spki: Vec<u8>,
}

/// What a device keeps.
#[derive(Default)]
pub struct Vault {
    pub(super) secret: Option<Secret>,
    pub(super) entries: BTreeMap<Fingerprint, Entry>,
    /// The order in which they came.
    pub(super) order: Vec<Fingerprint>,
    pub(super) pending: Option<Pending>,
}

impl Vault {
    /// Whether there is a client secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The certificates, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = (&Fingerprint, &Entry)> {
        self.order.iter().filter_map(|fingerprint| self.entries.get_key_value(fingerprint))
    }

    /// The chain of the identity in use.
    #[must_use]
    pub fn identity(&self) -> Option<&[CertificateDer<'static>]> {
        let used = self.entries.values().find(|entry| entry.purposes.contains(WEBEX_IDENTITY))?;
        Some(&used.chain)
    }

    /// Puts a certificate in; one that is there already keeps what it is used for.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<Fingerprint, Fault> {
        let fingerprint =
            entry.leaf().map(|leaf| Fingerprint::of(leaf)).ok_or(Fault::CertificateMalformed)?;
        if let Some(known) = self.entries.get_mut(&fingerprint) {
            let purposes = std::mem::take(&mut known.purposes);
            *known = Entry { purposes, ..entry };
        } else if self.entries.len() >= MOST {
            return Err(Fault::Full);
        } else {
            self.order.push(fingerprint.clone());
            self.entries.insert(fingerprint.clone(), entry);
        }
        Ok(fingerprint)
    }

    pub(super) fn remove(&mut self, fingerprint: &Fingerprint) {
        self.entries.remove(fingerprint);
        self.order.retain(|known| known != fingerprint);
    }
}
