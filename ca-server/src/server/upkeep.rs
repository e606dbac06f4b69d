//! What a running server does by itself: resolves intents left open, prunes what has ended, renews its own TLS certificate, reads the metadata
//! of identity providers again, looks for the domains of organisations and for certificates that end soon.
//!
//! Each task ends when the server stops; a failure is logged and tried again, never fatal.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::own_tls;
use super::tls::TlsCertificate;
use crate::app::App;
use crate::clock;
use crate::internal::domains;
use crate::log::recover::recover;
use crate::notifications::expiring;
use crate::respond::problem::causes;
use crate::store::prune;

/// How often open intents are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How often ended records are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// How often the metadata of SAML providers is read again.
const METADATA_EVERY: Duration = Duration::from_secs(300);
/// How often domains of organisations that are due are looked for.
const DOMAINS_EVERY: Duration = Duration::from_secs(300);
/// How often our own TLS certificate is looked at.
const TLS_EVERY: Duration = Duration::from_secs(3600);

/// How often certificates that end soon are looked for.
const ENDS_EVERY: Duration = Duration::from_secs(300);

/// Resolves intents whose outcome could not be stored while the server runs.
pub(super) async fn sweep_intents(app: App, stop: CancellationToken) {
    let age = app.config.limits.request_timeout.saturating_mul(2).saturating_add(SWEEP_EVERY);
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        let now = app.clock.now();
        match recover(&app.store, &app.authorities, now, clock::before(now, age)).await {
            Ok(recovered) if recovered.abandoned > 0 => {
                app.revocation_lists.outdated();
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "open intents could not be read"),
        }
    }
}

/// Removes orders, authorizations and certificate records whose time to be kept is over.
pub(super) async fn prune(app: App, stop: CancellationToken) {
    loop {
        match prune::prune(&app.store, &app.config.store, app.clock.now()).await {
            Ok(pruned) => tracing::debug!(
                orders = pruned.orders,
                authorizations = pruned.authorizations,
                certificates = pruned.certificates,
                "pruned"
            ),
            Err(error) => tracing::error!(%error, "ended records could not be pruned"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PRUNE_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Journals which certificates end soon, for the webhooks that are told of it.
pub(super) async fn look_for_ends(app: App, stop: CancellationToken) {
    loop {
        match stop.run_until_cancelled(expiring::look(&app)).await {
            None => return,
            Some(Ok(told)) if told > 0 => tracing::info!(told, "certificates end soon"),
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::error!(%error, "certificates that end soon could not be looked for"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(ENDS_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Keeps our own TLS certificate from ending.
pub(super) async fn renew_own_tls(app: App, in_use: TlsCertificate, stop: CancellationToken) {
    // Under a new issuer it is issued anew at once.
    let mut changes = app.authorities.changes();
    while stop.run_until_cancelled(tokio::time::timeout(TLS_EVERY, changes.changed())).await.is_some() {
        match own_tls::ensure(&app).await {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = in_use.reload(&app.config) {
                    tracing::error!(%error, "our own TLS certificate was issued but cannot be used");
                }
            }
            Err(error) => tracing::error!(%error, "our own TLS certificate was not renewed"),
        }
    }
}

/// Reads the metadata of SAML providers again. A bad document is told of and the one in force stays.
pub(super) async fn refresh_metadata(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METADATA_EVERY)).await.is_some() {
        for provider in app.providers.iter().chain(app.console.providers.iter()) {
            if let Err(error) = provider.refresh().await {
                tracing::error!(provider = provider.name(), error = %causes(&error),
                    "the metadata of an identity provider was not taken; what was known stays in force");
            }
            provider.tell_of_expiry(app.clock.now());
        }
    }
}

/// Looks for the TXT records of organisations' domains that are due, and has the keys of token issuers at hand before the first token.
pub(super) async fn recheck_domains(app: App, stop: CancellationToken) {
    if stop.run_until_cancelled(app.token_issuers.warm(app.clock.now())).await.is_none() {
        return;
    }
    while stop.run_until_cancelled(tokio::time::sleep(DOMAINS_EVERY)).await.is_some() {
        match domains::recheck(&app).await {
            Ok(0) => {}
            Ok(checked) => tracing::debug!(checked, "domains of organisations were looked for"),
            Err(error) => tracing::error!(%error, "domains of organisations could not be read"),
        }
    }
}
