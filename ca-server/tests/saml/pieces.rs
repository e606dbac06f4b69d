//! A signed response taken apart, so that a case can put it together wrongly.
//!
//! Of each element there are `start`, `issuer`, `rest` and `end`; `bare` is without its signature. The pieces named `evil` are of a copy
//! with other identifiers and another person.

use std::collections::BTreeMap;

use xml_sec::{Document, Node};

/// Pieces by name.
#[derive(Default)]
pub struct Pieces(BTreeMap<String, String>);

impl Pieces {
    /// Takes a signed response, and the same response unsigned, apart.
    pub fn of(signed: &str, unsigned: &str) -> Self {
        let mut pieces = Self::default();
        pieces.add("", signed);
        pieces.add("bare.", unsigned);
        let ids = unsigned.replace("ID=\"_", "ID=\"_evil_");
        pieces.add("evil.", &ids.replace("alice", "mallory"));
        pieces
    }

    fn add(&mut self, prefix: &str, xml: &str) {
        let document = Document::parse(xml).unwrap();
        let root = document.root_element();
        self.element(xml, &format!("{prefix}response"), root);
        for (name, local) in [("assertion", "Assertion"), ("encrypted", "EncryptedAssertion")] {
            if let Some(node) = child(root, local) {
                self.element(xml, &format!("{prefix}{name}"), node);
            }
        }
        if let Some(status) = child(root, "Status") {
            self.0.insert(format!("{prefix}status"), xml[status.range()].to_owned());
        }
    }

    fn element(&mut self, xml: &str, name: &str, node: Node<'_, '_>) {
        let mut put = |part: &str, text: &str| {
            let key = if part.is_empty() { name.to_owned() } else { format!("{name}.{part}") };
            self.0.insert(key, text.to_owned());
        };
        let whole = &xml[node.range()];
        put("", whole);
        put("start", &whole[..=whole.find('>').unwrap()]);
        put("end", &whole[whole.rfind("</").unwrap()..]);
        let mut rest = String::new();
        for part in node.children().filter(|part| part.is_element()) {
            let text = &xml[part.range()];
            match part.tag_name().name() {
                "Issuer" => put("issuer", text),
                "Signature" => put("signature", text),
                _ => rest.push_str(text),
            }
        }
        put("rest", &rest);
    }

    /// Writes the pieces into a text.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, piece) in &self.0 {
            filled = filled.replace(&format!("{{{{{name}}}}}"), piece);
        }
        filled
    }
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|part| part.is_element() && part.tag_name().name() == name)
}
