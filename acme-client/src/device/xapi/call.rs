//! A command to give: its words, its parameters, its body.
//!
//! Words and names are this program's own and need no escaping; values are anybody's, and each transport quotes them. Any value can be a secret, so all are wiped,
//! and none is ever shown: `Debug` has names only.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// A command to give.
#[derive(Clone)]
pub struct Call {
    words: &'static [&'static str],
    parameters: BTreeMap<&'static str, Zeroizing<String>>,
    body: Option<Zeroizing<String>>,
}

impl Call {
    /// A command of these words, such as `["Security", "Certificates", "Services", "Show"]`.
    pub fn new(words: &'static [&'static str]) -> Self {
        Self { words, parameters: BTreeMap::new(), body: None }
    }

    /// With one parameter more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.insert(name, Zeroizing::new(value.to_owned()));
        self
    }

    /// Without a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.remove(name);
        self
    }

    /// With a body of any number of lines.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Some(Zeroizing::new(body.to_owned()));
        self
    }

    /// Its words.
    pub fn words(&self) -> &'static [&'static str] {
        self.words
    }

    /// Its parameters, by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Its body.
    pub fn body(&self) -> Option<&str> {
        self.body.as_ref().map(|body| body.as_str())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))?;
        self.parameters.keys().try_for_each(|name| write!(f, " {name}: …"))?;
        if self.body.is_some() { f.write_str(" (with a body)") } else { Ok(()) }
    }
}
