//! Answers from DNS servers, as the resolver of `ca-server` reads them. Anyone on the way may have written them.

use std::collections::BTreeSet;

use ca_server::challenge::resolver::answer::{self, Answer, AnswerFault};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{LowerName, Name, RData, RecordType};

use super::Outcome;
use super::support::accepted_if;

/// Only records of the type asked for, at the end of the aliases from the name asked for, are an answer; an alias leads elsewhere;
/// a failure of the server is never "nothing there"; and no time to live is longer than that of its parts.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(message) = Message::from_vec(input) else { return Outcome::Refused };
    let asked = message.queries.iter().map(|query| &query.name);
    let names: BTreeSet<&Name> =
        asked.chain(message.answers.iter().map(|record| &record.name)).take(8).collect();
    let mut answered = false;
    for name in names {
        for kind in [RecordType::TXT, RecordType::CAA] {
            answered |= check_question(&message, name, kind);
        }
    }
    accepted_if(answered)
}

fn check_question(message: &Message, name: &Name, kind: RecordType) -> bool {
    let code = message.metadata.response_code;
    let usable = matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
    let read = answer::read(message, name, kind);
    if !usable {
        assert!(matches!(read, Err(AnswerFault::Code(found)) if found == code), "{read:?}");
        return false;
    }
    let reachable = reachable(message, name);
    match read {
        Ok(Answer::Records { records, ttl }) => {
            assert!(!records.is_empty());
            for record in records {
                assert_eq!(record.record_type(), kind);
                assert!(
                    reachable.contains(&LowerName::new(&record.name)),
                    "{} is not asked for",
                    record.name
                );
                assert!(ttl <= record.ttl);
            }
            true
        }
        Ok(Answer::Alias { target, .. }) => {
            assert!(target != *name && reachable.contains(&LowerName::new(&target)));
            assert_eq!(code, ResponseCode::NoError);
            true
        }
        Ok(Answer::Nothing { .. }) => {
            let there =
                message.answers.iter().any(|record| record.name == *name && record.record_type() == kind);
            let alias = |record: &hickory_proto::rr::Record| record.record_type() == RecordType::CNAME;
            let aliased = message.answers.iter().any(|record| record.name == *name && alias(record));
            assert!(!there || aliased, "a record was passed over");
            true
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            false
        }
    }
}

/// Every name that aliases lead to, by brute force.
fn reachable(message: &Message, name: &Name) -> BTreeSet<LowerName> {
    let mut found = BTreeSet::from([LowerName::new(name)]);
    for _ in 0..message.answers.len().min(16) {
        for record in &message.answers {
            if let RData::CNAME(target) = &record.data
                && found.contains(&LowerName::new(&record.name))
            {
                found.insert(LowerName::new(&target.0));
            }
        }
    }
    found
}
