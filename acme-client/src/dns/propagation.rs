//! Waiting until a published record is served by every authoritative server of its zone.
//!
//! A certificate authority that asks too early caches "no such record" and the challenge fails for good, so the agent looks
//! first. Asks the zone's servers themselves, never a cache, unless one server was named to be asked in their place. A server that
//! gives no answer at all is waited for, but not for long: nobody can be misled by it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hickory_proto::{
    op::Message,
    rr::{RData, RecordType},
};
use tokio::{task::JoinSet, time::sleep};

use super::{ChallengeRecord, DnsError, Resolvers, absolute, name_server::NameServer, place};
use crate::{progress::Progress, state::DnsSettings};

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// The first looks come faster: most primaries serve an update at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a server that gives no answer is waited for while all others serve the record.
const SILENCE: Duration = Duration::from_secs(20);

/// Whom to ask.
#[derive(Clone, Debug)]
enum Whom {
    Nobody,
    /// This server alone.
    One(SocketAddr),
    /// The servers of the record's zone, which these help to find.
    ItsServers(Resolvers),
}

/// How to make sure that a record can be seen.
#[derive(Clone, Debug)]
pub struct Propagation {
    whom: Whom,
    timeout: Duration,
    silence: Duration,
}

/// A record at the place where it has to stand, and those who have to serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    record: ChallengeRecord,
    servers: Vec<NameServer>,
}

impl Placed {
    /// The record.
    pub fn record(&self) -> &ChallengeRecord {
        &self.record
    }
}

/// What one look at every server found.
#[derive(Debug, Default)]
struct Look {
    serving: usize,
    /// Servers that deny the record, each with what it said.
    lacking: Vec<String>,
    /// Servers that gave no answer.
    silent: Vec<String>,
}

impl Look {
    /// Whether the record is served by whoever answers.
    fn is_good(&self) -> bool {
        self.serving > 0 && self.lacking.is_empty()
    }
}

impl Propagation {
    /// As the settings say.
    pub fn from_settings(settings: &DnsSettings) -> Result<Self, DnsError> {
        let whom = match (settings.wait, settings.resolver) {
            (false, _) => Whom::Nobody,
            (true, Some(server)) => Whom::One(server),
            (true, None) => Whom::ItsServers(Resolvers::system()?),
        };
        Ok(Self { whom, timeout: settings.timeout, silence: SILENCE })
    }

    /// Never looks.
    pub fn none() -> Self {
        Self { whom: Whom::Nobody, timeout: Duration::ZERO, silence: SILENCE }
    }

    /// In a network of a test's own.
    #[cfg(test)]
    pub(super) fn through(resolvers: Resolvers, timeout: Duration, silence: Duration) -> Self {
        Self { whom: Whom::ItsServers(resolvers), timeout, silence }
    }

    /// The record, moved to the end of the alias chain that may start at its name, with the servers of its zone.
    pub async fn placed(&self, record: ChallengeRecord) -> Result<Placed, DnsError> {
        let place = match &self.whom {
            Whom::Nobody => return Ok(Placed { record, servers: Vec::new() }),
            Whom::One(server) => place::find_at(*server, &record.name).await?,
            Whom::ItsServers(resolvers) => {
                place::find(resolvers, &absolute(&record.domain)?, &record.name).await?
            }
        };
        Ok(Placed { record: ChallengeRecord { name: place.name, ..record }, servers: place.servers })
    }

    /// Whether every server that answers serves the record now.
    pub async fn is_served(&self, placed: &Placed) -> bool {
        look(placed).await.is_good()
    }

    /// Returns when every server serves the record, or says which do not. A server that gives no answer is reported and given up once the
    /// others serve it.
    pub async fn wait(&self, placed: &Placed, progress: &dyn Progress) -> Result<(), DnsError> {
        let Placed { record, servers } = placed;
        if servers.is_empty() {
            return Ok(());
        }
        let plural = if servers.len() == 1 { "" } else { "s" };
        progress.step(&format!("waiting for {} name server{plural} to serve {}", servers.len(), record.name));
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let seen = look(placed).await;
            let is_over = begun.elapsed() + pause > self.timeout;
            if seen.is_good() && (seen.silent.is_empty() || is_over || begun.elapsed() > self.silence) {
                for silent in seen.silent {
                    progress.note(&format!(
                        "{silent}; going on without it, since the others serve {}",
                        record.name
                    ));
                }
                return Ok(());
            }
            let missing = [seen.lacking, seen.silent].concat();
            if is_over {
                return Err(DnsError::NotServed { name: record.name.clone(), waited: self.timeout, missing });
            }
            progress.note(&missing.join("; "));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }
}

/// Asks every server once, all at the same time.
async fn look(placed: &Placed) -> Look {
    let mut asked = JoinSet::new();
    for server in &placed.servers {
        let (server, name) = (server.clone(), placed.record.name.clone());
        asked.spawn(async move {
            let answer = server.ask(&name, RecordType::TXT).await;
            (server.host, answer)
        });
    }
    let mut look = Look::default();
    while let Some(ended) = asked.join_next().await {
        match ended {
            Ok((_, Ok(answer))) if values(&answer).contains(&placed.record.value) => look.serving += 1,
            Ok((host, Ok(answer))) => {
                look.lacking.push(format!("{host} {}", described(values(&answer).len())));
            }
            Ok((_, Err(error))) => look.silent.push(error.to_string()),
            // A task of ours neither panics nor is stopped while it is waited for.
            Err(_) => {}
        }
    }
    look.lacking.sort();
    look.silent.sort();
    look
}

fn values(answer: &Message) -> Vec<String> {
    answer.answers.iter().filter_map(|found| text_of(&found.data)).collect()
}

fn text_of(data: &RData) -> Option<String> {
    match data {
        RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
        _ => None,
    }
}

fn described(values: usize) -> String {
    match values {
        0 => "has no such record".to_owned(),
        others => format!("has {others} other value(s)"),
    }
}
