//! A provider's metadata (SAML metadata §2): who it is, where to send people, and with which keys it signs (check 18).
//!
//! Trusted because the operator placed the file, or pinned its hash; nothing in it is followed. Reading is total: any octets give metadata or
//! a fault. Metadata without a usable signing certificate is a fault, never "no signature needed".

use time::OffsetDateTime;
use url::{Host, Url};
use xml_sec::XmlDocument;

use super::engine;
use super::envelope::{self, EnvelopeFault};
use super::instant;
use super::keys::{KeyFault, SigningKey};
use super::lexical::{self, LexicalFault, Limits};
use super::refusal::shown;
use super::xml::{self, Element, METADATA, PROTOCOL, SIGNATURE};

/// Longest metadata document, in octets.
pub const MAX_METADATA: usize = 1024 * 1024;

/// Most signing certificates of one provider.
const MAX_KEYS: usize = 8;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// Why metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// More octets than metadata may have.
    #[error("it has {0} octets, more than {MAX_METADATA}")]
    TooLarge(usize),
    /// Refused as text.
    #[error("{0}")]
    Lexical(#[from] LexicalFault),
    /// Not XML, or ambiguous.
    #[error("{0}")]
    Shape(#[from] EnvelopeFault),
    /// Not SAML metadata.
    #[error("its root is {0:?}, not EntityDescriptor or EntitiesDescriptor")]
    NotMetadata(String),
    /// No identity provider in it.
    #[error("it describes no identity provider")]
    NoProvider,
    /// Several, and none was named.
    #[error("it describes several identity providers: {}", .0.join(", "))]
    SeveralProviders(Vec<String>),
    /// The entity has no usable name.
    #[error("its entityID is missing, empty, longer than 1024 octets or no plain text")]
    EntityId,
    /// A time that cannot be read.
    #[error("its validUntil {0:?} is not a time in UTC")]
    ValidUntil(String),
    /// No certificate to verify signatures with.
    #[error("it has no signing certificate, so no answer of this provider could be verified")]
    NoSigningCertificate,
    /// Certificates, but none that can be used.
    #[error("none of its signing certificates can be used: {0}")]
    NoUsableCertificate(KeyFault),
    /// More certificates than a provider has.
    #[error("it has {0} signing certificates, more than {MAX_KEYS}")]
    TooManyCertificates(usize),
    /// No address for the redirect binding.
    #[error("it has no SingleSignOnService for the HTTP-Redirect binding")]
    NoSingleSignOn,
    /// An address that is not to be used.
    #[error("its sign-on address {0:?} is not https (or http on this host)")]
    SingleSignOn(String),
}

/// What is known of a provider.
#[derive(Clone, Debug)]
pub struct Metadata {
    entity_id: String,
    single_sign_on: Url,
    signing_keys: Vec<SigningKey>,
    unusable: Vec<KeyFault>,
    valid_until: Option<OffsetDateTime>,
    wants_signed_requests: bool,
}

impl Metadata {
    /// Reads a metadata document; `entity` chooses where it describes several providers.
    pub fn parse(octets: &[u8], entity: Option<&str>) -> Result<Self, MetadataError> {
        if octets.len() > MAX_METADATA {
            return Err(MetadataError::TooLarge(octets.len()));
        }
        let document = engine::parse(lexical::scan(octets, &Limits::METADATA)?)?;
        Self::from_document(&document, entity)
    }

    fn from_document(document: &XmlDocument, entity: Option<&str>) -> Result<Self, MetadataError> {
        document.with_view(|view| {
            envelope::check_identifiers(view.document())?;
            let root = view.document().root_element();
            let (descriptor, role) = choose(root, entity)?;
            let entity_id = entity_id(descriptor).ok_or(MetadataError::EntityId)?;
            let (signing_keys, unusable) = signing_keys(role)?;
            Ok(Self {
                entity_id,
                single_sign_on: single_sign_on(role)?,
                signing_keys,
                unusable,
                valid_until: valid_until(&[root, descriptor, role])?,
                wants_signed_requests: matches!(
                    role.attribute("WantAuthnRequestsSigned"),
                    Some("true" | "1")
                ),
            })
        })
    }

    /// The provider's name, which its answers must bear as their issuer.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where people are sent (HTTP-Redirect).
    #[must_use]
    pub fn single_sign_on(&self) -> &Url {
        &self.single_sign_on
    }

    /// The keys with which it signs; never empty.
    #[must_use]
    pub fn signing_keys(&self) -> &[SigningKey] {
        &self.signing_keys
    }

    /// Why further certificates in it are not used.
    #[must_use]
    pub fn unusable_certificates(&self) -> &[KeyFault] {
        &self.unusable
    }

    /// When it runs out, if it does.
    #[must_use]
    pub fn valid_until(&self) -> Option<OffsetDateTime> {
        self.valid_until
    }

    /// Whether it asks for signed requests, which this service provider does not make.
    #[must_use]
    pub fn wants_signed_requests(&self) -> bool {
        self.wants_signed_requests
    }
}

/// The one entity with a SAML 2.0 identity provider, or the one that was named.
fn choose<'a>(root: Element<'a>, entity: Option<&str>) -> Result<(Element<'a>, Element<'a>), MetadataError> {
    let mut entities = Vec::new();
    if xml::is(root, METADATA, "EntityDescriptor") {
        entities.push(root);
    } else if xml::is(root, METADATA, "EntitiesDescriptor") {
        entities.extend(root.descendants().filter(|node| xml::is(*node, METADATA, "EntityDescriptor")));
    } else {
        return Err(MetadataError::NotMetadata(shown(root.tag_name().name())));
    }
    let mut providers = entities.into_iter().filter_map(|descriptor| {
        let named = entity.is_none_or(|wanted| descriptor.attribute("entityID") == Some(wanted));
        let role = provider_role(descriptor)?;
        named.then_some((descriptor, role))
    });
    let first = providers.next().ok_or(MetadataError::NoProvider)?;
    let others: Vec<_> = providers.filter_map(|(descriptor, _)| entity_id(descriptor)).collect();
    if others.is_empty() {
        return Ok(first);
    }
    Err(MetadataError::SeveralProviders(entity_id(first.0).into_iter().chain(others).collect()))
}

