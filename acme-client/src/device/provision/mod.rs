//! One device, from what it has to what it should have: look, add, activate, read back, retire the old.
//!
//! The device is asked first, and only what is missing is done: a second run changes nothing, and one that was cut off goes on where it was, whatever it was cut off at.
//! What is begun is remembered before it is done. The old certificate stays until the device says that the new one is valid; if it never says so, the old one
//! is taken into use again. Only certificates that are identities, or came from here, are ever touched.

mod error;
mod look;
mod plan;
mod secret;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use device_jwe::{Action, Blob, Encryption, Fingerprint, Fresh, Payload, SealError, Secret};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

pub use error::{ProvisionError, SecretError, Step};
pub use look::{ExternalIdentity, Installed};
pub use plan::Plan;
pub use secret::{Changed, NewSecret, change_secret};

use super::connect::{Xapi, XapiError};
use super::material::Material;
use super::xapi::{Call, Refusal};
use crate::progress::Progress;
use crate::state::{DeviceProgress, DeviceRecord, StateError};
use look::{WEBEX_IDENTITY, certificates, external_identity, preferred_domain, set_preferred_domain};
use plan::{Seen, fallback};

const POPULATE: &[&str] = &["Security", "ClientSecret", "Populate"];
const ADD: &[&str] = &["Security", "Certificates", "Services", "Add"];
const ACTIVATE: &[&str] = &["Security", "Certificates", "Services", "Activate"];
const DEACTIVATE: &[&str] = &["Security", "Certificates", "Services", "Deactivate"];
const DELETE: &[&str] = &["Security", "Certificates", "Services", "Delete"];

/// Where a device's record is kept.
pub trait Memory: Send {
    /// Stores it. Durable on return.
    ///
    /// # Errors
    /// If it could not be made durable; then nothing is done to the device.
    fn store(&mut self, record: &DeviceRecord) -> Result<(), StateError>;
}

/// How long a device is given to look at its new identity.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// In all.
    pub limit: Duration,
    /// Between two looks.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { limit: Duration::from_secs(60), pause: Duration::from_secs(2) }
    }
}

/// How many keys are derived at once, each taking 32 MiB.
#[derive(Clone)]
pub struct Sealer(Arc<Semaphore>);

impl Sealer {
    /// At most `parallel` at once.
    pub fn new(parallel: usize) -> Self {
        Self(Arc::new(Semaphore::new(parallel.max(1))))
    }

    /// Seals a payload, off the threads that serve sockets.
    async fn seal(&self, secret: &Secret, action: Action, payload: &Payload) -> Result<Blob, Sealing> {
        let _permit = self.0.acquire().await.map_err(|_| Sealing::Stopped)?;
        let (secret, payload) = (secret.clone(), payload.to_octets());
        let sealing = tokio::task::spawn_blocking(move || {
            Blob::seal(&secret, action, &payload, Encryption::default(), Fresh::draw()?)
        });
        sealing.await.map_err(|_| Sealing::Stopped)?.map_err(Sealing::Seal)
    }
}

/// Why something was not sealed.
enum Sealing {
    Seal(SealError),
    Stopped,
}

impl From<Sealing> for ProvisionError {
    fn from(error: Sealing) -> Self {
        match error {
            Sealing::Seal(error) => Self::Seal(error),
            Sealing::Stopped => Self::Stopped,
        }
    }
}

impl From<Sealing> for SecretError {
    fn from(error: Sealing) -> Self {
        match error {
            Sealing::Seal(error) => Self::Seal(error),
            Sealing::Stopped => Self::Stopped,
        }
    }
}

/// What a device should have.
pub struct Wanted<'a> {
    /// The certificate and its key.
    pub material: &'a Material,
    /// The device's client secret.
    pub secret: &'a Secret,
    /// Whether the first secret may be given, unencrypted.
    pub set_secret: bool,
    /// What the preferred domain should be, if that matters.
    pub preferred_domain: Option<&'a str>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// How long the device is given.
    pub patience: Patience,
    /// Who seals.
    pub sealer: &'a Sealer,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was done, or would be.
    pub plan: Plan,
    /// What the device says of its identity, once it was asked last.
    pub identity: ExternalIdentity,
    /// Old certificates that stayed, since they are used for something else.
    pub kept: Vec<Fingerprint>,
}

