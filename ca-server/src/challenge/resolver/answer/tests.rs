//! Answers of servers that mean well and of those that do not.

use hickory_proto::op::{MessageType, OpCode};
use hickory_proto::rr::rdata::{CNAME, NS, SOA, TXT};

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn message() -> Message {
    Message::new(1, MessageType::Response, OpCode::Query)
}

fn txt(owner: &str, value: &str, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::TXT(TXT::new(vec![value.to_owned()])))
}

fn alias(owner: &str, target: &str, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
}

fn soa(ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(name("ns.example."), name("hostmaster.example."), 1, 1, 1, 1, minimum);
    Record::from_rdata(name("example."), ttl, RData::SOA(soa))
}

#[test]
fn records_beside_the_chain_of_aliases_do_not_count() {
    let mut message = message();
    message.answers = vec![
        txt("evil.example.", "planted", 5),
        alias("A.example.", "b.example.", 30),
        txt("b.example.", "real", 60),
        alias("evil.example.", "c.example.", 1),
    ];
    let asked = name("a.example.");
    let Answer::Records { records, ttl } = read(&message, &asked, RecordType::TXT).unwrap() else { panic!() };
    assert_eq!((records.len(), ttl), (1, 30));
    let other = name("d.example.");
    assert!(matches!(read(&message, &other, RecordType::TXT), Ok(Answer::Nothing { ttl: 0 })));
}

#[test]
fn nothing_there_holds_as_long_as_the_zone_says() {
    let mut message = message();
    message.authorities = vec![soa(300, 60)];
    assert!(matches!(read(&message, &name("a.example."), RecordType::CAA), Ok(Answer::Nothing { ttl: 60 })));
    message.metadata.response_code = ResponseCode::NXDomain;
    message.authorities.clear();
    assert!(matches!(read(&message, &name("a.example."), RecordType::CAA), Ok(Answer::Nothing { ttl: 0 })));
}

#[test]
fn an_alias_without_its_target_is_to_be_followed() {
    let mut message = message();
    message.answers = vec![alias("a.example.", "b.elsewhere.", 30)];
    let answer = read(&message, &name("a.example."), RecordType::TXT).unwrap();
    let Answer::Alias { target, ttl } = answer else { panic!("{answer:?}") };
    assert_eq!((target, ttl), (name("b.elsewhere."), 30));
}

#[test]
fn a_referral_is_no_answer_but_an_authoritative_nothing_is() {
    let mut message = message();
    message.authorities = vec![Record::from_rdata(name("example."), 60, RData::NS(NS(name("ns.example."))))];
    assert_eq!(read(&message, &name("a.example."), RecordType::CAA).err(), Some(AnswerFault::Referral));
    message.metadata.authoritative = true;
    assert!(read(&message, &name("a.example."), RecordType::CAA).is_ok());
}

#[test]
fn long_chains_of_aliases_are_cut() {
    let mut message = message();
    message.answers =
        (0..20).map(|n| alias(&format!("n{n}.example."), &format!("n{}.example.", n + 1), 60)).collect();
    assert_eq!(
        read(&message, &name("n0.example."), RecordType::TXT).err(),
        Some(AnswerFault::TooManyAliases)
    );
}
