//! A certificate for a holder: the same gate as over ACME, with the account in the place of the order.
//!
//! The steps are those of `docs/issuance-cycle.md`, 2 to 8. What the decision rests on (organisation, account, what serves once) is demanded
//! unchanged in the batch of the intent: a machine account that is deactivated meanwhile gets nothing. Once the intent is durable, the caller's going
//! away stops nothing, and where something serves once the same request gets the certificate that it was used for (`once`).

use std::sync::Arc;

use certs::csr::{Changed, Csr, continues};
use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::leaf::LeafError;
use certs::serial::Serial;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::approval::{self, Word};
use super::error::InternalError;
use super::holder::{Front, Holder};
use super::once::{self, Once};
use super::standing::{Standing, standing};
use super::{machine, request};
use crate::app::App;
use crate::log::intent::intent;
use crate::log::outcome::{OutcomeError, outcome};
use crate::order::model::Certificate;
use crate::policy::{Approval, InternalCandidate, Refused};
use crate::sign::{Authority, PrepareError, Prepared, prepare, sign};
use crate::store::tables::used_assertions::{self, UsedFor};
use crate::store::{Batch, StoreError};

/// How often an issuance is decided anew because something it depends on changed.
const TRIES: usize = 4;

/// A certificate that was issued and recorded.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Leaf first, then what is above it, without the root.
    pub chain_der: Vec<CertificateDer<'static>>,
    /// The root.
    pub root_der: CertificateDer<'static>,
    /// The leaf's serial.
    pub serial: Serial,
    /// When the leaf ends.
    pub not_after: OffsetDateTime,
}