/// Provisions a device.
///
/// # Errors
/// [`ProvisionError`]; the device keeps a working identity if it had one, and the same call goes on from there.
pub async fn provision(
    xapi: &mut dyn Xapi,
    memory: &mut dyn Memory,
    record: &mut DeviceRecord,
    wanted: &Wanted<'_>,
    progress: &dyn Progress,
) -> Result<Outcome, ProvisionError> {
    let mut seen = see(xapi, wanted).await?;
    let mut plan = Plan::of(&seen, wanted, record);
    let own = wanted.material.fingerprint().to_string();
    if wanted.dry_run || plan.is_empty() {
        let stale = record.progress != DeviceProgress::Done || record.problem.is_some();
        if plan.is_empty() && stale && !wanted.dry_run {
            finish(memory, record, own)?;
        }
        return Ok(Outcome { plan, identity: seen.identity, kept: Vec::new() });
    }
    let fallback = fallback(&seen, wanted.material.fingerprint(), record);
    // Durable before the first change: whoever goes on after us has to know what is to go, and first of all what comes back if the new one is not believed.
    let first = |one: &&Fingerprint| Some(*one) != fallback.as_ref();
    let replaces = fallback.iter().chain(plan.retire.iter().filter(first));
    record.progress = DeviceProgress::Begun;
    record.replaces = replaces.map(ToString::to_string).collect();
    record.fingerprint = Some(own.clone());
    memory.store(record)?;
    let mut work = Work { xapi, wanted, progress };
    if let Some(domain) = wanted.preferred_domain.filter(|_| plan.domain) {
        progress.step("setting the preferred domain");
        set_preferred_domain(work.xapi, domain).await.map_err(ProvisionError::at(Step::Domain))?;
    }
    if plan.add {
        plan.secret = work.add(plan.secret).await?;
    }
    if plan.activate {
        progress.step("activating the certificate");
        work.sealed(ACTIVATE, Action::Activate, wanted.material.fingerprint(), Step::Activate).await?;
    }
    if plan.verify {
        seen.identity = work.verify(fallback.as_ref()).await?;
    }
    let kept = work.retire(&plan.retire).await?;
    finish(memory, record, own)?;
    Ok(Outcome { plan, identity: seen.identity, kept })
}

fn finish(memory: &mut dyn Memory, record: &mut DeviceRecord, own: String) -> Result<(), ProvisionError> {
    record.progress = DeviceProgress::Done;
    record.fingerprint = Some(own);
    record.replaces.clear();
    record.problem = None;
    Ok(memory.store(record)?)
}

async fn see(xapi: &mut dyn Xapi, wanted: &Wanted<'_>) -> Result<Seen, ProvisionError> {
    let at = ProvisionError::at(Step::Look);
    let installed = certificates(xapi).await.map_err(&at)?;
    let identity = external_identity(xapi).await.map_err(&at)?;
    let domain = match wanted.preferred_domain {
        Some(_) => Some(preferred_domain(xapi).await.map_err(&at)?),
        None => None,
    };
    Ok(Seen { installed, identity, domain })
}

