//! JSON-RPC 2.0 as the devices speak it: `xCommand/…`, `xGet`, `xSet`, `xQuery`, `xFeedback/…`, `xDoc`.
//!
//! Decides what a message means; strict about what is wrong, and says so with the codes of the devices. New lines stand in `body` alone.

use serde_json::{Map, Value, json};
use zeroize::{Zeroize as _, Zeroizing};

use crate::room::device::accounts::Who;
use crate::room::device::{Device, Outcome};
use crate::room::xapi::query::Query;
use crate::room::xapi::text::collapsed;
use crate::room::xapi::{Call, Node, Path, Refusal, Step};

/// Most values of one parameter.
const MOST_VALUES: usize = 16;

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Error {
    fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned(), data: None }
    }

    /// `Invalid params`, naming the one.
    #[must_use]
    pub fn parameters(name: &str) -> Self {
        Refusal::Parameter { name: name.to_owned() }.into()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let mut data = collapsed(&refusal.node());
        if let (Some(path), Value::Object(members)) = (refusal.xpath(), &mut data) {
            members.insert("xpath".to_owned(), path.into());
        }
        Self { code: refusal.rpc_code(), message: refusal.to_string(), data: Some(data) }
    }
}

/// A request.
pub struct Request {
    /// Its id, null if it has none.
    pub id: Value,
    method: String,
    params: Map<String, Value>,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.params.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

/// What is asked for.
pub enum Method {
    /// `xCommand/…`
    Command(Call),
    /// `xGet`
    Get(Path),
    /// `xSet`
    Set(Path, String),
    /// `xQuery`
    Query(Query),
    /// `xDoc`
    Document(Path),
    /// `xFeedback/Subscribe`
    Subscribe {
        /// To what.
        path: Path,
        /// Whether what is there now is to be told at once.
        show: bool,
    },
    /// `xFeedback/Unsubscribe`
    Unsubscribe {
        /// Which.
        number: u64,
    },
}

/// The answer to what is no JSON.
#[must_use]
pub fn not_json() -> Value {
    response(Value::Null, Err(Error::new(-32_700, "Parse error")))
}

/// A response.
#[must_use]
pub fn response(id: Value, result: Result<Value, Error>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Error { code, message, data }) => {
            let mut error = json!({ "code": code, "message": message });
            if let (Some(data), Value::Object(members)) = (data, &mut error) {
                members.insert("data".to_owned(), data);
            }
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// Reads a message.
///
/// # Errors
/// The response that says what is wrong with it.
pub fn parse(text: &str) -> Result<Request, Value> {
    let value: Value = serde_json::from_str(text).map_err(|_| not_json())?;
    let invalid = |id: Value| response(id, Err(Error::new(-32_600, "Invalid request")));
    let Value::Object(mut members) = value else { return Err(invalid(Value::Null)) };
    let id = match members.remove("id") {
        None => Value::Null,
        Some(id @ (Value::String(_) | Value::Number(_) | Value::Null)) => id,
        Some(_) => return Err(invalid(Value::Null)),
    };
    let params = match members.remove("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(invalid(id)),
    };
    let method = members.remove("method");
    match (members.get("jsonrpc"), method) {
        (Some(Value::String(version)), Some(Value::String(method))) if version == "2.0" => {
            Ok(Request { id, method, params })
        }
        _ => Err(invalid(id)),
    }
}

/// Says what a request asks for.
///
/// # Errors
/// What is wrong with it.
pub fn understand(mut request: Request) -> Result<Method, Error> {
    let method = std::mem::take(&mut request.method);
    if let Some(words) = method.strip_prefix("xCommand/") {
        return command(words, &request.params).map(Method::Command);
    }
    let params = &request.params;
    match method.as_str() {
        "xGet" => path(params, "Path").map(Method::Get),
        "xDoc" => path(params, "Path").map(Method::Document),
        "xSet" => {
            let value = params.get("Value").and_then(scalar).ok_or_else(|| Error::parameters("Value"))?;
            Ok(Method::Set(path(params, "Path")?, one_line("Value", value)?.to_string()))
        }
        "xQuery" => {
            let words = words(params.get("Query")).ok_or_else(|| Error::parameters("Query"))?;
            Query::of(&words).map(Method::Query).ok_or_else(|| Error::parameters("Query"))
        }
        "xFeedback/Subscribe" => {
            let show = params.get("NotifyCurrentValue").and_then(Value::as_bool).unwrap_or(false);
            Ok(Method::Subscribe { path: path(params, "Query")?, show })
        }
        "xFeedback/Unsubscribe" => {
            let number = params.get("Id").and_then(Value::as_u64);
            number.map(|number| Method::Unsubscribe { number }).ok_or_else(|| Error::parameters("Id"))
        }
        _ => Err(Error::new(-32_601, "Method not found")),
    }
}

fn command(words: &str, params: &Map<String, Value>) -> Result<Call, Error> {
    let mut call = Call::of(words);
    for (name, value) in params {
        let wrong = || Error::parameters(if crate::room::xapi::path::is_word(name) { name } else { "?" });
        if name == "body" {
            let Value::String(body) = value else { return Err(wrong()) };
            call.body = Some(Zeroizing::new(body.clone()));
            continue;
        }
        let values = match value {
            Value::Array(values) if values.len() <= MOST_VALUES => values.as_slice(),
            Value::Array(_) => return Err(wrong()),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let value = one_line(name, scalar(value).ok_or_else(wrong)?)?;
            call.parameters.push((name.clone(), value));
        }
    }
    Ok(call)
}

fn one_line(name: &str, value: Zeroizing<String>) -> Result<Zeroizing<String>, Error> {
    let name = if crate::room::xapi::path::is_word(name) { name } else { "?" };
    if value.contains(['\n', '\r']) { Err(Error::parameters(name)) } else { Ok(value) }
}

fn scalar(value: &Value) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    }))
}

