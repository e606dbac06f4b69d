//! From a request to an answer: the issuer by its hashes, the status from the store, the signature from the cache or the responder.
//!
//! The store is asked each time, so an answer never says `good` of what was revoked, here or by another server of the same store. An intent that has no
//! outcome yet is unknown; an abandoned serial is revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use certs::crl::RevocationReason;
use certs::ocsp::{
    CertId, CertificateStatus, Failure, Request, ResponseRequest, SingleResponse, assemble_response,
    response_tbs,
};
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use http::HeaderValue;
use time::OffsetDateTime;

use super::responder::{Responder, Seat};
use crate::app::App;
use crate::clock;
use crate::ids::AuthorityName;
use crate::order::model::{self, Certificate};
use crate::respond::problem::causes;
use crate::status::caching::http_date;
use crate::store::StoreError;

/// A signed answer about one certificate, for anybody.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) der: Bytes,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
    pub(super) tag: HeaderValue,
    pub(super) last_modified: HeaderValue,
    pub(super) expires: HeaderValue,
    /// Of a certificate that is good: where its revocation would stand.
    good_at: Option<(AuthorityName, Serial)>,
    /// Whether anybody got it since it was signed.
    used: AtomicBool,
}

impl Answer {
    pub(super) fn is_young(&self, now: OffsetDateTime, age: Duration) -> bool {
        self.this_update <= now && now < clock::after(self.this_update, age) && now < self.next_update
    }

    pub(super) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }
}

/// What is given to whoever asked.
#[derive(Debug)]
pub(super) enum Given {
    /// Good for everybody who asks the same.
    Cached(Arc<Answer>),
    /// For this request alone, or not worth keeping.
    Once(Bytes),
}

/// What the store says of a certificate.
struct Known {
    status: CertificateStatus,
    /// Under which authority it is, if it was issued.
    authority: Option<AuthorityName>,
}

const UNKNOWN: Known = Known { status: CertificateStatus::Unknown, authority: None };

/// Answers a request.
pub(super) async fn answer(app: &App, request: &[u8]) -> Result<Given, Failure> {
    let request = Request::parse(request).map_err(|error| {
        tracing::debug!(%error, "an OCSP request was not understood");
        Failure::MalformedRequest
    })?;
    let issuer = match request.certificates.as_slice() {
        [first, rest @ ..] => {
            let issuer = app.responders.issuer_of(first).ok_or(Failure::Unauthorized)?;
            // One answer has one signer, who speaks for one issuer.
            let same =
                |other| app.responders.issuer_of(other).is_some_and(|seat| seat.issuer == issuer.issuer);
            if rest.iter().all(same) { Ok(issuer) } else { Err(Failure::Unauthorized) }
        }
        [] => Err(Failure::MalformedRequest),
    }?;
    let nonce = request.nonce.as_deref().filter(|_| app.config.revocation.ocsp_nonce);
    match (request.certificates.as_slice(), nonce) {
        ([certificate], None) => about_one(app, &issuer, certificate).await,
        (certificates, nonce) => sign_once(app, &issuer, certificates, nonce).await.map(Given::Once),
    }
}

/// The answer that everybody gets who asks about this certificate.
async fn about_one(app: &App, issuer: &Seat, certificate: &CertId) -> Result<Given, Failure> {
    let half = app.config.revocation.ocsp_lifetime / 2;
    let now = app.clock.now();
    let kept = app.responders.cache.find(certificate).filter(|answer| answer.is_young(now, half));
    if let Some(answer) = kept {
        let revoked = match &answer.good_at {
            Some((authority, serial)) => app.store.is_revoked(authority, serial).await.map_err(broken)?,
            None => false,
        };
        if !revoked {
            answer.used.store(true, Ordering::Relaxed);
            metrics::counter!("rollcall_ocsp_answers_total", "answer" => "cached").increment(1);
            return Ok(Given::Cached(answer));
        }
    }
    sign(app, issuer, certificate).await
}

/// Signs the answer about a certificate before anybody asks again.
pub(super) async fn sign_ahead(app: &App, certificate: &CertId) -> Result<(), Failure> {
    match app.responders.issuer_of(certificate) {
        Some(issuer) => sign(app, &issuer, certificate).await.map(drop),
        None => Ok(()),
    }
}

