//! `ca-server serve`: runs the server until it is told to stop; and how the other commands ask it.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
#[cfg(feature = "otel")]
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{ConfigFile, Failure, output};
use crate::admin::client::{AdminClient, AdminError};
use crate::admin::listener::AdminSocket;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, LogFormat, check, load};
use crate::server::{self, Parts, Running};
use crate::traces;

/// Run the server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Signals: TERM and INT stop it in order, HUP reads the policy, authority and TLS files and the secrets of webhooks again (a bad file is refused and the old one stays).")]
pub struct Serve {
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
}

/// Runs until a signal.
pub(super) fn run(command: &Serve) -> Result<(), Failure> {
    let config = load::load(&command.file.config)?;
    let problems = check::check(&config, SystemClock.now());
    if !problems.is_empty() {
        for problem in &problems {
            output::note(&format!("{problem}\n    hint: {}", problem.hint));
        }
        return Err(Failure::Problems { path: command.file.config.clone(), count: problems.len() });
    }
    let runtime = runtime()?;
    let observing = observe(&config, &runtime)?;
    let served = runtime.block_on(serve(config));
    // What is still in the queue is sent while the runtime can send.
    observing.end();
    served
}

async fn serve(config: Config) -> Result<(), Failure> {
    let admin = AdminSocket::open(&config.resolve(&config.admin.socket)).map_err(|error| Failure::Start {
        reason: error.to_string(),
        hint: "stop the other server, or set admin.socket to another path".to_owned(),
    })?;
    let (mut hangup, mut terminate, mut interrupt) =
        (on(SignalKind::hangup())?, on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let running = server::start(config, Parts::default())
        .await
        .map_err(|error| Failure::Start { reason: causes(&error), hint: error.hint().to_owned() })?;
    let stop = CancellationToken::new();
    let admin = tokio::spawn(admin.serve(running.app().clone(), stop.clone()));
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = hangup.recv() => reload(&running).await,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    stop.cancel();
    running.shutdown().await;
    if let Ok(Err(error)) = admin.await {
        tracing::warn!(%error, "the admin socket failed");
    }
    Ok(())
}

async fn reload(running: &Running) {
    match running.reload().await {
        Ok(()) => {
            tracing::info!("policy, authorities, TLS files and the secrets of webhooks were read again")
        }
        Err(errors) => {
            for error in &errors {
                tracing::error!(error = %causes(error), "files were not taken; the old ones stay in force");
            }
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Start { reason: error.to_string(), hint: String::new() })
}

/// An error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn log_to_stderr(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log.filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A subscriber that is set already (a test's) stays.
    let _ = match config.log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
}

/// What has to be ended after the server: the sending of spans.
#[derive(Default)]
struct Observing {
    #[cfg(feature = "otel")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Observing {
    fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(Err(error)) = self.provider.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Logs to standard error, and sends spans where `[traces]` says.
fn observe(config: &Config, runtime: &Runtime) -> Result<Observing, Failure> {
    let failed = |error: &dyn std::error::Error, hint: &str| Failure::Start {
        reason: format!("[traces]: {}", causes(error)),
        hint: hint.to_owned(),
    };
    let settings = traces::settings(config).map_err(|(_, fault)| failed(&fault, fault.hint()))?;
    #[cfg(feature = "otel")]
    if let Some(settings) = settings {
        let made = traces::export::tracer(settings, runtime.handle().clone());
        let (provider, tracer) = made.map_err(|error| failed(&error, "look at [traces] endpoint"))?;
        // A subscriber that is set already (a test's) stays.
        let _ =
            tracing_subscriber::registry().with(shown(config)).with(traces::export::layer(tracer)).try_init();
        return Ok(Observing { provider: Some(provider) });
    }
    let _ = (runtime, settings);
    log_to_stderr(config);
    Ok(Observing::default())
}

/// The log beside spans that are sent.
#[cfg(feature = "otel")]
fn shown(config: &Config) -> impl Layer<Registry> {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = layer.with_ansi(std::io::stderr().is_terminal());
    let layer = match config.log.format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text => layer.boxed(),
    };
    layer.with_filter(EnvFilter::new(&config.log.filter))
}

pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Start { reason: error.to_string(), hint: String::new() })
}

/// Asks the running server of a configuration.
pub(super) fn ask<T>(
    file: &ConfigFile,
    question: impl AsyncFnOnce(AdminClient) -> Result<T, AdminError>,
) -> Result<T, Failure> {
    let config = load::load(&file.config)?;
    let client = AdminClient::new(&config);
    let runtime = runtime()?;
    let answer = runtime.block_on(question(client))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(answer)
}
