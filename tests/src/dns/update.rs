//! Dynamic updates (RFC 2136), signed with TSIG (RFC 8945) once a key is known.

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigResponseContext, TSigner};

use super::zones::Zones;
use super::{State, unix_now};

/// The answer to an update, as octets.
pub(super) fn answer(state: &State, request: &Message, octets: &[u8]) -> Vec<u8> {
    let (allowed, context) = authenticate(state, request, octets);
    let result = allowed.and_then(|()| apply(&mut state.zones.lock(), request));
    let mut response = Message::new(request.metadata.id, MessageType::Response, OpCode::Update);
    response.metadata.response_code = result.err().unwrap_or(ResponseCode::NoError);
    response.queries = request.queries.clone();
    let unsigned = response.to_vec().unwrap_or_default();
    let Some(signature) = context.and_then(|context| context.sign(&unsigned).ok()) else {
        return unsigned;
    };
    response.set_signature(signature);
    response.to_vec().unwrap_or(unsigned)
}

type Authenticated = (Result<(), ResponseCode>, Option<TSigResponseContext>);

fn authenticate(state: &State, request: &Message, octets: &[u8]) -> Authenticated {
    let (id, now) = (request.metadata.id, unix_now());
    let keys = state.keys.lock();
    let Some(tsig) = request.signature() else {
        let result = if keys.is_empty() { Ok(()) } else { Err(ResponseCode::Refused) };
        return (result, None);
    };
    let signer: Option<&TSigner> = keys.iter().find(|key| *key.signer_name() == tsig.name);
    let Some(signer) = signer.cloned() else {
        return (
            Err(ResponseCode::NotAuth),
            Some(TSigResponseContext::unknown_key(id, now, tsig.name.clone())),
        );
    };
    match signer.verify_message_byte(octets, None, true) {
        Ok((_, _, range)) if range.contains(&now) => {
            (Ok(()), Some(TSigResponseContext::new(id, now, signer, tsig.data.mac.clone(), None)))
        }
        _ => (Err(ResponseCode::NotAuth), Some(TSigResponseContext::bad_signature(id, now, signer))),
    }
}

/// Checks zone and prerequisites, then applies every change in order.
fn apply(zones: &mut Zones, request: &Message) -> Result<(), ResponseCode> {
    let [zone] = request.queries.as_slice() else { return Err(ResponseCode::FormErr) };
    if zone.query_type() != RecordType::SOA {
        return Err(ResponseCode::FormErr);
    }
    if !zones.has_zone(zone.name()) {
        return Err(ResponseCode::NotAuth);
    }
    // In an update the answer section holds the prerequisites and the authority section the changes (RFC 2136 §2).
    for required in &request.answers {
        within(zone.name(), required)?;
        require(zones, required)?;
    }
    for change in &request.authorities {
        within(zone.name(), change)?;
    }
    for change in &request.authorities {
        make(zones, change)?;
    }
    Ok(())
}

fn within(zone: &Name, record: &Record) -> Result<(), ResponseCode> {
    if zone.zone_of(&record.name) { Ok(()) } else { Err(ResponseCode::NotZone) }
}

fn require(zones: &Zones, required: &Record) -> Result<(), ResponseCode> {
    let (name, kind) = (&required.name, required.record_type());
    let any = kind == RecordType::ANY;
    let present = if any { zones.exists(name) } else { !zones.records(name, kind).is_empty() };
    match (required.dns_class, present) {
        (DNSClass::ANY, true) | (DNSClass::NONE, false) => Ok(()),
        (DNSClass::ANY, false) => Err(if any { ResponseCode::NXDomain } else { ResponseCode::NXRRSet }),
        (DNSClass::NONE, true) => Err(if any { ResponseCode::YXDomain } else { ResponseCode::YXRRSet }),
        (DNSClass::IN, _) if zones.records(name, kind).contains(&required.data) => Ok(()),
        (DNSClass::IN, _) => Err(ResponseCode::NXRRSet),
        _ => Err(ResponseCode::FormErr),
    }
}

fn make(zones: &mut Zones, change: &Record) -> Result<(), ResponseCode> {
    let (name, kind) = (change.name.clone(), change.record_type());
    match change.dns_class {
        DNSClass::IN if !matches!(change.data, RData::Update0(_)) => zones.add(name, change.data.clone()),
        DNSClass::ANY if kind == RecordType::ANY => zones.remove_all(&name, None),
        DNSClass::ANY => zones.remove_all(&name, Some(kind)),
        DNSClass::NONE => zones.remove(&name, &change.data),
        _ => return Err(ResponseCode::FormErr),
    }
    Ok(())
}
