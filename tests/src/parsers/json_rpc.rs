//! JSON-RPC of a room device, as the emulator reads it.

use serde_json::Value;

use super::Outcome;
use super::support::accepted_if;
use crate::room::rpc::{Method, parse, response, understand};
use crate::room::xapi::Path;

/// What is refused is answered with one of the codes that devices have; what is taken has paths that are paths, and a new line in a body alone.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let request = match parse(text) {
        Ok(request) => request,
        Err(answer) => {
            check_answer(&answer);
            return Outcome::Refused;
        }
    };
    let id = request.id.clone();
    assert!(matches!(id, Value::Null | Value::String(_) | Value::Number(_)));
    let understood = understand(request);
    let is_path =
        |path: &Path| assert!(!path.is_empty() && Path::parse(&path.to_string()).as_ref() == Some(path));
    match &understood {
        Ok(Method::Command(call)) => {
            assert!(call.parameters.iter().all(|(_, value)| !value.contains(['\n', '\r'])));
        }
        Ok(
            Method::Get(path)
            | Method::Set(path, _)
            | Method::Document(path)
            | Method::Subscribe { path, .. },
        ) => {
            is_path(path);
        }
        Ok(Method::Query(_) | Method::Unsubscribe { .. }) => {}
        Err(error) => check_answer(&response(id, Err(error.clone()))),
    }
    accepted_if(understood.is_ok())
}

fn check_answer(answer: &Value) {
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    assert!(matches!(code, Some(-32_700 | -32_600 | -32_601 | -32_602)), "{answer}");
    assert!(answer.pointer("/error/message").is_some_and(Value::is_string));
}
