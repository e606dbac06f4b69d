//! A network of name servers on loopback addresses that share one port: authoritative servers, each for the zones it was given, and a
//! resolver that remembers for ever what it once heard was not there.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, NS, SOA, TXT},
    },
};
use tokio::net::UdpSocket;

use super::super::*;

/// The network.
#[derive(Clone)]
pub(super) struct Network {
    state: Arc<Mutex<State>>,
    pub(super) port: u16,
}

#[derive(Default)]
struct State {
    zones: Vec<Zone>,
    /// What the resolver holds to be absent: a name, or a type at a name.
    absent: HashSet<(String, Option<RecordType>)>,
    /// What the resolver was asked.
    asked: Vec<String>,
}

struct Zone {
    apex: Name,
    records: Vec<Record>,
}

fn name(text: &str) -> Name {
    absolute(text).unwrap()
}

fn at(host: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, host).into()
}

impl Network {
    /// A network with its resolver, at 127.0.0.1.
    pub(super) async fn start() -> Self {
        let socket = UdpSocket::bind((at(1), 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let network = Self { state: Arc::default(), port };
        let served = network.clone();
        tokio::spawn(
            async move { served.serve(socket, |network, question| network.resolved(question)).await },
        );
        network
    }

    pub(super) fn resolver(&self) -> SocketAddr {
        SocketAddr::new(at(1), self.port)
    }

    pub(super) fn resolvers(&self) -> Resolvers {
        Resolvers::of_network(self.resolver(), self.port)
    }

    /// A zone whose name servers are `ns<host>` at 127.0.0.<host>. None of them answers yet.
    pub(super) fn zone(&self, apex: &str, hosts: &[u8]) {
        let apex = name(apex);
        let soa = SOA::new(apex.clone(), apex.clone(), 1, 60, 60, 60, 3600);
        let mut records = vec![Record::from_rdata(apex.clone(), 60, RData::SOA(soa))];
        for host in hosts {
            let server = apex.prepend_label(format!("ns{host}")).unwrap();
            records.push(Record::from_rdata(apex.clone(), 60, RData::NS(NS(server.clone()))));
            records.push(Record::from_rdata(server, 60, RData::A(A(Ipv4Addr::new(127, 0, 0, *host)))));
        }
        self.state.lock().unwrap().zones.push(Zone { apex, records });
    }

    fn add(&self, owner: &str, data: RData) {
        let owner = name(owner);
        let mut state = self.state.lock().unwrap();
        let zone = deepest(&mut state.zones, &owner).unwrap();
        zone.records.push(Record::from_rdata(owner, 60, data));
    }

    pub(super) fn alias(&self, owner: &str, target: &str) {
        self.add(owner, RData::CNAME(CNAME(name(target))));
    }

    pub(super) fn address(&self, owner: &str, address: &str) {
        match address.parse().unwrap() {
            IpAddr::V4(address) => self.add(owner, RData::A(A(address))),
            IpAddr::V6(address) => self.add(owner, RData::AAAA(AAAA(address))),
        }
    }

    /// Hands a part of a zone to another, whose records must be there.
    pub(super) fn delegate(&self, child: &str, parent: &str) {
        let mut state = self.state.lock().unwrap();
        let child = state.zones.iter().find(|zone| zone.apex == name(child)).unwrap();
        let servers: Vec<Record> =
            child.records.iter().filter(|record| record.record_type() == RecordType::NS).cloned().collect();
        let parent = name(parent);
        state.zones.iter_mut().find(|zone| zone.apex == parent).unwrap().records.extend(servers);
    }

    /// Publishes, as an update at the primary does.
    pub(super) fn publish(&self, record: &ChallengeRecord) {
        let text = RData::TXT(TXT::new(vec![record.value.clone()]));
        self.add(&record.name.to_ascii(), text);
    }

    /// Starts the server at 127.0.0.<host>, which is authoritative for these zones as they are now, or always as they will be.
    pub(super) async fn server(&self, host: u8, zones: &[&str]) {
        let socket = UdpSocket::bind((at(host), self.port)).await.unwrap();
        let zones: Vec<Name> = zones.iter().map(|zone| name(zone)).collect();
        let network = self.clone();
        tokio::spawn(async move {
            network.serve(socket, |network, question| network.authoritative(question, &zones)).await;
        });
    }

    /// Starts a server that answers, but with nothing of what the zone holds beyond its apex, as a secondary does that is behind.
    pub(super) async fn stale_server(&self, host: u8) {
        let socket = UdpSocket::bind((at(host), self.port)).await.unwrap();
        let network = self.clone();
        tokio::spawn(async move {
            let stale = |_: &Self, question: &Message| {
                let mut answer = response(question);
                answer.metadata.authoritative = true;
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer
            };
            network.serve(socket, stale).await;
        });
    }

    /// The TXT values that the resolver tells of, as to a certificate authority that asks it.
    pub(super) async fn seen_by_the_authority(&self, owner: &Name) -> Vec<String> {
        let answer = exchange::ask(self.resolver(), owner, RecordType::TXT, true).await.unwrap();
        let text = |record: &Record| match &record.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        answer.answers.iter().filter_map(text).collect()
    }

    /// The names that the resolver was asked for.
    pub(super) fn asked_of_the_resolver(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    async fn serve(&self, socket: UdpSocket, answer: impl Fn(&Self, &Message) -> Message) {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            socket.send_to(&answer(self, &question).to_vec().unwrap(), peer).await.unwrap();
        }
    }

    fn authoritative(&self, question: &Message, zones: &[Name]) -> Message {
        let mut answer = response(question);
        let asked = &question.queries[0];
        let mut state = self.state.lock().unwrap();
        let zone = state
            .zones
            .iter_mut()
            .filter(|zone| zones.contains(&zone.apex) && zone.apex.zone_of(asked.name()));
        match zone.max_by_key(|zone| zone.apex.num_labels()) {
            Some(zone) => zone.answer(asked.name(), asked.query_type(), &mut answer),
            None => answer.metadata.response_code = ResponseCode::Refused,
        }
        answer
    }

    fn resolved(&self, question: &Message) -> Message {
        let mut answer = response(question);
        answer.metadata.recursion_available = true;
        let (mut current, kind) = (question.queries[0].name().clone(), question.queries[0].query_type());
        let mut state = self.state.lock().unwrap();
        state.asked.push(current.to_lowercase().to_ascii());
        loop {
            let key = current.to_lowercase().to_ascii();
            if state.absent.contains(&(key.clone(), None)) {
                answer.metadata.response_code = ResponseCode::NXDomain;
                break;
            }
            let Some(zone) = deepest(&mut state.zones, &current) else {
                answer.metadata.response_code = ResponseCode::NXDomain;
                break;
            };
            let mut found = response(question);
            zone.answer(&current, kind, &mut found);
            if state.absent.contains(&(key.clone(), Some(kind))) {
                found.answers.clear();
            }
            answer.metadata.response_code = found.metadata.response_code;
            if found.answers.is_empty() {
                let absent = (found.metadata.response_code == ResponseCode::NoError).then_some(kind);
                state.absent.insert((key, absent));
                answer.authorities.extend(found.authorities);
                break;
            }
            answer.answers.extend(found.answers.iter().cloned());
            match &found.answers[0].data {
                RData::CNAME(target) if kind != RecordType::CNAME => current = target.0.clone(),
                _ => break,
            }
        }
        answer
    }
}

fn deepest<'a>(zones: &'a mut [Zone], owner: &Name) -> Option<&'a mut Zone> {
    zones.iter_mut().filter(|zone| zone.apex.zone_of(owner)).max_by_key(|zone| zone.apex.num_labels())
}

impl Zone {
    fn answer(&self, owner: &Name, kind: RecordType, answer: &mut Message) {
        let is = |record: &&Record, kind| record.record_type() == kind;
        let delegation: Vec<Record> = self
            .records
            .iter()
            .filter(|record| {
                is(record, RecordType::NS) && record.name != self.apex && record.name.zone_of(owner)
            })
            .cloned()
            .collect();
        if !delegation.is_empty() {
            answer.authorities.extend(delegation);
            return;
        }
        answer.metadata.authoritative = true;
        let here: Vec<&Record> = self.records.iter().filter(|record| record.name == *owner).collect();
        let found = here.iter().filter(|record| is(record, kind) || is(record, RecordType::CNAME));
        answer.answers.extend(found.map(|record| (*record).clone()));
        if answer.answers.is_empty() {
            answer.authorities.push(self.records[0].clone());
            let exists = self.records.iter().any(|record| owner.zone_of(&record.name));
            if !exists {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
        }
    }
}

fn response(question: &Message) -> Message {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.add_queries(question.queries.clone());
    answer
}
