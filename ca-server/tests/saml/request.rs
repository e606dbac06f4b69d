//! What is sent to a provider: the redirect, and our metadata.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::sso::saml::{AttributeNames, AuthenticationRequest, RelayState};
use xml_sec::Document;

use crate::parties::{ACS, KEYS, NOW, REQUEST, SP, identity_provider, service_provider};

fn request_in(url: &url::Url) -> String {
    let (_, value) = url.query_pairs().find(|(name, _)| name == "SAMLRequest").unwrap();
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(STANDARD.decode(value.as_bytes()).unwrap().as_slice())
        .read_to_string(&mut xml)
        .unwrap();
    xml
}

#[test]
fn the_redirect_carries_a_forced_request_and_keeps_the_providers_own_query() {
    let idp = identity_provider(&["rsa"], None, AttributeNames::default());
    let request = AuthenticationRequest { id: REQUEST, issued: NOW, contexts: &[] };
    let state = RelayState::parse("Zk3-_9").unwrap();
    let url = request.redirect(&idp, &service_provider(false), &state);
    assert!(url.as_str().starts_with("https://idp.example/sso?tenant=1&SAMLRequest="), "{url}");
    assert!(url.query_pairs().any(|(name, value)| name == "RelayState" && value == "Zk3-_9"));

    let xml = request_in(&url);
    let document = Document::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "AuthnRequest");
    let expected = [
        ("ID", REQUEST),
        ("Version", "2.0"),
        ("IssueInstant", "2026-03-01T12:00:00Z"),
        ("Destination", "https://idp.example/sso?tenant=1"),
        ("ForceAuthn", "true"),
        ("AssertionConsumerServiceURL", ACS),
        ("ProtocolBinding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"),
    ];
    for (name, value) in expected {
        assert_eq!(root.attribute(name), Some(value), "{name}");
    }
    let names: Vec<_> = root.children().map(|node| node.tag_name().name().to_owned()).collect();
    assert_eq!(names, ["Issuer", "NameIDPolicy"]);
    assert_eq!(root.first_child().unwrap().text(), Some(SP));
}

#[test]
fn contexts_are_asked_for_exactly_and_escaped() {
    let attributes = AttributeNames { email: Some("mail".into()), ..AttributeNames::default() };
    let idp = identity_provider(&["rsa"], None, attributes);
    let contexts = ["urn:mfa".to_owned(), "https://x/?a=1&b=<2>".to_owned()];
    let request = AuthenticationRequest { id: REQUEST, issued: NOW, contexts: &contexts };
    let xml = request.to_xml(&idp, &service_provider(false));
    let document = Document::parse(&xml).unwrap();
    let wanted = document
        .descendants()
        .find(|node| node.is_element() && node.tag_name().name() == "RequestedAuthnContext")
        .unwrap();
    assert_eq!(wanted.attribute("Comparison"), Some("exact"));
    let texts: Vec<_> = wanted.children().filter_map(|node| node.text()).collect();
    assert_eq!(texts, contexts.iter().map(String::as_str).collect::<Vec<_>>());
    // The address comes in an attribute, so no format is asked of the name.
    assert!(!xml.contains("NameIDPolicy"));
}

#[test]
fn a_relay_state_is_a_short_handle_and_never_an_address() {
    let long = "a".repeat(81);
    for text in [
        "",
        "https://evil.example/",
        "//evil.example",
        "a b",
        "a%2f",
        "javascript:alert(1)",
        "ä",
        long.as_str(),
    ] {
        assert!(RelayState::parse(text).is_none(), "{text}");
    }
    assert!(RelayState::parse(&"a".repeat(80)).is_some());
    assert!(!format!("{:?}", RelayState::parse("handle").unwrap()).contains("handle"));
}

#[test]
fn our_metadata_names_the_address_the_format_and_the_key() {
    let xml = service_provider(true).metadata();
    let document = Document::parse(&xml).unwrap();
    let find =
        |name: &str| document.descendants().find(|node| node.is_element() && node.tag_name().name() == name);
    assert_eq!(document.root_element().attribute("entityID"), Some(SP));
    assert_eq!(find("AssertionConsumerService").unwrap().attribute("Location"), Some(ACS));
    assert_eq!(find("SPSSODescriptor").unwrap().attribute("WantAssertionsSigned"), Some("true"));
    let certificate = find("X509Certificate").unwrap().text().unwrap().to_owned();
    assert_eq!(STANDARD.decode(certificate).unwrap(), KEYS.decryption.certificate);
    assert!(!service_provider(false).metadata().contains("KeyDescriptor"));
}
