//! The page as a screen reader has it: roles, names and what else is said of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{BrowserError, Chromium};

/// How long the browser may take to make up what is read.
const PATIENCE: Duration = Duration::from_secs(60);

/// One thing that is read out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Such as `button` or `heading`.
    pub role: String,
    /// What it is called.
    pub name: String,
    /// What is read after the name, such as a hint.
    pub description: String,
    /// Whether the keyboard can get there.
    pub focusable: bool,
    /// Of a heading: 1 to 6.
    pub level: Option<u64>,
    /// Whether it says that its content is wrong.
    pub invalid: bool,
    /// Whether it is announced when it comes.
    pub live: bool,
}

impl Node {
    /// Whether a person does something with it.
    #[must_use]
    pub fn is_control(&self) -> bool {
        let roles =
            ["button", "link", "textbox", "checkbox", "radio", "combobox", "searchbox", "tab", "menuitem"];
        roles.contains(&self.role.as_str())
    }
}

impl Chromium {
    /// All that is read out of the page, in the order of reading; waits until the browser has made it up.
    ///
    /// # Errors
    /// If the browser does not say.
    pub fn read_out(&self) -> Result<Vec<Node>, BrowserError> {
        self.chrome("Accessibility.enable", &json!({}))?;
        let began = Instant::now();
        let nodes = loop {
            let answer = self.chrome("Accessibility.getFullAXTree", &json!({}))?;
            let nodes = in_order(&answer)?;
            // A page that was only just loaded is its own root and nothing else.
            if nodes.len() > 1 || began.elapsed() > PATIENCE {
                break nodes;
            }
        };
        self.chrome("Accessibility.disable", &json!({}))?;
        Ok(nodes)
    }
}

/// The nodes that are read, in the order of the tree.
fn in_order(answer: &Value) -> Result<Vec<Node>, BrowserError> {
    let nodes = answer.get("nodes").and_then(Value::as_array);
    let nodes = nodes.ok_or(BrowserError::Shape { command: "getFullAXTree", wanted: "nodes" })?;
    let by_id: HashMap<&str, &Value> =
        nodes.iter().filter_map(|node| Some((node.get("nodeId")?.as_str()?, node))).collect();
    let mut read = Vec::new();
    let mut left: Vec<&Value> = nodes.iter().filter(|node| node.get("parentId").is_none()).collect();
    while let Some(node) = left.pop() {
        if node.get("ignored") != Some(&Value::Bool(true)) {
            read.push(node_of(node));
        }
        let children = node.get("childIds").and_then(Value::as_array).into_iter().flatten();
        let children = children.filter_map(|id| by_id.get(id.as_str()?).copied());
        left.extend(children.collect::<Vec<_>>().into_iter().rev());
    }
    Ok(read)
}

fn node_of(node: &Value) -> Node {
    let told = |member: &str| {
        let value = node.get(member).and_then(|member| member.get("value"));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let property = |name: &str| {
        let properties = node.get("properties").and_then(Value::as_array).into_iter().flatten();
        let mut found =
            properties.filter(|property| property.get("name").and_then(Value::as_str) == Some(name));
        found.next().and_then(|property| property.get("value")?.get("value").cloned()).unwrap_or_default()
    };
    let is = |name: &str| matches!(property(name), Value::Bool(true)) || property(name) == json!("true");
    Node {
        role: told("role"),
        name: told("name"),
        description: told("description"),
        focusable: is("focusable"),
        level: property("level").as_u64(),
        invalid: is("invalid"),
        live: matches!(property("live").as_str(), Some("polite" | "assertive")),
    }
}
