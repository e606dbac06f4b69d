//! Many devices at once, within a limit: each by itself, so that one that fails holds up nobody.
//!
//! The limit bounds connections and keys being derived alike: 32 MiB each. What became of each device is remembered by itself; a further run finds those that are done, looks at
//! them, and finishes the others.

use std::sync::Arc;

use device_jwe::Secret;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connect::{Target, XapiError, connect};
use super::material::Material;
use super::place::Place;
use super::provision::{Memory, Outcome, Patience, ProvisionError, Sealer, Wanted, provision};
use crate::clock::Clock;
use crate::progress::Progress;
use crate::state::{DeviceDir, DeviceRecord, StateError};

/// One device and what it should have.
pub struct Job {
    /// The device.
    pub target: Target,
    /// The certificate and its key.
    pub material: Material,
    /// The device's client secret.
    pub secret: Secret,
    /// What the preferred domain should be, if that matters.
    pub preferred_domain: Option<String>,
    /// Where it is remembered.
    pub folder: DeviceDir,
}

/// What holds for all.
#[derive(Clone)]
pub struct Terms {
    /// How many at once.
    pub parallel: usize,
    /// Whether the first secret may be given, unencrypted.
    pub set_secret: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// How long each is given.
    pub patience: Patience,
}

/// Why a device was not provisioned.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It could not be spoken to.
    #[error(transparent)]
    Connect(#[from] XapiError),
    /// It could not be provisioned.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The task died.
    #[error("the work on this device was stopped")]
    Stopped,
}

impl JobError {
    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Provision(error) => error.hint(),
            Self::State(StateError::Busy { .. }) => {
                Some("another run works on this device; wait until it has ended".to_owned())
            }
            Self::State(_) | Self::Stopped => None,
        }
    }
}

/// Provisions every device; the results come in the order of the jobs.
pub async fn run(
    jobs: Vec<Job>,
    terms: &Terms,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
) -> Vec<(Place, Result<Outcome, JobError>)> {
    let (limit, sealer) = (Arc::new(Semaphore::new(terms.parallel.max(1))), Sealer::new(terms.parallel));
    let places: Vec<Place> = jobs.iter().map(|job| job.target.place.clone()).collect();
    let mut tasks = JoinSet::new();
    for (index, job) in jobs.into_iter().enumerate() {
        let (limit, sealer, terms) = (limit.clone(), sealer.clone(), terms.clone());
        let (clock, progress) = (clock.clone(), progress.clone());
        tasks.spawn(async move {
            let done = match limit.acquire_owned().await {
                Ok(_permit) => one(&job, &terms, &sealer, clock.as_ref(), progress).await,
                Err(_) => Err(JobError::Stopped),
            };
            (index, done)
        });
    }
    let mut results: Vec<Option<Result<Outcome, JobError>>> = places.iter().map(|_| None).collect();
    while let Some(ended) = tasks.join_next().await {
        if let Ok((index, done)) = ended
            && let Some(slot) = results.get_mut(index)
        {
            *slot = Some(done);
        }
    }
    let results = results.into_iter().map(|result| result.unwrap_or(Err(JobError::Stopped)));
    places.into_iter().zip(results).collect()
}

async fn one(
    job: &Job,
    terms: &Terms,
    sealer: &Sealer,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
) -> Result<Outcome, JobError> {
    let _lock = if terms.dry_run { None } else { Some(job.folder.lock()?) };
    let mut record = job.folder.record()?;
    let done = work(job, terms, sealer, clock, progress, &mut record).await;
    if let Err(error) = &done
        && !terms.dry_run
    {
        record.problem = Some(error.to_string());
        record.at = Some(clock.now());
        // The error itself is told; that it could not be kept besides changes nothing.
        if let Err(error) = job.folder.store_record(&record) {
            tracing::warn!(device = %job.target.place, %error, "what became of the device could not be kept");
        }
    }
    done
}

async fn work(
    job: &Job,
    terms: &Terms,
    sealer: &Sealer,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
    record: &mut DeviceRecord,
) -> Result<Outcome, JobError> {
    let progress = Named { place: job.target.place.to_string(), inner: progress };
    progress.note("connecting");
    let mut xapi = connect(&job.target).await?;
    let wanted = Wanted {
        material: &job.material,
        secret: &job.secret,
        set_secret: terms.set_secret,
        preferred_domain: job.preferred_domain.as_deref(),
        dry_run: terms.dry_run,
        patience: terms.patience,
        sealer,
    };
    let mut folder = Folder { folder: &job.folder, at: clock.now() };
    let done = provision(xapi.as_mut(), &mut folder, record, &wanted, &progress).await;
    xapi.close().await;
    Ok(done?)
}

/// A device's folder as memory, at one moment.
struct Folder<'a> {
    folder: &'a DeviceDir,
    at: OffsetDateTime,
}

impl Memory for Folder<'_> {
    fn store(&mut self, record: &DeviceRecord) -> Result<(), StateError> {
        self.folder.store_record(&DeviceRecord { at: Some(self.at), ..record.clone() })
    }
}

/// Says of which device it is.
struct Named {
    place: String,
    inner: Arc<dyn Progress>,
}

impl Progress for Named {
    fn step(&self, message: &str) {
        self.inner.step(&format!("{}: {message}", self.place));
    }

    fn note(&self, message: &str) {
        self.inner.note(&format!("{}: {message}", self.place));
    }
}
