//! The identity providers of the configuration: which may speak for which domain, and how each is asked and heard.
//!
//! No provider may speak for a domain that is not its own; that is decided here and nowhere else. An answer goes in with what it must
//! match, and comes out as a [`Person`] or a refusal whose detail is for our log alone.

mod load;
mod metadata;
mod saml;

#[cfg(test)]
pub mod canned;

use std::sync::Arc;

use certs::identifier::Identifier;
use certs::name::DnsName;
use time::OffsetDateTime;
use url::Url;

use super::binding::Commitment;
use super::oidc::{Callback, Expected, OidcProvider, OidcRefusal, PkceVerifier};
use super::person::{Person, Protocol};
use super::reason::Reason;

pub use load::{LoadError, load, problems};
pub use metadata::MetadataFault;
pub use saml::SamlParty;

/// How long before its end metadata is told of.
const EXPIRES_SOON: time::Duration = time::Duration::days(2);

/// The identity providers, in the order of the configuration. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers(Arc<[Arc<IdentityProvider>]>);

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|provider| &provider.name)).finish()
    }
}

/// One identity provider.
pub struct IdentityProvider {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) domains: Vec<DnsName>,
    pub(super) sso_provider: String,
    pub(super) browser_origins: Vec<String>,
    pub(super) party: Provider,
}

/// How a provider is spoken with.
pub enum Provider {
    /// SAML 2.0.
    Saml(Box<SamlParty>),
    /// OpenID Connect.
    Oidc(Box<OidcProvider>),
    /// One that answers what a test tells it.
    #[cfg(test)]
    Canned(canned::Canned),
}

/// What a browser is sent to a provider with.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Comes back with the answer.
    pub relay_state: &'a str,
    /// What the provider signs.
    pub commitment: Commitment,
    /// The PKCE verifier (OIDC).
    pub verifier: &'a PkceVerifier,
    /// The present.
    pub now: OffsetDateTime,
}

/// What came back through a browser.
pub enum ProviderAnswer {
    /// The `SAMLResponse` of a form, as it was posted.
    Saml(Vec<u8>),
    /// The query of the callback.
    Oidc(Callback),
}

/// What an answer must match.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What the provider signs.
    pub commitment: Commitment,
    /// The PKCE verifier (OIDC).
    pub verifier: &'a PkceVerifier,
    /// When the browser was sent there.
    pub since: OffsetDateTime,
    /// The present.
    pub now: OffsetDateTime,
}

/// An answer that is not believed, or a provider that cannot be asked.
#[derive(Debug)]
pub struct NotHeard {
    /// What the client and the journal are told.
    pub reason: Reason,
    /// What only our log is told.
    pub detail: String,
}

impl Providers {
    /// These providers.
    #[must_use]
    pub fn new(providers: Vec<IdentityProvider>) -> Self {
        Self(providers.into_iter().map(Arc::new).collect())
    }

    /// Every provider, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<IdentityProvider>> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The provider of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<IdentityProvider>> {
        self.0.iter().find(|provider| provider.name == name)
    }

    /// The providers that may vouch for this identifier; none for anything but an address.
    pub fn for_identifier<'a>(
        &'a self,
        identifier: &'a Identifier,
    ) -> impl Iterator<Item = &'a IdentityProvider> + 'a {
        self.0.iter().map(|provider| &**provider).filter(|provider| provider.may_vouch_for(identifier))
    }
}

impl IdentityProvider {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people read.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The domains it may speak for; a wildcard stands for every domain below.
    #[must_use]
    pub fn domains(&self) -> &[DnsName] {
        &self.domains
    }

    /// The name by which challenges and CAA mean it.
    #[must_use]
    pub fn sso_provider(&self) -> &str {
        &self.sso_provider
    }

    /// How it is spoken with.
    #[must_use]
    pub fn party(&self) -> &Provider {
        &self.party
    }

    /// Whether it may vouch for this identifier.
    #[must_use]
    pub fn may_vouch_for(&self, identifier: &Identifier) -> bool {
        let Some(address) = identifier.as_email() else { return false };
        let domain = address.domain();
        self.domains.iter().any(|own| {
            if own.is_wildcard() {
                domain.as_str() != own.base_str()
                    && domain.as_str().ends_with(own.as_str().trim_start_matches('*'))
            } else {
                domain == own
            }
        })
    }

    /// The origins a form may be led to when its browser is sent to this provider: its own, then those configured.
    #[must_use]
    pub fn origins(&self, asked_at: Option<&Url>) -> Vec<String> {
        let own = asked_at.map(|url| url.origin().ascii_serialization());
        own.into_iter().chain(self.browser_origins.iter().cloned()).collect()
    }

