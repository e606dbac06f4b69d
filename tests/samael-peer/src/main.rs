//! samael as an identity provider, for the interop tests: it reads what our service provider writes, and answers in its own words, signed by xmlsec1.
//!
//! `samael-peer provider FOLDER ENTITY-ID SIGN-ON-URL` makes a key and writes `provider.xml`, its metadata.
//! `samael-peer answer FOLDER SP-METADATA REQUEST-URL EMAIL` reads both documents and prints what it understood, with the signed response, as JSON.

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{Duration, Utc};
use flate2::read::DeflateDecoder;
use samael::crypto::{CertificateDer, Crypto, CryptoProvider as _};
use samael::idp::response_builder::{ResponseAttribute, build_response_template};
use samael::idp::sp_extractor::{RequiredAttribute, SPMetadataExtractor};
use samael::idp::verified_request::UnverifiedAuthnRequest;
use samael::idp::{CertificateParams, IdentityProvider, KeyType, Rsa};
use samael::key_info::{KeyInfo, X509Data};
use samael::metadata::{Endpoint, EntityDescriptor, IdpSsoDescriptor, KeyDescriptor};
use samael::schema::AuthnRequest;
use samael::signature::DigestAlgorithm;
use samael::traits::ToXml as _;
use serde_json::json;
use url::Url;

const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["provider", folder, entity_id, sign_on] => provider(Path::new(folder), entity_id, sign_on),
        ["answer", folder, metadata, request, email] => {
            answer(Path::new(folder), &fs::read_to_string(metadata)?, &Url::parse(request)?, email)
        }
        _ => Err(
            "arguments: provider FOLDER ENTITY-ID SIGN-ON-URL | answer FOLDER SP-METADATA REQUEST-URL EMAIL"
                .into(),
        ),
    }
}

/// Makes the provider.
fn provider(folder: &Path, entity_id: &str, sign_on: &str) -> Outcome<()> {
    let provider = IdentityProvider::generate_new(KeyType::Rsa(Rsa::Rsa2048))?;
    let named = CertificateParams { common_name: "samael", issuer_name: "samael", days_until_expiration: 2 };
    let certificate = provider.create_certificate(&named)?;
    let x509_data = X509Data { certificates: vec![STANDARD.encode(certificate.der_data())] };
    let key = KeyDescriptor {
        key_use: Some("signing".to_owned()),
        key_info: KeyInfo { id: None, x509_data: Some(x509_data) },
        encryption_methods: None,
    };
    let sign_on =
        Endpoint { binding: REDIRECT.to_owned(), location: sign_on.to_owned(), response_location: None };
    let role = IdpSsoDescriptor {
        id: None,
        valid_until: None,
        cache_duration: None,
        protocol_support_enumeration: Some(PROTOCOL.to_owned()),
        error_url: None,
        signature: None,
        key_descriptors: vec![key],
        organization: None,
        contact_people: Vec::new(),
        artifact_resolution_service: Vec::new(),
        single_logout_services: Vec::new(),
        manage_name_id_services: Vec::new(),
        name_id_formats: vec![EMAIL.to_owned()],
        want_authn_requests_signed: None,
        single_sign_on_services: vec![sign_on],
        name_id_mapping_services: Vec::new(),
        assertion_id_request_services: Vec::new(),
        attribute_profiles: Vec::new(),
        attributes: Vec::new(),
    };
    let entity = EntityDescriptor {
        entity_id: Some(entity_id.to_owned()),
        idp_sso_descriptors: Some(vec![role]),
        ..EntityDescriptor::default()
    };
    fs::write(folder.join("provider.xml"), entity.to_string()?)?;
    fs::write(folder.join("certificate.der"), certificate.der_data())?;
    fs::write(folder.join("entity-id"), entity_id)?;
    Ok(fs::write(folder.join("key.der"), provider.export_private_key_der()?)?)
}

/// Reads the service provider's documents and answers.
fn answer(folder: &Path, metadata: &str, url: &Url, email: &str) -> Outcome<()> {
    let service_provider = SPMetadataExtractor::try_from_xml(metadata)?;
    let (entity_id, consumer) = (service_provider.issuer()?, service_provider.acs()?.url);
    let request = request_in(url)?;
    let key = fs::read(folder.join("key.der"))?;
    let certificate = CertificateDer::from(fs::read(folder.join("certificate.der"))?);
    let us = fs::read_to_string(folder.join("entity-id"))?;
    let name = RequiredAttribute { name: "displayName".to_owned(), format: None };
    let attributes = [ResponseAttribute { required_attribute: name, value: "Bob Example" }];
    let mut response =
        build_response_template(&certificate, email, &entity_id, &us, &consumer, &request.id, &attributes);

    // The template says SHA-1 here, which nobody should take.
    for reference in response.signature.iter_mut().flat_map(|signature| &mut signature.signed_info.reference)
    {
        reference.digest_method.algorithm = DigestAlgorithm::Sha256;
    }
    // What the template leaves out, and the profile for browsers demands (SAML profiles §4.1.4.2).
    let until = Utc::now() + Duration::minutes(5);
    let assertion = response.assertion.as_mut().ok_or("no assertion")?;
    let subject = assertion.subject.as_mut().ok_or("no subject")?;
    subject.name_id.as_mut().ok_or("no name")?.format = Some(EMAIL.to_owned());
    for confirmation in subject.subject_confirmations.iter_mut().flatten() {
        confirmation.subject_confirmation_data.as_mut().ok_or("no data")?.not_on_or_after = Some(until);
    }
    assertion.conditions.as_mut().ok_or("no conditions")?.not_on_or_after = Some(until);

    let signed = Crypto::sign_xml(response.to_string()?, &key)?;
    let understood = json!({
        "service_provider": { "entity_id": entity_id, "consumer": consumer },
        "request": {
            "id": request.id,
            "version": request.version,
            "destination": request.destination,
            "issuer": request.issuer.and_then(|issuer| issuer.value),
            "consumer": request.assertion_consumer_service_url,
            "binding": request.protocol_binding,
            "force_authn": request.force_authn,
            "name_id_format": request.name_id_policy.and_then(|policy| policy.format),
        },
        "response": STANDARD.encode(signed),
    });
    println!("{understood}");
    Ok(())
}

/// The request of an address (SAML bindings §3.4.4.1).
fn request_in(url: &Url) -> Outcome<AuthnRequest> {
    let parameter = url.query_pairs().find(|(name, _)| name == "SAMLRequest").ok_or("no SAMLRequest")?.1;
    let mut xml = String::new();
    DeflateDecoder::new(STANDARD.decode(parameter.as_bytes())?.as_slice()).read_to_string(&mut xml)?;
    Ok(UnverifiedAuthnRequest::from_xml(&xml)?.request)
}
