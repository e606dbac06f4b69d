//! A server that answers for a zone: a host with one address or several.
//!
//! One address that answers speaks for its host: a machine without IPv6 cannot reach the other. An error code, or a shrug by a server
//! that knows nothing of the zone, is no answer, since whoever resolves the name passes on to the next server as well.

use std::net::SocketAddr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RecordType},
};
use tokio::task::JoinSet;

use super::{DnsError, exchange};

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameServer {
    /// Its host name or, where a person gave it so, its address.
    pub(super) host: String,
    /// Where it may be reached.
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether it may ask others in its turn.
    recursion: bool,
}

impl NameServer {
    /// A server that a zone names.
    pub(super) fn of_zone(host: &Name, addresses: Vec<SocketAddr>) -> Self {
        let host = host.to_ascii();
        Self { host: host.trim_end_matches('.').to_owned(), addresses, recursion: false }
    }

    /// A server that a person names, whatever it is.
    pub(super) fn named(address: SocketAddr) -> Self {
        Self { host: address.to_string(), addresses: vec![address], recursion: true }
    }

    /// The first usable answer of its addresses, asked in turn; those that no route leads to fail at once.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let mut said = Vec::new();
        for address in &self.addresses {
            match exchange::ask(*address, name, kind, self.recursion).await {
                Ok(answer) => match answer.metadata.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain if self.recursion || knows(&answer) => {
                        return Ok(answer);
                    }
                    ResponseCode::NoError | ResponseCode::NXDomain => {
                        said.push(format!("{address} does not answer for the zone"));
                    }
                    code => said.push(format!("{address} answers {code}")),
                },
                Err(error) => said.push(error.to_string()),
            }
        }
        Err(DnsError::NoAnswer { server: self.host.clone(), said })
    }
}

/// Whether the server spoke for itself, or knows at least who does.
fn knows(answer: &Message) -> bool {
    let refers = answer.authorities.iter().any(|record| record.record_type() == RecordType::NS);
    answer.metadata.authoritative || !answer.answers.is_empty() || refers
}

/// The first usable answer of several servers, all asked at once, so that a dead one costs no time.
pub(super) async fn ask_any(
    servers: &[NameServer],
    name: &Name,
    kind: RecordType,
) -> Result<Message, DnsError> {
    let mut asked = JoinSet::new();
    for server in servers {
        let (server, name) = (server.clone(), name.clone());
        asked.spawn(async move { server.ask(&name, kind).await });
    }
    let mut last = DnsError::NoZone(name.clone());
    while let Some(ended) = asked.join_next().await {
        match ended {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = error,
            // A task of ours neither panics nor is stopped while it is waited for.
            Err(_) => {}
        }
    }
    Err(last)
}
