//! The delegated responders (RFC 6960 §4.2.2.2): for each issuer a key that lives in memory alone, and its certificate from that issuer.
//!
//! The certificate passes the same gate and journal as every other, lives two weeks, and is made anew at half its life and at each start; nothing of the
//! key is ever written. The issuer's own key, which may be in a token, is not asked for answers. Who asks for an answer must never be able to have
//! certificates issued: one that is in force serves to its end, and where none is, it is tried every half minute, however many ask.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use certs::key::{KeyError, KeyKind, SigningKey};
use certs::leaf::LeafProfile;
use certs::name::{DnsName, NameError};
use certs::ocsp::{CertId, IssuerHashes};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::cache::{Cache, Keep};
use crate::app::App;
use crate::clock;
use crate::config::{Config, RevocationConfig};
use crate::respond::problem::causes;
use crate::sign::{Authorities, Authority, OwnError, issue_own};
use crate::store::Store;

/// How long a responder's certificate lives. It cannot be revoked, so not long.
const LIFETIME: Duration = Duration::from_secs(14 * 86_400);
/// How often responders and kept answers are looked at; and how long a failed try to issue is not repeated, whoever asks.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same as long as there is a responder in force.
const RENEW_EVERY: Duration = Duration::from_secs(600);

/// Why nobody can sign answers.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// The host of `url` cannot stand in a certificate.
    #[error("the host of `url` cannot stand in the responder's certificate: {0}")]
    Host(#[from] NameError),
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate was not issued.
    #[error("the responder's certificate was not issued")]
    Issue(#[from] OwnError),
    /// It was tried a moment ago.
    #[error("the responder's certificate was asked for a moment ago")]
    Later,
}

/// One issuer's responder, ready to sign.
pub(super) struct Responder {
    pub(super) key: SigningKey,
    pub(super) certificate: Vec<u8>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

/// The responders of all issuers, and the answers they signed.
pub struct Responders {
    host: String,
    seats: ArcSwap<Vec<Arc<Seat>>>,
    pub(super) cache: Cache,
}

/// The place of one issuer's responder.
pub(super) struct Seat {
    /// The issuer's key identifier.
    pub(super) issuer: String,
    hashes: IssuerHashes,
    /// When a certificate was last asked for; who holds it asks.
    tried: Mutex<Option<OffsetDateTime>>,
    responder: parking_lot::Mutex<Option<Arc<Responder>>>,
}

impl Responders {
    /// A place for each issuer; nothing is issued yet.
    #[must_use]
    pub fn new(config: &Config, authorities: &Authorities) -> Self {
        let RevocationConfig { ocsp_cache_mib, .. } = config.revocation;
        let host = config.url.host_str().unwrap_or_default().to_owned();
        let cache = Cache::new(ocsp_cache_mib.saturating_mul(1 << 20));
        let responders = Self { host, seats: ArcSwap::default(), cache };
        responders.follow(authorities);
        responders
    }

    /// From now on there is a place for each of these issuers, present or replaced; who had one keeps it.
    pub fn follow(&self, authorities: &Authorities) {
        let before = self.seats.load();
        let seat = |issuer: Arc<Authority>| {
            let known = before.iter().find(|seat| seat.issuer == issuer.issuer_id());
            known.cloned().unwrap_or_else(|| Arc::new(Seat::of(&issuer)))
        };
        self.seats.store(Arc::new(authorities.issuers().map(seat).collect()));
    }

    /// When each issuer's responder ends that there is, by the issuer's key identifier.
    #[must_use]
    pub fn ends(&self) -> Vec<(String, OffsetDateTime)> {
        let seats = self.seats.load();
        let end = |seat: &Arc<Seat>| Some((seat.issuer.clone(), seat.responder.lock().as_ref()?.not_after));
        seats.iter().filter_map(end).collect()
    }

    /// The place of the issuer that a request names.
    pub(super) fn issuer_of(&self, certificate: &CertId) -> Option<Arc<Seat>> {
        self.seats.load().iter().find(|seat| seat.hashes.name(certificate)).cloned()
    }

    /// The responder of an issuer, with a certificate that is in force; issues one if there is none and nobody tried a moment ago. `None` if the issuer
    /// is gone or at its end. A failure was logged where it was tried.
    pub(super) async fn of(
        &self,
        (store, authorities): (&Store, &Authorities),
        seat: &Seat,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<Responder>>, ResponderError> {
        if let Some(responder) = seat.in_force(now) {
            return Ok(Some(responder));
        }
        let Some(authority) = in_force(authorities, seat, now) else { return Ok(None) };
        let mut tried = seat.tried.lock().await;
        if let Some(responder) = seat.in_force(now) {
            return Ok(Some(responder));
        }
        self.seated(store, (&authority, seat), &mut tried, now).await.map(Some)
    }

    /// Replaces a responder that is past half its life, unless a new one could not live longer. If that fails the old one stays.
    async fn renew(&self, (store, authorities): (&Store, &Authorities), seat: &Seat, now: OffsetDateTime) {
        let Some(authority) = in_force(authorities, seat, now) else { return };
        let mut tried = seat.tried.lock().await;
        let serves_on = |responder: Arc<Responder>| {
            responder.is_young(now) || authority.issuer().not_after() <= responder.not_after
        };
        if !seat.in_force(now).is_some_and(serves_on) {
            // A failure is logged where it happens.
            let _ = self.seated(store, (&authority, seat), &mut tried, now).await;
        }
    }

    /// Has a certificate issued, unless that was tried a moment ago.
    async fn seated(
        &self,
        store: &Store,
        (authority, seat): (&Arc<Authority>, &Seat),
        tried: &mut Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<Arc<Responder>, ResponderError> {
        let pause = if seat.in_force(now).is_some() { RENEW_EVERY } else { LOOK_EVERY };
        if tried.is_some_and(|last| last <= now && now < clock::after(last, pause)) {
            return Err(ResponderError::Later);
        }
        *tried = Some(now);
        let responder = Arc::new(self.issue(store, authority, now).await.inspect_err(|error| {
            tracing::error!(issuer = %seat.issuer, error = %causes(error),
                "no certificate for the OCSP responder; without one in force it answers `tryLater`");
        })?);
        *seat.responder.lock() = Some(responder.clone());
        Ok(responder)
    }

    async fn issue(
        &self,
        store: &Store,
        authority: &Arc<Authority>,
        now: OffsetDateTime,
    ) -> Result<Responder, ResponderError> {
        let name = DnsName::parse_allowing_single_label(&self.host)?;
        let key = SigningKey::generate(KeyKind::P256)?;
        let profile = LeafProfile::responder(LIFETIME);
        let public_key = key.public().clone();
        let issued = issue_own(store, authority, profile, vec![name], (public_key, now)).await?;
        tracing::info!(authority = %authority.name(), not_after = %issued.not_after,
            "issued the certificate of our OCSP responder");
        Ok(Responder {
            key,
            certificate: issued.der,
            not_before: issued.not_before,
            not_after: issued.not_after,
        })
    }
}

impl Seat {
    fn of(authority: &Authority) -> Self {
        Self {
            issuer: authority.issuer_id().to_owned(),
            hashes: IssuerHashes::of(authority.issuer()),
            tried: Mutex::default(),
            responder: parking_lot::Mutex::default(),
        }
    }

    fn in_force(&self, now: OffsetDateTime) -> Option<Arc<Responder>> {
        self.responder.lock().clone().filter(|responder| responder.is_in_force(now))
    }
}

impl Responder {
    fn is_in_force(&self, now: OffsetDateTime) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether it has half its life before it.
    fn is_young(&self, now: OffsetDateTime) -> bool {
        let life = self.not_after - self.not_before;
        now < self.not_before + life / 2
    }
}

/// The issuer of a seat, unless it is gone or at its end: what it signs then is good for nothing.
fn in_force(authorities: &Authorities, seat: &Seat, now: OffsetDateTime) -> Option<Arc<Authority>> {
    authorities.of_issuer(&seat.issuer).filter(|authority| now < authority.issuer().not_after())
}

/// Keeps every issuer's responder in force.
pub async fn renew_all(app: &App) {
    if !app.config.revocation.answers_ocsp() {
        return;
    }
    let seats = app.responders.seats.load_full();
    for seat in seats.iter() {
        app.responders.renew((&app.store, &app.authorities), seat, app.clock.now()).await;
    }
}

/// Keeps responders in force, and signs anew ahead of time whatever was asked for, until the server stops.
pub async fn keep(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        renew_all(&app).await;
        let now = app.clock.now();
        // Answers are given out until half their life.
        let early = app.config.revocation.ocsp_lifetime.mul_f64(0.4);
        let due = app.responders.cache.sweep(|answer| match answer.is_young(now, early) {
            true => Keep::Yes,
            false if answer.was_used() => Keep::Renew,
            false => Keep::No,
        });
        for certificate in due {
            // The next one who asks has it signed then.
            let _ = answer::sign_ahead(&app, &certificate).await;
            tokio::task::yield_now().await;
        }
    }
}

impl std::fmt::Debug for Responders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responders").field("host", &self.host).finish_non_exhaustive()
    }
}

impl RevocationConfig {
    /// From when an answer that is signed now is good until when; never longer than its responder.
    pub(super) fn answer_until(&self, now: OffsetDateTime, responder: &Responder) -> OffsetDateTime {
        clock::after(now, self.ocsp_lifetime).min(responder.not_after)
    }
}
