//! Validation of answers by DNSSEC (RFC 4035), done by hickory over our own exchange so that limits and case mixing stay the same.
//!
//! Each trust anchor zone has its own validator, and the nearest one above a name decides: a public chain can then not talk a private
//! zone's signatures away. `opportunistic` refuses bogus answers and takes unsigned ones; `require` takes secure ones only.

mod anchors;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt as _};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::DnsHandle;
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::Proof;
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};
use hickory_proto::rr::{Name, Record, RecordType};

use self::anchors::Anchor;
use super::answer;
use super::servers::{Servers, ServersFailed};
use crate::config::DnssecMode;

/// Why an answer is not taken, or validation cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DnssecError {
    /// The file of trust anchors cannot be read.
    #[error("trust anchors {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of trust anchors does not parse.
    #[error("trust anchors {}: {fault}; each line must be like \"corp.example. DNSKEY 257 3 13 <base64>\"", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        fault: String,
    },
    /// There is no usable key in the file.
    #[error("trust anchors {}: no key in it", path.display())]
    NoAnchor {
        /// The file.
        path: PathBuf,
    },
    /// The servers failed before anything could be validated.
    #[error("{0}")]
    Exchange(String),
    /// A signature is wrong or missing, or absence is not proven.
    #[error("DNSSEC: bogus ({0})")]
    Bogus(String),
    /// The answer is not signed, and only signed ones are taken.
    #[error("DNSSEC: not signed, and [dns] dnssec = \"require\"")]
    Insecure,
    /// No trust anchor is above the name, and only signed answers are taken.
    #[error("DNSSEC: no trust anchor for this name, and [dns] dnssec = \"require\"")]
    NoChain,
}

/// Validates answers.
pub(super) struct Dnssec {
    require: bool,
    servers: Arc<Servers>,
    anchors: Vec<Anchor>,
}

impl Dnssec {
    /// Validation by the anchors in `file`, or by the public root's.
    pub(super) fn new(
        mode: DnssecMode,
        file: Option<&Path>,
        servers: &Arc<Servers>,
    ) -> Result<Self, DnssecError> {
        let require = mode == DnssecMode::Require;
        let anchors = anchors::load(file, &Validated(servers.clone()))?;
        Ok(Self { require, servers: servers.clone(), anchors })
    }

    /// The answer about `name`, if the mode lets it be taken.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnssecError> {
        let nearest = self.anchors.iter().filter(|anchor| anchor.zone().zone_of(name));
        let Some(anchor) = nearest.max_by_key(|anchor| anchor.zone().num_labels()) else {
            if self.require {
                return Err(DnssecError::NoChain);
            }
            let (message, _) = self.servers.ask(name, kind, false).await.map_err(failed)?;
            return Ok(message);
        };
        let validator = anchor.validator().await?;
        let mut options = DnsRequestOptions::default();
        options.edns_set_dnssec_ok = true;
        let mut answers = validator.lookup(Query::query(name.clone(), kind), options);
        let answer = answers.next().await.unwrap_or(Err(NetError::NoConnections));
        let message = answer.map_err(refused)?.into_message();
        self.check(anchor.zone(), &message, name, kind)?;
        Ok(message)
    }

    /// Whether the records that count are as good as the mode demands. Records outside the anchor's zone prove nothing and are unsigned.
    fn check(
        &self,
        zone: &Name,
        message: &Message,
        name: &Name,
        kind: RecordType,
    ) -> Result<(), DnssecError> {
        let counts = |record: &&Record| {
            matches!(record.record_type(), RecordType::CNAME) || record.record_type() == kind
        };
        let answers: Vec<&Record> = message.answers.iter().filter(counts).collect();
        let positive = answers.iter().any(|record| record.record_type() == kind);
        // Absence is as good as the worst record that speaks of it; none at all cannot be secure.
        let absence = message.authorities.iter().filter(|record| {
            matches!(record.record_type(), RecordType::SOA | RecordType::NSEC | RecordType::NSEC3)
        });
        let absence: Vec<&Record> = if positive { Vec::new() } else { absence.collect() };
        // An unsigned zone may speak of its own names only, or it could deny those of its signed neighbours.
        let end = answer::end(message, name).map_err(|fault| DnssecError::Exchange(fault.to_string()))?;
        let stranger =
            |record: &&&Record| record.record_type() == RecordType::SOA && !record.name.zone_of(end);
        if let Some(record) = absence.iter().find(stranger) {
            return Err(DnssecError::Bogus(format!("{} cannot speak for {end}", record.name)));
        }
        let empty = answers.is_empty() && absence.is_empty();
        let mut secure = !empty;
        for record in answers.into_iter().chain(absence) {
            match record.proof {
                Proof::Secure => {}
                Proof::Insecure => secure = false,
                Proof::Bogus | Proof::Indeterminate if !zone.zone_of(&record.name) => secure = false,
                Proof::Bogus | Proof::Indeterminate => {
                    let what = format!("{} {}", record.name, record.record_type());
                    return Err(DnssecError::Bogus(format!("no valid signature over {what}")));
                }
            }
        }
        if self.require && !secure { Err(DnssecError::Insecure) } else { Ok(()) }
    }
}

fn failed(error: ServersFailed) -> DnssecError {
    DnssecError::Exchange(error.to_string())
}

fn refused(error: NetError) -> DnssecError {
    match error {
        NetError::Dns(DnsError::Nsec { .. }) => {
            DnssecError::Bogus("absence is not proven, or a signature is wrong".to_owned())
        }
        other => DnssecError::Exchange(other.to_string()),
    }
}

/// Our exchange as hickory's validator wants it.
#[derive(Clone)]
pub(super) struct Validated(Arc<Servers>);

impl Validated {
    async fn answer(self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let query = request.queries.first().ok_or(NetError::NoConnections)?.clone();
        let (mut message, _) = self
            .0
            .ask(query.name(), query.query_type(), true)
            .await
            .map_err(|error| NetError::Msg(error.to_string()))?;
        // The letter case was ours to mix; the validator asked with its own.
        message.queries = vec![query];
        Ok(DnsResponse::from_message(message)?)
    }
}

impl DnsHandle for Validated {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        Box::pin(stream::once(self.clone().answer(request)))
    }
}
