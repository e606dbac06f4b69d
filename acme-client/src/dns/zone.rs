//! Finding the zone a name belongs to, and the servers that answer for it.
//!
//! The zone is the owner of the nearest SOA record (RFC 2136 leaves that to the client); its servers are its NS records.

use std::net::SocketAddr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, RecordType},
};

use super::{DnsError, Resolvers, exchange, name_server::NameServer};

/// The zone of `name` as `server` itself, which must be authoritative, sees it.
pub(super) async fn zone_at(server: SocketAddr, name: &Name) -> Result<Name, DnsError> {
    let mut candidate = name.clone();
    loop {
        let answer = exchange::ask(server, &candidate, RecordType::SOA, false).await?;
        match answer.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {
                if let Some(zone) = soa_owner(&answer, &candidate) {
                    return Ok(zone);
                }
            }
            code => {
                // Servers refuse names outside their zones: a parent may still be inside one only if this name is too.
                return Err(DnsError::Answer { server, code, name: candidate, kind: RecordType::SOA });
            }
        }
        candidate = parent(&candidate).ok_or_else(|| DnsError::NoZone(name.clone()))?;
    }
}

/// The zone of `name` as resolvers see it, who may keep what they hear: `name` must not be one that is about to come into being.
pub(super) async fn zone_of(resolvers: &Resolvers, name: &Name) -> Result<Name, DnsError> {
    let mut candidate = name.clone();
    loop {
        let answer = resolvers.ask(&candidate, RecordType::SOA).await?;
        if let Some(zone) = soa_owner(&answer, &candidate) {
            return Ok(zone);
        }
        candidate = parent(&candidate).ok_or_else(|| DnsError::NoZone(name.clone()))?;
    }
}

/// The servers that the zone's NS records name. One whose addresses cannot be found has none.
pub(super) async fn name_servers(resolvers: &Resolvers, zone: &Name) -> Result<Vec<NameServer>, DnsError> {
    let answer = resolvers.ask(zone, RecordType::NS).await?;
    let mut servers: Vec<NameServer> = Vec::new();
    for record in answer.answers.iter().filter(|record| record.name == *zone) {
        if let RData::NS(host) = &record.data {
            servers.push(NameServer::of_zone(&host.0, resolvers.name_server_addresses(&host.0).await));
        }
    }
    servers.sort_by(|one, other| one.host.cmp(&other.host));
    servers.dedup();
    if servers.is_empty() { Err(DnsError::NoZone(zone.clone())) } else { Ok(servers) }
}

/// The owner of an SOA record in the answer, or in the authority section of a negative answer.
fn soa_owner(answer: &Message, asked: &Name) -> Option<Name> {
    answer
        .answers
        .iter()
        .chain(&answer.authorities)
        .find(|record| record.record_type() == RecordType::SOA && record.name.zone_of(asked))
        .map(|record| record.name.clone())
}

/// The name above.
pub(super) fn parent(name: &Name) -> Option<Name> {
    // The root and top-level domains are nobody's to update here.
    (name.num_labels() > 1).then(|| name.base_name())
}
