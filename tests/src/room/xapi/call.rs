//! A command as it was given: its words, its parameters, its body. Parameters and body can be secrets, so they are wiped and never shown.

use std::fmt;

use zeroize::Zeroizing;

use super::schema::{COMMANDS, find};

/// A text that may be a secret.
pub type Secretive = Zeroizing<String>;

/// A command as it was given.
#[derive(Clone, Default)]
pub struct Call {
    /// Its words, such as `Security Certificates Services Show`.
    pub words: Vec<String>,
    /// Its parameters, in the order given; one that takes several values stands there several times.
    pub parameters: Vec<(String, Secretive)>,
    /// Its body, without the line that ended it.
    pub body: Option<Secretive>,
}

impl Call {
    /// A command without parameters, of words with spaces or slashes between.
    #[must_use]
    pub fn of(words: &str) -> Self {
        let words = words.split([' ', '/']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Self { words, ..Self::default() }
    }

    /// With one parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        self
    }

    /// With this body.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Some(Zeroizing::new(body.to_owned()));
        self
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Secretive> {
        self.parameters.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every value of a parameter.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Secretive> + use<'a, 'n> {
        self.parameters
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether its words are these, whatever their case.
    #[must_use]
    pub fn is(&self, words: &[&str]) -> bool {
        self.words.len() == words.len()
            && self.words.iter().zip(words).all(|(given, word)| given.eq_ignore_ascii_case(word))
    }
}

/// Most words, and most parameters, that are shown.
const MOST_SHOWN: usize = 8;

/// The names alone, and of those only what the schema knows: anything else can be a secret, or something that a terminal should not be shown. And only so many, as
/// this is kept.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words.iter().take(MOST_SHOWN).enumerate() {
            let known = COMMANDS
                .iter()
                .any(|spec| spec.words.get(at).is_some_and(|one| one.eq_ignore_ascii_case(word)));
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{}", if known { word } else { "…" })?;
        }
        if self.words.len() > MOST_SHOWN {
            f.write_str(" …")?;
        }
        for (name, _) in self.parameters.iter().take(MOST_SHOWN) {
            let known = find(&self.words).is_some_and(|spec| spec.takes(name));
            write!(f, " {}: …", if known { name } else { "…" })?;
        }
        if self.parameters.len() > MOST_SHOWN {
            f.write_str(" …")?;
        }
        if self.body.is_some() { f.write_str(" (with a body)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_known_and_short() {
        let call = Call::of("Security ClientSecret Populate").with("secret", "a").with("hunter2", "b");
        assert_eq!(format!("{call:?}"), "Security ClientSecret Populate secret: … …: …");
        let mut long = Call::of(&"Security ".repeat(10_000));
        long.parameters = (0..10_000).map(|_| ("Secret".to_owned(), Secretive::default())).collect();
        assert!(format!("{long:?}").len() < 300);
    }
}
