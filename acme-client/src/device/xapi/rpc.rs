//! JSON-RPC 2.0 as devices speak it over WebSocket: how requests are written and answers read.
//!
//! An answer is believed to be one to a request only by its `id`; everything else, such as events, is none of ours and passed over. What a command carries is wiped once
//! it is written, and goes into no error.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::answer::{Refusal, judge};
use super::{Call, NotAnswer};

const NOT: NotAnswer = NotAnswer { expected: "JSON-RPC" };

/// A message that gives a command.
pub fn command(call: &Call, id: u64) -> Zeroizing<String> {
    let method = format!("xCommand/{}", call.words().join("/"));
    let params = Zeroizing::new(serde_json::to_string(&Parameters(call)).unwrap_or_default());
    // Words of commands are letters and digits: they need no escapes.
    let (start, end) = (format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"{method}","params":"#), "}");
    let mut text = Zeroizing::new(String::with_capacity(start.len() + params.len() + end.len()));
    [&start, params.as_str(), end].into_iter().for_each(|part| text.push_str(part));
    text
}

struct Parameters<'a>(&'a Call);

impl Serialize for Parameters<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.parameters() {
            map.serialize_entry(name, value)?;
        }
        if let Some(body) = self.0.body() {
            map.serialize_entry("body", body)?;
        }
        map.end()
    }
}

/// A message that asks what stands at a path, `Status` or `Configuration` first.
pub fn get(path: &[&str], id: u64) -> String {
    json!({ "jsonrpc": "2.0", "id": id.to_string(), "method": "xGet", "params": { "Path": path } })
        .to_string()
}

/// A message that sets a configuration.
pub fn set(path: &[&str], value: &str, id: u64) -> String {
    let params = json!({ "Path": path, "Value": value });
    json!({ "jsonrpc": "2.0", "id": id.to_string(), "method": "xSet", "params": params }).to_string()
}

/// The answer to message `id`; `None` if this is about something else, such as an event.
pub fn result(text: &str, id: u64) -> Result<Option<Result<Value, Refusal>>, NotAnswer> {
    let Ok(Value::Object(mut message)) = serde_json::from_str(text) else { return Err(NOT) };
    let same = match message.get("id") {
        Some(Value::String(given)) => *given == id.to_string(),
        Some(Value::Number(given)) => given.as_u64() == Some(id),
        _ => false,
    };
    if !same {
        return Ok(None);
    }
    if let Some(error) = message.get("error") {
        let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
        let words = error.get("message").and_then(Value::as_str).unwrap_or_default();
        return Ok(Some(Err(Refusal::of_rpc(code, words, error.get("data")))));
    }
    message.remove("result").map(|result| Some(judge(result))).ok_or(NOT)
}