impl Issued {
    /// What a record says that was issued here.
    fn of(authority: &Authority, record: &Certificate) -> Result<Self, InternalError> {
        let leaf = record.der_octets().ok_or(InternalError::Damaged(record.serial))?;
        let above = authority.chains_of(&record.issuer).next().map(|chain| chain.certificates.clone());
        Ok(Self {
            chain_der: std::iter::once(leaf.into()).chain(above.unwrap_or_default()).collect(),
            root_der: authority.root().clone(),
            serial: record.serial,
            not_after: record.not_after,
        })
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request (DER): its key, and no name but the holder's.
    pub csr: &'a [u8],
    /// Through which door.
    pub front: Front,
    /// The certificate (DER) in whose place the new one comes: subject and names must stay (RFC 7030 §4.2.2).
    pub replaces: Option<&'a [u8]>,
}

/// Issues to `holder` for the key of the request.
///
/// # Errors
/// [`InternalError`]; a decision against the holder is journalled already. Unless an intent was recorded, nothing changed.
pub async fn issue(
    app: &App,
    authority: &Arc<Authority>,
    holder: &Holder,
    asked: Asked<'_>,
) -> Result<Issued, InternalError> {
    let issued = tried(app, authority, holder, asked).await;
    if let Err(error) = &issued
        && let Some(rule) = error.rule()
    {
        record(app, holder, rule).await?;
    }
    issued
}

/// Journals that a holder was refused a certificate, under his own budget.
///
/// # Errors
/// If the journal cannot be written.
pub async fn record(app: &App, holder: &Holder, rule: String) -> Result<(), StoreError> {
    let identifiers = vec![Identifier::Uri(holder.urn())];
    let refused = Refused { action: "issue", account: None, order: None, identifiers, rule };
    app.refusals.record_of(&app.store, &holder.subject(), refused, app.clock.now()).await
}

async fn tried(
    app: &App,
    authority: &Arc<Authority>,
    holder: &Holder,
    asked: Asked<'_>,
) -> Result<Issued, InternalError> {
    app.limits
        .internal(holder.key(), app.clock.now())
        .map_err(|problem| InternalError::RateLimited(Box::new(problem)))?;
    let held = asked.replaces.map(|certificate| held(asked.csr, certificate)).transpose()?;
    let mut tries = 0;
    loop {
        match decided(app, authority, holder, (asked, held.as_deref())).await {
            // Something that it depends on changed, or somebody else resolved the intent.
            Err(
                InternalError::Store(StoreError::Stale(_))
                | InternalError::Outcome(OutcomeError::Store(StoreError::Stale(_)) | OutcomeError::Illegal(_)),
            ) => {
                // Others of the same holder are quicker, again and again: whoever asks later finds out.
                if tries == TRIES {
                    return Err(InternalError::InProgress { retry_after: once::ASK_AGAIN });
                }
                tries += 1;
            }
            done => return done,
        }
    }
}

/// The names that a certificate must keep.
fn held(csr: &[u8], certificate: &[u8]) -> Result<Vec<Identifier>, InternalError> {
    continues(csr, certificate).map_err(|changed| match changed {
        Changed::Request(error) => InternalError::Csr(error),
        changed => InternalError::ChangedNames(changed),
    })
}

async fn decided(
    app: &App,
    authority: &Arc<Authority>,
    holder: &Holder,
    (asked, held): (Asked<'_>, Option<&[Identifier]>),
) -> Result<Issued, InternalError> {
    let now = app.clock.now();
    // 2. Who the holder is now, and the request: its key and nothing else.
    let standing = standing(app, holder, now).await?;
    standing.must_keep(held)?;
    let request = request::read(asked.csr, holder, &standing)?;
    check_binding(holder, request.public_key())?;
    // 3. May it be? Profile and rules.
    let candidate = InternalCandidate {
        holder,
        front: asked.front,
        identifiers: &standing.identifiers,
        preferred: standing.preferred.as_ref(),
        proof: standing.proof,
        created: standing.created,
        public_key: request.public_key(),
    };
    let approval = match app.policy.approve_internal(&candidate, authority, now) {
        Ok(approval) => approval,
        Err(refusal) => {
            let problem = refusal.record_of(&holder.subject(), &app.refusals, &app.store, now).await;
            return Err(InternalError::Refused(Box::new(problem)));
        }
    };
    // What serves once: the token, and where the profile asks for it an administrator's word on exactly this.
    let key = machine::thumbprint(request.public_key());
    let once = match once::look(&app.store, holder, (&key, &standing.identifiers), now).await? {
        Once::Issued(certificate) => return Issued::of(authority, &certificate),
        once => once,
    };
    let word = match word(app, holder, asked.front, (&standing, &request, &approval), now).await? {
        Word::Issued(certificate) => return Issued::of(authority, &certificate),
        word => word,
    };
    // 4., 5. Serial, bytes, lint.
    let prepared = match prepare(authority, approval, now) {
        Err(PrepareError::Leaf(LeafError::IssuersKey)) => return Err(InternalError::IssuersKey),
        prepared => prepared?,
    };
    // 6., 7., 8. On a task of their own, for which a stop waits: a client that hangs up must not leave the intent open.
    let last = LastSteps { holder: holder.clone(), standing, once, word, key, prepared, front: asked.front };
    app.tasks.spawn(last.run(app.clone())).await?
}

/// What an administrator said of it, if anybody has to be asked.
async fn word(
    app: &App,
    holder: &Holder,
    front: Front,
    (standing, request, approval): (&Standing, &Csr, &Approval),
    now: OffsetDateTime,
) -> Result<Word, InternalError> {
    if !approval.profile.needs_approval {
        return Ok(Word::NotNeeded);
    }
    let asked = approval::Asked {
        holder,
        front,
        identifiers: &standing.identifiers,
        profile: approval.profile.name.as_str(),
        key: request.public_key(),
    };
    approval::demand(app, asked, now).await
}

/// A token that is bound to a key serves that key alone.
fn check_binding(holder: &Holder, key: &PublicKey) -> Result<(), InternalError> {
    match holder {
        Holder::Device(device) => match &device.key_thumbprint {
            Some(bound) if *bound != machine::thumbprint(key) => Err(InternalError::OtherKey),
            Some(_) | None => Ok(()),
        },
        Holder::User(_) | Holder::Guest(_) => Ok(()),
    }
}

/// Everything that the last three steps need.
struct LastSteps {
    holder: Holder,
    standing: Standing,
    once: Once,
    word: Word,
    key: String,
    prepared: Prepared,
    front: Front,
}

impl LastSteps {
    async fn run(self, app: App) -> Result<Issued, InternalError> {
        let (authority, now) = (self.prepared.authority.clone(), app.clock.now());
        // 6. The intent, in one batch with what it depends on and uses up. Dying before the commit returns: nothing happened. Dying after it: found
        //    open at the next start, and abandoned; the client asks again, and what serves once serves again.
        let mut batch = Batch::new();
        self.pin(&mut batch, now)?;
        let Self { holder, prepared, front, .. } = self;
        let permit = intent(&app.store, batch, prepared, now).await?;
        // 7. The signature.
        let signed = sign(permit).await?;
        // 8. The outcome. Only now may anybody see the certificate.
        let certificate = outcome(&app.store, Batch::new(), signed, app.clock.now()).await?;
        let labels =
            [("authority", certificate.authority.to_string()), ("profile", certificate.profile.clone())];
        metrics::counter!("rollcall_certificates_issued_total", &labels).increment(1);
        metrics::counter!("rollcall_internal_certificates_total", "kind" => holder.kind().as_str(), "front" => front.as_str())
            .increment(1);
        tracing::info!(certificate.serial = %certificate.serial, holder = holder.urn().as_str(), kind = holder.kind().as_str(),
            authority = %certificate.authority, profile = %certificate.profile, "certificate issued");
        Issued::of(&authority, &certificate)
    }

    /// What the intent depends on, and what it uses up.
    fn pin(&self, batch: &mut Batch, now: OffsetDateTime) -> Result<(), StoreError> {
        let serial = self.prepared.serial();
        self.standing.pin(batch)?;
        match &self.once {
            Once::Always | Once::Issued(_) => {}
            Once::Free(token, seen) => {
                let used_for = UsedFor { key: self.key.clone(), serial };
                used_assertions::claim_for(batch, token, seen.as_deref(), used_for)?;
            }
        }
        match &self.word {
            Word::NotNeeded | Word::Issued(_) => Ok(()),
            Word::Approved(approval) => approval::use_up(batch, approval, serial, now),
        }
    }
}
