//! One issuer of access tokens: what its tokens must say, and its keys, kept for an hour and read again when an unknown one is named.
//!
//! Keys come from a file or from https; calls have limits of time and size. A key that the issuer withdrew serves an hour at most.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::internal::error::TokenError;
use crate::sso::fetch::Fetch;
use crate::sso::oidc::cached::Cached;
use crate::sso::oidc::id_token::{Algorithm, Claims, IdToken};
use crate::sso::oidc::keys::{self, Keys};
use crate::sso::oidc::{KEYS, OidcRefusal};

/// What tokens of one issuer must say.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Its name in the configuration.
    pub(super) name: String,
    /// `iss`, exactly.
    pub(super) issuer: String,
    /// `aud`: one of these.
    pub(super) audience: Vec<String>,
    /// `alg`: one of these.
    pub(super) algorithms: Vec<Algorithm>,
    /// `typ`: one of these, in lower case and without `application/`.
    pub(super) types: Vec<String>,
    /// Scopes of which all are demanded.
    pub(super) scopes: Vec<String>,
    /// Where account ids come from.
    pub(super) user_ids: UserIds,
    /// The claim with the address.
    pub(super) email_claim: String,
    /// Whether its addresses count without `email_verified`.
    pub(super) email_trusted: bool,
    /// The claim with the name to show.
    pub(super) name_claim: String,
    /// The claim that names the organisation.
    pub(super) organisation_claim: Option<String>,
    /// Whether a token serves once.
    pub(super) single_use: bool,
    /// How far its clock may be off.
    pub(super) skew: Duration,
}

/// Where account ids come from.
#[derive(Clone, Debug)]
pub(super) enum UserIds {
    /// Made from issuer and subject.
    Derived,
    /// A claim that holds UUIDs.
    Claim(String),
}

/// Where keys are.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// A file, read again each time.
    File(PathBuf),
    /// A JWK set at an address.
    Address(Url),
    /// Where the issuer's own configuration document says.
    Discovered(Url),
}

/// One issuer.
pub(super) struct TokenIssuer {
    pub(super) settings: Settings,
    source: KeySource,
    fetch: Fetch,
    keys: Cached<Keys>,
}

/// The two members of a configuration document (RFC 8414, OpenID Connect Discovery) that matter here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl TokenIssuer {
    pub(super) fn new(settings: Settings, source: KeySource, fetch: Fetch) -> Self {
        Self { settings, source, fetch, keys: Cached::new(KEYS) }
    }

    /// Its keys.
    pub(super) async fn keys(&self, now: OffsetDateTime) -> Result<Arc<Keys>, OidcRefusal> {
        self.keys.at(now, self.load()).await
    }

    /// The claims, if the header is allowed and one of the issuer's keys signed them. A key that is not among those kept may be a new one.
    pub(super) async fn verified(
        &self,
        token: &IdToken<'_>,
        now: OffsetDateTime,
    ) -> Result<Claims, TokenError> {
        self.header(token)?;
        let keys = self.keys(now).await?;
        let claims = |keys: &Keys| token.verify(keys.choose(token.algorithm, token.kid.as_deref())?);
        let refusal = match claims(&keys) {
            Err(refusal @ (OidcRefusal::KeyUnknown | OidcRefusal::KeyAmbiguous | OidcRefusal::Signature)) => {
                refusal
            }
            decided => return Ok(decided?),
        };
        match self.keys.newer_than(&keys, now, self.load()).await {
            Ok(Some(newer)) => Ok(claims(&newer)?),
            // What cannot be had anew leaves the answer as it was.
            Ok(None) | Err(_) => Err(refusal.into()),
        }
    }

    /// `alg` and `typ` are among those allowed.
    fn header(&self, token: &IdToken<'_>) -> Result<(), TokenError> {
        if !self.settings.algorithms.contains(&token.algorithm) {
            return Err(TokenError::Algorithm(token.algorithm.name().to_owned()));
        }
        let typ = token.typ.as_deref().map(normal_type).unwrap_or_default();
        if self.settings.types.contains(&typ) {
            return Ok(());
        }
        Err(TokenError::Type(typ.chars().take(40).flat_map(char::escape_default).collect()))
    }

    async fn load(&self) -> Result<Keys, OidcRefusal> {
        match &self.source {
            KeySource::File(path) => {
                let text = tokio::fs::read(path).await.map_err(|error| {
                    tracing::error!(path = %path.display(), %error, "the keys of a token issuer cannot be read");
                    OidcRefusal::KeysMalformed
                })?;
                Keys::parse(&text)
            }
            KeySource::Address(address) => keys::load(&self.fetch, address).await,
            KeySource::Discovered(address) => keys::load(&self.fetch, &self.discover(address).await?).await,
        }
    }

    /// Where the issuer says that its keys are. Its document must speak for exactly this issuer (RFC 8414 §3.3).
    async fn discover(&self, address: &Url) -> Result<Url, OidcRefusal> {
        let body =
            self.fetch.get(address, "application/json").await.map_err(OidcRefusal::DiscoveryUnreachable)?;
        let metadata: Metadata = serde_json::from_slice(&body)
            .map_err(|_| OidcRefusal::DiscoveryMalformed("it is no such document"))?;
        let expected = &self.settings.issuer;
        if metadata.issuer != *expected {
            let found = crate::sso::oidc::settings::shown(&metadata.issuer);
            return Err(OidcRefusal::DiscoveryIssuer { expected: expected.clone(), found });
        }
        crate::sso::oidc::settings::endpoint(expected, "jwks_uri", &metadata.jwks_uri)
    }
}

/// A media type as `typ` may shorten it (RFC 7515 §4.1.9).
pub(super) fn normal_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}
