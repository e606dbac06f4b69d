//! `run`: the agent as a service. People read its log on standard error; with `--json` programs read one object per line on standard output.

use std::io::{self, Write as _};

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::signal::unix::{Signal as UnixSignal, SignalKind, signal};

use super::{
    CliError, Ending, RunArguments, Session,
    failure::{enroll_hint, state_hint},
    output::Output,
    renew::{IdentityView, view},
    sign_in::SignInView,
};
use crate::{
    clock::{Clock as _, SystemClock},
    deploy::Deployment,
    enroll::Agent,
    progress::Progress,
    renew::{Attempt, Outlook, PassReport},
    run::{Daemon, Overview, Settings, Signal, Signals, Tell},
    state::{IdentityName, StateError},
};

/// Runs until a signal.
pub(super) async fn run(session: &Session, arguments: &RunArguments) -> Result<Ending, CliError> {
    let mut signals = UnixSignals::new().map_err(CliError::Runtime)?;
    let settings = Settings {
        parallel: arguments.parallel.into(),
        metrics_file: arguments.metrics_file.as_ref().map(std::path::absolute).transpose().map_err(
            |source| CliError::File { path: arguments.metrics_file.clone().unwrap_or_default(), source },
        )?,
    };
    let connector = session.connector.clone().keeping();
    let agent = Agent {
        state: &session.state,
        connector: &connector,
        clock: &SystemClock,
        progress: &Logged,
        person: None,
    };
    let mut daemon = Daemon::new(agent, settings)?;
    let mut tell = Teller { output: session.output };
    daemon.run(&mut signals, &mut tell).await?;
    tell.line(&Line::new("ended"));
    tracing::info!("ended");
    Ok(Ending::Done)
}

/// The signals of this process.
struct UnixSignals {
    hangup: UnixSignal,
    terminate: UnixSignal,
    interrupt: UnixSignal,
}

impl UnixSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

#[async_trait(?Send)]
impl Signals for UnixSignals {
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Check,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
    }
}

/// Steps go to the log: several identities take theirs at once.
struct Logged;

impl Progress for Logged {
    fn step(&self, message: &str) {
        tracing::debug!("{message}");
    }

    fn note(&self, message: &str) {
        tracing::debug!("{message}");
    }
}

/// One line of `run --json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identities: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a IdentityName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<IdentityView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<SignInView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When anything is done next, for any identity.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    next: Option<OffsetDateTime>,
}

impl Line<'_> {
    fn new(event: &'static str) -> Self {
        Line {
            event,
            at: SystemClock.now(),
            process: None,
            identities: None,
            identity: None,
            result: None,
            sign_in: None,
            problem: None,
            next: None,
        }
    }
}

/// Tells people by the log, programs by lines.
struct Teller {
    output: Output,
}

impl Teller {
    fn line(&self, line: &Line<'_>) {
        if !self.output.json {
            return;
        }
        let mut out = io::stdout().lock();
        let written = serde_json::to_writer(&mut out, line).map_err(io::Error::from);
        // Whoever reads us may leave; renewals go on.
        let _ = written.and_then(|()| writeln!(out)).and_then(|()| out.flush());
    }
}

impl Tell for Teller {
    fn began(&mut self, overview: &Overview<'_>) {
        tracing::info!("ready: {}", overview.sentence());
        self.line(&Line {
            process: Some(std::process::id()),
            identities: Some(overview.identities.len()),
            next: overview.next.map(|(at, ..)| at),
            ..Line::new("ready")
        });
    }

    fn worked(&mut self, report: &PassReport, overview: &Overview<'_>) {
        log(report);
        self.line(&Line {
            result: Some(view(report)),
            next: overview.next.map(|(at, ..)| at),
            ..Line::new("worked")
        });
    }

    fn unreadable(&mut self, identity: &IdentityName, problem: Option<&str>) {
        match problem {
            Some(problem) => {
                tracing::warn!(%identity, problem, "its files cannot be read; it is not renewed")
            }
            None => tracing::info!(%identity, "its files can be read again"),
        }
        self.line(&Line {
            identity: Some(identity),
            problem: problem.map(str::to_owned),
            ..Line::new("unreadable")
        });
    }

    fn ahead(&mut self, identity: &IdentityName, outlook: Outlook) {
        let sign_in = SignInView::new(outlook);
        match &sign_in {
            Some(sign_in) => tracing::warn!(%identity, "{}", sign_in.sentence(SystemClock.now())),
            None => tracing::info!(%identity, "no sign-in is needed"),
        }
        self.line(&Line { identity: Some(identity), sign_in, ..Line::new("sign_in") });
    }

    fn trouble(&mut self, error: &StateError) {
        match error {
            StateError::Busy { .. } => tracing::info!(%error, "waiting"),
            _ => tracing::warn!(%error, hint = state_hint(error), "nothing can be done now"),
        }
        self.line(&Line { problem: Some(error.to_string()), ..Line::new("trouble") });
    }
}

fn log(report: &PassReport) {
    let identity = &report.identity;
    match &report.attempt {
        Attempt::Renewed { generation, not_after, why } => {
            tracing::info!(%identity, %generation, %not_after, reason = why.as_str(), "renewed");
        }
        Attempt::NotDue { at, why } => {
            tracing::debug!(%identity, next = %at, reason = why.as_str(), "not due");
        }
        Attempt::HeldBack { until } => tracing::debug!(%identity, %until, "failed before"),
        Attempt::SignInNeeded { since } => tracing::debug!(%identity, %since, "a person has to sign in"),
        Attempt::ApprovalNeeded { since, next } => {
            tracing::info!(%identity, %since, %next, "somebody has to approve of it");
        }
        Attempt::Failed { error, next } => {
            let next = next.map(tracing::field::display);
            tracing::warn!(%identity, %error, hint = enroll_hint(error), next, "not renewed");
        }
    }
    match &report.deployment {
        Ok(Deployment::Succeeded) => tracing::info!(%identity, "deployed"),
        Ok(Deployment::Failed(problem)) => {
            tracing::warn!(%identity, %problem, "the deploy hook failed; it will run again");
        }
        Err(error) => tracing::warn!(%identity, %error, "the outcome of the deploy hook cannot be kept"),
        Ok(Deployment::NotConfigured | Deployment::AlreadyDone | Deployment::HeldBack(_)) => {}
    }
}
