//! Assembles a server from its configuration, listens, and stops in order.
//!
//! Order of a start: store, journal recovery, worker, listener: nothing is answered before what was begun is resolved.
//! Order of a stop: listener, requests at work, worker, store.

mod base_path;
mod client_certificates;
mod error;
mod listener;
pub mod measures;
pub(crate) mod own_tls;
mod seats;
mod telemetry;
pub mod tls;
mod upkeep;
mod usage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use certs::leaf::Proof;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Stages, issuer_domains};
use crate::challenge::Validators;
use crate::challenge::caa::CaaGate;
use crate::challenge::resolver::{Resolve, StubResolver};
use crate::challenge::sso01::Sso01;
use crate::challenge::worker::{self, Inbox, Queue, Worker};
use crate::clock::{Clock, SystemClock};
use crate::config::EventKind;
use crate::config::{Config, TlsMode};
use crate::console::{self, Console};
use crate::internal::access_token;
use crate::log::recover::recover;
use crate::notifications::{self, Notifications, follow};
use crate::policy::{Policy, RefusalLog, Repeated};
use crate::request::limits::RateLimits;
use crate::request::links::Links;
use crate::request::request_id::RequestIds;
use crate::request::router;
use crate::sign::Authorities;
use crate::sso::providers::{self, Providers};
use crate::status::{Responders, RevocationLists, lists, ocsp, retire};
use crate::store::{Backend, Store};
use crate::verify::Nonces;
use crate::verify::key_cache::KeyCache;
use client_certificates::HoldsItsKey;
pub use error::{ReloadError, StartError};
use listener::Listener;
pub use own_tls::OwnTlsError;
pub use tls::{TlsCertificate, TlsError};

/// How long requests at work may go on after a stop was asked for.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Later than anything that was ever recorded, whatever the clock said then.
const FAR_AHEAD: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Replacements for parts of the server; what is `None` is made from the configuration.
#[derive(Default)]
pub struct Parts {
    /// Instead of the system's clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Instead of the store that `[store]` names.
    pub backend: Option<Arc<dyn Backend>>,
    /// Instead of the resolvers that `[dns]` names.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// Instead of the identity providers that `[[identity_provider]]` names.
    pub providers: Option<Providers>,
}

/// A server that is listening.
pub struct Running {
    app: App,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    revocation_address: Option<SocketAddr>,
    console_address: Option<SocketAddr>,
    certificate: Option<TlsCertificate>,
    stop: CancellationToken,
    listeners: TaskTracker,
    worker: Worker,
}

/// Opens everything and begins to listen.
///
/// # Errors
/// What is missing or not usable.
pub async fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
    let metrics = telemetry::recorder()?;
    let store = match parts.backend {
        Some(backend) => Store::new(backend),
        None => crate::store::open::open(&config.store, &config.folder)?,
    };
    let config = Arc::new(config);
    let links = Links::of(&config);
    let resolver: Arc<dyn Resolve> = match parts.resolver {
        Some(resolver) => resolver,
        None => Arc::new(StubResolver::new(&config.dns, &config.folder)?),
    };
    let issuer_domains = issuer_domains(&config);
    let (validations, inbox) = Queue::new();
    let clock = parts.clock.unwrap_or_else(|| Arc::new(SystemClock));
    let providers = match parts.providers {
        Some(providers) => providers,
        None => providers::load(&config, &links, &clock).await?,
    };
    let authorities = Authorities::load(&config, &links)?;
    let notifications = notifications::load(&config)?;
    let console = Console::new(&config, &clock).await?;
    let app = App::new(Stages {
        started: clock.now(),
        clock,
        store,
        nonces: Nonces::new()?,
        responders: Responders::new(&config, &authorities),
        authorities,
        policy: Policy::load(&config.resolve(&config.policy.folder))?,
        caa: CaaGate::new(resolver.clone(), config.challenge.caa, &issuer_domains),
        resolver,
        issuer_domains,
        providers,
        token_issuers: access_token::load(&config)?,
        validations,
        revocation_lists: RevocationLists::new(&config.revocation),
        console,
        links,
        keys: KeyCache::default(),
        limits: RateLimits::new(&config.limits, &config.internal, &config.console),
        refusals: RefusalLog::counting(repeated(&config, &notifications)),
        notifications,
        request_ids: RequestIds::new()?,
        tasks: TaskTracker::new(),
        metrics,
        config,
    });
    let now = app.clock.now();
    recover(&app.store, &app.authorities, now, now + FAR_AHEAD).await?;
    retire::remember(&app).await?;
    app.responders.follow(&app.authorities);
    // Whoever asks first finds them signed, and the first certificate names the right shard.
    lists::renew_all(&app).await;
    ocsp::renew_all(&app).await;
    listen(app, inbox).await
}

