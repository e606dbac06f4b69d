//! The OpenID Connect relying party (OpenID Connect Core 1.0: code flow; RFC 7636; RFC 9207).
//!
//! [`OidcProvider::authorize`] says where to send the person's browser, [`OidcProvider::redeem`] turns what comes back into a
//! [`Person`] or a refusal with a stable reason. An ID token is taken only from the provider's own token endpoint. Trusts the
//! provider's TLS certificate and its published keys. Must never show a code, a token or a secret.

mod authorize;
pub(crate) mod cached;
mod callback;
mod discovery;
pub(crate) mod id_token;
pub(crate) mod keys;
mod refusal;
pub(crate) mod settings;
mod token;

use std::fmt;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use url::Url;

use self::cached::{Ages, Cached};
use self::discovery::Metadata;
use self::id_token::checks::{self, SignIn};
use self::id_token::{Claims, IdToken};
use self::keys::Keys;
use super::fetch::Fetch;
use super::person::{Evidence, Person, Protocol, SingleUse};
use crate::clock::Clock;

pub use self::authorize::PkceVerifier;
pub use self::callback::Callback;
pub use self::discovery::ClientAuthentication;
pub use self::refusal::OidcRefusal;
pub use self::settings::{ClientSecret, Settings, SettingsError};

/// The configuration may be used for a day while the provider fails; its own browser pages will tell people.
const METADATA: Ages =
    Ages { fresh: Duration::hours(1), usable: Duration::hours(24), apart: Duration::seconds(10) };

/// A key that the provider withdrew must not serve for longer than an hour, whatever happens.
pub(crate) const KEYS: Ages =
    Ages { fresh: Duration::hours(1), usable: Duration::hours(1), apart: Duration::seconds(10) };

/// Longest time an ID token is remembered against replay. The sign-in its nonce belongs to is over long before.
const LONGEST_MEMORY: Duration = Duration::hours(24);

/// One provider as a relying party sees it.
pub struct OidcProvider {
    settings: Settings,
    address: Url,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    metadata: Cached<Metadata>,
    keys: Cached<Keys>,
}

/// What the answer must match.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The nonce of the authorization request: it commits to the account key.
    pub nonce: &'a str,
    /// When the person was sent to the provider; a sign-in from before is stale.
    pub requested: OffsetDateTime,
}

/// What a provider says about itself.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where people are sent.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// How we show ourselves there.
    pub client_authentication: ClientAuthentication,
    /// How many of the published keys can verify an ID token.
    pub keys: usize,
}

impl Report {
    fn new(metadata: &Metadata, keys: &Keys) -> Self {
        Self {
            authorization_endpoint: metadata.authorization_endpoint.clone(),
            token_endpoint: metadata.token_endpoint.clone(),
            client_authentication: metadata.client_authentication,
            keys: keys.usable(),
        }
    }
}

impl OidcProvider {
    /// A provider; asks nothing yet.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub fn new(settings: Settings, fetch: Fetch, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let address = settings.check()?;
        let (metadata, keys) = (Cached::new(METADATA), Cached::new(KEYS));
        Ok(Self { settings, address, fetch, clock, metadata, keys })
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where to send the person's browser. `state` and `nonce` are random and of this sign-in alone.
    ///
    /// # Errors
    /// [`OidcRefusal`] if the provider's configuration cannot be had.
    pub async fn authorize(
        &self,
        state: &str,
        nonce: &str,
        verifier: &PkceVerifier,
    ) -> Result<Url, OidcRefusal> {
        let metadata = self.metadata().await?;
        Ok(authorize::address(&metadata, &self.settings, state, nonce, verifier))
    }

    /// Redeems what the provider sent through the browser, and checks all of what it says.
    ///
    /// The caller has found the sign-in by [`Callback::state`]; it still compares the address and its domain.
    ///
    /// # Errors
    /// [`OidcRefusal`]
    pub async fn redeem(
        &self,
        callback: Callback,
        verifier: &PkceVerifier,
        expected: &Expected<'_>,
    ) -> Result<Person, OidcRefusal> {
        let metadata = self.metadata().await?;
        let code = callback.code(&self.settings.issuer, metadata.names_itself)?;
        let tokens = token::redeem(&self.fetch, &metadata, &self.settings, code, verifier).await?;
        let id_token = IdToken::parse(&tokens.id_token)?;
        let claims = self.verified(&metadata, &id_token).await?;
        let Expected { nonce, requested } = *expected;
        let sign_in = SignIn { settings: &self.settings, nonce, requested, now: self.clock.now() };
        let established = checks::all(&claims, sign_in)?;
        let claims = if claims.has("email") {
            claims
        } else {
            match token::user_info(&self.fetch, &metadata, &tokens, &established.subject).await? {
                Some(asked) => claims.with_user_info(asked, &self.settings.groups_claim),
                None => claims,
            }
        };
        self.person(&id_token, &claims, established, sign_in.now)
    }

