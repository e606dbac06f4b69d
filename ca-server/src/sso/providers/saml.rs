//! A SAML provider at run time: the metadata in force and who we are to it.
//!
//! The metadata is replaced as a whole when a newer document is taken; what was begun under the old one ends under the new one, so a
//! provider that rolls its key over publishes both keys for a while.

use std::sync::Arc;

use arc_swap::ArcSwap;
use time::Duration;
use url::Url;

use super::metadata::{MetadataFault, Source};
use super::{Asked, NotHeard, Question};
use crate::sso::fetch::Fetch;
use crate::sso::person::{Person, Protocol};
use crate::sso::reason::Reason;
use crate::sso::saml::{
    self, AttributeNames, AuthenticationRequest, Expected, Metadata, RelayState, SamlIdentityProvider,
    SamlRefusal, ServiceProvider,
};

/// A SAML provider and how we appear to it.
pub struct SamlParty {
    pub(super) current: ArcSwap<SamlIdentityProvider>,
    pub(super) attributes: AttributeNames,
    pub(super) service_provider: ServiceProvider,
    pub(super) source: Source,
    pub(super) fetch: Fetch,
    pub(super) contexts: Vec<String>,
    pub(super) skew: Duration,
}

impl SamlParty {
    /// Who we are to it.
    #[must_use]
    pub const fn service_provider(&self) -> &ServiceProvider {
        &self.service_provider
    }

    /// The metadata in force.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.current.load().metadata.clone()
    }

    /// Reads the metadata again. A bad document is refused and the one in force stays; so does one that names another entity, since
    /// what it signs was never agreed on.
    ///
    /// # Errors
    /// Why the document is not taken.
    pub async fn refresh(&self) -> Result<(), MetadataFault> {
        let metadata = self.source.read(&self.fetch).await?;
        let known = self.current.load();
        if metadata.entity_id() != known.metadata.entity_id() {
            return Err(MetadataFault::OtherEntity {
                known: known.metadata.entity_id().to_owned(),
                found: metadata.entity_id().to_owned(),
            });
        }
        self.current.store(Arc::new(SamlIdentityProvider { metadata, attributes: self.attributes.clone() }));
        Ok(())
    }

    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Url, NotHeard> {
        let relay_state = RelayState::parse(question.relay_state).ok_or_else(|| NotHeard {
            reason: refused("relay-state"),
            detail: "our own relay state is none".to_owned(),
        })?;
        // Nothing it answers would be believed, so nobody is sent there.
        if let Some(until) = self.current.load().metadata.valid_until().filter(|until| *until <= question.now)
        {
            let detail = format!("its metadata was valid until {until}");
            return Err(NotHeard { reason: refused("metadata-expired"), detail });
        }
        let id = question.commitment.request_id();
        let request = AuthenticationRequest { id: &id, issued: question.now, contexts: &self.contexts };
        Ok(request.redirect(&self.current.load(), &self.service_provider, &relay_state))
    }

    pub(super) fn hear(
        &self,
        provider: &str,
        response: &[u8],
        asked: &Asked<'_>,
    ) -> Result<Person, NotHeard> {
        let request_id = asked.commitment.request_id();
        let expected = Expected {
            provider,
            request_id: &request_id,
            now: asked.now,
            requested: asked.since,
            skew: self.skew,
            contexts: &self.contexts,
        };
        saml::verify(response, &self.current.load(), &self.service_provider, &expected).map_err(|refusal| {
            let detail = refusal.to_string();
            let is_no = matches!(refusal, SamlRefusal::Status { .. });
            let reason = if is_no { Reason::Denied } else { refused(refusal.reason()) };
            NotHeard { reason, detail }
        })
    }
}

fn refused(word: &str) -> Reason {
    Reason::Refused { protocol: Protocol::Saml, word: word.to_owned() }
}
