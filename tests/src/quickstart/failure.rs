//! Why the quickstart did not come to its end, and what the person can do.

use std::io;
use std::path::PathBuf;

use acme_client::enroll::EnrollError;
use acme_client::state::StateError;
use ca_server::admin::listener::SocketError;
use ca_server::config::load::ConfigError;
use ca_server::server::StartError;

/// The reason for exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The system refused something basic.
    #[error("the system refused: {0}")]
    System(#[source] io::Error),
    /// The system's random generator failed.
    #[error("the system gives no random numbers")]
    Entropy,
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder is not empty.
    #[error("{0} is not empty")]
    Occupied(PathBuf),
    /// The URL of the server is none.
    #[error("{0:?} is not a URL")]
    Url(String),
    /// The authority could not be made.
    #[error("the authority could not be made: {0}")]
    Init(#[from] ca_server::cli::Failure),
    /// The configuration that `init` wrote does not load.
    #[error(transparent)]
    Load(#[from] ConfigError),
    /// The configuration that `init` wrote is refused.
    #[error("the configuration is refused: {problem}")]
    Config {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// The admin socket does not open.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The server did not start.
    #[error("the server did not start")]
    Start(#[from] StartError),
    /// The journal does not verify.
    #[error("the journal cannot be read")]
    Journal(#[from] ca_server::log::journal::JournalError),
    /// The journal does not verify.
    #[error("the journal is broken at entry {entry}")]
    Broken {
        /// The first entry that does not fit.
        entry: u64,
        /// What is wrong with it.
        #[source]
        fault: ca_server::log::verify::Fault,
    },
    /// There is no certificate.
    #[error("no certificate was issued: {0}")]
    Enroll(#[from] EnrollError),
    /// The device's state directory failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A renewal pass ended otherwise than it must.
    #[error("the agent did not do what it should: {0}")]
    Pass(String),
    /// The root cannot be trusted.
    #[error(transparent)]
    Trust(#[from] certs::chain::TrustError),
    /// The chain is not PEM.
    #[error("the chain is not PEM")]
    Pem(#[from] certs::pem::PemError),
    /// The operator's request was refused.
    #[error(transparent)]
    Operator(#[from] ca_server::admin::client::AdminError),
    /// The name is none.
    #[error("the name is no identifier")]
    Name(#[from] certs::identifier::IdentifierError),
    /// The key does not load.
    #[error("the key does not load")]
    Key(#[from] certs::key::KeyError),
    /// The address of a person is none.
    #[error("the address of a person in this domain is none")]
    Email(#[source] certs::name::NameError),
    /// The way through the pages did not lead to its end.
    #[error("the browser did not get through the sign-in: {0}")]
    Walk(String),
    /// A relying party would not believe the chain.
    #[error("the chain is not believed: {0}")]
    Verdict(String),
    /// The second certificate is not a new one.
    #[error("the second certificate has the serial number or the key of the first")]
    NotRenewed,
    /// A signal came before the end.
    #[error("stopped before everything was shown")]
    Interrupted,
}

impl Failure {
    /// The error with its causes, in one line.
    #[must_use]
    pub fn causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some errors already end with their cause.
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        text
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Occupied(_) => {
                "choose another folder with `--dir`, or leave it out for a temporary one".to_owned()
            }
            Self::File { .. } => "choose a folder that you may write to with `--dir`".to_owned(),
            Self::Init(failure) => failure.hint(),
            Self::Config { hint, .. } => hint.clone(),
            Self::Start(StartError::Listen { .. }) => {
                "choose another port with `--port`, or leave it out".to_owned()
            }
            Self::Socket(_) => "choose a shorter path with `--dir`".to_owned(),
            Self::Interrupted => "run it again and let it come to its end".to_owned(),
            Self::Enroll(EnrollError::Acme(error)) => error.hint().unwrap_or_else(look_closer),
            Self::System(_)
            | Self::Entropy
            | Self::Url(_)
            | Self::Load(_)
            | Self::Start(_)
            | Self::Journal(_)
            | Self::Broken { .. }
            | Self::Enroll(_)
            | Self::State(_)
            | Self::Pass(_)
            | Self::Trust(_)
            | Self::Pem(_)
            | Self::Name(_)
            | Self::Operator(_)
            | Self::Key(_)
            | Self::Email(_)
            | Self::Walk(_)
            | Self::Verdict(_)
            | Self::NotRenewed => look_closer(),
        }
    }
}

fn look_closer() -> String {
    "run it with `--verbose --dir demo` and look at what it says and leaves in `demo`".to_owned()
}
