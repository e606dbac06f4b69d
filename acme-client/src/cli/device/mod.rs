//! `device push` and `device pin`: identities into room devices, one or many, from the command line or as a deploy hook.
//!
//! One device among many that fails holds up nobody, and says why. Secrets come from files, variables or the terminal, and go nowhere but sealed.

mod credentials;
mod failure;
mod pin;
mod prepare;

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    sync::Arc,
};

use serde::Serialize;

use super::{CliError, Ending, PushArguments, RoomCommand, Session, output::table};
use crate::{
    clock::SystemClock,
    device::{
        fleet::{self, Terms},
        place::Place,
        provision::{Outcome, Patience},
    },
    progress::Progress,
};

pub(super) use credentials::{named, password, secret, weigh};
pub use failure::DeviceFailure;
use prepare::{Prepared, prepare};
pub(super) use prepare::{material, target};

/// How long a device is left alone between two looks at its new identity.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a command about devices.
pub(super) async fn device(session: &Session, what: &RoomCommand) -> Result<Ending, CliError> {
    match what {
        RoomCommand::Push(arguments) => push(session, arguments).await,
        RoomCommand::Pin(arguments) => pin::pin(session, arguments).await,
    }
}

/// What `device push --json` prints.
#[derive(Debug, Serialize)]
struct View {
    result: &'static str,
    devices: Vec<DeviceView>,
}

#[derive(Debug, Serialize)]
struct DeviceView {
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// `done`, `unchanged`, `planned` or `failed`.
    status: &'static str,
    /// What was done, or would be.
    steps: Vec<&'static str>,
    /// Old certificates that stayed, since they are used for something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

async fn push(session: &Session, arguments: &PushArguments) -> Result<Ending, CliError> {
    let prepared = prepare(session, arguments)?;
    let alone = arguments.list.is_none() && prepared.len() == 1;
    // The results come in the order of the jobs: where each of them stands among the views.
    let (mut jobs, mut places, mut views) = (Vec::new(), Vec::new(), Vec::new());
    for Prepared { place, identity, job } in prepared {
        match job {
            Ok(job) => {
                let fingerprint = Some(job.material.fingerprint().to_string());
                places.push(views.len());
                views.push(blank(&place, identity, fingerprint));
                jobs.push(job);
            }
            Err(error) if alone => return Err(error),
            Err(error) => {
                let failed = DeviceView {
                    status: "failed",
                    error: Some(error.to_string()),
                    hint: error.hint(),
                    ..blank(&place, identity, None)
                };
                views.push(failed);
            }
        }
    }
    let terms = Terms {
        parallel: usize::from(arguments.parallel),
        set_secret: arguments.set_secret,
        dry_run: arguments.dry_run,
        patience: Patience { limit: arguments.wait, pause: PAUSE },
    };
    let progress: Arc<dyn Progress> = Arc::from(session.progress(false));
    let results = fleet::run(jobs, &terms, Arc::new(SystemClock), Arc::clone(&progress)).await;
    drop(progress);
    for ((place, result), index) in results.into_iter().zip(places) {
        let Some(view) = views.get_mut(index) else { continue };
        match result {
            Ok(outcome) => tell(view, &outcome, arguments.dry_run),
            Err(source) if alone => return Err(DeviceFailure::Job { place, source }.into()),
            Err(error) => {
                view.status = "failed";
                view.hint = error.hint();
                view.error = Some(error.to_string());
            }
        }
    }
    end(session, views)
}

fn end(session: &Session, devices: Vec<DeviceView>) -> Result<Ending, CliError> {
    let count = |status: &str| devices.iter().filter(|device| device.status == status).count();
    let (failed, done, planned) = (count("failed"), count("done"), count("planned"));
    let (result, ending) = match failed {
        0 if planned > 0 => ("planned", Ending::Done),
        0 if done > 0 => ("done", Ending::Done),
        0 => ("unchanged", Ending::Done),
        _ if failed == devices.len() => ("failed", Ending::Failed),
        _ => ("partly_failed", Ending::PartlyFailed),
    };
    let view = View { result, devices };
    session.output.result(&view, || text(&view))?;
    if !session.output.json {
        hints(&view);
    }
    Ok(ending)
}

fn blank(place: &Place, identity: Option<String>, fingerprint: Option<String>) -> DeviceView {
    DeviceView {
        host: place.to_string(),
        identity,
        fingerprint,
        // Until the result is known.
        status: "failed",
        steps: Vec::new(),
        kept: Vec::new(),
        error: None,
        hint: None,
    }
}

fn tell(view: &mut DeviceView, outcome: &Outcome, dry_run: bool) {
    view.status = match (outcome.plan.is_empty(), dry_run) {
        (true, _) => "unchanged",
        (false, true) => "planned",
        (false, false) => "done",
    };
    view.steps = outcome.plan.steps().into_iter().map(|step| step.words()).collect();
    view.kept = outcome.kept.iter().map(ToString::to_string).collect();
}

fn text(view: &View) -> String {
    let row = |device: &DeviceView| {
        let what = match (&device.error, device.status) {
            (Some(error), _) => error.clone(),
            (None, "unchanged") => "has its identity already, and it is valid".to_owned(),
            (None, "planned") => format!("would be: {}", device.steps.join(", ")),
            (None, _) => "its identity is in use, and it calls it valid".to_owned(),
        };
        vec![device.host.clone(), device.status.to_owned(), what]
    };
    table(&["DEVICE", "RESULT", ""], &view.devices.iter().map(row).collect::<Vec<_>>())
}

/// What to do about what failed, each once, beside the table.
fn hints(view: &View) {
    let hints: BTreeSet<&String> = view.devices.iter().filter_map(|device| device.hint.as_ref()).collect();
    let mut err = io::stderr().lock();
    for hint in hints {
        // Nobody is left to tell if that fails.
        let _ = writeln!(err, "hint: {hint}");
    }
}
