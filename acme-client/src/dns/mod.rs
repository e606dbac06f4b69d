//! Publishing proofs in DNS: who does it (`rfc2136`, `hook`, `manual`, `persist`) and when the world can see it.
//!
//! A provider puts one TXT value beside whatever else stands at the name and later takes that one value away; it must never
//! remove a record set, since others may be proving the same name. Answers from DNS are trusted only to decide when to go on,
//! never to decide what is certified.

mod exchange;
mod hook;
mod manual;
mod name_server;
mod persist;
mod place;
mod propagation;
mod resolvers;
mod rfc2136;
mod tsig;
mod zone;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use async_trait::async_trait;
use hickory_proto::{
    ProtoError,
    op::ResponseCode,
    rr::{Name, RecordType, rdata::tsig::TsigError},
};

use crate::{
    deploy::HookFailure,
    state::{DnsSettings, ProviderKind},
};

pub use hook::HookProvider;
pub use manual::{ManualProvider, Prompt, TerminalPrompt};
pub use persist::PersistProvider;
pub use propagation::{Placed, Propagation};
pub use resolvers::Resolvers;
pub use rfc2136::Rfc2136Provider;
pub use tsig::{KeyProblem, TsigKey};

/// One TXT record that proves control of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRecord {
    /// The name being proven, without `*.`.
    pub domain: String,
    /// Where the record stands, with a final dot.
    pub name: Name,
    /// Its value.
    pub value: String,
    /// Its time to live, in seconds.
    pub ttl: u32,
    /// Whether it is meant to stay (`dns-persist-01`) rather than be removed after validation.
    pub standing: bool,
}

impl ChallengeRecord {
    /// A record at `name`, which is completed with a final dot.
    pub fn new(domain: &str, name: &str, value: String, ttl: u32) -> Result<Self, DnsError> {
        Ok(Self { domain: domain.to_owned(), name: absolute(name)?, value, ttl, standing: false })
    }
}

/// Publishes TXT records.
#[async_trait]
pub trait DnsProvider: Send + Sync {
    /// Adds the record, leaving every other value at its name alone. Doing so twice is no error.
    async fn present(&self, record: &ChallengeRecord) -> Result<(), DnsError>;
    /// Removes exactly this value. Its absence is no error.
    async fn cleanup(&self, record: &ChallengeRecord) -> Result<(), DnsError>;
}

/// Why a record could not be published or seen.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The server could not be reached.
    #[error("cannot reach DNS server {server}: {source}")]
    Unreachable {
        /// The server.
        server: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The server did not answer in time.
    #[error("DNS server {server} did not answer within {}", humantime::format_duration(*after))]
    Timeout {
        /// The server.
        server: SocketAddr,
        /// How long we waited.
        after: Duration,
    },
    /// None of a server's addresses gave a usable answer.
    #[error("name server {server} {}", if said.is_empty() { "has no address".to_owned() } else { format!("gives no answer: {}", said.join("; ")) })]
    NoAnswer {
        /// Its host name.
        server: String,
        /// What came of each address.
        said: Vec<String>,
    },
    /// A chain of aliases has no end within reason.
    #[error("too many aliases lead to {0}")]
    TooManyAliases(Name),
    /// The server answered a question with an error.
    #[error("DNS server {server} answered {code} to {name} {kind}")]
    Answer {
        /// The server.
        server: SocketAddr,
        /// What it said.
        code: ResponseCode,
        /// What was asked.
        name: Name,
        /// For which type.
        kind: RecordType,
    },
    /// The server sent something that is no DNS message, or not signed as it must be.
    #[error("answer of DNS server {server} is not acceptable: {source}")]
    Protocol {
        /// The server.
        server: SocketAddr,
        /// What is wrong with it.
        source: ProtoError,
    },
    /// The server refused a dynamic update.
    #[error("DNS server {server} refused the update of zone {zone}: {code}{}", tsig_words(tsig.as_ref()))]
    UpdateRefused {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: Name,
        /// What it said.
        code: ResponseCode,
        /// What it said about the signature.
        tsig: Option<TsigError>,
    },
    /// A DNS name is not one.
    #[error("{name:?} is not a DNS name: {source}")]
    BadName {
        /// The text.
        name: String,
        /// What is wrong with it.
        source: ProtoError,
    },
    /// A server address does not resolve.
    #[error("cannot resolve DNS server {server:?}: {source}")]
    BadServer {
        /// The text.
        server: String,
        /// What the system said.
        source: io::Error,
    },
    /// The TSIG key file cannot be used.
    #[error("TSIG key file {}: {problem}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        problem: KeyProblem,
    },
    /// No zone was found above a name.
    #[error("no zone found for {0}")]
    NoZone(Name),
    /// The record does not belong to the configured zone.
    #[error("{name} is not in zone {zone}")]
    OutsideZone {
        /// The record's name.
        name: Box<Name>,
        /// The zone.
        zone: Box<Name>,
    },
    /// No resolver is configured on this system.
    #[error("no DNS resolver in /etc/resolv.conf")]
    NoResolver,
    /// The record was not seen everywhere in time.
    #[error("{name} TXT is not served after {}: {}", humantime::format_duration(*waited), missing.join("; "))]
    NotServed {
        /// The record's name.
        name: Name,
        /// How long we waited.
        waited: Duration,
        /// Each server that lacks it, with what it said.
        missing: Vec<String>,
    },
    /// The hook failed.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// A setting that the provider needs is missing.
    #[error("DNS provider {provider} needs {setting}")]
    MissingSetting {
        /// The provider.
        provider: &'static str,
        /// The option that sets it.
        setting: &'static str,
    },
    /// Nobody answered the prompt.
    #[error("nobody answered at the terminal: {0}")]
    Terminal(io::Error),
}

fn tsig_words(error: Option<&TsigError>) -> String {
    error.map(|error| format!(" ({error:?})")).unwrap_or_default()
}

/// Makes the provider that the settings describe. Reads key files; sends nothing.
pub fn provider(settings: &DnsSettings) -> Result<Box<dyn DnsProvider>, DnsError> {
    match settings.provider {
        ProviderKind::Rfc2136 => Ok(Box::new(Rfc2136Provider::from_settings(settings)?)),
        ProviderKind::Hook => Ok(Box::new(HookProvider::from_settings(settings)?)),
        ProviderKind::Manual => Ok(Box::new(ManualProvider::new(Box::new(TerminalPrompt)))),
        ProviderKind::Persist => Ok(Box::new(PersistProvider::new(Box::new(TerminalPrompt)))),
    }
}

/// Parses a name and completes it with a final dot.
pub(crate) fn absolute(name: &str) -> Result<Name, DnsError> {
    let mut parsed =
        Name::from_ascii(name).map_err(|source| DnsError::BadName { name: name.to_owned(), source })?;
    parsed.set_fqdn(true);
    Ok(parsed)
}
