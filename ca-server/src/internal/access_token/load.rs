//! From `[[token_issuer]]` to [`TokenIssuers`]: every section checked, none asked.

use std::path::Path;
use std::sync::Arc;

use time::Duration;
use url::Url;

use super::TokenIssuers;
use super::issuer::{KeySource, Settings, TokenIssuer, UserIds, normal_type};
use crate::config::contents::{self, FileFault};
use crate::config::load::ConfigProblem;
use crate::config::{Config, TokenIssuerConfig};
use crate::ids::AuthorityName;
use crate::sso::fetch::{self, Fetch, FetchConfig, SetupError, roots_from_pem};
use crate::sso::oidc::id_token::Algorithm;
use crate::sso::oidc::keys::Keys;

/// Most by which a clock may be off.
const MAX_SKEW: Duration = Duration::minutes(5);

/// Why an issuer cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("token issuer {name}: {fault}")]
pub struct IssuerLoadError {
    /// Its name.
    pub name: String,
    /// The key at fault, below its section.
    pub key: &'static str,
    /// What is wrong.
    #[source]
    pub fault: IssuerFault,
}

/// What is wrong with a section.
#[derive(Debug, thiserror::Error)]
pub enum IssuerFault {
    /// The name cannot stand in records.
    #[error("the name is not 1 to 32 lower-case letters, digits and hyphens")]
    Name,
    /// Another one has it.
    #[error("another token issuer has the same {0}")]
    Twice(&'static str),
    /// A list that must not be empty.
    #[error("is empty")]
    Empty,
    /// An algorithm that is not accepted.
    #[error("{0} is not accepted; known are RS256, RS384, RS512, PS256, PS384, PS512, ES256 and ES384")]
    Algorithm(String),
    /// Two places for the keys.
    #[error("keys_file and keys_url exclude each other")]
    TwoSources,
    /// An address that may not be used.
    #[error("{0} must be https (http only on this machine), without user name or fragment")]
    Address(String),
    /// A clock may not differ so much.
    #[error("must be at most 5 min")]
    Skew,
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The file holds no keys.
    #[error("{path} is not a JSON Web Key Set with a key that can verify")]
    Keys {
        /// Which.
        path: String,
    },
    /// Calls cannot be set up.
    #[error("{0}")]
    Calls(#[from] SetupError),
}

impl IssuerFault {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Name => "write a name such as corp",
            Self::Twice(_) => "give each its own",
            Self::Empty => "name at least one",
            Self::Algorithm(_) => "leave the key out for RS256, PS256 and ES256",
            Self::TwoSources => "keep one of them, or neither for the issuer's own configuration document",
            Self::Address(_) => "write an https address",
            Self::Skew => "leave it out for 60s",
            Self::File(fault) => fault.hint(),
            Self::Keys { .. } => "save the issuer's JWK set there",
            Self::Calls(_) => "name a PEM file of root certificates, or leave `roots` out",
        }
    }
}

/// Every issuer of the configuration; asks nobody.
///
/// # Errors
/// The first that cannot be used.
pub fn load(config: &Config) -> Result<TokenIssuers, IssuerLoadError> {
    let mut found = Vec::with_capacity(config.token_issuer.len());
    for section in &config.token_issuer {
        let of = |(key, fault)| IssuerLoadError { name: section.name.clone(), key, fault };
        found.push(one(config, section).map_err(of)?);
    }
    Ok(TokenIssuers(Arc::new(found)))
}

/// Every problem of the sections, for `check`.
#[must_use]
pub fn problems(config: &Config) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    for (number, section) in (1..).zip(&config.token_issuer) {
        if let Err((key, fault)) = one(config, section) {
            let hint = fault.hint();
            found.push(ConfigProblem::new(format!("token_issuer.{number}.{key}"), fault.to_string(), hint));
        }
    }
    let authority = &config.internal.authority;
    if (!config.token_issuer.is_empty() || config.internal.guests)
        && !config.authority.contains_key(authority)
    {
        found.push(ConfigProblem::new(
            "internal.authority",
            format!("there is no authority {authority}"),
            "name one of the [authority.…] sections",
        ));
    }
    found
}

