//! A certificate for a holder: the same gate as over ACME, with the account in the place of the order.
//!
//! The steps are those of `docs/issuance-cycle.md`, 2 to 8. What the decision rests on (organisation, account, a token that serves once) is demanded
//! unchanged in the batch of the intent: a machine account that is deactivated meanwhile gets nothing. Once the intent is durable, the caller's going
//! away stops nothing.

use std::sync::Arc;

use certs::csr::Csr;
use certs::key::PublicKey;
use certs::leaf::LeafError;
use certs::serial::Serial;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::approval::{self, ApprovalRequest};
use super::error::{InternalError, TokenError};
use super::holder::{Front, Holder};
use super::standing::{Standing, standing};
use super::{machine, request};
use crate::app::App;
use crate::log::intent::intent;
use crate::log::outcome::outcome;
use crate::policy::{Approval, InternalCandidate, Refused};
use crate::sign::{Authority, PrepareError, Prepared, prepare, sign};
use crate::store::{Batch, StoreError, Table, Versioned};

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

/// Issues to `holder` for the key of `csr` (DER).
///
/// # Errors
/// [`InternalError`]; a decision against the holder is journalled already. Unless an intent was recorded, nothing changed.
pub async fn issue(
    app: &App,
    authority: &Arc<Authority>,
    holder: &Holder,
    csr: &[u8],
    front: Front,
) -> Result<Issued, InternalError> {
    let issued = tried(app, authority, holder, csr, front).await;
    if let Err(error) = &issued
        && let Some(rule) = error.rule()
    {
        let refused = Refused {
            action: "issue",
            account: None,
            order: None,
            identifiers: vec![certs::identifier::Identifier::Uri(holder.urn())],
            rule,
        };
        app.refusals.record_of(&app.store, &holder.subject(), refused, app.clock.now()).await?;
    }
    issued
}

async fn tried(
    app: &App,
    authority: &Arc<Authority>,
    holder: &Holder,
    csr: &[u8],
    front: Front,
) -> Result<Issued, InternalError> {
    app.limits
        .internal(holder.key(), app.clock.now())
        .map_err(|problem| InternalError::RateLimited(Box::new(problem)))?;
    let mut tries = 0;
    loop {
        let now = app.clock.now();
        // 2. Who the holder is now, and the request: its key and nothing else.
        let standing = standing(app, holder, now).await?;
        let request = request::read(csr, holder, &standing)?;
        check_binding(holder, request.public_key())?;
        // 3. May it be? Profile and rules.
        let candidate = InternalCandidate {
            holder,
            front,
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
        // Where the profile asks for it, an administrator's word on exactly this.
        let approved = match approved(app, holder, front, (&standing, &request, &approval), now).await {
            Err(InternalError::Store(StoreError::Stale(_))) if tries < TRIES => {
                tries += 1;
                continue;
            }
            approved => approved?,
        };
        // 4., 5. Serial, bytes, lint.
        let prepared = match prepare(authority, approval, now) {
            Err(PrepareError::Leaf(LeafError::IssuersKey)) => return Err(InternalError::IssuersKey),
            prepared => prepared?,
        };
        // 6., 7., 8. On a task of their own, for which a stop waits: a client that hangs up must not leave the intent open.
        let last = LastSteps { holder: holder.clone(), standing, approved, prepared, front };
        match app.tasks.spawn(last.run(app.clone())).await? {
            Err(InternalError::Store(StoreError::Stale(Table::UsedAssertions))) => {
                return Err(TokenError::Replayed.into());
            }
            Err(InternalError::Store(StoreError::Stale(_))) if tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

/// What an administrator said of it, if anybody has to be asked.
async fn approved(
    app: &App,
    holder: &Holder,
    front: Front,
    (standing, request, approval): (&Standing, &Csr, &Approval),
    now: OffsetDateTime,
) -> Result<Option<Versioned<ApprovalRequest>>, InternalError> {
    if !approval.profile.needs_approval {
        return Ok(None);
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
    approved: Option<Versioned<ApprovalRequest>>,
    prepared: Prepared,
    front: Front,
}

impl LastSteps {
    async fn run(self, app: App) -> Result<Issued, InternalError> {
        let Self { holder, standing, approved, prepared, front } = self;
        let authority = prepared.authority.clone();
        // 6. The intent, in one batch with what it depends on. Dying before the commit returns: nothing happened. Dying after it: found open at
        //    the next start, and abandoned; the client asks again.
        let mut batch = Batch::new();
        standing.pin(&mut batch, &holder)?;
        approval::use_up(&mut batch, approved.as_ref());
        let permit = intent(&app.store, batch, prepared, app.clock.now()).await?;
        // 7. The signature.
        let signed = sign(permit).await?;
        let leaf = CertificateDer::from(signed.der.clone());
        // 8. The outcome. Only now may anybody see the certificate.
        let certificate = outcome(&app.store, Batch::new(), signed, app.clock.now()).await?;
        let labels =
            [("authority", certificate.authority.to_string()), ("profile", certificate.profile.clone())];
        metrics::counter!("rollcall_certificates_issued_total", &labels).increment(1);
        metrics::counter!("rollcall_internal_certificates_total", "kind" => holder.kind().as_str(), "front" => front.as_str())
            .increment(1);
        tracing::info!(certificate.serial = %certificate.serial, holder = holder.urn().as_str(), kind = holder.kind().as_str(),
            authority = %certificate.authority, profile = %certificate.profile, "certificate issued");
        let above = authority.chains_of(authority.issuer_id()).next().map(|chain| chain.certificates.clone());
        let chain_der = std::iter::once(leaf).chain(above.unwrap_or_default()).collect();
        Ok(Issued {
            chain_der,
            root_der: authority.root().clone(),
            serial: certificate.serial,
            not_after: certificate.not_after,
        })
    }
}