fn provider_role(descriptor: Element<'_>) -> Option<Element<'_>> {
    let speaks = |role: &Element<'_>| {
        role.attribute("protocolSupportEnumeration")
            .is_some_and(|protocols| protocols.split_ascii_whitespace().any(|name| name == PROTOCOL))
    };
    xml::children(descriptor, METADATA, "IDPSSODescriptor").find(speaks)
}

fn entity_id(descriptor: Element<'_>) -> Option<String> {
    let name = descriptor.attribute("entityID")?;
    let plain = (1..=1024).contains(&name.len()) && !name.contains(char::is_control);
    plain.then(|| name.to_owned())
}

fn signing_keys(role: Element<'_>) -> Result<(Vec<SigningKey>, Vec<KeyFault>), MetadataError> {
    let mut certificates = Vec::new();
    for descriptor in xml::children(role, METADATA, "KeyDescriptor") {
        if !matches!(descriptor.attribute("use"), None | Some("signing")) {
            continue;
        }
        for key_info in xml::children(descriptor, SIGNATURE, "KeyInfo") {
            let data = xml::children(key_info, SIGNATURE, "X509Data");
            certificates.extend(data.flat_map(|data| xml::children(data, SIGNATURE, "X509Certificate")));
        }
    }
    if certificates.len() > MAX_KEYS {
        return Err(MetadataError::TooManyCertificates(certificates.len()));
    }
    let (mut keys, mut unusable) = (Vec::new(), Vec::new());
    for certificate in certificates {
        let der = xml::base64(certificate).ok_or(KeyFault::NotACertificate);
        match der.and_then(|der| SigningKey::from_certificate(&der)) {
            Ok(key) => keys.push(key),
            Err(fault) => unusable.push(fault),
        }
    }
    if !keys.is_empty() {
        return Ok((keys, unusable));
    }
    Err(unusable.pop().map_or(MetadataError::NoSigningCertificate, MetadataError::NoUsableCertificate))
}

fn single_sign_on(role: Element<'_>) -> Result<Url, MetadataError> {
    let location = xml::children(role, METADATA, "SingleSignOnService")
        .find(|service| service.attribute("Binding") == Some(REDIRECT))
        .and_then(|service| service.attribute("Location"))
        .ok_or(MetadataError::NoSingleSignOn)?;
    let refused = || MetadataError::SingleSignOn(shown(location));
    let url = Url::parse(location).map_err(|_| refused())?;
    let this_host = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let fits = plain && (url.scheme() == "https" || (url.scheme() == "http" && this_host));
    if fits { Ok(url) } else { Err(refused()) }
}

fn valid_until(elements: &[Element<'_>]) -> Result<Option<OffsetDateTime>, MetadataError> {
    let mut earliest: Option<OffsetDateTime> = None;
    for element in elements {
        if let Some(text) = element.attribute("validUntil") {
            let time = instant::parse(text).ok_or_else(|| MetadataError::ValidUntil(shown(text)))?;
            earliest = Some(earliest.map_or(time, |known| known.min(time)));
        }
    }
    Ok(earliest)
}