type Fault = (&'static str, IssuerFault);

fn one(config: &Config, section: &TokenIssuerConfig) -> Result<TokenIssuer, Fault> {
    if section.name.parse::<AuthorityName>().is_err() {
        return Err(("name", IssuerFault::Name));
    }
    let same = |key: fn(&TokenIssuerConfig) -> &str| {
        config.token_issuer.iter().filter(|other| key(other) == key(section)).count() > 1
    };
    if same(|one| &one.name) {
        return Err(("name", IssuerFault::Twice("name")));
    }
    if same(|one| &one.issuer) {
        return Err(("issuer", IssuerFault::Twice("issuer")));
    }
    if section.audience.is_empty() {
        return Err(("audience", IssuerFault::Empty));
    }
    if section.types.is_empty() {
        return Err(("types", IssuerFault::Empty));
    }
    let skew = Duration::try_from(section.skew).ok().filter(|skew| *skew <= MAX_SKEW);
    let settings = Settings {
        name: section.name.clone(),
        issuer: section.issuer.clone(),
        audience: section.audience.clone(),
        algorithms: algorithms(&section.algorithms)?,
        types: section.types.iter().map(|typ| normal_type(typ)).collect(),
        scopes: section.scopes.clone(),
        user_ids: section.user_id_claim.clone().map_or(UserIds::Derived, UserIds::Claim),
        email_claim: section.email_claim.clone(),
        email_trusted: section.email_trusted,
        name_claim: section.name_claim.clone(),
        organisation_claim: section.organisation_claim.clone(),
        single_use: section.single_use,
        skew: skew.ok_or(("skew", IssuerFault::Skew))?,
    };
    Ok(TokenIssuer::new(settings, source(config, section)?, calls(config, section)?))
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, Fault> {
    if names.is_empty() {
        return Err(("algorithms", IssuerFault::Empty));
    }
    let known = |name: &String| {
        Algorithm::named(name).ok_or_else(|| ("algorithms", IssuerFault::Algorithm(name.clone())))
    };
    names.iter().map(known).collect()
}

fn source(config: &Config, section: &TokenIssuerConfig) -> Result<KeySource, Fault> {
    match (&section.keys_file, &section.keys_url) {
        (Some(_), Some(_)) => Err(("keys_url", IssuerFault::TwoSources)),
        (Some(path), None) => {
            let path = config.resolve(path);
            key_file(&path).map_err(|fault| ("keys_file", fault))?;
            Ok(KeySource::File(path))
        }
        (None, Some(url)) => reachable(url).map(KeySource::Address).map_err(|fault| ("keys_url", fault)),
        (None, None) => {
            let text = format!("{}/.well-known/openid-configuration", section.issuer.trim_end_matches('/'));
            let url =
                Url::parse(&text).map_err(|_| ("issuer", IssuerFault::Address(section.issuer.clone())))?;
            reachable(&url).map(KeySource::Discovered).map_err(|fault| ("issuer", fault))
        }
    }
}

fn reachable(url: &Url) -> Result<Url, IssuerFault> {
    if fetch::may_be_reached(url) { Ok(url.clone()) } else { Err(IssuerFault::Address(url.to_string())) }
}

fn key_file(path: &Path) -> Result<(), IssuerFault> {
    let usable = Keys::parse(&contents::read(path)?).map_or(0, |keys| keys.usable());
    if usable == 0 { Err(IssuerFault::Keys { path: path.display().to_string() }) } else { Ok(()) }
}

fn calls(config: &Config, section: &TokenIssuerConfig) -> Result<Fetch, Fault> {
    let allow_networks = config.sso.allow_networks.clone();
    let mut calls = FetchConfig { allow_networks, ..FetchConfig::default() };
    if let Some(path) = &section.roots {
        let text = contents::read(&config.resolve(path)).map_err(|fault| ("roots", fault.into()))?;
        calls.roots = Some(roots_from_pem(&text).map_err(|fault| ("roots", fault.into()))?);
    }
    Fetch::new(&calls).map_err(|fault| ("roots", fault.into()))
}
