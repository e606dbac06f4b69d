//! Revocation (RFC 8555 §7.6): by the account that obtained the certificate, by one that holds valid authorizations for all its names, or by
//! the certified key itself.
//!
//! The request is authorised before anything is said about the certificate's state. A deactivated account cannot sign requests at all, so it
//! revokes with the certified key. The certificate must be the stored one, octet for octet.

mod many;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::ari::CertId;
use certs::crl::RevocationReason;
use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::serial::Serial;
use data_encoding::BASE64URL_NOPAD;
use policies::rules::{Action, KeyKind, Request};
use time::OffsetDateTime;

use super::model::{Account, AuthorizationStatus, Certificate, CertificateStatus};
use super::state::{CertificateEvent, Illegal};
use crate::app::App;
use crate::internal::DeviceId;
use crate::internal::line::{self, Line};
use crate::log::act::Act;
use crate::policy::{Refusal, asked_by, decided, proves};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::{Authorities, Authority};
use crate::store::tables::certificates;
use crate::store::{Batch, Store, StoreError, Table, Versioned};
use crate::verify::Signer;
use crate::verify::jwk::{EcCurve, Jwk};
pub use many::{Many, record_all};

/// How often a revocation is decided anew because the device's account changed meanwhile.
const TRIES: usize = 4;

/// Why a certificate was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// Not one of this authority's.
    #[error("this authority did not issue that certificate")]
    NotOurs,
    /// The signer may not revoke it.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// It is revoked.
    #[error("the certificate is revoked already")]
    Already,
    /// A rule forbids.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Its state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RevokeError> for Problem {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotOurs => Self::new(Kind::NotFound, error.to_string()),
            RevokeError::Unauthorized(_) => Self::new(Kind::Unauthorized, error.to_string()),
            RevokeError::Already => Self::new(Kind::AlreadyRevoked, error.to_string()),
            RevokeError::Refused(problem) => *problem,
            RevokeError::Illegal(_) | RevokeError::Store(_) => Self::internal(error),
        }
    }
}

/// A reason that a holder may give.
///
/// # Errors
/// `badRevocationReason`, naming the ones that are allowed.
pub fn reason(code: Option<u64>) -> Result<RevocationReason, Problem> {
    let Some(code) = code else { return Ok(RevocationReason::Unspecified) };
    RevocationReason::from_code(code).ok().filter(|reason| reason.is_for_holders()).ok_or_else(|| {
        let allowed = RevocationReason::ALL.iter().filter(|reason| reason.is_for_holders());
        let allowed: Vec<_> =
            allowed.map(|reason| format!("{} ({})", reason.code(), reason.as_str())).collect();
        let detail = format!("reason {code} is not allowed; allowed are {}", allowed.join(", "));
        Problem::new(Kind::BadRevocationReason, detail)
    })
}

/// Revokes the certificate with this DER for `signer`.
///
/// # Errors
/// [`RevokeError`]; nothing was written.
pub async fn revoke(
    app: &App,
    authority: &Authority,
    signer: &Signer,
    der: &[u8],
    reason: RevocationReason,
) -> Result<(), RevokeError> {
    let now = app.clock.now();
    let seen = stored(&app.store, authority, der).await?;
    let by = authorised(app, &seen.value, signer, der, now).await?;
    if seen.value.status == CertificateStatus::Revoked {
        return Err(RevokeError::Already);
    }
    permitted(app, &seen.value, signer, now).await?;
    match record(&app.store, &seen, reason, by, now).await {
        Ok(_) => {}
        // Only a revocation changes an issued certificate.
        Err(RevokeError::Store(StoreError::Stale(Table::Certificates))) => return Err(RevokeError::Already),
        Err(error) => return Err(error),
    }
    app.revocation_lists.outdated();
    if let Some(warning) = unlisted(&app.authorities, &seen.value) {
        tracing::warn!(certificate.serial = %seen.value.serial, "{warning}");
    }
    tracing::info!(certificate.serial = %seen.value.serial, reason = reason.as_str(), "certificate revoked");
    Ok(())
}

/// What a revocation ended beside its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The other certificates of the line, which are revoked too.
    pub also: Vec<Serial>,
    /// The machine account that is bound to nothing any more.
    pub unbound: Option<DeviceId>,
}

