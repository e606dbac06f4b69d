//! The command line: reads arguments, calls the library, tells people or programs how it went.
//!
//! Data goes to standard output (with `--json` exactly one object per run, errors included), everything else to standard error.
//! Secrets are read from files, never from arguments.

mod account;
mod arguments;
mod device;
mod enroll;
mod failure;
mod inspect;
mod jwe;
mod output;
mod person;
mod progress;
mod renew;
mod revoke;
mod run;
mod secret;
mod sign_in;
mod status;
mod verify;

#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use arguments::{
    AccountCommand, AccountTarget, ActionArgument, Arguments, ChangeArguments, Command, CommonArguments,
    ConnectionArguments, DeviceArguments, DnsArguments, EnrollCommand, GenerateArguments, InspectArguments,
    InternalArguments, JweCommand, MaterialArguments, NewSecretArguments, OpenArguments, PinArguments,
    PushArguments, Reason, RenewArguments, RevokeArguments, RoomCommand, RunArguments, SealArguments,
    SecretArguments, SecretCommand, SignInArguments, TrustArgument, TrustArgumentError, UserArguments,
    VerifyArguments,
};
pub use device::DeviceFailure;
pub use failure::CliError;
pub use verify::VerifyError;

use crate::{
    clock::SystemClock,
    enroll::{Agent, Connector, Person},
    progress::Progress,
    state::{StateDir, StateLock},
};
use output::Output;

/// How a run ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// 0: what was asked is done.
    Done,
    /// 1: it failed.
    Failed,
    /// 3: `renew` found nothing due.
    NothingDue,
    /// 4: some of it failed: an identity among several, or a deploy hook.
    PartlyFailed,
    /// 5: `renew` found that a person has to sign in; nothing failed.
    SignInNeeded,
    /// 6: `verify` found somebody who is unverified.
    Unverified,
    /// 7: an administrator has to approve a request first; nothing failed.
    ApprovalNeeded,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        // 2 is a wrong command line; the argument parser ends the run with it.
        ExitCode::from(match ending {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::NothingDue => 3,
            Ending::PartlyFailed => 4,
            Ending::SignInNeeded => 5,
            Ending::Unverified => 6,
            Ending::ApprovalNeeded => 7,
        })
    }
}

/// Runs the program with the arguments and streams of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let agent = matches!(arguments.command, Command::Run(_));
    start_logging(arguments.verbose, if agent { "off,acme_client=info" } else { "off,acme_client=warn" });
    let output = Output { json: arguments.json };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(output, &CliError::Runtime(error)),
    };
    let ended = match runtime.block_on(run(&arguments, output)) {
        Ok(ending) => ending.into(),
        Err(error) => failed(output, &error),
    };
    // A question at the terminal that nobody answered any more would be waited for.
    runtime.shutdown_background();
    ended
}

fn failed(output: Output, error: &CliError) -> ExitCode {
    output.error(error);
    error.ending().into()
}

async fn run(arguments: &Arguments, output: Output) -> Result<Ending, CliError> {
    let session = Session::new(arguments, output)?;
    match &arguments.command {
        Command::Enroll { what: EnrollCommand::Device(options) } => enroll::device(&session, options).await,
        Command::Enroll { what: EnrollCommand::User(options) } => enroll::user(&session, options).await,
        Command::Enroll { what: EnrollCommand::Internal(options) } => {
            enroll::internal(&session, options).await
        }
        Command::Renew(options) => renew::renew(&session, options).await,
        Command::Run(options) => run::run(&session, options).await,
        Command::Status => status::status(&session),
        Command::Inspect(options) => inspect::inspect(&session, options).await,
        Command::Verify(options) => verify::verify(&session, options),
        Command::Revoke(options) => revoke::revoke(&session, options).await,
        Command::Device { what } => device::device(&session, what).await,
        Command::Secret { what } => secret::secret(&session, what).await,
        Command::Jwe { what } => jwe::jwe(&session, what),
        Command::Account { what } => account::account(&session, what).await,
    }
}

/// What every command shares.
struct Session {
    state: StateDir,
    connector: Connector,
    output: Output,
    quiet: bool,
}

impl Session {
    fn new(arguments: &Arguments, output: Output) -> Result<Self, CliError> {
        let root: PathBuf = match &arguments.state {
            Some(path) => path.clone(),
            None => StateDir::default_path()?,
        };
        // Hooks are told paths, and they may run elsewhere.
        let root = std::path::absolute(&root).map_err(|source| CliError::File { path: root, source })?;
        Ok(Self {
            state: StateDir::at(root),
            connector: Connector::default(),
            output,
            quiet: arguments.quiet,
        })
    }

    fn agent<'a>(&'a self, progress: &'a dyn Progress, person: Option<&'a dyn Person>) -> Agent<'a> {
        Agent { state: &self.state, connector: &self.connector, clock: &SystemClock, progress, person }
    }

    /// Takes the state directory's lock and says what a crashed run left behind.
    fn lock(&self) -> Result<StateLock, CliError> {
        let (lock, recovered) = self.state.lock()?;
        recovered.log();
        Ok(lock)
    }

    /// Progress for a person: moving on a terminal, lines elsewhere. `interactive` keeps the terminal free for questions.
    fn progress(&self, interactive: bool) -> Box<dyn Progress> {
        progress::for_person(self.quiet, io::stderr().is_terminal() && !interactive)
    }
}

/// Libraries that, asked to say everything, write whole messages with passwords and client secrets in them. Nobody is to ask them.
const SECRETIVE: [&str; 3] = ["tungstenite", "tokio_tungstenite", "russh"];

fn start_logging(verbose: u8, usual: &str) {
    // Other libraries stay quiet until asked for with -vvv: what they know, our errors tell.
    let filter = match (verbose, std::env::var(EnvFilter::DEFAULT_ENV)) {
        (0, Ok(directives)) => EnvFilter::new(directives),
        (0, Err(_)) => EnvFilter::new(usual),
        (1, _) => EnvFilter::new("warn,acme_client=info"),
        (2, _) => EnvFilter::new("warn,acme_client=debug"),
        (_, _) => EnvFilter::new("trace"),
    };
    // Apart from the directives, of which a more particular one would win.
    let discreet = filter_fn(|metadata| {
        let first = metadata.target().split("::").next().unwrap_or_default();
        !SECRETIVE.contains(&first)
    });
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // The journal writes the time itself. A second start in one process (tests) keeps the first.
    let lines = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => lines.without_time().boxed(),
        None => lines.boxed(),
    };
    let _ = tracing_subscriber::registry().with(lines.with_filter(discreet)).with(filter).try_init();
}
