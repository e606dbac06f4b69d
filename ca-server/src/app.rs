//! What every handler can reach: configuration, clock, store, nonces, links, and the stages behind them.
//!
//! Cheap to clone; everything is made once in `server::start`. Holds no secret of its own.

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::challenge::caa::CaaGate;
use crate::challenge::offer::Offer;
use crate::challenge::resolver::Resolve;
use crate::challenge::worker::Queue;
use crate::clock::Clock;
use crate::config::Config;
use crate::console::Console;
use crate::ids::AuthorityName;
use crate::internal::access_token::TokenIssuers;
use crate::log::act::Act;
use crate::notifications::Notifications;
use crate::order::model::Authorization;
use crate::policy::{Policy, RefusalLog};
use crate::request::limits::RateLimits;
use crate::request::links::Links;
use crate::request::request_id::RequestIds;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::challenge::Beside;
use crate::sign::{Authorities, Authority, AuthorityReloadError, Replaced};
use crate::sso::begin;
use crate::sso::providers::Providers;
use crate::status::{Responders, RevocationLists};
use crate::store::{Batch, Store, StoreError};
use crate::verify::Nonces;
use crate::verify::key_cache::KeyCache;

/// The state of the router.
#[derive(Clone)]
pub struct App(Arc<Stages>);

/// The parts of an [`App`].
pub struct Stages {
    /// The configuration, as checked at start.
    pub config: Arc<Config>,
    /// Since when it runs.
    pub started: OffsetDateTime,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// What must not be forgotten.
    pub store: Store,
    /// Anti-replay nonces.
    pub nonces: Nonces,
    /// Every URL given out.
    pub links: Links,
    /// Parsed account keys.
    pub keys: KeyCache,
    /// Who asked how often.
    pub limits: RateLimits,
    /// What the journal is told of refusals.
    pub refusals: RefusalLog,
    /// Ids of requests.
    pub request_ids: RequestIds,
    /// Requests at work; a stop waits for them.
    pub tasks: TaskTracker,
    /// What is measured.
    pub metrics: PrometheusHandle,
    /// The issuers.
    pub authorities: Authorities,
    /// Profiles and rules in force.
    pub policy: Policy,
    /// Answers questions to the DNS.
    pub resolver: Arc<dyn Resolve>,
    /// CAA as configured.
    pub caa: CaaGate,
    /// The names by which CAA and dns-persist-01 records mean this server.
    pub issuer_domains: Vec<String>,
    /// Where people sign in.
    pub providers: Providers,
    /// Whose access tokens are taken.
    pub token_issuers: TokenIssuers,
    /// Where answered challenges are handed over.
    pub validations: Queue,
    /// Who is told of what was done.
    pub notifications: Notifications,
    /// The revocation lists.
    pub revocation_lists: RevocationLists,
    /// Who signs OCSP answers.
    pub responders: Responders,
    /// The operators' console.
    pub console: Console,
}

impl App {
    /// An app of these parts.
    #[must_use]
    pub fn new(stages: Stages) -> Self {
        Self(Arc::new(stages))
    }

    /// What can be proven here.
    #[must_use]
    pub fn offer(&self) -> Offer<'_> {
        Offer { proofs: &self.config.challenge.offer, providers: &self.providers }
    }

    /// What the views of an authorization and of its challenges need beside it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn beside(&self, authorization: &Authorization) -> Result<Beside<'_>, StoreError> {
        Ok(Beside {
            links: &self.links,
            issuer_domains: &self.issuer_domains,
            providers: &self.providers,
            sign_ins: begin::of(&self.store, authorization).await?,
        })
    }

    /// Reads the files of the authorities again, and tells of those that issue under another certificate now.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay.
    pub async fn reload_authorities(&self) -> Result<Vec<Replaced>, AuthorityReloadError> {
        let (app, now) = (self.clone(), self.clock.now());
        // Opening keys may wait for a token.
        let read = tokio::task::spawn_blocking(move || app.authorities.reload(&app.config, &app.links, now));
        let replaced = read.await.map_err(|_| AuthorityReloadError::CutOff)??;
        self.revocation_lists.spread(&self.authorities);
        self.revocation_lists.outdated();
        self.responders.follow(&self.authorities);
        for Replaced { authority, before, now, kept } in &replaced {
            tracing::info!(%authority, %before, %now, "an issuer was replaced");
            let mut batch = Batch::new();
            let what = format!("authority {authority}: issuer {now} replaces {before}");
            batch.record(self.clock.now(), Act::Operation { what });
            if let Err(error) = self.store.commit(batch).await {
                tracing::error!(%error, "the journal was not told of it");
            }
            if !kept {
                tracing::warn!(%authority, issuer = %before,
                    "the issuer before is not among the replaced ones, so no revocation list is signed for its certificates");
            }
        }
        Ok(replaced)
    }

    /// The internal authority, if there is one.
    ///
    /// # Errors
    /// `NotFound`
    pub fn internal_authority(&self) -> Result<Arc<Authority>, Problem> {
        let name = &self.config.internal.authority;
        let found = self.authorities.find(name).filter(|_| self.config.has_internal());
        found.ok_or_else(|| Problem::new(Kind::NotFound, "there is no internal authority here"))
    }

    /// The authority of this name, if clients reach it over ACME.
    ///
    /// # Errors
    /// `NotFound`
    pub fn authority(&self, name: &AuthorityName) -> Result<Arc<Authority>, Problem> {
        let found = self.authorities.find(name).filter(|_| self.config.is_reached(name));
        found.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no authority {name} here")))
    }
}

/// The names by which CAA and dns-persist-01 records mean this server: those configured, else the host of its URL.
#[must_use]
pub fn issuer_domains(config: &Config) -> Vec<String> {
    let configured = &config.challenge.issuer_domains;
    if configured.is_empty() {
        return config.url.host_str().map(str::to_owned).into_iter().collect();
    }
    configured.clone()
}

impl Deref for App {
    type Target = Stages;

    fn deref(&self) -> &Stages {
        &self.0
    }
}
