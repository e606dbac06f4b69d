//! Removing what ended long enough ago, so that the store does not grow for ever: orders, authorizations, certificate records, sign-ins,
//! the ids of assertions that have expired, tokens and activation codes.
//!
//! Works in small batches and can stop anywhere: whatever is left is found again. A record that changed meanwhile, or an order whose
//! issuance is not resolved, stays for the next time. The journal is never pruned.

use std::time::Duration;

use certs::serial::Serial;
use time::OffsetDateTime;

use super::tables::expiry::{Ending, Ends};
use super::tables::used_assertions::UsedAssertion;
use super::tables::{authorizations, certificates, expiry, orders};
use super::{Batch, Store, StoreError, Table, Versioned};
use crate::clock;
use crate::config::StoreConfig;
use crate::ids::{AuthorizationId, OrderId, SignInId};
use crate::internal::approval::ApprovalRequest;
use crate::internal::machine::ActivationCode;
use crate::internal::opaque::OpaqueToken;
use crate::order::model::{Authorization, Certificate, CertificateStatus, Order, OrderStatus};
use crate::sso::sign_in::SignIn;

/// Records looked at between two commits, at most.
const STEP: usize = 25;
/// Rows written by one commit, unless a single record has more: fewer than the embedded store writes at once.
const MOST_ROWS: usize = 150;

/// How long a sign-in is kept after its end: its outcome is in the authorization and in the journal by then.
const KEEP_SIGN_INS: Duration = Duration::from_secs(86_400);

/// How long the id of an expired assertion, a token or a code is kept: longer than clocks differ.
const KEEP_USED_ASSERTIONS: Duration = Duration::from_secs(3600);

/// How many records were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Orders.
    pub orders: u64,
    /// Authorizations.
    pub authorizations: u64,
    /// Certificate records.
    pub certificates: u64,
    /// Sign-ins.
    pub sign_ins: u64,
    /// Ids of assertions.
    pub used_assertions: u64,
    /// Tokens of devices and guests.
    pub opaque_tokens: u64,
    /// Activation codes.
    pub activation_codes: u64,
    /// Requests for approval.
    pub approvals: u64,
}

/// Removes everything that ended longer ago than `keep` says, as of `now`.
///
/// # Errors
/// If the backend fails; what was removed before stays removed.
pub async fn prune(store: &Store, keep: &StoreConfig, now: OffsetDateTime) -> Result<Pruned, StoreError> {
    let ended = clock::before(now, keep.keep_ended);
    let expired = clock::before(now, keep.keep_expired_certificates);
    Ok(Pruned {
        orders: prune_table::<Order>(store, ended).await?,
        authorizations: prune_table::<Authorization>(store, ended).await?,
        certificates: prune_table::<Certificate>(store, expired).await?,
        sign_ins: prune_table::<SignIn>(store, clock::before(now, KEEP_SIGN_INS)).await?,
        used_assertions: prune_table::<UsedAssertion>(store, clock::before(now, KEEP_USED_ASSERTIONS))
            .await?,
        opaque_tokens: prune_table::<OpaqueToken>(store, clock::before(now, KEEP_USED_ASSERTIONS)).await?,
        activation_codes: prune_table::<ActivationCode>(store, clock::before(now, KEEP_USED_ASSERTIONS))
            .await?,
        approvals: prune_table::<ApprovalRequest>(store, clock::before(now, KEEP_USED_ASSERTIONS)).await?,
    })
}

async fn prune_table<R: Prunable>(store: &Store, until: OffsetDateTime) -> Result<u64, StoreError> {
    let (mut removed, mut place) = (0, None);
    loop {
        let endings = store.ending(R::TABLE, until, place.as_ref(), STEP).await?;
        if endings.is_empty() {
            return Ok(removed);
        }
        let mut pending = Pending::default();
        for ending in &endings {
            let mut batch = Batch::new();
            let records = u64::from(remove::<R>(store, &mut batch, ending).await?);
            if pending.batch.ops.len() + batch.ops.len() > MOST_ROWS {
                removed += std::mem::take(&mut pending).commit(store).await?;
            }
            pending.add(batch, records);
        }
        removed += pending.commit(store).await?;
        if endings.len() < STEP {
            return Ok(removed);
        }
        place = endings.last().cloned();
    }
}

