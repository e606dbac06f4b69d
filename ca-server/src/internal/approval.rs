//! Where a profile asks for it (`needs-approval`), an administrator approves each certificate before it is issued on a token.
//!
//! There is one request for each holder and key. An approval serves for one certificate with exactly that key: it is used up in the batch of the
//! intent. A request with another key has to be approved by itself, and touches nothing that was decided: of an account so many are kept, and one
//! more takes the place of the oldest that waits. A device that renews with the certificate it holds was approved when it got it.

use certs::identifier::Identifier;
use certs::key::PublicKey;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::error::{InternalError, TokenError};
use super::holder::{Front, Holder, HolderEvidence};
use super::machine;
use crate::app::App;
use crate::log::act::Act;
use crate::store::tables::approvals;
use crate::store::{Batch, Record, Table, Versioned};

/// How long a request waits, and how long what was decided of it stands.
const LIFETIME: Duration = Duration::days(7);
/// Characters of the key's thumbprint in an id: enough that nobody makes a key for a given id.
const KEY_LETTERS: usize = 22;

/// Requests of one account that are kept at a time.
const MOST_OF_ONE: usize = 8;

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
        let key: String = self.key.chars().take(KEY_LETTERS).collect();
        format!("{}{key}", prefix(&self.holder.id.value()))
    }

    /// Whether it is of this holder, and not of one of another organisation with the same id.
    fn is_of(&self, holder: &HolderEvidence) -> bool {
        (self.holder.kind, self.holder.organisation) == (holder.kind, holder.organisation)
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
    /// What an administrator names it by.
    type Key = String;

    fn key(&self) -> String {
        self.id()
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
    let request = ApprovalRequest {
        holder: asked.holder.evidence(asked.front),
        identifiers: asked.identifiers.to_vec(),
        profile: asked.profile.to_owned(),
        key: machine::thumbprint(asked.key),
        decision: Decision::Pending,
        asked: now,
        expires: now + LIFETIME,
    };
    let seen = app.store.load::<ApprovalRequest>(&request.id()).await?;
    if let Some(known) = seen.as_ref().map(|seen| &seen.value).filter(|known| known.expires > now) {
        if !known.is_of(&request.holder) {
            return Err(TokenError::OthersId.into());
        }
        let same = known.profile == request.profile && known.identifiers == request.identifiers;
        match known.decision {
            // No certificate for this key, whatever it would name.
            Decision::Denied => return Err(InternalError::ApprovalDenied),
            Decision::Approved if same => return Ok(seen),
            Decision::Pending if same => {
                return Err(pending(app));
            }
            Decision::Approved | Decision::Pending => {}
        }
    }
    ask(app, seen.as_ref(), &request, now).await?;
    Err(pending(app))
}

/// Nobody decided yet; with when to ask again, in whole seconds and never at once.
fn pending(app: &App) -> InternalError {
    InternalError::ApprovalPending { retry_after: app.config.internal.approval_poll.as_secs().max(1) }
}

/// Records a request. One more than an account may have takes the place of the oldest that waits, never of one that was decided.
async fn ask(
    app: &App,
    seen: Option<&Versioned<ApprovalRequest>>,
    request: &ApprovalRequest,
    now: OffsetDateTime,
) -> Result<(), InternalError> {
    let mut batch = Batch::new();
    if seen.is_none() {
        let others = app.store.approvals_of(&prefix(&request.holder.id.value())).await?;
        let living = || others.iter().filter(|other| other.value.expires > now);
        if living().count() >= MOST_OF_ONE {
            let waiting = living().filter(|other| other.value.decision == Decision::Pending);
            let oldest = waiting.min_by_key(|other| other.value.asked);
            approvals::remove(&mut batch, oldest.ok_or(InternalError::ApprovalsFull)?);
        }
    }
    approvals::put(&mut batch, seen, request)?;
    batch.record(now, request.act("asked"));
    app.store.commit(batch).await?;
    tracing::info!(approval.id = request.id(), profile = request.profile, "a certificate waits for approval");
    Ok(())
}

/// What the ids of an account's requests begin with.
pub(super) fn prefix(urn: &str) -> String {
    format!("{}_", urn.strip_prefix("urn:uuid:").unwrap_or(urn))
}

/// Uses an approval up.
pub(super) fn use_up(batch: &mut Batch, approval: Option<&Versioned<ApprovalRequest>>) {
    if let Some(approval) = approval {
        approvals::remove(batch, approval);
    }
}
