//! Where a profile asks for it (`needs-approval`), an administrator approves each certificate before it is issued on a token.
//!
//! There is one request for each holder, for one key. An approval serves for one certificate with exactly that key: it is used up in the batch of
//! the intent. A request with another key takes the place of one that waits, and has to be approved by itself. A device that renews with the
//! certificate it holds was approved when it got it.

use certs::identifier::Identifier;
use certs::key::PublicKey;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::error::InternalError;
use super::holder::{Front, Holder, HolderEvidence};
use super::machine;
use crate::app::App;
use crate::log::act::Act;
use crate::store::tables::approvals;
use crate::store::{Batch, Record, StoreError, Table, Versioned};

/// How long a request waits, and how long what was decided of it stands.
const LIFETIME: Duration = Duration::days(7);
/// After how many seconds a client asks again.
const ASK_AGAIN: u64 = 120;
/// Characters of the key's thumbprint in an id: enough that nobody makes a key for a given id.
const KEY_LETTERS: usize = 22;

/// What an administrator said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Nothing yet.
    Pending,
    /// One certificate may be issued.
    Approved,
    /// None may be issued for this key.
    Denied,
}

impl Decision {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }
}

/// A request that needs approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Who asks, and by what it is known.
    pub holder: HolderEvidence,
    /// What would be certified.
    pub identifiers: Vec<Identifier>,
    /// Under which profile.
    pub profile: String,
    /// SHA-256 of the subject public key info, base64url.
    pub key: String,
    /// What was decided.
    pub decision: Decision,
    /// When it was first asked.
    #[serde(with = "time::serde::timestamp")]
    pub asked: OffsetDateTime,
    /// When it is forgotten.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
}

impl ApprovalRequest {
    /// What an administrator names it by: the account id, and what the key begins with. Another key is another id. Plain letters, for paths and shells.
    #[must_use]
    pub fn id(&self) -> String {
        let account = self.holder.id.value();
        let key: String = self.key.chars().take(KEY_LETTERS).collect();
        format!("{}_{key}", account.strip_prefix("urn:uuid:").unwrap_or(&account))
    }

    /// The same, decided.
    #[must_use]
    pub fn decided(&self, decision: Decision, now: OffsetDateTime) -> Self {
        Self { decision, expires: now + LIFETIME, ..self.clone() }
    }

    /// What the journal says of it.
    #[must_use]
    pub fn act(&self, change: &str) -> Act {
        Act::Approval {
            holder: self.holder.id.clone(),
            profile: self.profile.clone(),
            key: self.key.clone(),
            change: change.to_owned(),
        }
    }
}

impl Record for ApprovalRequest {
    const TABLE: Table = Table::Approvals;
    /// The account id, `urn:uuid:…`.
    type Key = String;

    fn key(&self) -> String {
        self.holder.id.value().to_owned()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) holder: &'a Holder,
    pub(super) front: Front,
    pub(super) identifiers: &'a [Identifier],
    pub(super) profile: &'a str,
    pub(super) key: &'a PublicKey,
}

/// The approval for what is asked, to be used up by its intent. A request that is not there yet is recorded.
///
/// # Errors
/// [`InternalError::ApprovalPending`] or [`InternalError::ApprovalDenied`].
pub(super) async fn demand(
    app: &App,
    asked: Asked<'_>,
    now: OffsetDateTime,
) -> Result<Option<Versioned<ApprovalRequest>>, InternalError> {
    if let Holder::Device(device) = asked.holder
        && device.key_thumbprint.is_none()
    {
        return Ok(None);
    }
    let key = machine::thumbprint(asked.key);
    let seen = app.store.load::<ApprovalRequest>(&asked.holder.urn().as_str().to_owned()).await?;
    let same = |seen: &&Versioned<ApprovalRequest>| {
        let ApprovalRequest { key: known, profile, identifiers, expires, .. } = &seen.value;
        *known == key && profile == asked.profile && identifiers == asked.identifiers && *expires > now
    };
    match seen.as_ref().filter(same).map(|seen| seen.value.decision) {
        Some(Decision::Approved) => return Ok(seen),
        Some(Decision::Denied) => return Err(InternalError::ApprovalDenied),
        Some(Decision::Pending) => {}
        None => {
            let request = ApprovalRequest {
                holder: asked.holder.evidence(asked.front),
                identifiers: asked.identifiers.to_vec(),
                profile: asked.profile.to_owned(),
                key,
                decision: Decision::Pending,
                asked: now,
                expires: now + LIFETIME,
            };
            let mut batch = Batch::new();
            approvals::put(&mut batch, seen.as_ref(), &request)?;
            batch.record(now, request.act("asked"));
            match app.store.commit(batch).await {
                // The same was asked, or it was decided, at this moment: the next time it is seen.
                Ok(()) | Err(StoreError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
            tracing::info!(
                approval.id = request.id(),
                profile = request.profile,
                "a certificate waits for approval"
            );
        }
    }
    Err(InternalError::ApprovalPending { retry_after: ASK_AGAIN })
}

/// Uses an approval up.
pub(super) fn use_up(batch: &mut Batch, approval: Option<&Versioned<ApprovalRequest>>) {
    if let Some(approval) = approval {
        approvals::remove(batch, approval);
    }
}
