//! From `[[identity_provider]]` to [`Providers`]: what can be said of the sections without asking anybody, and the providers of a start.

use std::path::Path;

use arc_swap::ArcSwap;
use certs::name::{DnsName, NameError};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::metadata::{MetadataFault, Source};
use super::{IdentityProvider, Provider, Providers, SamlParty};
use crate::clock::{Clock, SystemClock};
use crate::config::contents::{self, FileFault};
use crate::config::load::ConfigProblem;
use crate::config::{Config, IdentityProviderConfig, OidcConfig, SamlConfig};
use crate::ids::AuthorityName;
use crate::request::links::Links;
use crate::sso::fetch::{Fetch, FetchConfig, SetupError, roots_from_pem};
use crate::sso::oidc::{ClientSecret, OidcProvider, Settings, SettingsError};
use crate::sso::person::Protocol;
use crate::sso::saml::encrypted::{DecryptionKey, DecryptionKeyError};
use crate::sso::saml::{AttributeNames, SamlIdentityProvider, ServiceProvider};

/// Why an identity provider cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("identity provider {name}: {fault}")]
pub struct LoadError {
    /// Its name, or its number if it has none.
    pub name: String,
    /// The key at fault, below its section.
    pub key: &'static str,
    /// What is wrong.
    #[source]
    pub fault: LoadFault,
}