/// Marks it revoked, puts it onto the list and into the journal, in one batch. Also the administrator's way, who needs no further permission.
///
/// With a device's certificate ends what its account is bound to ([`Line`]), in the same batch; then every other certificate of that line is revoked.
///
/// # Errors
/// [`RevokeError`]; nothing was written, or not all of the others are revoked yet: asking again goes on.
pub async fn record(
    store: &Store,
    seen: &Versioned<Certificate>,
    reason: RevocationReason,
    by: String,
    now: OffsetDateTime,
) -> Result<Ended, RevokeError> {
    let line = Line::ended_by(&seen.value, reason);
    let (mut tries, mut unbound) = (0, None);
    loop {
        let mut batch = revoked(seen, reason, by.clone(), now)?;
        if let Some(line) = &line {
            let was_bound = line.unbind(store, &mut batch, (seen.value.serial, now)).await?;
            unbound = was_bound.then_some(line.device);
        }
        match store.commit(batch).await {
            Err(StoreError::Stale(Table::MachineAccounts)) if tries < TRIES => tries += 1,
            done => break done?,
        }
    }
    let also = match line {
        Some(line) => rest(store, line, (reason, seen.value.serial), now).await?,
        None => Vec::new(),
    };
    Ok(Ended { also, unbound })
}

/// Revokes what is left of the line that the revocation of `certificate` ended, if it was broken off. Gives the serials.
///
/// # Errors
/// [`RevokeError`]
pub async fn go_on(
    store: &Store,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<Vec<Serial>, RevokeError> {
    let reason = certificate.revocation_reason.and_then(|code| RevocationReason::from_code(code.into()).ok());
    let reason = reason.filter(|_| certificate.status == CertificateStatus::Revoked);
    match reason.and_then(|reason| Some((reason, Line::ended_by(certificate, reason)?))) {
        Some((reason, line)) => rest(store, line, (reason, certificate.serial), now).await,
        None => Ok(Vec::new()),
    }
}

fn revoked(
    seen: &Versioned<Certificate>,
    reason: RevocationReason,
    by: String,
    now: OffsetDateTime,
) -> Result<Batch, RevokeError> {
    let mut batch = Batch::new();
    put(&mut batch, seen, reason, by, now)?;
    Ok(batch)
}

fn put(
    batch: &mut Batch,
    seen: &Versioned<Certificate>,
    reason: RevocationReason,
    by: String,
    now: OffsetDateTime,
) -> Result<(), RevokeError> {
    let mut next = seen.value.clone();
    next.status = next.status.step(CertificateEvent::Revoke)?;
    next.revoked = Some(now);
    next.revocation_reason = Some(reason.code());
    certificates::replace(batch, seen, &next)?;
    batch.record(now, Act::Revoked { serial: next.serial, reason: reason.code(), by });
    Ok(())
}

/// The other certificates of a line that is unbound: nothing joins them any more.
async fn rest(
    store: &Store,
    line: Line,
    (reason, first): (RevocationReason, Serial),
    now: OffsetDateTime,
) -> Result<Vec<Serial>, RevokeError> {
    let mut ended = Vec::new();
    let mut tries = 0;
    loop {
        let mut again = false;
        for other in line.living(store, now).await? {
            if other.value.status == CertificateStatus::Intended {
                line::give_up(store, &other, now).await?;
                continue;
            }
            match store.commit(revoked(&other, reason, format!("with {first}"), now)?).await {
                Ok(()) => ended.push(other.value.serial),
                Err(StoreError::Stale(_)) => again = true,
                Err(error) => return Err(error.into()),
            }
        }
        // An intent that was open when it was looked at may have been completed before it could be given up.
        if (!again && line.living(store, now).await?.is_empty()) || tries == TRIES {
            return Ok(ended);
        }
        tries += 1;
    }
}

/// What its revocation does not reach, if its issuer is here no more: each issuer signs the list of its own certificates.
#[must_use]
pub fn unlisted(authorities: &Authorities, certificate: &Certificate) -> Option<&'static str> {
    let authority = authorities.find(&certificate.authority);
    authority.and_then(|authority| authority.as_issuer(&certificate.issuer)).is_none().then_some(
        "the issuer of this certificate is not here any more, so no revocation list shows that it is revoked; put the issuer's \
         certificate and key back into the folder `replaced` for as long as its certificates live, or have relying parties distrust the \
         issuer",
    )
}

/// The record of exactly this certificate.
async fn stored(
    store: &Store,
    authority: &Authority,
    der: &[u8],
) -> Result<Versioned<Certificate>, RevokeError> {
    let serial = CertId::from_certificate(der).ok().and_then(|id| id.serial()).ok_or(RevokeError::NotOurs)?;
    let seen = store.load::<Certificate>(&serial).await?.ok_or(RevokeError::NotOurs)?;
    let is_out = match seen.value.status {
        CertificateStatus::Issued | CertificateStatus::Revoked => true,
        CertificateStatus::Intended | CertificateStatus::Abandoned => false,
    };
    let same = is_out && seen.value.authority == *authority.name() && seen.value.der == STANDARD.encode(der);
    if same { Ok(seen) } else { Err(RevokeError::NotOurs) }
}

