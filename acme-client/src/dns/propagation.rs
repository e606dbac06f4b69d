//! Waiting until a published record is served by every authoritative server of its zone.
//!
//! A certificate authority that asks too early caches "no such record" and the challenge fails for good, so the agent looks
//! first. Asks the zone's servers themselves, never a cache, unless one server was named to be asked in their place.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, RecordType},
};
use tokio::time::sleep;

use super::{ChallengeRecord, DnsError, Resolvers, alias, exchange, zone};
use crate::{progress::Progress, state::DnsSettings};

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// The first looks come faster: most primaries serve an update at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How to make sure that a record can be seen.
#[derive(Clone, Debug)]
pub struct Propagation {
    resolvers: Option<Resolvers>,
    only: Option<SocketAddr>,
    timeout: Duration,
}

impl Propagation {
    /// As the settings say.
    pub fn from_settings(settings: &DnsSettings) -> Result<Self, DnsError> {
        let resolvers = match (settings.wait, settings.resolver) {
            (false, _) => None,
            (true, Some(server)) => Some(Resolvers::one(server)),
            (true, None) => Some(Resolvers::system()?),
        };
        Ok(Self { resolvers, only: settings.resolver, timeout: settings.timeout })
    }

    /// Never looks.
    pub fn none() -> Self {
        Self { resolvers: None, only: None, timeout: Duration::ZERO }
    }

    /// The record, moved to the end of the alias chain that may start at its name.
    pub async fn placed(&self, record: ChallengeRecord) -> Result<ChallengeRecord, DnsError> {
        let Some(resolvers) = &self.resolvers else { return Ok(record) };
        let name = alias::resolve(resolvers, &record.name).await?;
        Ok(ChallengeRecord { name, ..record })
    }

    /// Whether every server serves the record now. `false` as well when that cannot be found out.
    pub async fn is_served(&self, record: &ChallengeRecord) -> bool {
        let Ok(servers) = self.servers(&record.name).await else { return false };
        !servers.is_empty() && self.lacking(&servers, record).await.is_empty()
    }

    /// Returns when every server serves the record, or says which do not.
    pub async fn wait(&self, record: &ChallengeRecord, progress: &dyn Progress) -> Result<(), DnsError> {
        let servers = self.servers(&record.name).await?;
        if servers.is_empty() {
            return Ok(());
        }
        let plural = if servers.len() == 1 { "" } else { "s" };
        progress.step(&format!("waiting for {} name server{plural} to serve {}", servers.len(), record.name));
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let missing = self.lacking(&servers, record).await;
            if missing.is_empty() {
                return Ok(());
            }
            if begun.elapsed() + pause > self.timeout {
                return Err(DnsError::NotServed { name: record.name.clone(), waited: self.timeout, missing });
            }
            progress.note(&missing.join("; "));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    async fn servers(&self, name: &Name) -> Result<Vec<SocketAddr>, DnsError> {
        match (&self.resolvers, self.only) {
            (None, _) => Ok(Vec::new()),
            (Some(_), Some(server)) => Ok(vec![server]),
            (Some(resolvers), None) => {
                let zone = zone::zone_of(resolvers, name).await?;
                zone::authoritative_servers(resolvers, &zone).await
            }
        }
    }

    /// The servers that do not serve the value, each with what it said.
    async fn lacking(&self, servers: &[SocketAddr], record: &ChallengeRecord) -> Vec<String> {
        let recursion = self.only.is_some();
        let mut missing = Vec::new();
        for server in servers {
            match exchange::ask(*server, &record.name, RecordType::TXT, recursion).await {
                Ok(answer) => {
                    let values: Vec<String> =
                        answer.answers.iter().filter_map(|found| text_of(&found.data)).collect();
                    if !values.contains(&record.value) {
                        missing.push(format!(
                            "{server} {}",
                            described(answer.metadata.response_code, values.len())
                        ));
                    }
                }
                Err(error) => missing.push(error.to_string()),
            }
        }
        missing
    }
}

fn text_of(data: &RData) -> Option<String> {
    match data {
        RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
        _ => None,
    }
}

fn described(code: ResponseCode, values: usize) -> String {
    match (code, values) {
        (ResponseCode::NoError, 0) => "has no such record".to_owned(),
        (ResponseCode::NoError, others) => format!("has {others} other value(s)"),
        (code, _) => format!("answers {code}"),
    }
}
