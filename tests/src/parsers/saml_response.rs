//! A provider's response (SAML 2.0), as `ca-server` reads it from whatever a browser posts.
//!
//! An input is read twice: as it came, which must never be believed since nobody has the provider's key; and, where it has a place for a
//! signature (`<Signature xmlns="urn:here"/>`), once that was filled in, so that what lies behind the signature is reached too.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::sso::person::Person;
use ca_server::sso::saml::encrypted::DecryptionKey;
use ca_server::sso::saml::envelope::EnvelopeFault;
use ca_server::sso::saml::{
    AttributeNames, Expected, Metadata, SamlIdentityProvider, SamlRefusal, ServiceProvider, verify,
    verify_document,
};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::Outcome;
use super::support::{contains, is_tame};

mod signer;

use signer::Signer;

/// Sunday, 1 March 2026, noon.
const NOW: i64 = 1_772_366_400;
const ACS: &str = "https://ca.example/sso/saml/corp/acs";
const SP: &str = "https://ca.example/sso/saml/corp/metadata";
const IDP: &str = "https://idp.example/saml";
const REQUEST: &str = "_5f1ddb6c3c1f4f0b8c7c0d6a2f1e9b7a4d5c6b7a8f9e0d1c2b3a4f5e6d7c8b9a";
const SKEW: Duration = Duration::seconds(60);

/// Everybody who takes part.
struct Parties {
    signer: Signer,
    provider: SamlIdentityProvider,
    service_provider: ServiceProvider,
    /// The same provider with another key.
    stranger: SamlIdentityProvider,
    /// Another party that trusts the same provider.
    elsewhere: ServiceProvider,
}

static PARTIES: LazyLock<Option<Parties>> = LazyLock::new(parties);

fn parties() -> Option<Parties> {
    let (key, certificate) = certified(KeyPair::generate().ok()?)?;
    let (_, other) = certified(KeyPair::generate().ok()?)?;
    let (secret, public) = certified(KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).ok()?)?;
    let decryption = DecryptionKey::from_der(&secret.serialize_der(), &public).ok()?;
    let acs = Url::parse(ACS).ok()?;
    Some(Parties {
        signer: Signer::new(&key.serialize_der())?,
        provider: provider(&certificate)?,
        service_provider: ServiceProvider::new(SP.to_owned(), acs, Some(decryption)),
        stranger: provider(&other)?,
        elsewhere: ServiceProvider::new(
            "https://other.example/metadata".to_owned(),
            Url::parse("https://other.example/acs").ok()?,
            None,
        ),
    })
}

fn certified(key: KeyPair) -> Option<(KeyPair, CertificateDer<'static>)> {
    let mut params = CertificateParams::new(vec!["idp.example".to_owned()]).ok()?;
    params.not_before = now() - Duration::days(30);
    params.not_after = now() + Duration::days(30);
    let certificate = params.self_signed(&key).ok()?.der().clone();
    Some((key, certificate))
}

fn provider(certificate: &[u8]) -> Option<SamlIdentityProvider> {
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{IDP}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>",
        STANDARD.encode(certificate)
    );
    let metadata = Metadata::parse(metadata.as_bytes(), None).ok()?;
    Some(SamlIdentityProvider { metadata, attributes: AttributeNames::default() })
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn expected(request_id: &str) -> Expected<'_> {
    let requested = now() - Duration::seconds(90);
    Expected { provider: "corp", request_id, now: now(), requested, skew: SKEW, contexts: &[] }
}

/// A response that is believed says of the person only what the provider signed for this service provider, this request and this hour.
pub fn check(input: &[u8]) -> Outcome {
    let Some(parties) = &*PARTIES else { unreachable!("keys can be made") };
    let Parties { provider, service_provider, .. } = parties;
    let refusal = match verify_document(input, provider, service_provider, &expected(REQUEST)) {
        Ok(person) => unreachable!("nobody else has the key, and yet {} was believed", person.email()),
        Err(refusal) => refusal,
    };
    check_refusal(&refusal);
    // What comes through a form is read the same, and what is no base64 gets its own word.
    let form = verify(input, provider, service_provider, &expected(REQUEST));
    check_refusal(form.as_ref().err().unwrap_or(&refusal));
    assert!(form.is_err(), "nobody else has the key");
    if never_read(&refusal) {
        return Outcome::Refused;
    }
    let Some(signed) = parties.signer.fill_in(input) else { return Outcome::Refused };
    match verify_document(signed.document.as_bytes(), provider, service_provider, &expected(REQUEST)) {
        Err(refusal) => {
            check_refusal(&refusal);
            Outcome::Refused
        }
        Ok(person) => {
            check_person(&person, &signed.covered);
            check_others(parties, &signed.document, &person);
            Outcome::Accepted
        }
    }
}

