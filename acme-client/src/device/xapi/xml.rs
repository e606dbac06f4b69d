//! How a command is written for `/putxml`, and how the answers of `/putxml` and `/getxml` are read.
//!
//! No document type, no entities beyond XML's own: the parser refuses them. Attributes count only as far as the API gives them a meaning: `status` and `item`.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::answer::{Refusal, descend, judge};
use super::{Call, NotAnswer};

const NOT: NotAnswer = NotAnswer { expected: "the XML of its API" };

/// Deepest answer.
const DEEPEST: usize = 32;

/// The body of a `POST /putxml` that gives a command.
pub fn command(call: &Call) -> Zeroizing<String> {
    let mut inside = Zeroizing::new(String::new());
    let (last, above) = match call.words().split_last() {
        Some((last, above)) => (*last, above),
        None => ("", &[][..]),
    };
    for (name, value) in call.parameters() {
        element(&mut inside, name, value);
    }
    if let Some(body) = call.body() {
        element(&mut inside, "body", body);
    }
    let open: String = above.iter().map(|word| format!("<{word}>")).collect();
    let close: String = above.iter().rev().map(|word| format!("</{word}>")).collect();
    let (start, end) =
        (format!("<Command>{open}<{last} command=\"True\">"), format!("</{last}>{close}</Command>"));
    let mut text = Zeroizing::new(String::with_capacity(start.len() + inside.len() + end.len()));
    [&start, inside.as_str(), &end].into_iter().for_each(|part| text.push_str(part));
    text
}

/// The body of a `POST /putxml` that sets a configuration.
pub fn configure(path: &[&str], value: &str) -> String {
    let open: String = path.iter().map(|word| format!("<{word}>")).collect();
    let close: String = path.iter().rev().map(|word| format!("</{word}>")).collect();
    format!("<Configuration>{open}{}{close}</Configuration>", escaped(value).as_str())
}

/// The answer to a command.
pub fn result(text: &str) -> Result<Result<Value, Refusal>, NotAnswer> {
    let document = parse(text)?;
    let root = document.root_element();
    if !root.has_tag_name("Command") {
        return refused(root).map(Err);
    }
    // `<Command><ServicesShowResult status="OK">…`
    let result = root.children().find(Node::is_element).ok_or(NOT)?;
    Ok(judge(value(result, 0)?))
}

/// The answer to a `GET /getxml`: what stands at `path`, below `Status` or `Configuration`.
pub fn at(text: &str, path: &[&str]) -> Result<Result<Value, Refusal>, NotAnswer> {
    let document = parse(text)?;
    let root = document.root_element();
    match root.tag_name().name() {
        "EmptyResult" => return Ok(Ok(Value::Null)),
        "Status" | "Configuration" => {}
        _ => return refused(root).map(Err),
    }
    let whole = value(root, 0)?;
    let inner = whole.get("Result").cloned().map(judge);
    match inner {
        Some(Err(refusal)) => Ok(Err(refusal)),
        _ => Ok(Ok(descend(whole, path))),
    }
}

/// The answer to a configuration that was set: empty, or with errors somewhere in it.
pub fn configured(text: &str) -> Result<Result<(), Refusal>, NotAnswer> {
    let document = parse(text)?;
    let errors =
        |node: Node<'_, '_>| node.attribute("error").is_some() || node.attribute("status") == Some("Error");
    match document.descendants().find(|node| node.is_element() && errors(*node)) {
        Some(node) => refused(node).map(Err),
        None => Ok(Ok(())),
    }
}

fn parse(text: &str) -> Result<Document<'_>, NotAnswer> {
    let options = ParsingOptions { nodes_limit: 100_000, ..ParsingOptions::default() };
    Document::parse_with_options(text.trim_start_matches('\u{feff}').trim_start(), options).map_err(|_| NOT)
}

/// Whatever words there are in an answer that is neither a result nor a state.
fn refused(node: Node<'_, '_>) -> Result<Refusal, NotAnswer> {
    let found = value(node, 0)?;
    let inner = found.get("Result").cloned().unwrap_or_else(|| found.clone());
    Ok(judge(inner).err().unwrap_or_else(|| {
        let words: Vec<&str> =
            node.descendants().filter(Node::is_text).filter_map(|node| node.text()).map(str::trim).collect();
        Refusal::new(&words.join(" "))
    }))
}

/// An element as JSON-RPC would give it.
fn value(node: Node<'_, '_>, depth: usize) -> Result<Value, NotAnswer> {
    if depth > DEEPEST {
        return Err(NOT);
    }
    let mut members = Map::new();
    for child in node.children().filter(Node::is_element) {
        let mut inner = value(child, depth + 1)?;
        let name = child.tag_name().name().to_owned();
        match (child.attribute("item"), members.get_mut(&name)) {
            (None, _) => drop(members.insert(name, inner)),
            (Some(item), list) => {
                if let Value::Object(inner) = &mut inner {
                    inner.insert("id".to_owned(), Value::from(item));
                }
                match list {
                    Some(Value::Array(list)) => list.push(inner),
                    _ => drop(members.insert(name, Value::from(vec![inner]))),
                }
            }
        }
    }
    if let Some(status) = node.attribute("status") {
        members.insert("status".to_owned(), Value::from(status));
    }
    match members.is_empty() {
        // A branch without anything in it and an empty text look the same.
        true => Ok(Value::from(node.text().unwrap_or_default())),
        false => Ok(Value::Object(members)),
    }
}

fn element(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!("<{name}>"));
    text.push_str(&escaped(value));
    text.push_str(&format!("</{name}>"));
}

fn escaped(value: &str) -> Zeroizing<String> {
    // Never longer than this: it must not grow, which would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 6));
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\r' => text.push_str("&#13;"),
            c => text.push(c),
        }
    }
    text
}