/// The steps.
struct Work<'a> {
    xapi: &'a mut dyn Xapi,
    wanted: &'a Wanted<'a>,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    /// Adds the certificate, and looks whether it is there. A device without a client secret is given it, if that is allowed; whether it was, is returned.
    ///
    /// The sealed one always goes first: whoever has a secret never gets it in the clear, whatever is remembered of it here.
    async fn add(&mut self, may_give: bool) -> Result<bool, ProvisionError> {
        self.progress.step("adding the certificate");
        let payload = self.wanted.material.payload();
        let blob = self.wanted.sealer.seal(self.wanted.secret, Action::Add, &payload).await?;
        let call = Call::new(ADD).with("IsEncrypted", "True").with_body(&blob.to_string());
        let given = match self.send_add(&call).await {
            Ok(()) => false,
            Err(XapiError::Refused(refusal)) if may_give && refusal.may_lack_secret() => {
                self.give_secret(refusal).await?;
                self.progress.step("adding the certificate");
                self.send_add(&call).await.map_err(ProvisionError::at(Step::Add))?;
                true
            }
            Err(error) => return Err(ProvisionError::at(Step::Add)(error)),
        };
        let installed = certificates(self.xapi).await.map_err(ProvisionError::at(Step::Look))?;
        let own = self.wanted.material.fingerprint();
        match installed.iter().any(|one| one.fingerprint == *own) {
            true => Ok(given),
            false => Err(ProvisionError::NotThere),
        }
    }

    async fn send_add(&mut self, call: &Call) -> Result<(), XapiError> {
        let added = match self.xapi.command(call).await {
            // The parameter stands in the deployment guide and in no public schema: there are devices that know what they get.
            Err(XapiError::Refused(refusal)) if refusal.parameter => {
                self.xapi.command(&call.clone().without("IsEncrypted")).await
            }
            other => other,
        };
        added.map(drop)
    }

    /// Gives the first client secret, since the device refused what was sealed under it. If it refuses this without saying why, it has another one: then the first refusal is what counts.
    async fn give_secret(&mut self, sealed: Refusal) -> Result<(), ProvisionError> {
        self.progress.step("giving the client secret");
        let call = Call::new(POPULATE).with("Secret", &self.wanted.secret.to_text());
        match self.xapi.command(&call).await {
            Ok(_) => Ok(()),
            Err(XapiError::Refused(plain)) if sealed.code.is_none() && plain.may_lack_secret() => {
                self.progress.note(&format!("it has another one already, as it seems: {}", plain.reason));
                Err(ProvisionError::at(Step::Add)(sealed.into()))
            }
            Err(error) => Err(ProvisionError::at(Step::Secret)(error)),
        }
    }

    /// Gives a command that names a certificate as a blob.
    async fn sealed(
        &mut self,
        words: &'static [&'static str],
        action: Action,
        fingerprint: &Fingerprint,
        step: Step,
    ) -> Result<(), ProvisionError> {
        let payload = Payload::Certificate(fingerprint.clone());
        let blob = self.wanted.sealer.seal(self.wanted.secret, action, &payload).await?;
        let call = Call::new(words).with("Fingerprint", &blob.to_string()).with("Purpose", WEBEX_IDENTITY);
        self.xapi.command(&call).await.map(drop).map_err(ProvisionError::at(step))
    }

    /// Waits until the device says that its identity is valid, and is this one. If it never does, the old one comes back.
    async fn verify(&mut self, before: Option<&Fingerprint>) -> Result<ExternalIdentity, ProvisionError> {
        self.progress.step("waiting for the device to call it valid");
        let until = Instant::now() + self.wanted.patience.limit;
        let leaf = &self.wanted.material.leaf().der;
        loop {
            let identity = external_identity(self.xapi).await.map_err(ProvisionError::at(Step::Verify))?;
            let other = identity.is_of(leaf) == Some(false);
            if identity.valid && !other {
                return Ok(identity);
            }
            if Instant::now() >= until {
                let says =
                    if other { "that another certificate is in use".to_owned() } else { identity.says() };
                let restored = self.restore(before).await;
                return Err(ProvisionError::Invalid { says, restored });
            }
            sleep(self.wanted.patience.pause).await;
        }
    }

    /// Takes the certificate that was in use before into use again.
    async fn restore(&mut self, before: Option<&Fingerprint>) -> bool {
        let Some(old) = before else { return false };
        self.progress.step("taking the old certificate into use again");
        let restored = self.sealed(ACTIVATE, Action::Activate, old, Step::Activate).await;
        if let Err(error) = &restored {
            self.progress.note(&error.to_string());
        }
        restored.is_ok()
    }

    /// Takes the old ones out of use and deletes them. What is used for something else stays.
    async fn retire(&mut self, old: &[Fingerprint]) -> Result<Vec<Fingerprint>, ProvisionError> {
        let mut kept = Vec::new();
        if old.is_empty() {
            return Ok(kept);
        }
        // The device may have taken the old one out of use by itself.
        let installed = certificates(self.xapi).await.map_err(ProvisionError::at(Step::Look))?;
        for one in installed.into_iter().filter(|one| old.contains(&one.fingerprint)) {
            if one.is_identity() {
                self.progress.step("deactivating the old certificate");
                self.sealed(DEACTIVATE, Action::Deactivate, &one.fingerprint, Step::Deactivate).await?;
            }
            if one.used_for.iter().any(|purpose| purpose != WEBEX_IDENTITY) {
                kept.push(one.fingerprint);
                continue;
            }
            self.progress.step("deleting the old certificate");
            let call = Call::new(DELETE).with("Fingerprint", one.fingerprint.as_str());
            self.xapi.command(&call).await.map_err(ProvisionError::at(Step::Delete))?;
        }
        Ok(kept)
    }
}