async fn sign(app: &App, issuer: &Seat, certificate: &CertId) -> Result<Given, Failure> {
    let now = app.clock.now();
    let responder = responder(app, issuer, now).await?;
    let known = known(app, &issuer.issuer, certificate).await.map_err(broken)?;
    let (der, next_update) = signed(app, &responder, &[(certificate, known.status)], None, now)?;
    let Some(authority) = known.authority else {
        // Whoever invents serials does not fill the cache.
        return Ok(Given::Once(der));
    };
    let serial = Serial::from_der_content(certificate.serial_content());
    let good = known.status == CertificateStatus::Good;
    let text = |text: String| HeaderValue::try_from(text).unwrap_or(super::NO_STORE);
    let hash = digest(&SHA256, &der);
    let tag = HEXLOWER.encode(hash.as_ref().get(..16).unwrap_or_default());
    let answer = Arc::new(Answer {
        der,
        this_update: now,
        next_update,
        tag: text(format!("\"{tag}\"")),
        last_modified: text(http_date(now)),
        expires: text(http_date(next_update)),
        good_at: serial.filter(|_| good).map(|serial| (authority, serial)),
        used: AtomicBool::new(false),
    });
    app.responders.cache.keep(certificate, answer.clone());
    Ok(Given::Cached(answer))
}

/// An answer for one request alone.
async fn sign_once(
    app: &App,
    issuer: &Seat,
    certificates: &[CertId],
    nonce: Option<&[u8]>,
) -> Result<Bytes, Failure> {
    let now = app.clock.now();
    let responder = responder(app, issuer, now).await?;
    let mut statuses = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        statuses.push((certificate, known(app, &issuer.issuer, certificate).await.map_err(broken)?.status));
    }
    Ok(signed(app, &responder, &statuses, nonce, now)?.0)
}

async fn responder(app: &App, issuer: &Seat, now: OffsetDateTime) -> Result<Arc<Responder>, Failure> {
    let found = app.responders.of((&app.store, &app.authorities), issuer, now).await;
    found.map_err(|_| Failure::TryLater)?.ok_or(Failure::Unauthorized)
}

async fn known(app: &App, issuer: &str, certificate: &CertId) -> Result<Known, StoreError> {
    let Some(serial) = Serial::from_der_content(certificate.serial_content()) else { return Ok(UNKNOWN) };
    let found = app.store.load::<Certificate>(&serial).await?;
    let Some(record) = found.map(|found| found.value).filter(|record| record.issuer == issuer) else {
        return Ok(UNKNOWN);
    };
    let status = match record.status {
        model::CertificateStatus::Intended => return Ok(UNKNOWN),
        model::CertificateStatus::Issued => CertificateStatus::Good,
        model::CertificateStatus::Revoked | model::CertificateStatus::Abandoned => {
            let code = record.revocation_reason.unwrap_or_default();
            CertificateStatus::Revoked {
                at: record.revoked.unwrap_or(record.created),
                reason: RevocationReason::from_code(code.into()).unwrap_or(RevocationReason::Unspecified),
            }
        }
    };
    Ok(Known { status, authority: Some(record.authority) })
}

/// Signs what is known; gives it with the time until when it is good.
fn signed<'a>(
    app: &App,
    responder: &Responder,
    statuses: &[(&'a CertId, CertificateStatus)],
    nonce: Option<&[u8]>,
    now: OffsetDateTime,
) -> Result<(Bytes, OffsetDateTime), Failure> {
    let next_update = app.config.revocation.answer_until(now, responder);
    let single = |(certificate, status): &(&'a CertId, CertificateStatus)| {
        metrics::counter!("rollcall_ocsp_answers_total", "answer" => label(*status)).increment(1);
        SingleResponse { certificate, status: *status, this_update: now, next_update }
    };
    let responses: Vec<_> = statuses.iter().map(single).collect();
    let public = responder.key.public();
    let tbs =
        response_tbs(&ResponseRequest { responder: public, produced_at: now, responses: &responses, nonce });
    let signature = responder.key.sign(&tbs).map_err(broken)?;
    let der = assemble_response(&tbs, &signature, public, &responder.certificate).map_err(broken)?;
    Ok((Bytes::from(der), next_update))
}

const fn label(status: CertificateStatus) -> &'static str {
    match status {
        CertificateStatus::Good => "good",
        CertificateStatus::Revoked { .. } => "revoked",
        CertificateStatus::Unknown => "unknown",
    }
}

fn broken(error: impl std::error::Error) -> Failure {
    tracing::error!(error = %causes(&error), "an OCSP request failed inside the server");
    Failure::InternalError
}
