//! What can be configured: the few settings of end-to-end encryption, and what the guide tells administrators to set.

use certs::name::DnsName;

use crate::room::xapi::{Node, Path, Refusal, Step};

/// The settings.
#[derive(Clone)]
pub(super) struct Settings {
    /// Whether end-to-end encryption is offered (`Conference EndToEndEncryption Mode`; firmware of today has no such setting).
    pub(super) mode: bool,
    /// The name to show if the certificate has several (`Identity PreferredDomain`).
    pub(super) preferred_domain: String,
    /// `SystemUnit Name`, for those who want a setting that has nothing to do with it.
    name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { mode: true, preferred_domain: String::new(), name: String::new() }
    }
}

impl Settings {
    pub(super) fn tree(&self) -> Node {
        let identity = Node::leaves([("PreferredDomain", self.preferred_domain.clone())]);
        let encryption = Node::branch([
            ("Mode", Node::leaf(if self.mode { "On" } else { "Off" })),
            ("Identity", identity),
        ]);
        Node::branch([
            ("Conference", Node::branch([("EndToEndEncryption", encryption)])),
            ("SystemUnit", Node::leaves([("Name", self.name.clone())])),
        ])
    }

    /// Sets one of them; the path begins with `Configuration`.
    pub(super) fn set(&mut self, path: &Path, value: &str) -> Result<(), Refusal> {
        let words: Vec<String> = path
            .steps()
            .iter()
            .map(|step| match step {
                Step::Name(name) => name.to_ascii_lowercase(),
                Step::Item(item) => item.to_string(),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let illegal = || Refusal::IllegalValue { path: path.clone() };
        match words.as_slice() {
            ["configuration", "conference", "endtoendencryption", "mode"] => {
                self.mode = match value.to_ascii_lowercase().as_str() {
                    "on" => true,
                    "off" => false,
                    _ => return Err(illegal()),
                };
            }
            ["configuration", "conference", "endtoendencryption", "identity", "preferreddomain"] => {
                if !value.is_empty() && (value.len() > 255 || DnsName::parse(value).is_err()) {
                    return Err(illegal());
                }
                value.clone_into(&mut self.preferred_domain);
            }
            ["configuration", "systemunit", "name"] => {
                if value.len() > 50 || value.chars().any(char::is_control) {
                    return Err(illegal());
                }
                value.clone_into(&mut self.name);
            }
            _ => return Err(Refusal::UnknownPath { path: path.to_string() }),
        }
        Ok(())
    }
}
