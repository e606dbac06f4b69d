//! The two sides as the cases know them: a provider with its keys and metadata, and this service provider. Times are fixed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::sso::saml::encrypted::DecryptionKey;
use ca_server::sso::saml::{AttributeNames, Metadata, SamlIdentityProvider, ServiceProvider};
use rcgen::{
    CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256,
    PublicKeyData as _,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

pub const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);
pub const ACS: &str = "https://ca.example/sso/saml/corp/acs";
pub const SP: &str = "https://ca.example/sso/saml/corp/metadata";
pub const IDP: &str = "https://idp.example/saml";
pub const REQUEST: &str = "_5f1ddb6c3c1f4f0b8c7c0d6a2f1e9b7a4d5c6b7a8f9e0d1c2b3a4f5e6d7c8b9a";
pub const PROVIDER: &str = "corp";

/// A key pair and its self-signed certificate.
pub struct Identity {
    pub pkcs8: Vec<u8>,
    pub certificate: Vec<u8>,
    pub spki: Vec<u8>,
}

impl Identity {
    fn new(algorithm: &'static rcgen::SignatureAlgorithm, from: OffsetDateTime, to: OffsetDateTime) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "idp.example");
        params.not_before = from;
        params.not_after = to;
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pkcs8: key.serialize_der(),
            certificate: certificate.der().to_vec(),
            spki: key.subject_public_key_info(),
        }
    }

    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }
}

/// Everybody's keys, made once.
pub struct Keys {
    pub rsa: Identity,
    pub rolled: Identity,
    pub expired: Identity,
    pub p256: Identity,
    pub p384: Identity,
    pub stranger: Identity,
    pub decryption: Identity,
}

pub static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let (from, to) = (NOW - Duration::days(30), NOW + Duration::days(300));
    Keys {
        rsa: Identity::new(&PKCS_RSA_SHA256, from, to),
        rolled: Identity::new(&PKCS_RSA_SHA256, from, to),
        expired: Identity::new(&PKCS_ECDSA_P256_SHA256, from, NOW - Duration::days(1)),
        p256: Identity::new(&PKCS_ECDSA_P256_SHA256, from, to),
        p384: Identity::new(&PKCS_ECDSA_P384_SHA384, from, to),
        stranger: Identity::new(&PKCS_RSA_SHA256, from, to),
        decryption: Identity::new(&PKCS_RSA_SHA256, from, to),
    }
});

impl Keys {
    pub fn by_name(&self, name: &str) -> &Identity {
        match name {
            "rsa" => &self.rsa,
            "rolled" => &self.rolled,
            "expired" => &self.expired,
            "p256" => &self.p256,
            "p384" => &self.p384,
            "stranger" => &self.stranger,
            "decryption" => &self.decryption,
            other => panic!("no key {other}"),
        }
    }
}

/// Metadata with these signing certificates.
pub fn metadata_xml(entity: &str, certificates: &[String], attributes: &str) -> String {
    let keys: String = certificates
        .iter()
        .map(|certificate| {
            format!(
                "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
                 <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\"{attributes}>\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/sso?tenant=1\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

/// The provider, with the keys of these names in its metadata.
pub fn identity_provider(
    keys: &[&str],
    valid_until: Option<&str>,
    attributes: AttributeNames,
) -> SamlIdentityProvider {
    let certificates: Vec<_> = keys.iter().map(|name| KEYS.by_name(name).certificate_base64()).collect();
    let until = valid_until.map(|time| format!(" validUntil=\"{time}\"")).unwrap_or_default();
    let metadata = Metadata::parse(metadata_xml(IDP, &certificates, &until).as_bytes(), None).unwrap();
    SamlIdentityProvider { metadata, attributes }
}

/// This side, with or without a decryption key.
pub fn service_provider(decrypts: bool) -> ServiceProvider {
    let key = decrypts
        .then(|| DecryptionKey::from_der(&KEYS.decryption.pkcs8, &KEYS.decryption.certificate).unwrap());
    ServiceProvider::new(SP.to_owned(), ACS.parse().unwrap(), key)
}
