//! Orders as a device sees them, what came of one, and the requests that finalize it.

use certs::ari::CertId;
use certs::identifier::Identifier;
use certs::inspect::{CertificateReport, inspect_certificate};
use certs::key::{KeyKind, SigningKey};
use rustls::pki_types::CertificateDer;
use serde_json::Value;

/// An order as it was last seen.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its URL.
    pub url: String,
    /// The order object.
    pub body: Value,
}

impl Order {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> &str {
        self.body["status"].as_str().unwrap_or_default()
    }

    /// Its authorizations.
    #[must_use]
    pub fn authorizations(&self) -> Vec<String> {
        let urls = self.body["authorizations"].as_array().cloned().unwrap_or_default();
        urls.iter().filter_map(|url| url.as_str().map(str::to_owned)).collect()
    }

    /// Where it is finalized.
    #[must_use]
    pub fn finalize(&self) -> &str {
        self.body["finalize"].as_str().unwrap_or_default()
    }

    /// Its certificate, once there is one.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.body["certificate"].as_str()
    }

    /// The names it is for.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let identifiers = self.body["identifiers"].as_array().cloned().unwrap_or_default();
        identifiers.iter().filter_map(|one| one["value"].as_str().map(str::to_owned)).collect()
    }

    /// A proper request for it with a new key.
    #[must_use]
    pub fn csr(&self) -> (SigningKey, Vec<u8>) {
        let key = SigningKey::generate(KeyKind::P256).expect("a key can be made");
        let names = self.names();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let csr = csr(&key, &names);
        (key, csr)
    }
}

/// The DER of a certificate request of `key` for DNS names.
///
/// # Panics
/// If a name is none.
#[must_use]
pub fn csr(key: &SigningKey, names: &[&str]) -> Vec<u8> {
    let identifier = |name: &&str| Identifier::from_parts("dns", name).expect("the name is a DNS name");
    let identifiers: Vec<_> = names.iter().map(identifier).collect();
    certs::csr::create_csr(key, &identifiers).expect("the request can be made")
}

/// A certificate that was obtained.
pub struct Issued {
    /// Its order, valid.
    pub order: Order,
    /// Where it was downloaded.
    pub url: String,
    /// Its key.
    pub key: SigningKey,
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Issued {
    /// The certificate itself, DER.
    ///
    /// # Panics
    /// If the chain is empty.
    #[must_use]
    pub fn leaf(&self) -> &CertificateDer<'static> {
        self.chain.first().expect("the chain has a leaf")
    }

    /// What the certificate says.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn report(&self) -> CertificateReport {
        inspect_certificate(self.leaf()).expect("the leaf is a certificate")
    }

    /// Its name in renewal information (RFC 9773 §4.1).
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn renewal_id(&self) -> String {
        CertId::from_certificate(self.leaf()).expect("the leaf has an id").to_string()
    }
}
