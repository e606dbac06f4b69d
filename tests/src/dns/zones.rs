//! The records, by name and type, and what they say about a question.

use std::collections::BTreeMap;
use std::sync::Arc;

use hickory_proto::rr::rdata::{A, NS, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use super::signed::Keys;

/// Most aliases that are followed within the zones.
const MOST_ALIASES: usize = 10;

/// The zones of a server.
#[derive(Default)]
pub(super) struct Zones {
    zones: BTreeMap<LowerName, Zone>,
    /// Time to live of everything.
    pub(super) ttl: u32,
}

struct Zone {
    origin: Name,
    serial: u32,
    records: BTreeMap<LowerName, Vec<RData>>,
    keys: Option<Arc<Keys>>,
}

/// What the zones say about a question.
pub(super) struct Found {
    /// The records, aliases first.
    pub(super) answers: Vec<Record>,
    /// The zone's SOA record, when there is no record of the type asked for.
    pub(super) soa: Option<Record>,
    /// Whether the name at the end of the aliases exists.
    pub(super) exists: bool,
    /// The name at the end of the aliases.
    pub(super) end: Name,
    /// Types at that name.
    pub(super) types: Vec<RecordType>,
    /// The keys of its zone.
    pub(super) keys: Option<Arc<Keys>>,
    /// Whether it lies in a zone of ours.
    pub(super) authoritative: bool,
}

impl Zones {
    pub(super) fn add_zone(&mut self, origin: Name) {
        let (key, server) = (LowerName::new(&origin), under("ns", &origin));
        let zone = self.zones.entry(key).or_insert_with(|| Zone {
            origin: origin.clone(),
            serial: 1,
            records: BTreeMap::new(),
            keys: None,
        });
        zone.put(&origin, RData::NS(NS(server.clone())));
        zone.put(&server, RData::A(A::new(127, 0, 0, 1)));
    }

    /// The nearest zone above `name`, made if there is none so that a test need not say so.
    fn zone_for(&mut self, name: &Name) -> &mut Zone {
        let key = match self.nearest(name) {
            Some(zone) => LowerName::new(&zone.origin),
            None => {
                let origin = name.trim_to(2);
                self.add_zone(origin.clone());
                LowerName::new(&origin)
            }
        };
        self.zones.entry(key).or_insert_with(|| Zone {
            origin: name.clone(),
            serial: 1,
            records: BTreeMap::new(),
            keys: None,
        })
    }

    fn nearest(&self, name: &Name) -> Option<&Zone> {
        let above = self.zones.values().filter(|zone| zone.origin.zone_of(name));
        above.max_by_key(|zone| zone.origin.num_labels())
    }

    /// The origin of the zone with exactly this name.
    pub(super) fn has_zone(&self, origin: &Name) -> bool {
        self.zones.contains_key(&LowerName::new(origin))
    }

    pub(super) fn set(&mut self, name: Name, kind: RecordType, records: Vec<RData>) {
        let zone = self.zone_for(&name);
        zone.clear(&name, Some(kind));
        for data in records {
            zone.put(&name, data);
        }
    }

    pub(super) fn add(&mut self, name: Name, data: RData) {
        self.zone_for(&name).put(&name, data);
    }

    pub(super) fn remove(&mut self, name: &Name, data: &RData) {
        self.zone_for(name).take(name, data);
    }

    pub(super) fn remove_all(&mut self, name: &Name, kind: Option<RecordType>) {
        self.zone_for(name).clear(name, kind);
    }

    pub(super) fn records(&self, name: &Name, kind: RecordType) -> Vec<RData> {
        let all = self.nearest(name).and_then(|zone| zone.records.get(&LowerName::new(name)));
        all.into_iter().flatten().filter(|data| data.record_type() == kind).cloned().collect()
    }

    /// Whether anything stands at `name` or below it.
    pub(super) fn exists(&self, name: &Name) -> bool {
        self.nearest(name).is_some_and(|zone| zone.exists(name))
    }

    /// Signs the zone and returns its trust anchor.
    pub(super) fn sign(&mut self, origin: &Name, two_keys: bool) -> String {
        if !self.has_zone(origin) {
            self.add_zone(origin.clone());
        }
        let keys = Arc::new(Keys::generate(origin, two_keys));
        let anchor = keys.anchor();
        if let Some(zone) = self.zones.get_mut(&LowerName::new(origin)) {
            zone.keys = Some(keys);
        }
        anchor
    }

    /// What is known about `name`.
    pub(super) fn look_up(&self, name: &Name, kind: RecordType) -> Found {
        let mut at = name.clone();
        let mut answers = Vec::new();
        for _ in 0..MOST_ALIASES {
            let alias = self.records(&at, RecordType::CNAME).into_iter().next();
            match alias {
                Some(RData::CNAME(target)) if kind != RecordType::CNAME => {
                    let next = target.0.clone();
                    answers.push(Record::from_rdata(at, self.ttl, RData::CNAME(target)));
                    at = next;
                }
                _ => break,
            }
        }
        self.look_up_end(at, kind, answers)
    }

    fn look_up_end(&self, end: Name, kind: RecordType, mut answers: Vec<Record>) -> Found {
        let Some(zone) = self.nearest(&end) else {
            let soa = Some(self.soa(&Name::root(), 1));
            let (exists, types) = (false, Vec::new());
            return Found { answers, soa, exists, end, types, keys: None, authoritative: false };
        };
        let data = match kind {
            RecordType::SOA if zone.origin == end => vec![self.soa(&zone.origin, zone.serial).data],
            RecordType::DNSKEY if zone.origin == end => {
                zone.keys.iter().flat_map(|keys| keys.records()).collect()
            }
            _ => self.records(&end, kind),
        };
        let soa = data.is_empty().then(|| self.soa(&zone.origin, zone.serial));
        let record = |data| Record::from_rdata(end.clone(), self.ttl, data);
        answers.extend(data.into_iter().map(record));
        Found {
            answers,
            soa,
            exists: zone.exists(&end),
            types: zone.types(&end),
            end,
            keys: zone.keys.clone(),
            authoritative: true,
        }
    }

    fn soa(&self, origin: &Name, serial: u32) -> Record {
        let (server, mailbox) = (under("ns", origin), under("hostmaster", origin));
        let soa = SOA::new(server, mailbox, serial, 3600, 600, 86_400, self.ttl);
        Record::from_rdata(origin.clone(), self.ttl, RData::SOA(soa))
    }
}

impl Zone {
    fn put(&mut self, name: &Name, data: RData) {
        let records = self.records.entry(LowerName::new(name)).or_default();
        if !records.contains(&data) {
            records.push(data);
            self.serial += 1;
        }
    }

    fn take(&mut self, name: &Name, data: &RData) {
        self.retain(name, |present| present != data);
    }

    fn clear(&mut self, name: &Name, kind: Option<RecordType>) {
        self.retain(name, |present| kind.is_some_and(|kind| present.record_type() != kind));
    }

    fn retain(&mut self, name: &Name, keep: impl FnMut(&RData) -> bool) {
        let key = LowerName::new(name);
        if let Some(records) = self.records.get_mut(&key) {
            records.retain(keep);
            if records.is_empty() {
                self.records.remove(&key);
            }
        }
        self.serial += 1;
    }

    fn exists(&self, name: &Name) -> bool {
        *name == self.origin || self.records.keys().any(|present| name.zone_of(&Name::from(present.clone())))
    }

    fn types(&self, name: &Name) -> Vec<RecordType> {
        let mut types: Vec<RecordType> =
            self.records.get(&LowerName::new(name)).into_iter().flatten().map(RData::record_type).collect();
        if *name == self.origin {
            types.extend([RecordType::SOA, RecordType::DNSKEY]);
        }
        types.sort_unstable();
        types.dedup();
        types
    }
}

/// `label.origin`, or `label.invalid` where that would be too long.
fn under(label: &str, origin: &Name) -> Name {
    origin.prepend_label(label).unwrap_or_else(|_| Name::root())
}
