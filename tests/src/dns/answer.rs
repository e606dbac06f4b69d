//! One request, one answer: reads the question, asks the zones, applies the fault that waits for it.

use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{Name, RData, Record};

use super::faults::Fault;
use super::{Asked, State, Transport, update};

/// What goes back to the client.
#[derive(Default)]
pub(super) struct Reply {
    /// Wait before sending.
    pub(super) wait: Duration,
    /// Messages, in order; none: no answer at all.
    pub(super) messages: Vec<Vec<u8>>,
}

impl Reply {
    fn of(octets: Vec<u8>) -> Self {
        Self { wait: Duration::ZERO, messages: vec![octets] }
    }
}

/// Answers the request in `octets`; what is no request gets nothing.
pub(super) fn answer(state: &State, octets: &[u8], transport: Transport) -> Reply {
    let Ok(request) = Message::from_vec(octets) else { return Reply::default() };
    let Some(query) = request.queries.first().cloned() else { return Reply::default() };
    if request.metadata.op_code == OpCode::Update {
        return Reply::of(update::answer(state, &request, octets));
    }
    state.log.lock().push(Asked {
        name: query.name().to_lowercase().to_ascii().trim_end_matches('.').to_owned(),
        kind: query.query_type().to_string(),
        transport,
    });
    let fault = state.faults.lock().meet(query.name());
    let honest = || honest(state, &request, &query, fault);
    match fault {
        Some(Fault::Silent) => Reply::default(),
        Some(Fault::Slow(wait)) => Reply { wait, ..Reply::of(encode(&honest(), transport)) },
        Some(fault) => lie(fault, &request, &query, honest(), transport),
        None => Reply::of(encode(&honest(), transport)),
    }
}

fn lie(fault: Fault, request: &Message, query: &Query, mut honest: Message, transport: Transport) -> Reply {
    let udp = transport == Transport::Udp;
    let other_id = honest.metadata.id.wrapping_add(1);
    match fault {
        Fault::ServFail => Reply::of(encode(&refusal(request, ResponseCode::ServFail), transport)),
        Fault::Refused => Reply::of(encode(&refusal(request, ResponseCode::Refused), transport)),
        Fault::NxDomain => Reply::of(encode(&refusal(request, ResponseCode::NXDomain), transport)),
        Fault::Truncate if udp => {
            let mut cut = refusal(request, ResponseCode::NoError);
            cut.metadata.truncation = true;
            Reply::of(encode(&cut, transport))
        }
        Fault::WrongId if udp => {
            honest.metadata.id = other_id;
            Reply::of(encode(&honest, transport))
        }
        Fault::ForgeFirst if udp => {
            let mut forged = honest.clone();
            forged.metadata.id = other_id;
            forged.answers.clear();
            Reply {
                wait: Duration::ZERO,
                messages: vec![encode(&forged, transport), encode(&honest, transport)],
            }
        }
        Fault::WrongQuestion => {
            let name = query.name().clone().prepend_label("other").unwrap_or_else(|_| Name::root());
            honest.queries = vec![Query::query(name, query.query_type())];
            Reply::of(encode(&honest, transport))
        }
        Fault::LowerCase if udp => {
            honest.queries = vec![Query::query(query.name().to_lowercase(), query.query_type())];
            Reply::of(encode(&honest, transport))
        }
        Fault::Garbage => {
            let mut octets = request.metadata.id.to_be_bytes().to_vec();
            octets.extend_from_slice(&[0xff; 30]);
            Reply::of(octets)
        }
        Fault::Huge(number) => {
            let many = (0..number).map(|n| RData::TXT(TXT::new(vec![format!("{n:0>200}")])));
            honest.answers = many.map(|data| Record::from_rdata(query.name().clone(), 0, data)).collect();
            honest.authorities.clear();
            honest.metadata.response_code = ResponseCode::NoError;
            Reply::of(encode(&honest, transport))
        }
        Fault::Slow(_) | Fault::Silent | Fault::BadSignatures | Fault::NoSignatures => {
            Reply::of(encode(&honest, transport))
        }
        Fault::Truncate | Fault::WrongId | Fault::ForgeFirst | Fault::LowerCase => {
            Reply::of(encode(&honest, transport))
        }
    }
}

fn refusal(request: &Message, code: ResponseCode) -> Message {
    let mut response = Message::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    response.metadata.recursion_desired = request.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.metadata.response_code = code;
    response.queries = request.queries.clone();
    if request.edns.is_some() {
        response.set_edns(Edns::new());
    }
    response
}

fn honest(state: &State, request: &Message, query: &Query, fault: Option<Fault>) -> Message {
    let mut response = refusal(request, ResponseCode::NoError);
    let zones = state.zones.lock();
    let found = zones.look_up(query.name(), query.query_type());
    let signs = request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok)
        && fault != Some(Fault::NoSignatures);
    response.metadata.authoritative = found.authoritative;
    response.answers = found.answers;
    response.authorities.extend(found.soa);
    let keys = found.keys.filter(|_| signs);
    if !found.exists && keys.is_none() {
        response.metadata.response_code = ResponseCode::NXDomain;
    }
    if let Some(keys) = keys {
        let spoiled = fault == Some(Fault::BadSignatures);
        if !response.authorities.is_empty() {
            let absence = keys.absence(&found.end, &found.types, zones.ttl);
            response.authorities.push(absence);
        }
        let signatures = keys.sign(&response.answers, spoiled);
        response.answers.extend(signatures);
        let signatures = keys.sign(&response.authorities, spoiled);
        response.authorities.extend(signatures);
    }
    response
}

/// Octets of the message; over UDP cut short where it is larger than a client can take.
fn encode(message: &Message, transport: Transport) -> Vec<u8> {
    let octets = message.to_vec().unwrap_or_default();
    if transport == Transport::Tcp || octets.len() <= 1232 {
        return octets;
    }
    let mut cut = Message::new(message.metadata.id, MessageType::Response, message.metadata.op_code);
    cut.metadata.truncation = true;
    cut.queries = message.queries.clone();
    cut.to_vec().unwrap_or_default()
}