/// A list of names and numbers, or one text.
fn words(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(text.split(['/', ' ']).map(str::to_owned).collect()),
        Value::Array(values) if values.len() <= 32 => values
            .iter()
            .map(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn path(params: &Map<String, Value>, name: &str) -> Result<Path, Error> {
    let words = words(params.get(name)).ok_or_else(|| Error::parameters(name))?;
    let words = words.iter().map(String::as_str).filter(|word| !word.is_empty());
    let path = Path::of_words(words).ok_or_else(|| Error::parameters(name))?;
    if path.is_empty() { Err(Error::parameters(name)) } else { Ok(path) }
}

/// Does what is asked for; `None` if the connection is to be cut. Subscriptions are the connection's own business.
pub async fn perform(device: &Device, who: &Who, method: Method) -> Option<Result<Value, Error>> {
    Some(match method {
        Method::Command(call) => match device.execute(&who.name, who.role, call).await {
            Outcome::Done { result, .. } => Ok(collapsed(&result)),
            Outcome::Refused { refusal, .. } => Err(refusal.into()),
            Outcome::CutOff => return None,
        },
        Method::Get(path) => device.get(&path).await.map(|(_, node)| collapsed(&node)).map_err(Error::from),
        Method::Set(path, value) => device
            .set(&who.name, who.role, &path, &value)
            .await
            .map(|()| Value::Bool(true))
            .map_err(Error::from),
        Method::Query(query) => Ok(collapsed(&query.of_tree(&device.tree().await))),
        Method::Document(path) => document(device, &path).await,
        Method::Subscribe { .. } | Method::Unsubscribe { .. } => Err(Error::new(-32_603, "Internal error")),
    })
}

/// What `xDoc` shows: the schema of commands, or the values that there are.
async fn document(device: &Device, path: &Path) -> Result<Value, Error> {
    let whole = device.document().await;
    let missing = || Refusal::UnknownPath { path: path.to_string() };
    let renamed = match path.steps().split_first() {
        Some((Step::Name(root), rest)) if root.eq_ignore_ascii_case("StatusSchema") => {
            let mut steps = vec![Step::Name("Status".to_owned())];
            steps.extend_from_slice(rest);
            Path::of(steps).ok_or_else(missing)?
        }
        _ => path.clone(),
    };
    let found: Option<&Node> = whole.find(&renamed).map(|(_, node)| node);
    found.map(collapsed).ok_or_else(|| missing().into())
}