    /// Whom an ID token with an address vouches for, by this key set and without asking anybody.
    ///
    /// # Errors
    /// [`OidcRefusal`]
    pub fn judge(
        &self,
        id_token: &str,
        key_set: &[u8],
        expected: &Expected<'_>,
    ) -> Result<Person, OidcRefusal> {
        let id_token = IdToken::parse(id_token)?;
        let keys = Keys::parse(key_set)?;
        let claims = id_token.verify(keys.choose(id_token.algorithm, id_token.kid.as_deref())?)?;
        let Expected { nonce, requested } = *expected;
        let sign_in = SignIn { settings: &self.settings, nonce, requested, now: self.clock.now() };
        let established = checks::all(&claims, sign_in)?;
        self.person(&id_token, &claims, established, sign_in.now)
    }

    /// What these documents, its configuration and its key set, say about the provider; nobody is asked.
    ///
    /// # Errors
    /// [`OidcRefusal`]
    pub fn read(&self, configuration: &[u8], key_set: &[u8]) -> Result<Report, OidcRefusal> {
        let metadata = discovery::read(configuration, &self.settings)?;
        Ok(Report::new(&metadata, &Keys::parse(key_set)?))
    }

    /// Asks the provider for its configuration and keys now.
    ///
    /// # Errors
    /// [`OidcRefusal`]
    pub async fn check(&self) -> Result<Report, OidcRefusal> {
        let metadata = self.metadata().await?;
        Ok(Report::new(&metadata, &*self.keys(&metadata).await?))
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, OidcRefusal> {
        let load = discovery::load(&self.fetch, &self.address, &self.settings);
        self.metadata.at(self.clock.now(), load).await
    }

    async fn keys(&self, metadata: &Metadata) -> Result<Arc<Keys>, OidcRefusal> {
        self.keys.at(self.clock.now(), keys::load(&self.fetch, &metadata.jwks_uri)).await
    }

    /// The claims, if one of the provider's keys signed them. A key that is not among those kept may be a new one.
    async fn verified(&self, metadata: &Metadata, token: &IdToken<'_>) -> Result<Claims, OidcRefusal> {
        let keys = self.keys(metadata).await?;
        let claims = |keys: &Keys| token.verify(keys.choose(token.algorithm, token.kid.as_deref())?);
        let refusal = match claims(&keys) {
            Err(refusal @ (OidcRefusal::KeyUnknown | OidcRefusal::KeyAmbiguous | OidcRefusal::Signature)) => {
                refusal
            }
            decided => return decided,
        };
        let load = keys::load(&self.fetch, &metadata.jwks_uri);
        match self.keys.newer_than(&keys, self.clock.now(), load).await? {
            Some(newer) => claims(&newer),
            None => Err(refusal),
        }
    }

    fn person(
        &self,
        token: &IdToken<'_>,
        claims: &Claims,
        established: checks::Established,
        now: OffsetDateTime,
    ) -> Result<Person, OidcRefusal> {
        let Settings { name, issuer, groups_claim, skew, .. } = &self.settings;
        let email = checks::email(claims)?;
        let until = established.expires.min(now + LONGEST_MEMORY) + *skew;
        let evidence = Evidence {
            provider: name.clone(),
            protocol: Protocol::Oidc,
            issuer: issuer.clone(),
            subject: established.subject,
            assertion: token.fingerprint(),
            authenticated: established.authenticated,
            context: established.context,
            methods: established.methods,
            groups: claims.list(groups_claim, "groups")?,
            // A name is for people to read; one that is not readable is left out.
            display_name: claims.fact("name").ok().flatten(),
        };
        let single_use = SingleUse { key: format!("{name}\n{}", token.replay_key()), until };
        Ok(Person { email, evidence, single_use })
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcProvider").field("settings", &self.settings).finish_non_exhaustive()
    }
}
