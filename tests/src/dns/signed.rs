//! Signatures made while answering (RFC 4034): every set of records in an answer is signed, and absence is proven by a record made for
//! the very name that was asked for (RFC 4470), so names that do not exist look like names without records.

use std::time::Duration;

use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG};
use hickory_proto::dnssec::{Algorithm, DnssecSigner, PublicKey as _, SigningKey as _};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType};
use time::OffsetDateTime;

/// How long a signature holds.
const LIFETIME: Duration = Duration::from_secs(86_400);

/// The keys of a zone.
pub(super) struct Keys {
    zone: Name,
    /// Signs the keys; the trust anchor.
    entry: DnssecSigner,
    /// Signs the records, if another key does that.
    records: Option<DnssecSigner>,
}

impl Keys {
    pub(super) fn generate(zone: &Name, two: bool) -> Self {
        Self { zone: zone.clone(), entry: signer(zone, true), records: two.then(|| signer(zone, false)) }
    }

    /// The trust anchor in zone-file form.
    pub(super) fn anchor(&self) -> String {
        let key = self.entry.dnskey();
        let octets = data_encoding(key.public_key().public_bytes());
        format!(
            "{} 3600 IN DNSKEY {} 3 {} {octets}\n",
            self.zone,
            key.flags(),
            u8::from(Algorithm::ECDSAP256SHA256)
        )
    }

    /// The zone's DNSKEY records.
    pub(super) fn records(&self) -> Vec<RData> {
        let signers = std::iter::once(&self.entry).chain(&self.records);
        signers.map(|signer| RData::DNSSEC(DNSSECRData::DNSKEY(signer.dnskey().clone()))).collect()
    }

    /// That `name` has these types and no others.
    pub(super) fn absence(&self, name: &Name, types: &[RecordType], ttl: u32) -> Record {
        let next = Name::from_labels([&b"\0"[..]])
            .and_then(|label| label.append_domain(name))
            .unwrap_or_else(|_| self.zone.clone());
        let nsec = NSEC::new_cover_self(next, types.iter().copied());
        Record::from_rdata(name.clone(), ttl, RData::DNSSEC(DNSSECRData::NSEC(nsec)))
    }

    /// The signatures over each set among `records` that lies in the zone.
    pub(super) fn sign(&self, records: &[Record], spoiled: bool) -> Vec<Record> {
        let mut sets: Vec<RecordSet> = Vec::new();
        for record in records.iter().filter(|record| self.zone.zone_of(&record.name)) {
            let kind = record.record_type();
            match sets.iter_mut().find(|set| *set.name() == record.name && set.record_type() == kind) {
                Some(set) => _ = set.insert(record.clone(), 0),
                None => {
                    let mut set = RecordSet::with_ttl(record.name.clone(), kind, record.ttl);
                    set.insert(record.clone(), 0);
                    sets.push(set);
                }
            }
        }
        sets.iter().map(|set| self.signature(set, spoiled)).collect()
    }

    fn signature(&self, set: &RecordSet, spoiled: bool) -> Record {
        let signer = match &self.records {
            Some(records) if set.record_type() != RecordType::DNSKEY => records,
            _ => &self.entry,
        };
        let inception = OffsetDateTime::now_utc() - Duration::from_secs(60);
        let made = RRSIG::from_rrset(set, DNSClass::IN, inception, signer)
            .expect("a set that was just made can be signed");
        let mut octets = made.sig().to_vec();
        if let (true, Some(first)) = (spoiled, octets.first_mut()) {
            *first ^= 0xff;
        }
        let signature = RRSIG::from_sig(made.input().clone(), octets);
        Record::from_rdata(set.name().clone(), set.ttl(), RData::DNSSEC(DNSSECRData::RRSIG(signature)))
    }
}

fn signer(zone: &Name, entry: bool) -> DnssecSigner {
    let algorithm = Algorithm::ECDSAP256SHA256;
    let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm).expect("a P-256 key can be made");
    let key = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm).expect("a key that was just made can be read");
    let public = key.to_public_key().expect("a key pair has a public key");
    let dnskey = DNSKEY::new(true, entry, false, public);
    DnssecSigner::new(dnskey, Box::new(key), zone.clone(), LIFETIME)
}

fn data_encoding(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}
