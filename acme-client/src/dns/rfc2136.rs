//! Dynamic updates (RFC 2136) over TCP, signed with TSIG (RFC 8945).
//!
//! Adds one TXT value (§2.5.1) and later deletes that one value (§2.5.4); never a record set, since other clients may be
//! proving the same name. Trusts an answer only if it is signed with the same key.

use std::net::SocketAddr;

use async_trait::async_trait;
use hickory_proto::{
    ProtoError,
    op::{Message, ResponseCode, update_message},
    rr::{
        Name, RData, Record, RecordSet, TSigner,
        rdata::{TXT, tsig::TsigError},
    },
};
use time::OffsetDateTime;
use tokio::net::lookup_host;

use super::{ChallengeRecord, DnsError, DnsProvider, TsigKey, absolute, exchange, zone};
use crate::state::DnsSettings;

/// A character-string holds at most this many bytes (RFC 1035 §3.3).
const LONGEST_STRING: usize = 255;

/// Publishes through a primary server that takes dynamic updates.
#[derive(Debug)]
pub struct Rfc2136Provider {
    server: String,
    zone: Option<Name>,
    key: Option<TsigKey>,
}

impl Rfc2136Provider {
    /// Updates at `server` (`host` or `host:port`), signed with `key`; the zone is found if not given.
    pub fn new(server: String, zone: Option<Name>, key: Option<TsigKey>) -> Self {
        Self { server, zone, key }
    }

    pub(super) fn from_settings(settings: &DnsSettings) -> Result<Self, DnsError> {
        let server = settings
            .server
            .clone()
            .ok_or(DnsError::MissingSetting { provider: "rfc2136", setting: "--dns-server" })?;
        let zone = settings.zone.as_deref().map(absolute).transpose()?;
        let key = settings.tsig_key_file.as_deref().map(TsigKey::from_file).transpose()?;
        if key.is_none() {
            tracing::warn!(%server, "updates are not signed: no TSIG key file is set");
        }
        Ok(Self::new(server, zone, key))
    }

    /// Every address of the primary, in the system's order of preference.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, DnsError> {
        let bad = |source| DnsError::BadServer { server: self.server.clone(), source };
        let with_port = if self.server.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_ipv6()) {
            format!("[{}]:53", self.server)
        } else if self.server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            self.server.clone()
        } else {
            format!("{}:53", self.server)
        };
        Ok(lookup_host(with_port).await.map_err(bad)?.collect())
    }

    async fn zone(&self, server: SocketAddr, name: &Name) -> Result<Name, DnsError> {
        let Some(zone) = &self.zone else { return zone::zone_at(server, name).await };
        if zone.zone_of(name) {
            Ok(zone.clone())
        } else {
            Err(DnsError::OutsideZone { name: Box::new(name.clone()), zone: Box::new(zone.clone()) })
        }
    }

    /// Makes the update at the first of these addresses that can be reached.
    async fn update(
        &self,
        servers: &[SocketAddr],
        record: &ChallengeRecord,
        message: impl Fn(RecordSet, Name) -> Message,
    ) -> Result<(), DnsError> {
        let none = std::io::ErrorKind::NotFound.into();
        let mut last = DnsError::BadServer { server: self.server.clone(), source: none };
        for server in servers {
            match self.update_at(*server, record, &message).await {
                // An update that was made without our hearing of it does no harm when it is made twice.
                Err(unheard @ (DnsError::Unreachable { .. } | DnsError::Timeout { .. })) => last = unheard,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    async fn update_at(
        &self,
        server: SocketAddr,
        record: &ChallengeRecord,
        message: impl Fn(RecordSet, Name) -> Message,
    ) -> Result<(), DnsError> {
        let zone = self.zone(server, &record.name).await?;
        let data = RData::TXT(TXT::from_bytes(record.value.as_bytes().chunks(LONGEST_STRING).collect()));
        let set = RecordSet::from(Record::from_rdata(record.name.clone(), record.ttl, data));
        let message = message(set, zone.clone());
        let (code, tsig) = self.send(server, message).await?;
        match code {
            ResponseCode::NoError => Ok(()),
            code => Err(DnsError::UpdateRefused { server, zone, code, tsig }),
        }
    }

    /// Adds the record's value at the first of these addresses that can be reached.
    pub(super) async fn add_at(
        &self,
        servers: &[SocketAddr],
        record: &ChallengeRecord,
    ) -> Result<(), DnsError> {
        self.update(servers, record, |set, zone| update_message::append(set, zone, false, false)).await
    }

    async fn send(
        &self,
        server: SocketAddr,
        mut message: Message,
    ) -> Result<(ResponseCode, Option<TsigError>), DnsError> {
        let protocol = |source: ProtoError| DnsError::Protocol { server, source };
        let signer: Option<TSigner> = match &self.key {
            Some(key) => Some(key.signer().map_err(|error| protocol(error.to_string().into()))?),
            None => None,
        };
        let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default();
        let verifier = match &signer {
            Some(signer) => message.finalize(signer, now).map_err(protocol)?,
            None => None,
        };
        let bytes = message.to_vec().map_err(protocol)?;
        let answer_bytes = exchange::tcp(server, &bytes).await?;
        let answer = exchange::parse(server, &answer_bytes)?;
        if answer.metadata.id != message.metadata.id {
            return Err(protocol(ProtoError::Message("answer to another question")));
        }
        let code = answer.metadata.response_code;
        let tsig = answer.signature().and_then(|record| record.data.error);
        // A refusal for a bad key or signature cannot be signed (RFC 8945 §5.3.2), and a forged one gains nothing.
        if let Some(mut verifier) = verifier.filter(|_| code == ResponseCode::NoError) {
            verifier.verify(&answer_bytes).map_err(protocol)?;
        }
        Ok((code, tsig))
    }
}

#[async_trait]
impl DnsProvider for Rfc2136Provider {
    async fn present(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        self.add_at(&self.addresses().await?, record).await
    }

    async fn cleanup(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        let delete = |set, zone| update_message::delete_by_rdata(set, zone, false);
        self.update(&self.addresses().await?, record, delete).await
    }
}