/// Who fails again and again, if anybody wants to know.
fn repeated(config: &Config, notifications: &Notifications) -> Repeated {
    let most = if notifications.wants(EventKind::Failures) { config.notifications.failures } else { 0 };
    Repeated::new(most, config.notifications.failures_within)
}

/// Validates what was answered, now and left by earlier runs.
fn start_worker(app: &App, inbox: Inbox) -> Worker {
    let sso = Sso01::new(app.store.clone(), app.clock.clone(), app.config.sso.valid_for);
    let validators = Validators::new(&app.config.challenge, &app.issuer_domains, &app.resolver, &app.clock);
    let parts = worker::Parts {
        store: app.store.clone(),
        clock: app.clock.clone(),
        validators: validators.with(Proof::Sso01, Arc::new(sso)),
        caa: app.caa.clone(),
        providers: app.providers.clone(),
        refusals: app.refusals.clone(),
        links: app.links.clone(),
        lifetime: app.config.acme.authorization_lifetime,
        config: app.config.challenge.clone(),
    };
    worker::start(inbox, parts)
}

async fn listen(app: App, inbox: Inbox) -> Result<Running, StartError> {
    let config = &app.config;
    if config.tls.mode == TlsMode::Own {
        own_tls::ensure(&app).await?;
    }
    let certificate = match config.tls.mode {
        TlsMode::Off => None,
        TlsMode::Own | TlsMode::Files => Some(TlsCertificate::load(config)?),
    };
    let (socket, address) = bind(config.listen).await?;
    let stop = CancellationToken::new();
    let listeners = TaskTracker::new();
    let clients = app.internal_authority().ok().map(|authority| HoldsItsKey::of(&authority));
    let tls = certificate.as_ref().map(|certificate| certificate.server_config(clients)).transpose()?;
    let routes = router::router(app.clone());
    let main = Listener::new(socket, tls, &app, serve_under_base(routes, &app), stop.clone());
    listeners.spawn(main.run());

    let plain = async |wanted: Option<SocketAddr>, routes: fn(App) -> Router| {
        let Some(wanted) = wanted else { return Ok(None) };
        let (socket, address) = bind(wanted).await?;
        listeners.spawn(Listener::new(socket, None, &app, routes(app.clone()), stop.clone()).run());
        Ok::<_, StartError>(Some(address))
    };
    let metrics_address = plain(config.metrics_listen, router::operations).await?;
    let revocation_address = plain(config.revocation.listen, published).await?;
    let console_address = console_listener(&app, certificate.as_ref(), &listeners, &stop).await?;
    listeners.spawn(telemetry::upkeep(app.metrics.clone(), stop.clone()));
    listeners.spawn(upkeep::sweep_intents(app.clone(), stop.clone()));
    listeners.spawn(upkeep::prune(app.clone(), stop.clone()));
    listeners.spawn(lists::keep(app.clone(), stop.clone()));
    listeners.spawn(ocsp::keep(app.clone(), stop.clone()));
    listeners.spawn(retire::keep(app.clone(), stop.clone()));
    listeners.spawn(upkeep::refresh_metadata(app.clone(), stop.clone()));
    listeners.spawn(upkeep::recheck_domains(app.clone(), stop.clone()));
    listeners.spawn(upkeep::look_for_ends(app.clone(), stop.clone()));
    listeners.spawn(follow::journal_failures(app.clone(), stop.clone()));
    for webhook in app.notifications.iter() {
        listeners.spawn(follow::follow(app.clone(), Arc::clone(webhook), stop.clone()));
    }
    if let Some(own) = certificate.clone().filter(|_| config.tls.mode == TlsMode::Own) {
        listeners.spawn(upkeep::renew_own_tls(app.clone(), own, stop.clone()));
    }
    let worker = start_worker(&app, inbox);
    listeners.close();
    tracing::info!(%address, url = %config.url, tls = certificate.is_some(), "listening");
    let app = app.clone();
    Ok(Running {
        app,
        address,
        metrics_address,
        revocation_address,
        console_address,
        certificate,
        stop,
        listeners,
        worker,
    })
}

