//! What an answer says about the name that was asked for: records, nothing, or "look over there" (RFC 1034 §4.3.1, RFC 2308).
//!
//! Only records that lie on the chain of aliases from the name asked for count; whatever else a server adds is ignored.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Most aliases in a row.
pub const MOST_ALIASES: usize = 8;

/// What an answer says.
#[derive(Debug)]
pub enum Answer<'m> {
    /// Records of the type asked for, at the end of the chain.
    Records {
        /// The records.
        records: Vec<&'m Record>,
        /// The smallest time to live on the way, in seconds.
        ttl: u32,
    },
    /// There are none.
    Nothing {
        /// How long that may be remembered, if the zone says so.
        ttl: u32,
    },
    /// The chain ends at a name that this answer says nothing about.
    Alias {
        /// Where to look.
        target: Name,
        /// The smallest time to live on the way, in seconds.
        ttl: u32,
    },
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// The server failed or refused.
    #[error("{}", code_text(*.0))]
    Code(ResponseCode),
    /// It leads to other servers instead of answering.
    #[error("it referred to other servers, so it is not a recursive resolver for this name")]
    Referral,
    /// Longer than any honest chain, or a circle.
    #[error("more than {MOST_ALIASES} aliases in a row")]
    TooManyAliases,
}

/// Reads `message` as the answer about `name`. Total: any message gives an answer or a fault.
///
/// # Errors
/// Why it is no answer.
pub fn read<'m>(message: &'m Message, name: &Name, kind: RecordType) -> Result<Answer<'m>, AnswerFault> {
    let code = message.metadata.response_code;
    if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Err(AnswerFault::Code(code));
    }
    let (end, chain_ttl) = follow(message, name)?;
    let at_end = |record: &&Record| record.record_type() == kind && record.name == *end;
    let records: Vec<&Record> = message.answers.iter().filter(at_end).collect();
    if !records.is_empty() {
        let ttl = records.iter().map(|record| record.ttl).fold(chain_ttl, u32::min);
        return Ok(Answer::Records { records, ttl });
    }
    let negative_ttl = negative_ttl(message);
    if code == ResponseCode::NXDomain || negative_ttl.is_some() {
        return Ok(Answer::Nothing { ttl: negative_ttl.unwrap_or(0).min(chain_ttl) });
    }
    if end != name {
        return Ok(Answer::Alias { target: end.clone(), ttl: chain_ttl });
    }
    if is_referral(message) {
        return Err(AnswerFault::Referral);
    }
    Ok(Answer::Nothing { ttl: 0 })
}

/// The end of the chain of aliases that starts at `name`.
pub(super) fn end<'m>(message: &'m Message, name: &'m Name) -> Result<&'m Name, AnswerFault> {
    follow(message, name).map(|(end, _)| end)
}

/// The end of the chain of aliases that starts at `name`, and the smallest time to live on it.
fn follow<'m>(message: &'m Message, name: &'m Name) -> Result<(&'m Name, u32), AnswerFault> {
    let (mut at, mut ttl) = (name, u32::MAX);
    for _ in 0..=MOST_ALIASES {
        let alias = message.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *at => Some((&target.0, record.ttl)),
            _ => None,
        });
        match alias {
            Some((target, alias_ttl)) => (at, ttl) = (target, ttl.min(alias_ttl)),
            None => return Ok((at, ttl)),
        }
    }
    Err(AnswerFault::TooManyAliases)
}

/// How long "nothing there" holds (RFC 2308 §5); `None` without an SOA record, and then it is not remembered.
fn negative_ttl(message: &Message) -> Option<u32> {
    message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    })
}

fn is_referral(message: &Message) -> bool {
    let delegates = message.authorities.iter().any(|record| record.record_type() == RecordType::NS);
    delegates && !message.metadata.authoritative && !message.metadata.recursion_available
}

fn code_text(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        other => format!("response code {}", u16::from(other)),
    }
}

#[cfg(test)]
mod tests;
