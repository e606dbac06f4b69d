//! The recursive resolvers to ask: the one given on the command line, or those of `/etc/resolv.conf`.
//!
//! They are trusted to find zones and servers, no further. The first that answers is believed.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, RecordType},
};

use super::{DnsError, exchange};

/// Resolvers in the order they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolvers {
    servers: Vec<SocketAddr>,
    /// Where the servers of zones answer.
    port: u16,
}

/// Where every name server on the Internet answers.
const PORT: u16 = 53;

impl Resolvers {
    /// The system's resolvers.
    pub fn system() -> Result<Self, DnsError> {
        let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        Self::from_resolv_conf(&text)
    }

    /// One given resolver.
    pub fn one(server: SocketAddr) -> Self {
        Self { servers: vec![server], port: PORT }
    }

    /// One given resolver of a network whose name servers answer at another port.
    #[cfg(test)]
    pub(super) fn of_network(server: SocketAddr, port: u16) -> Self {
        Self { servers: vec![server], port }
    }

    fn from_resolv_conf(text: &str) -> Result<Self, DnsError> {
        let servers: Vec<SocketAddr> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver"))
            .filter_map(|rest| rest.split_whitespace().next())
            .filter_map(|address| address.parse::<IpAddr>().ok())
            .map(|address| SocketAddr::new(address, PORT))
            .collect();
        if servers.is_empty() { Err(DnsError::NoResolver) } else { Ok(Self { servers, port: PORT }) }
    }

    /// The first usable answer. "No such name" is one.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let mut last = DnsError::NoResolver;
        for server in &self.servers {
            match exchange::ask(*server, name, kind, true).await {
                Ok(answer) => match answer.metadata.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain => return Ok(answer),
                    code => last = DnsError::Answer { server: *server, code, name: name.clone(), kind },
                },
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Every address of a name server that can be found.
    pub(super) async fn name_server_addresses(&self, host: &Name) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            match self.ask(host, kind).await {
                Ok(answer) => {
                    addresses.extend(answer.answers.iter().filter_map(|record| match &record.data {
                        RData::A(address) => Some(SocketAddr::new(IpAddr::V4(address.0), self.port)),
                        RData::AAAA(address) => Some(SocketAddr::new(IpAddr::V6(address.0), self.port)),
                        _ => None,
                    }))
                }
                Err(error) => tracing::info!(%host, %error, "an address of a name server cannot be found"),
            }
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_resolvers_are_read_in_order() {
        let text =
            "# comment\nsearch corp.test\nnameserver 10.0.0.1\nnameserver  ::1 \nnameserver nonsense\n";
        let found = Resolvers::from_resolv_conf(text).unwrap();
        assert_eq!(found.servers, ["10.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert!(matches!(Resolvers::from_resolv_conf("search x\n"), Err(DnsError::NoResolver)));
    }
}