/// In whose name it may be revoked.
async fn authorised(
    app: &App,
    certificate: &Certificate,
    signer: &Signer,
    der: &[u8],
    now: OffsetDateTime,
) -> Result<String, RevokeError> {
    match signer {
        Signer::Key(key) if is_certified(key, der) => Ok("certificate key".to_owned()),
        Signer::Key(_) => Err(RevokeError::Unauthorized(
            "the request is signed neither by an account nor by the key of the certificate",
        )),
        Signer::Account(account) if certificate.account == Some(account.value.id) => {
            Ok(format!("account {}", account.value.id))
        }
        Signer::Account(account) => {
            for identifier in &certificate.identifiers {
                if !holds(&app.store, &account.value, identifier, now).await? {
                    return Err(RevokeError::Unauthorized(NOT_HELD));
                }
            }
            // A certificate about nobody, or not obtained over ACME, is not covered by any authorization.
            if certificate.identifiers.is_empty() || certificate.order.is_none() {
                return Err(RevokeError::Unauthorized(NOT_HELD));
            }
            Ok(format!("account {} by authorization", account.value.id))
        }
    }
}

const NOT_HELD: &str =
    "the account neither obtained the certificate nor holds valid authorizations for all its identifiers";

async fn holds(
    store: &Store,
    account: &Account,
    identifier: &Identifier,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let (base, wildcard) = match identifier.as_dns() {
        Some(name) if name.is_wildcard() => (name.base().into(), true),
        Some(_) | None => (identifier.clone(), false),
    };
    let found = store.reusable_authorization(account.id, &base, wildcard).await?;
    Ok(found.is_some_and(|seen| {
        seen.value.account == account.id
            && seen.value.status_at(now) == AuthorizationStatus::Valid
            && seen.value.proven_by().is_some_and(|challenge| proves(challenge.kind, identifier))
    }))
}

/// Whether `key` is the key that the certificate certifies.
fn is_certified(key: &Jwk, der: &[u8]) -> bool {
    match (public_key(key), PublicKey::of_certificate(der)) {
        (Some(key), Ok(certified)) => key == certified,
        (None, _) | (_, Err(_)) => false,
    }
}

/// The key as certificates write it; only P-256 is ever certified.
fn public_key(key: &Jwk) -> Option<PublicKey> {
    match key {
        Jwk::Ec { crv: EcCurve::P256, x, y } => {
            let coordinate = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
            let point = [vec![4], coordinate(x)?, coordinate(y)?].concat();
            PublicKey::from_point(certs::key::KeyKind::P256, &point).ok()
        }
        Jwk::Ec { crv: EcCurve::P384, .. } | Jwk::Rsa { .. } | Jwk::Okp { .. } => None,
    }
}

/// The rules' word on it.
async fn permitted(
    app: &App,
    certificate: &Certificate,
    signer: &Signer,
    now: OffsetDateTime,
) -> Result<(), RevokeError> {
    let account = match (signer, certificate.account) {
        (Signer::Account(account), _) => account.value.clone(),
        (Signer::Key(_), Some(id)) => match app.store.load::<Account>(&id).await? {
            Some(account) => account.value,
            None => return Ok(()),
        },
        // Nobody's certificate: whoever has its key may revoke it.
        (Signer::Key(_), None) => return Ok(()),
    };
    let rules = app.policy.current();
    let id = account.id.to_string();
    let refusals = certificate.identifiers.iter().filter_map(|identifier| {
        let request = Request {
            account: asked_by(&account, &id),
            action: Action::Revoke,
            identifier,
            profile: &certificate.profile,
            proofs: &[],
            key_kind: KeyKind::P256,
            requested_lifetime: None,
            person: None,
            client_address: None,
        };
        decided(rules.rules.decide(&request)).err().map(|reason| (Some(identifier.clone()), reason))
    });
    let reasons: Vec<_> = refusals.collect();
    if reasons.is_empty() {
        return Ok(());
    }
    let refusal = Refusal { action: "revoke", account: Some(account.id), order: certificate.order, reasons };
    let mut problem = refusal.record(&app.refusals, &app.store, now).await;
    problem.kind = Kind::Unauthorized;
    Err(RevokeError::Refused(Box::new(problem)))
}