    /// Where a browser would be sent now; no request is made of it. `None` if the provider cannot be asked.
    pub async fn address(&self, now: OffsetDateTime) -> Option<Url> {
        let verifier = PkceVerifier::from_entropy(&[0; 32]);
        let commitment = Commitment::new("", "");
        let question = Question { relay_state: "none", commitment, verifier: &verifier, now };
        self.ask(&question).await.ok()
    }

    /// Tells the log if nobody can sign in because the metadata has run out, or soon will.
    pub fn tell_of_expiry(&self, now: OffsetDateTime) {
        let until = match &self.party {
            Provider::Saml(party) => party.metadata().valid_until(),
            Provider::Oidc(_) => None,
            #[cfg(test)]
            Provider::Canned(_) => None,
        };
        match until {
            Some(until) if until <= now => {
                tracing::error!(provider = self.name, %until,
                    "the metadata of an identity provider has run out; nobody can sign in there until it is renewed");
            }
            Some(until) if until - now < EXPIRES_SOON => {
                tracing::warn!(provider = self.name, %until, "the metadata of an identity provider runs out soon");
            }
            Some(_) | None => {}
        }
    }

    /// Reads again what the provider says of itself, where that is kept (SAML); an OIDC provider's keys are read as they are needed.
    ///
    /// # Errors
    /// Why it is not taken; what was known stays in force.
    pub async fn refresh(&self) -> Result<(), MetadataFault> {
        match &self.party {
            Provider::Saml(party) => party.refresh().await,
            Provider::Oidc(_) => Ok(()),
            #[cfg(test)]
            Provider::Canned(_) => Ok(()),
        }
    }

    /// Where to send the browser.
    ///
    /// # Errors
    /// If the provider cannot be asked now.
    pub async fn ask(&self, question: &Question<'_>) -> Result<Url, NotHeard> {
        match &self.party {
            Provider::Saml(party) => party.ask(question),
            Provider::Oidc(provider) => provider
                .authorize(question.relay_state, &question.commitment.nonce(), question.verifier)
                .await
                .map_err(|refusal| NotHeard::oidc(&refusal)),
            #[cfg(test)]
            Provider::Canned(canned) => Ok(canned.ask(question)),
        }
    }

    /// Whom the answer vouches for, if it is an answer to what was asked. Its address is not compared here.
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn hear(&self, answer: ProviderAnswer, asked: &Asked<'_>) -> Result<Person, NotHeard> {
        match (&self.party, answer) {
            (Provider::Saml(party), ProviderAnswer::Saml(response)) => {
                party.hear(&self.name, &response, asked)
            }
            (Provider::Oidc(provider), ProviderAnswer::Oidc(callback)) => {
                let nonce = asked.commitment.nonce();
                let expected = Expected { nonce: &nonce, requested: asked.since };
                let heard = provider.redeem(callback, asked.verifier, &expected).await;
                heard.map_err(|refusal| NotHeard::oidc(&refusal))
            }
            #[cfg(test)]
            (Provider::Canned(canned), ProviderAnswer::Saml(said)) => canned.hear(&self.name, &said, asked),
            #[cfg(test)]
            (party @ Provider::Canned(_), ProviderAnswer::Oidc(_)) => Err(NotHeard::wrong_protocol(party)),
            (party @ Provider::Saml(_), ProviderAnswer::Oidc(_))
            | (party @ Provider::Oidc(_), ProviderAnswer::Saml(_)) => Err(NotHeard::wrong_protocol(party)),
        }
    }
}

impl Provider {
    /// The protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Saml(_) => Protocol::Saml,
            Self::Oidc(_) => Protocol::Oidc,
            #[cfg(test)]
            Self::Canned(_) => Protocol::Oidc,
        }
    }
}

impl NotHeard {
    fn wrong_protocol(party: &Provider) -> Self {
        let reason = Reason::Refused { protocol: party.protocol(), word: "protocol".to_owned() };
        Self { reason, detail: "the answer came in another protocol".to_owned() }
    }

    fn oidc(refusal: &OidcRefusal) -> Self {
        let word = refusal.reason();
        let reason = match word {
            "provider-refused" => Reason::Denied,
            word if word.ends_with("unreachable") => Reason::Unreachable,
            word => Reason::Refused { protocol: Protocol::Oidc, word: word.to_owned() },
        };
        Self { reason, detail: crate::respond::problem::causes(refusal) }
    }
}

#[cfg(test)]
mod tests;
