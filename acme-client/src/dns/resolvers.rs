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
pub struct Resolvers(Vec<SocketAddr>);

impl Resolvers {
    /// The system's resolvers.
    pub fn system() -> Result<Self, DnsError> {
        let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        Self::from_resolv_conf(&text)
    }

    /// One given resolver.
    pub fn one(server: SocketAddr) -> Self {
        Self(vec![server])
    }

    fn from_resolv_conf(text: &str) -> Result<Self, DnsError> {
        let servers: Vec<SocketAddr> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver"))
            .filter_map(|rest| rest.split_whitespace().next())
            .filter_map(|address| address.parse::<IpAddr>().ok())
            .map(|address| SocketAddr::new(address, 53))
            .collect();
        if servers.is_empty() { Err(DnsError::NoResolver) } else { Ok(Self(servers)) }
    }

    /// The first usable answer. "No such name" is one.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let mut last = DnsError::NoResolver;
        for server in &self.0 {
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

    /// Every address of a host.
    pub(super) async fn addresses(&self, host: &Name) -> Result<Vec<IpAddr>, DnsError> {
        let mut addresses = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let answer = self.ask(host, kind).await?;
            addresses.extend(answer.answers.iter().filter_map(|record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }));
        }
        Ok(addresses)
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
        assert_eq!(found.0, ["10.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert!(matches!(Resolvers::from_resolv_conf("search x\n"), Err(DnsError::NoResolver)));
    }
}
