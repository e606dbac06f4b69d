//! The harness's own DNS server: updates and signatures, seen from outside by hickory's client code.

use std::net::UdpSocket;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigner};
use rollcall_tests::dns::FakeDns;

const NAME: &str = "_acme-challenge.room-1.example.com.";

fn record(class: DNSClass, value: &str) -> Record {
    let data = RData::TXT(TXT::new(vec![value.to_owned()]));
    let mut record = Record::from_rdata(Name::from_ascii(NAME).unwrap(), 0, data);
    record.dns_class = class;
    record
}

fn update(changes: Vec<Record>) -> Message {
    let mut message = Message::new(7, MessageType::Query, OpCode::Update);
    message.add_query(Query::query(Name::from_ascii("example.com.").unwrap(), RecordType::SOA));
    message.authorities = changes;
    message
}

fn signer(secret: &[u8]) -> TSigner {
    TSigner::new(secret.to_vec(), TsigAlgorithm::HmacSha256, Name::from_ascii("acme.").unwrap(), 300).unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

async fn send(dns: &FakeDns, octets: Vec<u8>) -> Vec<u8> {
    let address = dns.address();
    let exchange = move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send_to(&octets, address).unwrap();
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

async fn send_signed(dns: &FakeDns, mut message: Message, secret: &[u8]) -> ResponseCode {
    let mut verifier = message.finalize(&signer(secret), now()).unwrap().unwrap();
    let answer = send(dns, message.to_vec().unwrap()).await;
    let code = Message::from_vec(&answer).unwrap().metadata.response_code;
    if code == ResponseCode::NoError {
        verifier.verify(&answer).expect("the answer to a good signature is signed");
    }
    code
}

#[tokio::test]
async fn a_signed_update_adds_and_deletes_single_records() {
    let dns = FakeDns::start().await;
    dns.add_zone("example.com");
    dns.add_tsig_key("acme", b"secret", TsigAlgorithm::HmacSha256);
    for value in ["one", "two"] {
        let code = send_signed(&dns, update(vec![record(DNSClass::IN, value)]), b"secret").await;
        assert_eq!(code, ResponseCode::NoError);
    }
    assert_eq!(dns.txt(NAME), ["one", "two"]);
    let code = send_signed(&dns, update(vec![record(DNSClass::NONE, "one")]), b"secret").await;
    assert_eq!((code, dns.txt(NAME)), (ResponseCode::NoError, vec!["two".to_owned()]));
}

#[tokio::test]
async fn an_update_with_a_wrong_key_or_none_or_for_another_zone_changes_nothing() {
    let dns = FakeDns::start().await;
    dns.add_zone("example.com");
    dns.add_tsig_key("acme", b"secret", TsigAlgorithm::HmacSha256);
    let code = send_signed(&dns, update(vec![record(DNSClass::IN, "forged")]), b"guess").await;
    assert_eq!(code, ResponseCode::NotAuth);
    let answer = send(&dns, update(vec![record(DNSClass::IN, "unsigned")]).to_vec().unwrap()).await;
    assert_eq!(Message::from_vec(&answer).unwrap().metadata.response_code, ResponseCode::Refused);
    let mut other = update(vec![record(DNSClass::IN, "elsewhere")]);
    other.queries = vec![Query::query(Name::from_ascii("example.net.").unwrap(), RecordType::SOA)];
    assert_eq!(send_signed(&dns, other, b"secret").await, ResponseCode::NotAuth);
    assert!(dns.txt(NAME).is_empty());
}

#[tokio::test]
async fn prerequisites_of_an_update_are_checked() {
    let dns = FakeDns::start().await;
    dns.add_zone("example.com");
    dns.set_txt(NAME, &["there"]);
    let mut message = update(vec![record(DNSClass::IN, "added")]);
    message.answers = vec![record(DNSClass::IN, "missing")];
    let answer = send(&dns, message.to_vec().unwrap()).await;
    assert_eq!(Message::from_vec(&answer).unwrap().metadata.response_code, ResponseCode::NXRRSet);
    assert_eq!(dns.txt(NAME), ["there"]);
}
