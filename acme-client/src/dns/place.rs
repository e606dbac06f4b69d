//! Where a record has to stand, and which servers have to serve it.
//!
//! Organisations delegate `_acme-challenge` by alias (CNAME) to a zone that a machine may update, so the record is put at the alias's
//! end. A resolver is asked about nothing but names that are there anyway, the domain's and its zones': what it hears of a challenge
//! name before the record is published is "no such name", and it would go on saying so to the certificate authority that shares it.
//! Challenge names are asked for at the zone's own servers.

use std::net::SocketAddr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, RecordType},
};

use super::{
    DnsError, Resolvers, exchange,
    name_server::{NameServer, ask_any},
    zone::{name_servers, parent, zone_of},
};

/// The longest chain of aliases and delegations that is followed.
const MOST_HOPS: usize = 8;

/// A place and its servers.
#[derive(Debug)]
pub(super) struct Place {
    /// The name at the end of the alias chain.
    pub(super) name: Name,
    /// The servers of its zone.
    pub(super) servers: Vec<NameServer>,
}

struct Zone {
    apex: Name,
    servers: Vec<NameServer>,
}

impl Zone {
    async fn of(resolvers: &Resolvers, name: &Name) -> Result<Self, DnsError> {
        Self::at(resolvers, zone_of(resolvers, name).await?).await
    }

    async fn at(resolvers: &Resolvers, apex: Name) -> Result<Self, DnsError> {
        Ok(Self { servers: name_servers(resolvers, &apex).await?, apex })
    }
}

/// What the servers of a zone say of a name.
enum Said {
    /// It is another name for this one.
    Alias(Name),
    /// It belongs to this zone below theirs.
    Delegated(Name),
    /// It is theirs, or would be.
    Theirs,
}

/// The place of a record at `name`, which proves `domain`.
pub(super) async fn find(resolvers: &Resolvers, domain: &Name, name: &Name) -> Result<Place, DnsError> {
    let (mut name, mut zone) = (name.clone(), Zone::of(resolvers, domain).await?);
    for _ in 0..MOST_HOPS {
        let answer = ask_any(&zone.servers, &name, RecordType::CNAME).await?;
        match said(&answer, &name, &zone.apex) {
            Said::Theirs => return Ok(Place { name, servers: zone.servers }),
            Said::Delegated(apex) => zone = Zone::at(resolvers, apex).await?,
            Said::Alias(target) => {
                if !zone.apex.zone_of(&target) {
                    // Of the target, too, nothing may be asked before the record is there.
                    let above = parent(&target).unwrap_or_else(|| target.clone());
                    zone = Zone::of(resolvers, &above).await?;
                }
                name = target;
            }
        }
    }
    Err(DnsError::TooManyAliases(name))
}

/// The same by the word of one server alone, which may be anything. Whether it is responsible shows when it is asked to ask nobody.
pub(super) async fn find_at(server: SocketAddr, name: &Name) -> Result<Place, DnsError> {
    let mut current = name.clone();
    for hop in 0..MOST_HOPS {
        let answer = match exchange::ask(server, &current, RecordType::CNAME, false).await {
            Ok(answer) if answer.metadata.authoritative => answer,
            Ok(_) | Err(_) => exchange::ask(server, &current, RecordType::CNAME, true).await?,
        };
        match (answer.metadata.response_code, target(&answer, &current)) {
            (ResponseCode::NoError | ResponseCode::NXDomain, Some(target)) => current = target,
            // An alias may lead out of what the server knows.
            (code, None) if hop > 0 || matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) => {
                return Ok(Place { name: current, servers: vec![NameServer::named(server)] });
            }
            (code, _) => {
                return Err(DnsError::Answer { server, code, name: current, kind: RecordType::CNAME });
            }
        }
    }
    Err(DnsError::TooManyAliases(current))
}

fn said(answer: &Message, name: &Name, apex: &Name) -> Said {
    if let Some(target) = target(answer, name) {
        return Said::Alias(target);
    }
    let below = answer.authorities.iter().find(|record| {
        record.record_type() == RecordType::NS
            && record.name != *apex
            && apex.zone_of(&record.name)
            && record.name.zone_of(name)
    });
    match below {
        Some(delegation) if !answer.metadata.authoritative => Said::Delegated(delegation.name.clone()),
        Some(_) | None => Said::Theirs,
    }
}

fn target(answer: &Message, name: &Name) -> Option<Name> {
    answer.answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == *name => Some(target.0.clone()),
        _ => None,
    })
}