/// Whether it was refused before it was known as XML.
fn never_read(refusal: &SamlRefusal) -> bool {
    use EnvelopeFault::{Malformed, ParsersDisagree, TooComplex};
    matches!(
        refusal,
        SamlRefusal::TooLarge { .. }
            | SamlRefusal::Lexical(_)
            | SamlRefusal::Envelope(Malformed | ParsersDisagree | TooComplex)
    )
}

fn check_refusal(refusal: &SamlRefusal) {
    let word = refusal.reason();
    assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b"-0123456789".contains(&b)));
    assert!(is_tame(&refusal.to_string()), "{refusal:?}");
}

/// Every fact stands in the octets that were signed.
fn check_person(person: &Person, covered: &[u8]) {
    let evidence = person.evidence();
    let says = |text: &str| contains(covered, signer::escaped(text).as_bytes());
    for needed in [REQUEST, ACS, SP, IDP] {
        assert!(says(needed), "{needed} is not in what was signed");
    }
    assert!(says(person.email().local_part()), "{}", person.email());
    assert!(says(&evidence.subject) && says(&evidence.assertion), "{evidence:?}");
    let facts = evidence.groups.iter().chain(&evidence.context).chain(&evidence.display_name);
    for fact in facts.chain([&evidence.subject, &evidence.assertion]) {
        assert!(says(fact), "{fact:?} is not in what was signed");
        assert!(fact.len() <= 1024 && !fact.contains(char::is_control), "{fact:?}");
    }
    assert_eq!((evidence.provider.as_str(), evidence.issuer.as_str()), ("corp", IDP));
    assert!(evidence.authenticated <= now() + SKEW, "{evidence:?}");
    assert!(evidence.authenticated >= now() - Duration::seconds(90) - SKEW, "{evidence:?}");
    let once = person.single_use();
    assert!(once.until > now() && once.until <= now() + Duration::hours(25), "{once:?}");
    assert_eq!(once.key, format!("corp\n{}", evidence.assertion));
}

/// The same response is worth nothing to others, for other requests, with other keys, later or changed.
fn check_others(parties: &Parties, document: &str, person: &Person) {
    let Parties { provider, service_provider, stranger, elsewhere, .. } = parties;
    let octets = document.as_bytes();
    let form = STANDARD.encode(octets);
    let again = verify(form.as_bytes(), provider, service_provider, &expected(REQUEST));
    let again = again.map(Person::into_parts).ok();
    assert!(
        again.is_some_and(|(email, evidence, once)| {
            email == *person.email() && evidence == *person.evidence() && once == *person.single_use()
        }),
        "the same response says the same"
    );
    let later = Expected { now: person.single_use().until, ..expected(REQUEST) };
    for (what, refused) in [
        ("another request", verify_document(octets, provider, service_provider, &expected("_other"))),
        ("another key", verify_document(octets, stranger, service_provider, &expected(REQUEST))),
        ("another party", verify_document(octets, provider, elsewhere, &expected(REQUEST))),
        ("after it was forgotten", verify_document(octets, provider, service_provider, &later)),
    ] {
        assert!(refused.is_err(), "{what}");
    }
    let address = person.email().to_string();
    let changed = document.replace(&address, "mallory@evil.example");
    if changed != document {
        let changed = verify_document(changed.as_bytes(), provider, service_provider, &expected(REQUEST));
        let believed = changed.ok().map(|person| person.email().to_string());
        assert!(believed.is_none_or(|email| email == address), "what is signed cannot be changed");
    }
}
