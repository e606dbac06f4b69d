//! A provider's metadata (SAML metadata §2), as `ca-server` reads it from a file or an address.

use ca_server::sso::saml::metadata::MAX_METADATA;
use ca_server::sso::saml::{
    AttributeNames, AuthenticationRequest, Metadata, MetadataError, RelayState, SamlIdentityProvider,
    ServiceProvider,
};
use time::OffsetDateTime;
use url::Url;
use xml_sec::Document;

use super::Outcome;
use super::support::is_tame;

/// Metadata that is taken names one provider, at an address to which a person can be sent, with keys that are strong; and a request to it
/// is XML that says this address and no more.
pub fn check(input: &[u8]) -> Outcome {
    let metadata = match Metadata::parse(input, None) {
        Ok(metadata) => metadata,
        Err(fault) => {
            assert!(
                is_tame(&fault.to_string()) || matches!(fault, MetadataError::SeveralProviders(_)),
                "{fault:?}"
            );
            check_named(input, &fault);
            return Outcome::Refused;
        }
    };
    assert!(input.len() <= MAX_METADATA);
    let name = metadata.entity_id();
    assert!((1..=1024).contains(&name.len()) && !name.contains(char::is_control), "{name:?}");
    let at = metadata.single_sign_on();
    assert!(at.scheme() == "https" || at.scheme() == "http", "{at}");
    assert!(at.host().is_some() && at.username().is_empty() && at.password().is_none(), "{at}");
    assert!(at.fragment().is_none(), "{at}");
    assert!((1..=8).contains(&metadata.signing_keys().len()));
    for key in metadata.signing_keys() {
        let bits = key.kind().strip_prefix("RSA ").map(str::parse::<usize>);
        let strong = match bits {
            Some(bits) => bits.is_ok_and(|bits| (2048..=8192).contains(&bits)),
            None => ["ECDSA P-256", "ECDSA P-384"].contains(&key.kind()),
        };
        assert!(strong, "{}", key.kind());
        assert_eq!(key.fingerprint().len(), 64);
    }
    let named = Metadata::parse(input, Some(name)).ok();
    assert_eq!(named.as_ref().map(Metadata::entity_id), Some(name), "the same under its name");
    let other = format!("{name}x");
    assert!(Metadata::parse(input, Some(&other)).is_err(), "nobody else is described");
    check_request(metadata);
    Outcome::Accepted
}

/// Of several, the one that is named is taken, if each has a name of its own.
fn check_named(input: &[u8], fault: &MetadataError) {
    let MetadataError::SeveralProviders(names) = fault else { return };
    for name in names {
        if let Ok(metadata) = Metadata::parse(input, Some(name)) {
            assert_eq!(metadata.entity_id(), name);
        }
    }
}

fn check_request(metadata: Metadata) {
    let Ok(acs) = Url::parse("https://ca.example/acs") else { return };
    let service_provider = ServiceProvider::new("https://ca.example/sp".to_owned(), acs, None);
    let provider = SamlIdentityProvider { metadata, attributes: AttributeNames::default() };
    let request = AuthenticationRequest { id: "_00", issued: OffsetDateTime::UNIX_EPOCH, contexts: &[] };
    let xml = request.to_xml(&provider, &service_provider);
    let Ok(document) = Document::parse(&xml) else { unreachable!("a request is XML: {xml}") };
    let root = document.root_element();
    let at = provider.metadata.single_sign_on();
    assert_eq!(root.attribute("Destination"), Some(at.as_str()));
    assert_eq!(root.attribute("ID"), Some("_00"));
    let Some(relay_state) = RelayState::parse("handle") else { return };
    let to = request.redirect(&provider, &service_provider, &relay_state);
    assert_eq!((to.origin(), to.path()), (at.origin(), at.path()), "people are sent where the metadata says");
    // What the provider put there stays first, and nothing of it is taken for ours.
    let ours = to.query_pairs().skip(at.query_pairs().count()).map(|(name, _)| name.into_owned());
    assert!(ours.eq(["SAMLRequest", "RelayState"].map(str::to_owned)), "{to}");
}
