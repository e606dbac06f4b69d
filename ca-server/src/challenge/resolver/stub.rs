//! The resolver of this server: asks the configured recursive resolvers, follows aliases, and keeps every question within one time limit.
//!
//! Trusts the resolvers' answers unless `[dns] dnssec` says otherwise; then trusts only what the trust anchors sign. Must never answer
//! "nothing there" for a question that could not be asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use certs::name::DnsName;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::answer::{self, Answer, AnswerFault, MOST_ALIASES};
use super::cache::CaaCache;
use super::dnssec::{Dnssec, DnssecError};
use super::exchange::{self, ExchangeError, Question};
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
        let servers = Arc::new(Servers::new(addresses, config));
        let dnssec = match config.dnssec {
            DnssecMode::Off => None,
            mode @ (DnssecMode::Opportunistic | DnssecMode::Require) => {
                let anchors = config.trust_anchors.as_ref().map(|path| folder.join(path));
                Some(Dnssec::new(mode, anchors.as_deref(), &servers)?)
            }
        };
        Ok(Self { servers, timeout: config.timeout, cache: CaaCache::default(), dnssec })
    }

    /// The servers that are asked.
    #[must_use]
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers.addresses
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Found, DnsFailure> {
        let failure = |reason| DnsFailure {
            kind: if kind == RecordType::CAA { "CAA" } else { "TXT" },
            name: name.to_owned(),
            servers: self.servers.text.clone(),
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
            Some(dnssec) => Ok((dnssec.ask(name, kind).await?, self.servers.text.clone())),
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

/// The servers, the one that answered last first.
#[derive(Debug)]
pub(super) struct Servers {
    addresses: Vec<SocketAddr>,
    text: String,
    mix_case: bool,
    /// Longest wait for one server before the next is asked.
    patience: Duration,
    preferred: AtomicUsize,
}

/// Every server failed; what each said, in the order of asking.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(super) struct ServersFailed(Vec<String>);

/// Times every server is asked while only time-outs and lost datagrams come back.
const ROUNDS: u32 = 2;

impl Servers {
    fn new(addresses: Vec<SocketAddr>, config: &DnsConfig) -> Self {
        let text = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
        let tries = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1).saturating_mul(ROUNDS);
        let patience = config.timeout / tries;
        Self {
            addresses,
            text,
            mix_case: config.case_randomization,
            patience,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The first answer that is not a failure, and who gave it.
    pub(super) async fn ask(
        &self,
        name: &Name,
        kind: RecordType,
        dnssec: bool,
    ) -> Result<(Message, SocketAddr), ServersFailed> {
        let question = Question { name: name.clone(), kind, dnssec, mix_case: self.mix_case };
        let first = self.preferred.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        // Servers that said no are not asked twice.
        let mut asked: Vec<(usize, SocketAddr)> = self.addresses.iter().copied().enumerate().collect();
        if first < asked.len() {
            asked.rotate_left(first);
        }
        for _ in 0..ROUNDS {
            let mut silent = Vec::new();
            for (at, server) in asked {
                match exchange::ask(server, &question, self.patience).await {
                    Ok(message) => match message.metadata.response_code {
                        ResponseCode::NoError | ResponseCode::NXDomain => {
                            self.preferred.store(at, Ordering::Relaxed);
                            return Ok((message, server));
                        }
                        code => failures.push(self.describe(server, &AnswerFault::Code(code))),
                    },
                    Err(error) => {
                        if matches!(error, ExchangeError::TimedOut { .. }) {
                            silent.push((at, server));
                        }
                        failures.push(self.describe(server, &error));
                    }
                }
            }
            asked = silent;
        }
        failures.dedup();
        Err(ServersFailed(failures))
    }

    fn describe(&self, server: SocketAddr, fault: &dyn std::fmt::Display) -> String {
        if self.addresses.len() == 1 { fault.to_string() } else { format!("{server}: {fault}") }
    }
}
