//! Where a profile asks for it (`needs-approval`), an administrator approves each certificate before it is issued on a token.
//!
//! There is one request for each holder, key and set of names; its id is a digest of these, so that what was looked at is what is approved. An approval
//! serves for one certificate: the intent that uses it up notes its serial, and who asks again gets that one (`once`). Another request has to be
//! approved by itself, and touches nothing that was decided: of an account so many are kept, and one more takes the place of the oldest that is done,
//! or waits. A device that renews with the certificate it holds was approved when it got it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::serial::Serial;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::error::InternalError;
use super::holder::{Front, Holder, HolderEvidence};
use super::machine;
use super::once::{self, Became};
use crate::app::App;
use crate::log::act::Act;
use crate::order::model::Certificate;
use crate::store::tables::approvals;
use crate::store::{Batch, Record, StoreError, Table, Versioned};

/// How long a request waits, and how long what was decided of it stands.
const LIFETIME: Duration = Duration::days(7);
/// Characters of the digest in an id: enough that nobody makes a request for a given id.
const DIGEST_LETTERS: usize = 22;

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
    /// The certificate that it was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Serial>,
    /// When it was first asked.
    #[serde(with = "time::serde::timestamp")]
    pub asked: OffsetDateTime,
    /// When it is forgotten.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
}

impl ApprovalRequest {
    /// What an administrator names it by: the account id, and a digest of everything that is asked for. Another key, or other names, is another id.
    /// Plain letters, for paths and shells.
    #[must_use]
    pub fn id(&self) -> String {
        let organisation = self.holder.organisation.map(|id| id.to_string()).unwrap_or_default();
        let names: Vec<String> = self.identifiers.iter().map(ToString::to_string).collect();
        // No part holds a line break.
        let text = [self.holder.kind.as_str(), &organisation, &self.profile, &self.key, &names.join("\n")]
            .join("\n");
        let digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
        let letters: String = digest.chars().take(DIGEST_LETTERS).collect();
        format!("{}{letters}", prefix(&self.holder.id.value()))
    }

    /// Whether it is of this holder, and not of one of another organisation with the same id.
    fn is_of(&self, holder: &HolderEvidence) -> bool {
        (self.holder.kind, self.holder.organisation) == (holder.kind, holder.organisation)
    }

    /// The same, decided.
    #[must_use]
    pub fn decided(&self, decision: Decision, now: OffsetDateTime) -> Self {
        Self { decision, issued: None, expires: now + LIFETIME, ..self.clone() }
    }

    /// What the journal says of it.
    #[must_use]
    pub fn act(&self, change: &str, by: Option<String>) -> Act {
        Act::Approval {
            holder: self.holder.id.clone(),
            profile: self.profile.clone(),
            key: self.key.clone(),
            change: change.to_owned(),
            by,
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

/// What an administrator's word is good for.
#[derive(Debug)]
pub(super) enum Word {
    /// Nobody has to be asked.
    NotNeeded,
    /// One certificate; to be used up by its intent.
    Approved(Box<Versioned<ApprovalRequest>>),
    /// The certificate that it was used for.
    Issued(Box<Certificate>),
}

/// The word on what is asked. A request that is not there yet is recorded.
///
/// # Errors
/// [`InternalError::ApprovalPending`] or [`InternalError::ApprovalDenied`].
pub(super) async fn demand(app: &App, asked: Asked<'_>, now: OffsetDateTime) -> Result<Word, InternalError> {
    if let Holder::Device(device) = asked.holder
        && device.key_thumbprint.is_none()
    {
        return Ok(Word::NotNeeded);
    }
    let request = ApprovalRequest {
        holder: asked.holder.evidence(asked.front),
        identifiers: asked.identifiers.to_vec(),
        profile: asked.profile.to_owned(),
        key: machine::thumbprint(asked.key),
        decision: Decision::Pending,
        issued: None,
        asked: now,
        expires: now + LIFETIME,
    };
    let (id, others) = (request.id(), of_same_holder(app, &request).await?);
    let living = |other: &&Versioned<ApprovalRequest>| other.value.expires > now;
    let denied = |other: &Versioned<ApprovalRequest>| other.value.decision == Decision::Denied;
    // No certificate for this key, whatever it would name.
    if others.iter().filter(living).any(|other| other.value.key == request.key && denied(other)) {
        return Err(InternalError::ApprovalDenied);
    }
    let seen = others.iter().find(|other| other.value.id() == id);
    if let Some(known) = seen.filter(living) {
        match (known.value.decision, known.value.issued) {
            (Decision::Denied, _) => return Err(InternalError::ApprovalDenied),
            (Decision::Pending, _) => {
                return Err(pending(app));
            }
            (Decision::Approved, None) => return Ok(Word::Approved(Box::new(known.clone()))),
            (Decision::Approved, Some(serial)) => {
                match once::became(&app.store, &serial, asked.holder, now).await? {
                    Became::Nothing => return Ok(Word::Approved(Box::new(known.clone()))),
                    Became::Issued(certificate) => return Ok(Word::Issued(certificate)),
                    Became::Over => {}
                }
            }
        }
    }
    ask(app, (seen, &others), &request, now).await?;
    Err(pending(app))
}

/// Nobody decided yet; with when to ask again, in whole seconds and never at once.
fn pending(app: &App) -> InternalError {
    InternalError::ApprovalPending { retry_after: app.config.internal.approval_poll.as_secs().max(1) }
}

async fn of_same_holder(
    app: &App,
    request: &ApprovalRequest,
) -> Result<Vec<Versioned<ApprovalRequest>>, InternalError> {
    let mut all = app.store.approvals_of(&prefix(&request.holder.id.value())).await?;
    all.retain(|other| other.value.is_of(&request.holder));
    Ok(all)
}

/// Records a request. One more than an account may have takes the place of the oldest that is done, or else that waits, never of another that was decided.
async fn ask(
    app: &App,
    (seen, others): (Option<&Versioned<ApprovalRequest>>, &[Versioned<ApprovalRequest>]),
    request: &ApprovalRequest,
    now: OffsetDateTime,
) -> Result<(), InternalError> {
    let mut batch = Batch::new();
    let living = || others.iter().filter(|other| other.value.expires > now);
    if seen.is_none() && living().count() >= MOST_OF_ONE {
        let done = living().filter(|other| other.value.issued.is_some());
        let waiting = living().filter(|other| other.value.decision == Decision::Pending);
        let oldest = done
            .min_by_key(|other| other.value.asked)
            .or_else(|| waiting.min_by_key(|other| other.value.asked));
        approvals::remove(&mut batch, oldest.ok_or(InternalError::ApprovalsFull)?);
    }
    approvals::put(&mut batch, seen, request)?;
    batch.record(now, request.act("asked", None));
    app.store.commit(batch).await?;
    tracing::info!(approval.id = request.id(), profile = request.profile, "a certificate waits for approval");
    Ok(())
}

/// What the ids of an account's requests begin with.
pub(super) fn prefix(urn: &str) -> String {
    format!("{}_", urn.strip_prefix("urn:uuid:").unwrap_or(urn))
}

/// Uses an approval up for the certificate of this serial; stale if it was decided or used meanwhile.
///
/// # Errors
/// If the record cannot be serialised.
pub(super) fn use_up(
    batch: &mut Batch,
    approval: &Versioned<ApprovalRequest>,
    serial: Serial,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let next = ApprovalRequest { issued: Some(serial), expires: now + LIFETIME, ..approval.value.clone() };
    approvals::put(batch, Some(approval), &next)
}
