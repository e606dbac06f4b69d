//! Finalize (RFC 8555 §7.4): one order, one certificate, however often and from however many sides it is asked for.
//!
//! The steps are those of `docs/issuance-cycle.md`. The one batch of step 6 decides races: whoever loses it reads the order again and answers
//! with what it has become. Of the CSR only the key is used. Once the intent is durable, the caller's going away stops nothing.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use certs::csr::{Csr, CsrError};
use certs::leaf::LeafError;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use time::OffsetDateTime;
use tracing::Instrument as _;

use super::model::{Account, AccountStatus, Authorization, Order, OrderStatus};
use super::read::{OrderNow, order_of};
use super::state::{Illegal, OrderEvent};
use crate::app::App;
use crate::ids::{AccountId, OrderId};
use crate::log::intent::intent;
use crate::log::outcome::{OutcomeError, outcome};
use crate::policy::{Approval, Candidate, Refused};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::{Authority, PrepareError, Prepared, SignError, prepare, sign};
use crate::store::tables::orders;
use crate::store::{Batch, Store, StoreError, Versioned};
use crate::traces::TARGET;
use crate::verify::VerifyError;
use crate::verify::jwk::{EcCurve, Jwk};

/// How often a finalize is decided anew because something it depends on changed.
const TRIES: usize = 4;

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum FinalizeError {
    /// The order is in another state.
    #[error("{0}")]
    NotReady(NotReady),
    /// The request is not acceptable.
    #[error("{0}")]
    Csr(#[from] CsrError),
    /// The request's key is an account's key.
    #[error("the request's key is an account key; make another key for the certificate")]
    AccountKey,
    /// The request's key is the authority's own.
    #[error("the request's key is the authority's own key; make another key for the certificate")]
    IssuersKey,
    /// Refused before, by policy or because there is no such order; already journalled.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The certificate could not be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The key did not sign; the intent is resolved later.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that issued ended early.
    #[error("issuance was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What the order is instead of ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Some authorizations are not proven.
    #[error("the order is pending: {open} of {all} authorizations are not valid yet")]
    Pending {
        /// How many are open.
        open: usize,
        /// Of how many.
        all: usize,
    },
    /// Another request was taken.
    #[error("the order is {}: it was finalized with another certificate request", .0.name())]
    OtherRequest(OrderStatus),
    /// It ended.
    #[error("the order is invalid ({0}); open a new one")]
    Ended(String),
}

impl From<FinalizeError> for Problem {
    fn from(error: FinalizeError) -> Self {
        match error {
            FinalizeError::NotReady(_) => Self::new(Kind::OrderNotReady, error.to_string()),
            FinalizeError::Csr(_) | FinalizeError::AccountKey | FinalizeError::IssuersKey => {
                Self::new(Kind::BadCsr, error.to_string())
            }
            FinalizeError::Refused(problem) => *problem,
            FinalizeError::Prepare(_)
            | FinalizeError::Sign(_)
            | FinalizeError::Illegal(_)
            | FinalizeError::Store(_)
            | FinalizeError::Interrupted(_) => Self::internal(error),
        }
    }
}

/// Finalizes the order with the DER of a certificate request.
///
/// # Errors
/// [`FinalizeError`]. Unless an intent was recorded, the order is as it was.
pub async fn finalize(
    app: &App,
    authority: &Arc<Authority>,
    account: Versioned<Account>,
    id: OrderId,
    csr: &[u8],
) -> Result<OrderNow, FinalizeError> {
    let mut account = account;
    let csr_sha256 = HEXLOWER.encode(digest(&SHA256, csr).as_ref());
    let mut tries = 0;
    loop {
        let now = app.clock.now();
        // 1. What the order is now; anything but ready is answered from what is stored.
        let order = order_of(&app.store, authority.name(), &account.value, id)
            .await
            .map_err(|problem| FinalizeError::Refused(Box::new(problem)))?;
        let seen = OrderNow::of(&app.store, order, now).await?;
        if !is_ready(&seen, &csr_sha256, now)? {
            return Ok(seen);
        }
        // 2. The request: its key and nothing else.
        let request = check_request(&app.store, &account.value, &seen.order.value, csr).await?;
        // 3. May it be? Proofs, profile, rules, CAA.
        let approval = approve(app, authority, &account, &seen, &request, now).await?;
        // 4., 5. Serial, bytes, lint.
        let prepared = prepared(app, authority, approval, &account, now).await?;
        let issuance = Issuance { account: account.clone(), seen, csr_sha256: csr_sha256.clone(), prepared };
        // 6., 7., 8. On a task of their own, for which a stop waits: a client that hangs up must not leave the intent open.
        match app.tasks.spawn(issue(app.clone(), issuance).in_current_span()).await? {
            Ok(order) => return Ok(order),
            Err(FinalizeError::Store(StoreError::Stale(_))) if tries < TRIES => {
                tries += 1;
                account = again(&app.store, account.value.id).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The account as it stands now; one that ended meanwhile gets nothing.
async fn again(store: &Store, id: AccountId) -> Result<Versioned<Account>, FinalizeError> {
    let refused = |error: VerifyError| FinalizeError::Refused(Box::new(error.into()));
    let account = store.load::<Account>(&id).await?.ok_or_else(|| refused(VerifyError::UnknownAccount))?;
    match account.value.status {
        AccountStatus::Valid => Ok(account),
        status @ (AccountStatus::Deactivated | AccountStatus::Revoked) => {
            Err(refused(VerifyError::AccountNotValid(status)))
        }
    }
}

/// Whether to go on; `Ok(false)` if the same request was taken before.
fn is_ready(seen: &OrderNow, csr_sha256: &str, now: OffsetDateTime) -> Result<bool, FinalizeError> {
    let not_ready = match seen.status {
        OrderStatus::Ready => return Ok(true),
        OrderStatus::Processing | OrderStatus::Valid
            if seen.order.value.csr_sha256.as_deref() == Some(csr_sha256) =>
        {
            return Ok(false);
        }
        status @ (OrderStatus::Processing | OrderStatus::Valid) => NotReady::OtherRequest(status),
        OrderStatus::Pending => {
            let valid = |one: &&Versioned<Authorization>| one.value.proven_by().is_some();
            let all = seen.authorizations.len();
            NotReady::Pending { open: all - seen.authorizations.iter().filter(valid).count(), all }
        }
        OrderStatus::Invalid => {
            NotReady::Ended(seen.error(now).map(|error| error.detail).unwrap_or_default())
        }
    };
    Err(FinalizeError::NotReady(not_ready))
}

async fn check_request(
    store: &Store,
    account: &Account,
    order: &Order,
    csr: &[u8],
) -> Result<Csr, FinalizeError> {
    let request = Csr::parse(csr)?;
    request.check_identifiers(&order.identifiers)?;
    if let Some(key) = as_jwk(request.public_key().point()) {
        let known = store.account_by_key(&account.authority, &key.thumbprint()).await?;
        if key == account.key || known.is_some() {
            return Err(FinalizeError::AccountKey);
        }
    }
    Ok(request)
}

/// The P-256 point as an account key would write it.
fn as_jwk(point: &[u8]) -> Option<Jwk> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(Jwk::Ec { crv: EcCurve::P256, x: BASE64URL_NOPAD.encode(x), y: BASE64URL_NOPAD.encode(y) })
}

async fn approve(
    app: &App,
    authority: &Authority,
    account: &Versioned<Account>,
    seen: &OrderNow,
    request: &Csr,
    now: OffsetDateTime,
) -> Result<Approval, FinalizeError> {
    let authorizations: Vec<_> = seen.authorizations.iter().map(|one| &one.value).collect();
    let account_uri = app.links.account(authority.name(), account.value.id);
    let candidate = Candidate {
        account: &account.value,
        account_uri: &account_uri,
        order: &seen.order.value,
        authorizations: &authorizations,
        public_key: request.public_key(),
        providers: &app.providers,
    };
    let all = || seen.order.value.identifiers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let names = || app.config.traces.identifiers.then(all);
    let span = tracing::debug_span!(target: TARGET, "policy", profile = %seen.order.value.profile, identifiers = names());
    match app.policy.approve(&candidate, authority, &app.caa, now).instrument(span).await {
        Ok(approval) => Ok(approval),
        Err(refusal) => {
            let problem = refusal.record(&app.refusals, &app.store, now).await;
            Err(FinalizeError::Refused(Box::new(problem)))
        }
    }
}

/// The bytes to sign; a lint that forbids them is journalled.
async fn prepared(
    app: &App,
    authority: &Arc<Authority>,
    approval: Approval,
    account: &Versioned<Account>,
    now: OffsetDateTime,
) -> Result<Prepared, FinalizeError> {
    let (order, identifiers) = (approval.order, approval.identifiers.clone());
    match prepare(authority, approval, now) {
        Ok(prepared) => Ok(prepared),
        Err(PrepareError::Leaf(LeafError::IssuersKey)) => Err(FinalizeError::IssuersKey),
        Err(error @ (PrepareError::Leaf(_) | PrepareError::Lint(_))) => {
            let (account, rule) = (Some(account.value.id), format!("lint: {error}"));
            let refused = Refused { action: "issue", account, order, identifiers, rule };
            app.refusals.record(&app.store, refused, now).await?;
            Err(error.into())
        }
        Err(error @ PrepareError::Entropy(_)) => Err(error.into()),
    }
}

/// Everything that the last three steps need.
struct Issuance {
    account: Versioned<Account>,
    seen: OrderNow,
    csr_sha256: String,
    prepared: Prepared,
}

async fn issue(app: App, issuance: Issuance) -> Result<OrderNow, FinalizeError> {
    let Issuance { account, seen, csr_sha256, prepared } = issuance;
    let OrderNow { order, authorizations, .. } = seen;
    let now = app.clock.now();
    // 6. The intent, in one batch with what it depends on. Dying before the commit returns: nothing happened. Dying after it: found open
    //    at the next start.
    let mut processing = order.value.clone();
    processing.status = OrderStatus::Ready.step(OrderEvent::Finalize)?;
    processing.csr_sha256 = Some(csr_sha256);
    processing.serial = Some(prepared.serial());
    let mut batch = Batch::new();
    batch.unchanged(&account);
    for authorization in &authorizations {
        batch.unchanged(authorization);
    }
    orders::replace(&mut batch, &order, &processing)?;
    let permit = intent(&app.store, batch, prepared, now).await?;
    let order = Versioned { value: processing, version: order.version.next() };
    // 7. The signature. Dying here or in step 8 before its commit returns: the certificate is made again from the recorded bytes.
    let signed = sign(permit).await?;
    // 8. The outcome: certificate, order and journal in one batch. Only now may anybody see the certificate.
    let mut valid = order.value.clone();
    valid.status = valid.status.step(OrderEvent::Issue)?;
    let mut batch = Batch::new();
    orders::replace(&mut batch, &order, &valid)?;
    let certificate = match outcome(&app.store, batch, signed, app.clock.now()).await {
        Ok(certificate) => certificate,
        Err(OutcomeError::Illegal(error)) => return Err(error.into()),
        Err(OutcomeError::Store(error)) => return Err(error.into()),
    };
    let labels = [("authority", certificate.authority.to_string()), ("profile", certificate.profile.clone())];
    metrics::counter!("rollcall_certificates_issued_total", &labels).increment(1);
    tracing::info!(certificate.serial = %certificate.serial, order.id = %valid.id, account.id = %account.value.id,
        authority = %certificate.authority, profile = %certificate.profile, "certificate issued");
    let order = Versioned { value: valid, version: order.version.next() };
    Ok(OrderNow { order, authorizations: Vec::new(), status: OrderStatus::Valid })
}
