//! The resolver of this server: asks the configured recursive resolvers, follows aliases, and keeps every question within one time limit.
//!
//! Trusts the resolvers' answers unless `[dns] dnssec` says otherwise; then trusts only what the trust anchors sign. Must never answer
//! "nothing there" for a question that could not be asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use certs::name::DnsName;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::answer::{self, Answer, AnswerFault, MOST_ALIASES};
use super::cache::CaaCache;
use super::dnssec::{Dnssec, DnssecError};
use super::servers::{Servers, ServersFailed};
use super::{CaaRecord, DnsFailure, Resolve, TxtAnswer};
use crate::config::{DnsConfig, DnssecMode};

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum StubResolverError {
    /// The system's configuration cannot be read.
    #[error("the system's resolvers are not known ({0}); set [dns] resolvers = [\"address:port\"]")]
    System(#[source] Box<hickory_net::NetError>),
    /// The trust anchors cannot be used.
    #[error(transparent)]
    Dnssec(#[from] DnssecError),
}

/// Asks recursive resolvers.
pub struct StubResolver {
    servers: Arc<Servers>,
    timeout: Duration,
    cache: CaaCache,
    dnssec: Option<Dnssec>,
}

impl StubResolver {
    /// A resolver as `[dns]` says; paths are relative to `folder`.
    ///
    /// # Errors
    /// If the system's resolvers or the trust anchors cannot be read.
    pub fn new(config: &DnsConfig, folder: &Path) -> Result<Self, StubResolverError> {
        let addresses = match config.resolvers.as_slice() {
            [] => system_resolvers()?,
            configured => configured.to_vec(),
        };
        let servers = Arc::new(Servers::new(&addresses, config));
        let dnssec = match config.dnssec {
            DnssecMode::Off => None,
            mode @ (DnssecMode::Opportunistic | DnssecMode::Require) => {
                let anchors = config.trust_anchors.as_ref().map(|path| folder.join(path));
                Some(Dnssec::new(mode, anchors.as_deref(), &servers)?)
            }
        };
        Ok(Self { servers, timeout: config.timeout, cache: CaaCache::default(), dnssec })
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Found, DnsFailure> {
        let failure = |reason| DnsFailure {
            kind: if kind == RecordType::CAA { "CAA" } else { "TXT" },
            name: name.to_owned(),
            servers: self.servers.text().to_owned(),
            reason,
        };
        let parsed =
            Name::from_ascii(format!("{name}.")).map_err(|error| failure(format!("not a name: {error}")))?;
        match tokio::time::timeout(self.timeout, self.follow(parsed, kind)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failure(error.to_string())),
            Err(_) => Err(failure(format!("timed out after {}", humantime::format_duration(self.timeout)))),
        }
    }

    /// Asks for `name`, then for whatever its aliases point to.
    async fn follow(&self, mut name: Name, kind: RecordType) -> Result<Found, LookupError> {
        let mut shortest = u32::MAX;
        for _ in 0..=MOST_ALIASES {
            let (message, servers) = self.ask(&name, kind).await?;
            match answer::read(&message, &name, kind)? {
                Answer::Records { records, ttl } => {
                    let records = records.into_iter().cloned().collect();
                    return Ok(Found { records, ttl: ttl.min(shortest), servers });
                }
                Answer::Nothing { ttl } => {
                    return Ok(Found { records: Vec::new(), ttl: ttl.min(shortest), servers });
                }
                Answer::Alias { target, ttl } => {
                    shortest = shortest.min(ttl);
                    name = target;
                }
            }
        }
        Err(AnswerFault::TooManyAliases.into())
    }

    async fn ask(&self, name: &Name, kind: RecordType) -> Result<(Message, String), LookupError> {
        match &self.dnssec {
            Some(dnssec) => Ok((dnssec.ask(name, kind).await?, self.servers.text().to_owned())),
            None => {
                let (message, server) = self.servers.ask(name, kind, false).await?;
                Ok((message, server.to_string()))
            }
        }
    }
}

/// What was found at the end of the aliases.
struct Found {
    records: Vec<Record>,
    ttl: u32,
    servers: String,
}

#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error(transparent)]
    Servers(#[from] ServersFailed),
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    #[error(transparent)]
    Dnssec(#[from] DnssecError),
}

#[async_trait]
impl Resolve for StubResolver {
    async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsFailure> {
        let found = self.lookup(name, RecordType::TXT).await?;
        let text = |record: &Record| match &record.data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        };
        let records = found.records.iter().filter_map(text).collect();
        Ok(TxtAnswer { records, ttl: found.ttl, servers: found.servers })
    }

    async fn caa(&self, name: &DnsName) -> Result<Vec<CaaRecord>, DnsFailure> {
        if let Some(records) = self.cache.recall(name, Instant::now()) {
            return Ok(records);
        }
        let found = self.lookup(name.as_str(), RecordType::CAA).await?;
        let caa = |record: &Record| match &record.data {
            RData::CAA(caa) => Some(CaaRecord {
                critical: caa.issuer_critical,
                tag: caa.tag.to_ascii_lowercase(),
                value: caa.value.clone(),
            }),
            _ => None,
        };
        let records: Vec<CaaRecord> = found.records.iter().filter_map(caa).collect();
        self.cache.remember(name, &records, found.ttl, Instant::now());
        Ok(records)
    }
}

fn system_resolvers() -> Result<Vec<SocketAddr>, StubResolverError> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf()
        .map_err(|error| StubResolverError::System(Box::new(error)))?;
    Ok(config.name_servers().iter().map(|server| SocketAddr::new(server.ip, 53)).collect())
}
