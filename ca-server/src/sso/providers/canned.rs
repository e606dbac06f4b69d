//! A provider that answers what a test tells it, for tests of the stages around it.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Asked, IdentityProvider, NotHeard, Provider, Question};
use crate::sso::person::{Evidence, Person, Protocol, SingleUse};
use crate::sso::reason::Reason;

/// The provider.
pub struct Canned;

/// What it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    /// For which commitment; `None`: for the one that was asked.
    pub(crate) commitment: Option<String>,
    /// Whom it vouches for.
    pub(crate) email: String,
    /// The assertion's id.
    pub(crate) assertion: String,
    /// The groups.
    pub(crate) groups: Vec<String>,
}

impl Canned {
    pub(super) fn ask(&self, question: &Question<'_>) -> Url {
        let mut url: Url = "https://idp.example.com/sign-in".parse().unwrap();
        url.query_pairs_mut()
            .append_pair("state", question.relay_state)
            .append_pair("nonce", &question.commitment.nonce());
        url
    }

    pub(super) fn hear(&self, name: &str, said: &[u8], asked: &Asked<'_>) -> Result<Person, NotHeard> {
        let said: Said = serde_json::from_slice(said).unwrap();
        if said.commitment.is_some_and(|commitment| commitment != asked.commitment.nonce()) {
            let reason = Reason::Refused { protocol: Protocol::Oidc, word: "nonce".to_owned() };
            return Err(NotHeard { reason, detail: "another nonce".to_owned() });
        }
        let evidence = Evidence {
            provider: name.to_owned(),
            protocol: Protocol::Oidc,
            issuer: "https://idp.example.com".to_owned(),
            subject: said.email.clone(),
            assertion: said.assertion.clone(),
            authenticated: asked.now,
            context: None,
            methods: vec!["pwd".to_owned()],
            groups: said.groups,
            display_name: Some("Alice Example".to_owned()),
        };
        let single_use = SingleUse {
            key: format!("{name}\n{}", said.assertion),
            until: asked.now + time::Duration::minutes(5),
        };
        Ok(Person { email: said.email.parse().unwrap(), evidence, single_use })
    }
}

/// A canned provider of this name for these domains.
pub(crate) fn provider(name: &str, domains: &[&str]) -> IdentityProvider {
    IdentityProvider {
        name: name.to_owned(),
        label: format!("{name} sign-in"),
        domains: domains.iter().map(|domain| certs::name::DnsName::parse(domain).unwrap()).collect(),
        sso_provider: format!("{name}.idp.example.com"),
        browser_origins: Vec::new(),
        party: Provider::Canned(Canned),
    }
}