/// Opens the operators' console, if there is one.
async fn console_listener(
    app: &App,
    certificate: Option<&TlsCertificate>,
    listeners: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(wanted) = app.config.console.listen else { return Ok(None) };
    let tls = match (app.config.console.has_tls(), certificate) {
        (true, Some(certificate)) => Some(certificate.server_config(None)?),
        (true, None) => return Err(StartError::OpenConsole),
        (false, _) if !wanted.ip().is_loopback() => return Err(StartError::OpenConsole),
        (false, _) => None,
    };
    let (socket, address) = bind(wanted).await?;
    app.console.opened(&app.config, address);
    let routes = console::router(app.clone());
    listeners.spawn(Listener::new(socket, tls, app, routes, stop.clone()).run());
    tracing::info!(%address, url = app.console.url().map(tracing::field::display), "the operators' console is open");
    Ok(Some(address))
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address: wanted, source };
    let socket = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok((socket, address))
}

/// What relying parties fetch, under the path of the URL that certificates name too.
fn published(app: App) -> Router {
    let url = app.config.revocation_url();
    base_path::under(router::published_alone(app), url.path())
}

fn serve_under_base(routes: Router, app: &App) -> Router {
    base_path::under(routes, app.config.url.path())
}

impl Running {
    /// Where it listens, with the port that the system chose if the configuration says 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/health` and `/metrics` are served without TLS.
    #[must_use]
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Where revocation lists and OCSP are served without TLS.
    #[must_use]
    pub const fn revocation_address(&self) -> Option<SocketAddr> {
        self.revocation_address
    }

    /// Where the operators' console is.
    #[must_use]
    pub const fn console_address(&self) -> Option<SocketAddr> {
        self.console_address
    }

    /// Its parts.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Its TLS certificate, which can be replaced while it runs.
    #[must_use]
    pub const fn certificate(&self) -> Option<&TlsCertificate> {
        self.certificate.as_ref()
    }

    /// Reads again what may change while it runs (SIGHUP). Each part is tried, whatever became of the others.
    ///
    /// # Errors
    /// What was not taken, part by part; of those the old goes on.
    pub async fn reload(&self) -> Result<(), Vec<ReloadError>> {
        let app = &self.app;
        let certificate = self.certificate.as_ref().map_or(Ok(()), |one| one.reload(&app.config));
        let parts = [
            certificate.map_err(ReloadError::Tls),
            app.policy.reload().map_err(ReloadError::Policy),
            app.reload_authorities().await.map(drop).map_err(ReloadError::Authority),
            app.notifications.reload().map_err(ReloadError::Webhook),
        ];
        let failed: Vec<_> = parts.into_iter().filter_map(Result::err).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Stops listening, lets requests at work finish for a while, closes the store.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let ended = async {
            self.listeners.wait().await;
            self.app.tasks.close();
            self.app.tasks.wait().await;
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!(
                "requests were still at work when the server stopped; their intents are resolved at the next start"
            );
        }
        self.worker.stop(STOP_WITHIN).await;
        self.app.store.close().await;
    }
}
