//! Providers' metadata: what is read, and what is refused rather than believed with gaps.

use std::path::Path;

use ca_server::sso::saml::Metadata;
use ca_server::sso::saml::metadata::MetadataError;
use proptest::prelude::*;

use crate::parties::{IDP, KEYS, metadata_xml};

fn certificate(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saml/certificates").join(name);
    let pem = std::fs::read_to_string(path).unwrap();
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

fn good() -> String {
    metadata_xml(IDP, &[KEYS.rsa.certificate_base64()], "")
}

fn refused(xml: &str) -> String {
    Metadata::parse(xml.as_bytes(), None).unwrap_err().to_string()
}

#[test]
fn metadata_gives_the_name_the_address_and_all_keys_of_a_rollover() {
    let keys = [&KEYS.rsa, &KEYS.rolled, &KEYS.p256].map(|key| key.certificate_base64());
    let metadata = Metadata::parse(metadata_xml(IDP, &keys, "").as_bytes(), Some(IDP)).unwrap();
    assert_eq!(metadata.entity_id(), IDP);
    assert_eq!(metadata.single_sign_on().as_str(), "https://idp.example/sso?tenant=1");
    let kinds: Vec<_> = metadata.signing_keys().iter().map(|key| key.kind().to_owned()).collect();
    assert_eq!(kinds, ["RSA 2048", "RSA 2048", "ECDSA P-256"]);
    assert_eq!(metadata.valid_until(), None);
    assert!(!metadata.wants_signed_requests());
}

#[test]
fn no_signing_certificate_is_an_error() {
    assert_eq!(
        Metadata::parse(metadata_xml(IDP, &[], "").as_bytes(), None).unwrap_err(),
        MetadataError::NoSigningCertificate
    );
    let encryption_only = good().replace("use=\"signing\"", "use=\"encryption\"");
    assert_eq!(
        Metadata::parse(encryption_only.as_bytes(), None).unwrap_err(),
        MetadataError::NoSigningCertificate
    );
    // A key for both uses does sign.
    assert!(Metadata::parse(good().replace(" use=\"signing\"", "").as_bytes(), None).is_ok());
}

#[test]
fn weak_and_foreign_keys_do_not_count() {
    for (file, says) in [
        ("rsa-1024.pem", "its RSA key has 1024 bits"),
        ("dsa.pem", "neither RSA nor ECDSA"),
        ("ed25519.pem", "neither RSA nor ECDSA"),
        ("p-521.pem", "neither RSA nor ECDSA"),
    ] {
        let alone = refused(&metadata_xml(IDP, &[certificate(file)], ""));
        assert!(alone.contains(says), "{file}: {alone}");
        let both = metadata_xml(IDP, &[certificate(file), KEYS.rsa.certificate_base64()], "");
        let metadata = Metadata::parse(both.as_bytes(), None).unwrap();
        assert_eq!((metadata.signing_keys().len(), metadata.unusable_certificates().len()), (1, 1), "{file}");
    }
}

#[test]
fn the_end_of_validity_is_the_earliest_that_is_stated() {
    let xml = metadata_xml(IDP, &[KEYS.rsa.certificate_base64()], " validUntil=\"2026-04-01T00:00:00Z\"")
        .replace("<md:IDPSSODescriptor", "<md:IDPSSODescriptor validUntil=\"2026-03-15T00:00:00.5Z\"");
    let metadata = Metadata::parse(xml.as_bytes(), None).unwrap();
    assert_eq!(metadata.valid_until().unwrap().to_string(), "2026-03-15 0:00:00.5 +00:00:00");
    assert!(refused(&xml.replace("2026-04-01T00:00:00Z", "soon")).contains("validUntil"));
}

#[test]
fn one_provider_is_chosen_from_several_by_name_only() {
    let one = |entity: &str| {
        let xml = metadata_xml(entity, &[KEYS.rsa.certificate_base64()], "");
        xml.split_once("-->\n").unwrap().1.to_owned()
    };
    let service = "<md:EntityDescriptor entityID=\"https://sp.example\"><md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/></md:EntityDescriptor>";
    let wrap = |inner: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inner}</md:EntitiesDescriptor>"
        )
    };
    let several = wrap(&format!("{service}{}{}", one("https://a.example"), one("https://b.example")));
    assert!(refused(&several).contains("https://a.example, https://b.example"));
    assert_eq!(
        Metadata::parse(several.as_bytes(), Some("https://b.example")).unwrap().entity_id(),
        "https://b.example"
    );
    assert_eq!(
        Metadata::parse(several.as_bytes(), Some("https://c.example")).unwrap_err(),
        MetadataError::NoProvider
    );
    assert_eq!(
        Metadata::parse(wrap(&format!("{service}{}", one(IDP))).as_bytes(), None).unwrap().entity_id(),
        IDP
    );
    assert_eq!(Metadata::parse(wrap(service).as_bytes(), None).unwrap_err(), MetadataError::NoProvider);
}

#[test]
fn the_address_is_https_or_on_this_host() {
    let with = |address: &str| good().replace("https://idp.example/sso?tenant=1", address);
    for address in [
        "http://idp.example/sso",
        "ftp://idp.example/",
        "/sso",
        "javascript:alert(1)",
        "https://user@idp.example/",
        "https://idp.example/#top",
    ] {
        assert!(refused(&with(address)).contains("sign-on address"), "{address}");
    }
    for address in
        ["https://idp.example/", "http://127.0.0.1:8080/sso", "http://localhost/sso", "http://[::1]/sso"]
    {
        assert!(Metadata::parse(with(address).as_bytes(), None).is_ok(), "{address}");
    }
    let other_binding = good().replace("HTTP-Redirect", "HTTP-Artifact");
    assert_eq!(Metadata::parse(other_binding.as_bytes(), None).unwrap_err(), MetadataError::NoSingleSignOn);
}

#[test]
fn what_is_no_metadata_is_refused() {
    assert!(refused("<a/>").contains("not EntityDescriptor"));
    assert!(refused("").contains("well-formed"));
    assert!(
        refused(&good().replace("entityID=\"https://idp.example/saml\"", "entityID=\"\""))
            .contains("entityID")
    );
    assert!(
        refused(&good().replace("SAML:2.0:protocol", "SAML:1.1:protocol")).contains("no identity provider")
    );
    assert!(
        refused(&format!("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>{}", good()))
            .contains("document type")
    );
    assert!(refused(&" ".repeat(1024 * 1024 + 1)).contains("octets"));
    let many = vec![KEYS.rsa.certificate_base64(); 9];
    assert_eq!(
        Metadata::parse(metadata_xml(IDP, &many, "").as_bytes(), None).unwrap_err(),
        MetadataError::TooManyCertificates(9)
    );
    let garbage = metadata_xml(IDP, &["bm8gY2VydGlmaWNhdGU=".to_owned()], "");
    assert!(refused(&garbage).contains("not an X.509 certificate"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_octets_give_metadata_or_a_fault(octets in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Metadata::parse(&octets, None);
    }

    #[test]
    fn metadata_with_a_changed_octet_gives_metadata_or_a_fault(at in 0_usize..4096, octet in any::<u8>()) {
        let mut octets = good().into_bytes();
        let at = at % octets.len();
        octets[at] = octet;
        let _ = Metadata::parse(&octets, None);
    }
}