/// What is wrong with a section.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The name cannot stand in an address.
    #[error("the name is not 1 to 32 lower-case letters, digits and hyphens")]
    Name,
    /// Two of them have it.
    #[error("another identity provider has the same {0}")]
    Twice(&'static str),
    /// It may speak for nobody.
    #[error("there is no domain that it may speak for")]
    NoDomain,
    /// A domain that is none.
    #[error("{text}: {fault}")]
    Domain {
        /// As configured.
        text: String,
        /// Why.
        fault: NameError,
    },
    /// Neither or both protocols.
    #[error("needs one of the sections saml and oidc, and not both")]
    Protocol,
    /// Its name for CAA cannot be told.
    #[error("its issuer or entity id names no host")]
    NoHost,
    /// A clock may not differ so much.
    #[error("must be at most 5 min")]
    Skew,
    /// An origin that is none.
    #[error("{0:?} is not an origin such as https://login.example.net")]
    Origin(String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The metadata cannot be used.
    #[error("{0}")]
    Metadata(#[from] MetadataFault),
    /// A key without its certificate, or the other way round.
    #[error("decryption_key and decryption_certificate belong together")]
    HalfADecryptionKey,
    /// The decryption key cannot be used.
    #[error("{0}")]
    DecryptionKey(#[from] DecryptionKeyError),
    /// The OIDC settings cannot be used.
    #[error("{0}")]
    Oidc(#[from] SettingsError),
    /// Calls cannot be set up.
    #[error("{0}")]
    Calls(#[from] SetupError),
}

impl LoadFault {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Name => "write a name such as corp",
            Self::Twice(_) => "give each its own",
            Self::NoDomain | Self::Domain { .. } => {
                "write domains such as [\"example.com\", \"*.example.com\"]"
            }
            Self::Protocol => "write [identity_provider.saml] or [identity_provider.oidc] below it",
            Self::NoHost => "set sso_provider to a domain name that means this provider",
            Self::Skew => "leave it out for 60s",
            Self::Origin(_) => "write scheme and host only",
            Self::File(fault) => fault.hint(),
            Self::Metadata(MetadataFault::NoHash | MetadataFault::OtherDocument { .. }) => {
                "compare the document with the provider's operator, then write its SHA-256 into metadata_sha256"
            }
            Self::Metadata(_) => "fetch the provider's metadata again and place it where `metadata` says",
            Self::HalfADecryptionKey | Self::DecryptionKey(_) => {
                "make an RSA key and a certificate for it, or leave both keys out"
            }
            Self::Oidc(_) => "write the issuer as the provider's own configuration document does",
            Self::Calls(_) => "name a PEM file of root certificates, or leave `roots` out",
        }
    }
}

/// What is wrong with the sections, as far as can be said without asking anybody.
#[must_use]
pub fn problems(config: &Config) -> Vec<ConfigProblem> {
    let (mut found, mut named) = (Vec::new(), Vec::new());
    for (number, section) in (1..).zip(&config.identity_provider) {
        let mut add = |key: &str, fault: &LoadFault| {
            let name = if section.name.is_empty() { number.to_string() } else { section.name.clone() };
            found.push(ConfigProblem::new(
                format!("identity_provider.{name}.{key}"),
                fault.to_string(),
                fault.hint(),
            ));
        };
        for (key, fault) in plain_faults(config, section) {
            add(key, &fault);
        }
        match offline(config, section) {
            Err((key, fault)) => add(key, &fault),
            Ok(Some(name)) => {
                let own = domains(section).unwrap_or_default();
                let same = |(other, theirs): &(String, Vec<DnsName>)| *other == name && overlap(theirs, &own);
                if named.iter().any(same) {
                    add("sso_provider", &LoadFault::Twice("sso_provider for the same domain"));
                }
                named.push((name, own));
            }
            Ok(None) => {}
        }
    }
    found
}

type Fault = (&'static str, LoadFault);

/// What is wrong with the keys that both protocols share.
fn plain_faults(config: &Config, section: &IdentityProviderConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    if section.name.parse::<AuthorityName>().is_err() {
        found.push(("name", LoadFault::Name));
    }
    let same = |other: &&IdentityProviderConfig| other.name == section.name;
    if config.identity_provider.iter().filter(same).count() > 1 {
        found.push(("name", LoadFault::Twice("name")));
    }
    if section.domains.is_empty() {
        found.push(("domains", LoadFault::NoDomain));
    }
    if let Err(fault) = domains(section) {
        found.push(("domains", fault));
    }
    if section.skew > std::time::Duration::from_secs(300) {
        found.push(("skew", LoadFault::Skew));
    }
    if let Some(origin) = section.browser_origins.iter().find(|origin| !is_origin(origin)) {
        found.push(("browser_origins", LoadFault::Origin(origin.clone())));
    }
    found
}

/// The name for challenges and CAA, or what is wrong with the section of the protocol, without asking anybody.
fn offline(config: &Config, section: &IdentityProviderConfig) -> Result<Option<String>, Fault> {
    let links = Links::new(&config.url);
    match (&section.saml, &section.oidc) {
        (Some(saml), None) => {
            decryption_key(config, saml)?;
            let source =
                Source::new(config, &section.name, saml).map_err(|fault| ("saml.metadata", fault.into()))?;
            let metadata = source.read_offline().map_err(|fault| ("saml.metadata", fault.into()))?;
            metadata.map(|metadata| sso_provider(section, metadata.entity_id())).transpose()
        }
        (None, Some(oidc)) => {
            let (settings, fetch) = (settings(config, section, oidc, &links)?, fetch(config, Some(oidc))?);
            OidcProvider::new(settings, fetch, std::sync::Arc::new(SystemClock))
                .map_err(|fault| ("oidc.issuer", fault.into()))?;
            sso_provider(section, &oidc.issuer).map(Some)
        }
        (Some(_), Some(_)) | (None, None) => Err(("saml", LoadFault::Protocol)),
    }
}

/// The providers of a start. SAML metadata must be usable; an OIDC provider is asked when somebody signs in.
///
/// # Errors
/// The first provider that cannot be used.
pub async fn load(
    config: &Config,
    links: &Links,
    clock: &std::sync::Arc<dyn Clock>,
) -> Result<Providers, LoadError> {
    let mut providers: Vec<IdentityProvider> = Vec::with_capacity(config.identity_provider.len());
    for section in &config.identity_provider {
        let at = |(key, fault)| LoadError { name: section.name.clone(), key, fault };
        if let Some(fault) = plain_faults(config, section).into_iter().next() {
            return Err(at(fault));
        }
        let provider = one(config, section, links, clock).await.map_err(at)?;
        let same = |other: &IdentityProvider| {
            other.sso_provider == provider.sso_provider && overlap(&other.domains, &provider.domains)
        };
        if providers.iter().any(same) {
            return Err(at(("sso_provider", LoadFault::Twice("sso_provider for the same domain"))));
        }
        provider.tell_of_expiry(clock.now());
        providers.push(provider);
    }
    Ok(Providers::new(providers))
}

async fn one(
    config: &Config,
    section: &IdentityProviderConfig,
    links: &Links,
    clock: &std::sync::Arc<dyn Clock>,
) -> Result<IdentityProvider, Fault> {
    let (party, issuer) = match (&section.saml, &section.oidc) {
        (Some(saml), None) => {
            let party = saml_party(config, section, saml, links).await?;
            let entity = party.metadata().entity_id().to_owned();
            (Provider::Saml(Box::new(party)), entity)
        }
        (None, Some(oidc)) => {
            let settings = settings(config, section, oidc, links)?;
            let provider = OidcProvider::new(settings, fetch(config, Some(oidc))?, clock.clone());
            let provider = provider.map_err(|fault| ("oidc.issuer", fault.into()))?;
            (Provider::Oidc(Box::new(provider)), oidc.issuer.clone())
        }
        (Some(_), Some(_)) | (None, None) => return Err(("saml", LoadFault::Protocol)),
    };
    Ok(IdentityProvider {
        name: section.name.clone(),
        label: section.label.clone().unwrap_or_else(|| section.name.clone()),
        domains: domains(section).map_err(|fault| ("domains", fault))?,
        sso_provider: sso_provider(section, &issuer)?,
        browser_origins: section.browser_origins.clone(),
        party,
    })
}

async fn saml_party(
    config: &Config,
    section: &IdentityProviderConfig,
    saml: &SamlConfig,
    links: &Links,
) -> Result<SamlParty, Fault> {
    let at_metadata = |fault: MetadataFault| ("saml.metadata", LoadFault::from(fault));
    let source = Source::new(config, &section.name, saml).map_err(at_metadata)?;
    let fetch = fetch(config, None)?;
    let metadata = source.read_at_start(&fetch).await.map_err(at_metadata)?;
    let usual = AttributeNames::default();
    let attributes = AttributeNames {
        email: saml.email_attribute.clone(),
        groups: saml.groups_attributes.clone().unwrap_or(usual.groups),
        display_name: saml.display_name_attributes.clone().unwrap_or(usual.display_name),
    };
    let ours = saml.our_entity_id.clone().unwrap_or_else(|| links.saml_metadata(&section.name));
    let consumer = url(&links.sso_answer(Protocol::Saml, &section.name))?;
    let current = SamlIdentityProvider { metadata, attributes: attributes.clone() };
    Ok(SamlParty {
        current: ArcSwap::from_pointee(current),
        attributes,
        service_provider: ServiceProvider::new(ours, consumer, decryption_key(config, saml)?),
        source,
        fetch,
        contexts: section.contexts.clone(),
        skew: skew(section),
    })
}

fn settings(
    config: &Config,
    section: &IdentityProviderConfig,
    oidc: &OidcConfig,
    links: &Links,
) -> Result<Settings, Fault> {
    let callback = url(&links.sso_answer(Protocol::Oidc, &section.name))?;
    let mut settings = Settings::new(&section.name, &oidc.issuer, &oidc.client_id, callback);
    if let Some(path) = &oidc.client_secret_file {
        let text = secret_file(config, path).map_err(|fault| ("oidc.client_secret_file", fault.into()))?;
        settings.client_secret = Some(ClientSecret::new(&text));
    }
    if let Some(scopes) = &oidc.scopes {
        settings.scopes.clone_from(scopes);
    }
    if let Some(claim) = &oidc.groups_claim {
        settings.groups_claim.clone_from(claim);
    }
    settings.contexts.clone_from(&section.contexts);
    settings.methods.clone_from(&oidc.methods);
    settings.skew = skew(section);
    Ok(settings)
}

fn fetch(config: &Config, oidc: Option<&OidcConfig>) -> Result<Fetch, Fault> {
    let allow_networks = config.sso.allow_networks.clone();
    let mut calls = FetchConfig { allow_networks, ..FetchConfig::default() };
    if let Some(path) = oidc.and_then(|oidc| oidc.roots.as_ref()) {
        let text = read(config, path).map_err(|fault| ("oidc.roots", fault.into()))?;
        calls.roots = Some(roots_from_pem(&text).map_err(|fault| ("oidc.roots", fault.into()))?);
    }
    if oidc.is_none() {
        calls.max_body = crate::sso::saml::metadata::MAX_METADATA;
    }
    Fetch::new(&calls).map_err(|fault| ("oidc.roots", fault.into()))
}

fn decryption_key(config: &Config, saml: &SamlConfig) -> Result<Option<DecryptionKey>, Fault> {
    let at = |fault| ("saml.decryption_key", fault);
    let (key, certificate) = match (&saml.decryption_key, &saml.decryption_certificate) {
        (None, None) => return Ok(None),
        (Some(key), Some(certificate)) => (key, certificate),
        (Some(_), None) | (None, Some(_)) => return Err(at(LoadFault::HalfADecryptionKey)),
    };
    let key = secret_file(config, key).map_err(|fault| at(fault.into()))?;
    let certificate =
        read(config, certificate).map_err(|fault| ("saml.decryption_certificate", fault.into()))?;
    let made = DecryptionKey::from_pem(key.as_bytes(), &certificate);
    made.map(Some).map_err(|fault| at(fault.into()))
}

fn domains(section: &IdentityProviderConfig) -> Result<Vec<DnsName>, LoadFault> {
    let read =
        |text: &String| DnsName::parse(text).map_err(|fault| LoadFault::Domain { text: text.clone(), fault });
    section.domains.iter().map(read).collect()
}

/// Whether some address is in the reach of both.
fn overlap(one: &[DnsName], other: &[DnsName]) -> bool {
    let covers = |wide: &DnsName, name: &DnsName| {
        wide.is_wildcard()
            && name.base_str().strip_suffix(wide.base_str()).is_some_and(|rest| rest.ends_with('.'))
    };
    let meet = |a: &DnsName, b: &DnsName| a == b || covers(a, b) || covers(b, a);
    one.iter().any(|a| other.iter().any(|b| meet(a, b)))
}

/// The name for challenges and CAA: what is configured, else the host of `issuer`.
fn sso_provider(section: &IdentityProviderConfig, issuer: &str) -> Result<String, Fault> {
    let at = |fault| ("sso_provider", fault);
    if let Some(text) = &section.sso_provider {
        let name = DnsName::parse_allowing_single_label(text);
        let name = name.map_err(|fault| at(LoadFault::Domain { text: text.clone(), fault }))?;
        return Ok(name.as_str().to_owned());
    }
    match issuer.parse::<Url>().ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => Ok(name.to_ascii_lowercase()),
        Some(host @ (Host::Ipv4(_) | Host::Ipv6(_))) => Ok(host.to_string()),
        None => Err(at(LoadFault::NoHost)),
    }
}

fn is_origin(text: &str) -> bool {
    let parsed = text.parse::<Url>().ok();
    parsed.is_some_and(|url| url.origin().ascii_serialization() == text)
}

fn skew(section: &IdentityProviderConfig) -> time::Duration {
    time::Duration::try_from(section.skew).unwrap_or(time::Duration::MINUTE)
}

/// One of our own addresses, which are made from a URL that was parsed.
fn url(text: &str) -> Result<Url, Fault> {
    text.parse().map_err(|_| ("name", LoadFault::Name))
}

fn read(config: &Config, path: &Path) -> Result<Vec<u8>, FileFault> {
    contents::read(&config.resolve(path)).map_err(|fault| fault.named(path))
}

fn secret_file(config: &Config, path: &Path) -> Result<Zeroizing<String>, FileFault> {
    contents::read_secret(&config.resolve(path)).map_err(|fault| fault.named(path))
}

#[cfg(test)]
mod tests;