/// Removals that are not committed yet.
#[derive(Default)]
struct Pending {
    batch: Batch,
    records: u64,
}

impl Pending {
    fn add(&mut self, batch: Batch, records: u64) {
        self.batch.checks.extend(batch.checks);
        self.batch.ops.extend(batch.ops);
        self.records += records;
    }

    /// Commits them; gives how many records are gone.
    async fn commit(self, store: &Store) -> Result<u64, StoreError> {
        if self.batch.ops.is_empty() {
            return Ok(0);
        }
        match store.commit(self.batch).await {
            Ok(()) => Ok(self.records),
            // Something in it changed just now: it is found again next time.
            Err(StoreError::Stale(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Adds the removal of one record to the batch, if it may go. A row that belongs to no record goes too.
async fn remove<R: Prunable>(store: &Store, batch: &mut Batch, ending: &Ending) -> Result<bool, StoreError> {
    let found = match R::key_from(&ending.key) {
        Some(key) => store.load::<R>(&key).await?.filter(|found| found.value.ends() == ending.at),
        None => None,
    };
    match found {
        Some(record) if record.value.may_go() => {
            R::remove(batch, &record);
            Ok(true)
        }
        Some(_) => Ok(false),
        None => {
            batch.delete(Table::Expiry, ending.row.clone());
            Ok(false)
        }
    }
}

/// A record that is removed some time after its end.
trait Prunable: Ends {
    fn key_from(octets: &[u8]) -> Option<Self::Key>;
    fn may_go(&self) -> bool {
        true
    }
    /// A record with rows of further kinds removes those too.
    fn remove(batch: &mut Batch, seen: &Versioned<Self>) {
        expiry::remove(batch, seen);
    }
}

impl Prunable for Order {
    fn key_from(octets: &[u8]) -> Option<OrderId> {
        octets.try_into().ok().map(OrderId::from_bytes)
    }

    fn may_go(&self) -> bool {
        self.status != OrderStatus::Processing
    }

    fn remove(batch: &mut Batch, seen: &Versioned<Self>) {
        orders::remove(batch, seen);
    }
}

impl Prunable for Authorization {
    fn key_from(octets: &[u8]) -> Option<AuthorizationId> {
        octets.try_into().ok().map(AuthorizationId::from_bytes)
    }

    fn remove(batch: &mut Batch, seen: &Versioned<Self>) {
        authorizations::remove(batch, seen);
    }
}

impl Prunable for Certificate {
    fn key_from(octets: &[u8]) -> Option<Serial> {
        Serial::from_der_content(octets)
    }

    fn may_go(&self) -> bool {
        self.status != CertificateStatus::Intended
    }

    fn remove(batch: &mut Batch, seen: &Versioned<Self>) {
        certificates::remove(batch, seen);
    }
}

impl Prunable for SignIn {
    fn key_from(octets: &[u8]) -> Option<SignInId> {
        octets.try_into().ok().map(SignInId::from_bytes)
    }
}

impl Prunable for UsedAssertion {
    fn key_from(octets: &[u8]) -> Option<String> {
        Some(data_encoding::HEXLOWER.encode(octets))
    }
}

impl Prunable for OpaqueToken {
    fn key_from(octets: &[u8]) -> Option<String> {
        Some(data_encoding::HEXLOWER.encode(octets))
    }
}

impl Prunable for ActivationCode {
    fn key_from(octets: &[u8]) -> Option<String> {
        Some(data_encoding::HEXLOWER.encode(octets))
    }
}

impl Prunable for ApprovalRequest {
    fn key_from(octets: &[u8]) -> Option<String> {
        String::from_utf8(octets.to_vec()).ok()
    }
}
