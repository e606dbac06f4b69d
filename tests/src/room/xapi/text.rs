//! The tree as text: JSON with collapsed values (JSON-RPC), JSON with `Value` members (TShell), XML (`getxml`, `putxml`), and lines (TShell at a terminal).
//!
//! Decides nothing. Every value is escaped for where it stands.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::tree::{GHOST, Node};

/// As JSON-RPC shows it: values are strings, items of lists carry their `id`.
#[must_use]
pub fn collapsed(node: &Node) -> Value {
    json(node, &|value| Value::from(value))
}

/// As TShell shows it: values are objects with the one member `Value`.
#[must_use]
pub fn valued(node: &Node) -> Value {
    json(node, &|value| json!({ "Value": value }))
}

fn json(node: &Node, leaf: &dyn Fn(&str) -> Value) -> Value {
    match node {
        Node::Leaf(value) => leaf(value),
        Node::Branch(children) => Value::Object(members(children, leaf)),
        Node::List(items) => items
            .iter()
            .map(|(item, node)| {
                let mut whole = Map::from_iter([("id".to_owned(), Value::from(item.to_string()))]);
                match node {
                    Node::Branch(children) => whole.append(&mut members(children, leaf)),
                    Node::Leaf(value) => drop(whole.insert("Value".to_owned(), Value::from(value.as_str()))),
                    Node::List(_) => {}
                }
                Value::Object(whole)
            })
            .collect(),
    }
}

/// Names in lower case are attributes, such as `status`: never wrapped.
fn members(children: &[(String, Node)], leaf: &dyn Fn(&str) -> Value) -> Map<String, Value> {
    let member = |(name, node): &(String, Node)| {
        let value = match node {
            // A node that has a value beside other things, such as a setting with an error.
            Node::Leaf(value) if is_attribute(name) || name == "Value" => Value::from(value.as_str()),
            Node::Leaf(_) | Node::Branch(_) | Node::List(_) => json(node, leaf),
        };
        (name.clone(), value)
    };
    children.iter().map(member).collect()
}

fn is_attribute(name: &str) -> bool {
    matches!(name, "status" | "error" | GHOST)
}

/// As XML, without a declaration.
#[must_use]
pub fn xml(node: &Node) -> String {
    let mut text = String::new();
    elements(&mut text, node, None);
    text
}

fn elements(text: &mut String, node: &Node, name: Option<&str>) {
    match node {
        Node::Leaf(value) => text.push_str(&escaped(value)),
        Node::Branch(children) => {
            for (name, node) in children.iter().filter(|(name, _)| !is_attribute(name)) {
                element(text, name, node, None);
            }
        }
        Node::List(items) => {
            for (item, node) in items {
                element(text, name.unwrap_or("Item"), node, Some(*item));
            }
        }
    }
}

fn element(text: &mut String, name: &str, node: &Node, item: Option<u32>) {
    if let Node::List(_) = node {
        return elements(text, node, Some(name));
    }
    text.push('<');
    text.push_str(name);
    if let Some(item) = item {
        // Writing to a string does not fail.
        let _ = write!(text, " item=\"{item}\" maxOccurrence=\"n\"");
    }
    if let Node::Branch(children) = node {
        for (name, value) in children.iter().filter(|(name, _)| is_attribute(name)) {
            if let Node::Leaf(value) = value {
                let _ = write!(text, " {name}=\"{}\"", escaped(value));
            }
        }
    }
    text.push('>');
    elements(text, node, None);
    text.push_str("</");
    text.push_str(name);
    text.push('>');
}

/// For the content of an element or of an attribute in double quotes. What XML cannot hold at all becomes a question mark.
#[must_use]
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\n' | '\t' => text.push(c),
            '\r' => text.push_str("&#13;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => text.push('?'),
            c => text.push(c),
        }
    }
    text
}

/// As lines for a terminal, such as `*s Conference EndToEndEncryption Availability: Available`. `mark` is what they begin with.
#[must_use]
pub fn lines(mark: &str, node: &Node) -> String {
    let mut text = String::new();
    for (path, value) in node.flatten() {
        let words = path.to_string().replace(['/', '['], " ").replace(']', "");
        let plain =
            !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'.');
        let shown = if plain { value } else { Value::from(value).to_string() };
        let _ = writeln!(text, "{mark} {words}: {shown}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Node {
        let details = Node::leaves([("Fingerprint", "ab".to_owned()), ("Name", "a<\"&\u{1}".to_owned())]);
        let result = Node::branch([("status", Node::leaf("OK")), ("Details", Node::list([details]))]);
        Node::branch([("ServicesShowResult", result)])
    }

    #[test]
    fn each_face_has_its_own_text() {
        assert_eq!(
            collapsed(&tree()),
            json!({"ServicesShowResult": {"status": "OK", "Details": [{"id": "1", "Fingerprint": "ab", "Name": "a<\"&\u{1}"}]}})
        );
        assert_eq!(
            valued(&tree())["ServicesShowResult"],
            json!({"status": "OK", "Details": [{"id": "1", "Fingerprint": {"Value": "ab"}, "Name": {"Value": "a<\"&\u{1}"}}]})
        );
        assert_eq!(
            xml(&tree()),
            "<ServicesShowResult status=\"OK\"><Details item=\"1\" maxOccurrence=\"n\"><Fingerprint>ab</Fingerprint>\
             <Name>a&lt;&quot;&amp;?</Name></Details></ServicesShowResult>"
        );
        assert!(lines("*r", &tree()).contains("*r ServicesShowResult Details 1 Fingerprint: ab\n"));
    }
}
