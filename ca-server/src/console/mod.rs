//! The operators' console: a web page on a listener of its own. What is shown and done there is what the admin socket shows and does
//! (`admin/`); here stands who may: one-time links, sign-ins at identity providers, sessions, and the rules about `operate`.
//!
//! Sessions, links and sign-ins under way are in memory and bounded: a restart signs everybody out, and no backup holds a session. Nobody is
//! trusted before [`sessions`] knows the cookie; nothing is changed without the token of the session's own forms.

pub mod fault;
pub mod figures;
mod front;
pub mod latencies;
pub mod links;
pub mod operator;
mod pages;
pub mod secret;
pub mod sessions;
pub mod sign_in;

use std::net::SocketAddr;
use std::sync::OnceLock;

use url::Url;

pub use front::router;

use crate::clock::Clock;
use crate::config::{Config, ConsoleConfig};
use crate::request::links::Links;
use crate::sso::providers::{self, LoadError, Providers};
use figures::Figures;
use latencies::Latencies;
use links::OneTimeLinks;
use sessions::Sessions;
use sign_in::UnderWay;

/// What the console remembers.
pub struct Console {
    /// Who is signed in.
    pub sessions: Sessions,
    /// Links that were not used.
    pub links: OneTimeLinks,
    /// Browsers that are at an identity provider.
    pub under_way: UnderWay,
    /// Where operators sign in: those of the configuration, with addresses of the console.
    pub providers: Providers,
    /// How long requests took lately.
    pub latencies: Latencies,
    /// What was counted for the charts.
    pub figures: Figures,
    url: OnceLock<Url>,
}

impl Console {
    /// The console of this configuration, which does not listen yet.
    ///
    /// # Errors
    /// If an identity provider cannot be used.
    pub async fn new(config: &Config, clock: &std::sync::Arc<dyn Clock>) -> Result<Self, LoadError> {
        let section = &config.console;
        Ok(Self {
            sessions: Sessions::new(section),
            links: OneTimeLinks::default(),
            under_way: UnderWay::default(),
            providers: load(config, section, clock).await?,
            latencies: Latencies::default(),
            figures: Figures::default(),
            url: OnceLock::new(),
        })
    }

    /// It listens there.
    pub fn opened(&self, config: &Config, address: SocketAddr) {
        if let Some(url) = config.console_url(address) {
            // It is opened once.
            let _ = self.url.set(url);
        }
    }

    /// Where operators reach it; `None` while it is off.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.url.get()
    }

    /// Whether browsers reach it over TLS, here or at a proxy.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url().is_some_and(|url| url.scheme() == "https")
    }
}

/// The providers that the section names, told the console's addresses instead of the main listener's.
async fn load(
    config: &Config,
    section: &ConsoleConfig,
    clock: &std::sync::Arc<dyn Clock>,
) -> Result<Providers, LoadError> {
    let url = section.listen.and_then(|listen| config.console_url(listen));
    let Some(url) = url.filter(|_| !section.identity_providers.is_empty()) else {
        return Ok(Providers::default());
    };
    let mut own = config.clone();
    own.identity_provider.retain(|provider| section.identity_providers.contains(&provider.name));
    for provider in &mut own.identity_provider {
        // A name of its own for each door: what was said for one is worth nothing at the other.
        if let Some(saml) = &mut provider.saml {
            saml.our_entity_id = None;
        }
    }
    providers::load(&own, &Links::new(&url), clock).await
}
