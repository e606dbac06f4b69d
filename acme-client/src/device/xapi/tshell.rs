//! The text shell that devices serve over SSH, in its JSON mode.
//!
//! A command is one line, its parameters in order, their values quoted as JSON. One with a body is announced with the octets of both. An answer is one JSON object,
//! in which every leaf is `{"Value": …}`, and which names the request by `ResultId`.

use serde_json::Value;
use zeroize::Zeroizing;

use super::answer::{Refusal, descend, judge};
use super::{Call, NotAnswer};

const NOT: NotAnswer = NotAnswer { expected: "JSON" };

/// The lines that give a command.
pub fn command(call: &Call, id: u64) -> Zeroizing<String> {
    let parameters =
        call.parameters().map(|(name, value)| quoted(value).len() + name.len() + 3).sum::<usize>();
    let body = call.body().map_or(0, str::len);
    let mut line = Zeroizing::new(String::with_capacity(256 + parameters + body));
    line.push_str("xCommand");
    for word in call.words() {
        line.push(' ');
        line.push_str(word);
    }
    for (name, value) in call.parameters() {
        line.push_str(&format!(" {name}: "));
        line.push_str(&quoted(value));
    }
    line.push_str(&format!(" | resultId=\"{id}\"\n"));
    let Some(body) = call.body() else { return line };
    line.push_str(body);
    line.push('\n');
    let announced = format!("{{{}}} \n", line.len());
    let mut text = Zeroizing::new(String::with_capacity(announced.len() + line.len()));
    text.push_str(&announced);
    text.push_str(&line);
    text
}

/// The line that asks for a path, `Status` or `Configuration` first.
pub fn get(path: &[&str], id: u64) -> String {
    format!("x{} | resultId=\"{id}\"\n", path.join(" "))
}

/// The line that sets a configuration.
pub fn set(path: &[&str], value: &str, id: u64) -> String {
    format!("x{}: {} | resultId=\"{id}\"\n", path.join(" "), quoted(value).as_str())
}

/// The answer to request `id`; `None` if it is for another.
pub fn result(mut answer: Value, id: u64) -> Result<Option<Result<Value, Refusal>>, NotAnswer> {
    let Value::Object(members) = &mut answer else { return Err(NOT) };
    match members.remove("ResultId") {
        Some(Value::String(given)) if given == id.to_string() => {}
        _ => return Ok(None),
    }
    let inner = members.remove("CommandResponse");
    let inner = inner.unwrap_or(answer);
    if let Some(words) = wrong_value(&inner) {
        return Ok(Some(Err(Refusal::new(&words))));
    }
    let collapsed = collapse(inner);
    // `{"ServicesShowResult": {…}}`, `{"Configuration": {"status": "Error", …}}`, or an error without anything around it.
    let is_result =
        |(name, value): &(&String, &Value)| name.ends_with("Result") || value.get("status").is_some();
    let wrapped = match &collapsed {
        Value::Object(members) => members.iter().find(is_result).map(|(_, value)| value),
        _ => None,
    };
    Ok(Some(judge(wrapped.cloned().unwrap_or(collapsed))))
}

/// What stands at `path` of an answer to [`get`], its first word included.
pub fn at(answer: Value, path: &[&str]) -> Value {
    let response = path.first().map(|first| format!("{first}Response")).unwrap_or_default();
    let inner = match answer.get(&response) {
        Some(inner) => inner.clone(),
        None => answer,
    };
    descend(inner, path)
}

/// What is said of a setting that cannot have its value: `{"error": "True", "Value": …}`, somewhere below.
fn wrong_value(answer: &Value) -> Option<String> {
    let Value::Object(members) = answer else { return None };
    if members.get("error").is_some_and(|error| error == "True" || error.get("Value") == Some(&"True".into()))
    {
        let words = collapse(members.get("Value").cloned().unwrap_or_default());
        return Some(words.as_str().unwrap_or("a value that it does not take").to_owned());
    }
    members.values().find_map(wrong_value)
}

/// `{"Value": x}` is `x`.
fn collapse(value: Value) -> Value {
    match value {
        Value::Object(mut members) if members.contains_key("Value") && !members.contains_key("id") => {
            members.remove("Value").unwrap_or_default()
        }
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, collapse(value))).collect(),
        Value::Array(items) => items.into_iter().map(collapse).collect(),
        leaf => leaf,
    }
}

fn quoted(value: &str) -> Zeroizing<String> {
    Zeroizing::new(serde_json::to_string(value).unwrap_or_default())
}
