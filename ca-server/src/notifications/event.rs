//! From an entry of the journal to the event that a webhook is told: CloudEvents 1.0 in JSON. `docs/notifications.md` explains each field.
//!
//! Field names are a contract: add, never rename; what changes its meaning gets a new `type`. The id is made of the entry's number and hash, so it
//! is the same however often it is told, and another one in a journal that was restored. Carries no key and no token; of what an identity provider
//! said only the address that is certified and, of failures, whose credential was shown.

use bytes::Bytes;
use certs::crl::RevocationReason;
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Endpoint;
use crate::app::App;
use crate::config::notifications::EventKind;
use crate::log::act::Act;
use crate::log::chain::Entry;
use crate::order::model::Certificate;
use crate::store::StoreError;
use crate::store::tables::certificates::is_own;

/// Something to be told.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The same however often it is told.
    pub(super) id: String,
    /// The whole message.
    pub(super) body: Bytes,
}

/// What the envelope says beside the data.
struct Envelope<'a> {
    id: &'a str,
    name: &'static str,
    at: OffsetDateTime,
    subject: Option<&'a str>,
    seq: Option<u64>,
}

impl Envelope<'_> {
    fn sealed(self, app: &App, data: &Value) -> Event {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": app.config.url,
            "type": format!("rollcall.{}.v1", self.name),
            "time": rfc3339(self.at),
            "datacontenttype": "application/json",
            "data": data,
        });
        if let Some(fields) = event.as_object_mut() {
            fields.extend(self.subject.map(|subject| ("subject".to_owned(), subject.into())));
            fields.extend(self.seq.map(|seq| ("sequence".to_owned(), seq.to_string().into())));
        }
        Event { id: self.id.to_owned(), body: Bytes::from(event.to_string()) }
    }
}

/// The event of an entry, if this webhook is told of it.
pub(super) async fn of(app: &App, endpoint: &Endpoint, entry: &Entry) -> Result<Option<Event>, StoreError> {
    // What a newer program wrote has no event here. It is passed over; a newer program tells it if an operator goes back to it.
    let Ok(act) = entry.parse() else { return Ok(None) };
    let (kind, serial, name, mut data) = match act {
        Act::Issued { serial, certificate_sha256 } => {
            let data = json!({ "sha256": certificate_sha256 });
            (EventKind::Issued, Some(serial), "certificate.issued", data)
        }
        Act::Revoked { serial, reason, by } => {
            let data = json!({ "reason": reason_text(reason), "reason_code": reason, "by": by });
            (EventKind::Revoked, Some(serial), "certificate.revoked", data)
        }
        Act::Expiring { serial, ahead } => {
            let data = json!({ "ahead_seconds": ahead });
            (EventKind::Expiring, Some(serial), "certificate.expiring", data)
        }
        Act::FailingRepeatedly { subject, account, times, seconds, action, rule } => {
            let data = json!({
                "subject": subject, "times": times, "within_seconds": seconds, "action": action, "rule": rule,
                "account": account.map(|id| id.to_string()),
            });
            (EventKind::Failures, None, "failures.repeated", data)
        }
        Act::Intent { .. }
        | Act::Abandoned { .. }
        | Act::Refused { .. }
        | Act::SignedIn { .. }
        | Act::AccountCreated { .. }
        | Act::KeyChanged { .. }
        | Act::AccountDeactivated { .. }
        | Act::ExternalKey { .. }
        | Act::Organisation { .. }
        | Act::MachineAccount { .. }
        | Act::Approval { .. }
        | Act::Console { .. }
        | Act::Operation { .. } => return Ok(None),
    };
    if !endpoint.wants(kind) {
        return Ok(None);
    }
    let certificate = match &serial {
        Some(serial) => app.store.load::<Certificate>(serial).await?.map(|record| record.value),
        None => None,
    };
    let own = kind == EventKind::Issued && certificate.as_ref().is_some_and(is_own);
    // Of a certificate whose record was pruned nobody can say what a filter would: whoever wants its kind is told.
    let is_pruned = serial.is_some() && certificate.is_none();
    if own || !is_pruned && !endpoint.takes(kind, certificate.as_ref()) {
        return Ok(None);
    }
    if let (Some(fields), Some(serial)) = (data.as_object_mut(), &serial) {
        fields.insert("certificate".to_owned(), shown(serial, certificate.as_ref()));
    }
    let serial = serial.map(|serial| serial.to_string());
    let subject = serial.as_deref().or_else(|| data.get("subject").and_then(Value::as_str));
    let id = id_of(entry);
    let envelope = Envelope { id: &id, name, at: entry.at, subject, seq: Some(entry.seq) };
    Ok(Some(envelope.sealed(app, &data)))
}

/// That entries are missing between the last one told and the next one there is.
pub(super) fn gap(app: &App, endpoint: &Endpoint, (first, last): (u64, u64), why: &str) -> Event {
    let id = format!("gap-{}-{first}-{last}", endpoint.name());
    let data = json!({ "first_missing": first, "last_missing": last, "why": why });
    let at = app.clock.now();
    Envelope { id: &id, name: "journal.gap", at, subject: None, seq: None }.sealed(app, &data)
}

/// That an operator wants to know whether this arrives.
pub(super) fn test(app: &App, endpoint: &Endpoint, number: u64) -> Event {
    let id = format!("test-{number:016x}");
    let data = json!({ "webhook": endpoint.name(), "events": endpoint.events() });
    let at = app.clock.now();
    Envelope { id: &id, name: "test", at, subject: None, seq: None }.sealed(app, &data)
}

fn id_of(entry: &Entry) -> String {
    let hash = entry.hash.first_chunk::<8>().map(|octets| HEXLOWER.encode(octets));
    format!("{}-{}", entry.seq, hash.unwrap_or_default())
}

/// The certificate as far as it concerns others; its record may be gone long before its events are told.
fn shown(serial: &Serial, certificate: Option<&Certificate>) -> Value {
    let mut fields = Map::new();
    fields.insert("serial".to_owned(), serial.to_string().into());
    let Some(record) = certificate else { return Value::Object(fields) };
    let list = |values: Vec<String>| Value::from(values);
    fields.extend([
        ("authority".to_owned(), record.authority.to_string().into()),
        ("issuer".to_owned(), record.issuer.clone().into()),
        ("profile".to_owned(), record.profile.clone().into()),
        ("identifiers".to_owned(), list(record.identifiers.iter().map(ToString::to_string).collect())),
        ("proofs".to_owned(), list(record.proofs.iter().map(ToString::to_string).collect())),
        ("not_before".to_owned(), rfc3339(record.not_before).into()),
        ("not_after".to_owned(), rfc3339(record.not_after).into()),
    ]);
    let mut add = |key: &str, value: Option<String>| {
        fields.extend(value.map(|value| (key.to_owned(), value.into())));
    };
    add("account", record.account.map(|id| id.to_string()));
    add("order", record.order.map(|id| id.to_string()));
    add("replaces", record.replaces.clone());
    if let Some(holder) = &record.holder {
        add("holder", Some(holder.id.value().to_string()));
        add("holder_kind", Some(holder.kind.as_str().to_owned()));
        add("organisation", holder.organisation.map(|id| id.to_string()));
    }
    Value::Object(fields)
}

fn reason_text(code: u8) -> &'static str {
    RevocationReason::from_code(code.into()).map_or("unspecified", RevocationReason::as_str)
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
