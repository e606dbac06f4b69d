//! Certificates, keys and blobs to provision a device with: good ones, and each kind of bad one.

use certs::key::{KeyKind, SigningKey};
use device_jwe::{Action, Blob, Encryption, Fingerprint, Fresh, Payload, Secret};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use crate::setting::start;

/// An authority of the test.
pub(crate) struct Authority {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A chain with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) =
            (start() - Duration::days(30), start() + Duration::days(3_650));
        let root = params.self_signed(&key).unwrap();
        Self { root: root.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn root_pem(&self) -> String {
        certs::pem::encode_chain(std::slice::from_ref(&self.root))
    }

    /// A device's certificate for these names, as it ought to be.
    pub(crate) fn identity(&self, names: &[&str]) -> Identity {
        self.issue(
            names,
            &KeyPair::generate().unwrap(),
            start() - Duration::hours(1),
            start() + Duration::days(90),
        )
    }

    /// With this key and these times.
    pub(crate) fn issue(
        &self,
        names: &[&str],
        key: &KeyPair,
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
    ) -> Identity {
        let leaf = self.certify(names, key, not_before, not_after);
        let chain = vec![leaf, self.root.clone()];
        let chain_pem = certs::pem::encode_chain(&chain);
        Identity { chain, chain_pem, key_pem: key.serialize_pem() }
    }

    /// A certificate for the key of a request.
    pub(crate) fn certify(
        &self,
        names: &[&str],
        key: &impl rcgen::PublicKeyData,
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.subject_alt_names =
            names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (not_before, not_after);
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }
}

impl Identity {
    /// Chain and key, as `add` takes them.
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.chain_pem, self.key_pem)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }
}

/// A client secret, and the blobs under it.
#[derive(Clone)]
pub(crate) struct Sealer(pub(crate) Secret);

impl Sealer {
    pub(crate) fn new() -> Self {
        Self(Secret::generate().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_text().to_string()
    }

    pub(crate) fn add(&self, pem: &str) -> String {
        self.seal(Action::Add, pem.as_bytes())
    }

    pub(crate) fn populate(&self, next: Option<&Self>) -> String {
        self.seal(Action::Populate, &Payload::NewSecret(next.map(|next| next.0.clone())).to_octets())
    }

    pub(crate) fn activate(&self, fingerprint: &Fingerprint) -> String {
        self.seal(Action::Activate, fingerprint.as_str().as_bytes())
    }

    pub(crate) fn deactivate(&self, fingerprint: &Fingerprint) -> String {
        self.seal(Action::Deactivate, fingerprint.as_str().as_bytes())
    }

    pub(crate) fn seal(&self, action: Action, payload: &[u8]) -> String {
        let fresh = Fresh::draw().unwrap();
        Blob::seal(&self.0, action, payload, Encryption::A256Gcm, fresh).unwrap().to_string()
    }
}

/// A fresh P-256 key as our own type, for those who want its PKCS#8.
pub(crate) fn key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}
