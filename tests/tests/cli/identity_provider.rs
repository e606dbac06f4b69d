//! `ca-server identity-provider check`: what to tell a provider, what it says, and what is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::program::{ca_server, init};

/// Metadata of a provider with a signing certificate, or none.
fn metadata(signs: bool) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["idp.example.com".to_owned()]).unwrap();
    let key = format!(
        "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        STANDARD.encode(made.cert.der())
    );
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example.com/m\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.example.com/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
        if signs { key } else { String::new() }
    )
}

const SECTION: &str = "
[[identity_provider]]
name = \"corp\"
domains = [\"example.com\"]
[identity_provider.saml]
metadata = \"corp.xml\"
";

#[test]
fn a_provider_that_can_be_used_is_shown_with_what_it_has_to_know() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ca");
    assert_eq!(init(&place, "https://ca.example.com", &[]).code, 0);
    let config = place.join("ca.toml");
    let text = std::fs::read_to_string(&config).unwrap() + SECTION;
    std::fs::write(&config, text).unwrap();
    std::fs::write(place.join("corp.xml"), metadata(true)).unwrap();
    let asked = ["identity-provider", "check", "--config", config.to_str().unwrap()];

    let ran = ca_server(&asked);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for shown in [
        "corp (saml): can be used",
        "https://ca.example.com/sso/saml/corp/metadata",
        "https://ca.example.com/sso/saml/corp/acs",
        "https://idp.example.com/sso",
        "idp.example.com",
    ] {
        assert!(ran.stdout.contains(shown), "{shown} is not in\n{}", ran.stdout);
    }
    let ran = ca_server(&[&asked[..], &["--json"]].concat());
    let json = ran.json();
    assert_eq!((&json[0]["name"], &json[0]["sso_provider"]), (&"corp".into(), &"idp.example.com".into()));

    std::fs::write(place.join("corp.xml"), metadata(false)).unwrap();
    let ran = ca_server(&asked);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("problem: it has no signing certificate"), "{}", ran.stdout);
    assert!(ran.error().0.contains("1 of 1 identity providers cannot be used"), "{}", ran.stderr);
    let checked = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(checked.code, 1);
    assert!(
        checked.stdout.contains("identity_provider.corp.saml.metadata: it has no signing certificate"),
        "{}",
        checked.stdout
    );
    let served = ca_server(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(served.code, 1, "it must not start without knowing whom to believe");
}
