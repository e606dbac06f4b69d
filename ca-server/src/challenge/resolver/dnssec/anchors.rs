//! Trust anchors: the keys that are believed without proof, and the validators that start from them.
//!
//! hickory believes a zone's other keys only through the parent's DS record, which an island of trust (a private zone) does not have. So the
//! DNSKEY set of such a zone is checked here against the configured keys first (RFC 4035 §5.2); the keys it signs are then anchors too.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::runtime::{Time, TokioTime};
use hickory_net::{DnsHandle, NetError};
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::dnssec::{TrustAnchors, Verifier as _};
use hickory_proto::op::{DnsRequestOptions, Message, Query};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_proto::serialize::txt::trust_anchor::{Entry, Parser};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{DnssecError, Validated};

/// Longest time a zone's keys are believed before they are asked for again.
const LONGEST: Duration = Duration::from_secs(3600);

/// Most keys and signatures of one zone that are looked at.
const MOST_KEYS: usize = 16;

/// Validates one answer.
pub(super) type Validator = DnssecDnsHandle<Validated>;

/// One zone whose keys are believed.
pub(super) struct Anchor {
    zone: Name,
    keys: Vec<DNSKEY>,
    handle: Validated,
    primed: Mutex<Option<(Validator, Instant)>>,
}

/// The anchors in `file`, or the public root's.
pub(super) fn load(file: Option<&Path>, handle: &Validated) -> Result<Vec<Anchor>, DnssecError> {
    let anchor = |zone: Name, keys: Vec<DNSKEY>, validator: Option<Validator>| Anchor {
        zone,
        keys,
        handle: handle.clone(),
        primed: Mutex::new(validator.map(|validator| (validator, Instant::now()))),
    };
    let Some(path) = file else {
        let root = DnssecDnsHandle::with_trust_anchor(handle.clone(), Arc::new(TrustAnchors::default()));
        return Ok(vec![anchor(Name::root(), Vec::new(), Some(root))]);
    };
    let path_owned = path.to_owned();
    let text = std::fs::read_to_string(path)
        .map_err(|source| DnssecError::Unreadable { path: path_owned.clone(), source })?;
    let entries = Parser::new(text)
        .parse()
        .map_err(|error| DnssecError::Malformed { path: path_owned.clone(), fault: error.to_string() })?;
    let mut zones: BTreeMap<LowerName, Vec<DNSKEY>> = BTreeMap::new();
    for entry in entries {
        if let Entry::DNSKEY(record) = entry {
            let mut zone = record.name().clone();
            zone.set_fqdn(true);
            zones.entry(LowerName::new(&zone)).or_default().push(record.data().clone());
        }
    }
    if zones.is_empty() {
        return Err(DnssecError::NoAnchor { path: path_owned });
    }
    let zones = zones.into_iter();
    Ok(zones
        .map(|(zone, keys)| {
            let root = zone.is_root().then(|| validator_for(handle, &Name::root(), &keys));
            anchor(Name::from(zone), keys, root)
        })
        .collect())
}

fn validator_for(handle: &Validated, zone: &Name, keys: &[DNSKEY]) -> Validator {
    let mut anchors = TrustAnchors::empty();
    for key in keys {
        anchors.insert_with_name(key.public_key(), LowerName::new(zone));
    }
    DnssecDnsHandle::with_trust_anchor(handle.clone(), Arc::new(anchors))
}

impl Anchor {
    /// The zone.
    pub(super) fn zone(&self) -> &Name {
        &self.zone
    }

    /// A validator that believes the zone's present keys.
    pub(super) async fn validator(&self) -> Result<Validator, DnssecError> {
        let mut primed = self.primed.lock().await;
        if let Some((validator, until)) = primed.as_ref()
            && (self.zone.is_root() || Instant::now() < *until)
        {
            return Ok(validator.clone());
        }
        let (keys, ttl) = self.present_keys().await?;
        let validator = validator_for(&self.handle, &self.zone, &keys);
        let until = Instant::now() + Duration::from_secs(ttl.into()).min(LONGEST);
        *primed = Some((validator.clone(), until));
        Ok(validator)
    }

    /// The zone's keys, if a configured one has signed them.
    async fn present_keys(&self) -> Result<(Vec<DNSKEY>, u32), DnssecError> {
        let mut options = DnsRequestOptions::default();
        options.edns_set_dnssec_ok = true;
        let mut answers = self.handle.lookup(Query::query(self.zone.clone(), RecordType::DNSKEY), options);
        let answer =
            futures_util::StreamExt::next(&mut answers).await.unwrap_or(Err(NetError::NoConnections));
        let message = answer.map_err(|error| DnssecError::Exchange(error.to_string()))?.into_message();
        let records = self.key_records(&message);
        let now = u32::try_from(TokioTime::current_time()).unwrap_or(u32::MAX);
        let signed = signatures(&message, &self.zone).any(|signature| {
            is_current(signature, now) && self.keys.iter().any(|key| self.verifies(key, signature, &records))
        });
        if !signed {
            let fault = format!("the keys of {} are not signed by a configured trust anchor", self.zone);
            return Err(DnssecError::Bogus(fault));
        }
        let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        Ok((records.iter().filter_map(|record| dnskey(record)).cloned().collect(), ttl))
    }

    fn key_records<'m>(&self, message: &'m Message) -> Vec<&'m Record> {
        let ours = |record: &&Record| record.name == self.zone && dnskey(record).is_some();
        message.answers.iter().filter(ours).take(MOST_KEYS).collect()
    }

    /// Whether `key` is in the zone's set, may sign it, and did.
    fn verifies(&self, key: &DNSKEY, signature: &RRSIG, records: &[&Record]) -> bool {
        let published = records.iter().filter_map(|record| dnskey(record)).any(|present| {
            present.public_key() == key.public_key() && present.zone_key() && !present.revoke()
        });
        let class = hickory_proto::rr::DNSClass::IN;
        published && key.verify_rrsig(&self.zone, class, signature, records.iter().copied()).is_ok()
    }
}

fn dnskey(record: &Record) -> Option<&DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    }
}

/// Signatures over the DNSKEY set of `zone` by `zone` itself.
fn signatures<'m>(message: &'m Message, zone: &'m Name) -> impl Iterator<Item = &'m RRSIG> {
    let signature = move |record: &'m Record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) if record.name == *zone => Some(signature),
        _ => None,
    };
    message
        .answers
        .iter()
        .filter_map(signature)
        .filter(move |signature| {
            let input = signature.input();
            input.type_covered == RecordType::DNSKEY && input.signer_name == *zone
        })
        .take(MOST_KEYS)
}

/// Whether `now` lies between inception and expiration, by serial arithmetic (RFC 4034 §3.1.5).
fn is_current(signature: &RRSIG, now: u32) -> bool {
    let not_after = |earlier: u32, later: u32| later.wrapping_sub(earlier) < 1 << 31;
    let input = signature.input();
    not_after(input.sig_inception.get(), now) && not_after(now, input.sig_expiration.get())
}
