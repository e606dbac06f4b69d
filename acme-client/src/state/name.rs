//! Names that become folders: identities and servers.
//!
//! Decides which strings are safe as one path component. What a parse accepts can never escape its folder, hide (leading
//! dot) or collide with a temporary name.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use certs::name::EmailAddress;
use serde::{Deserialize, Serialize};
use url::Url;

use super::StateError;

const LONGEST: usize = 200;

/// The name of an identity in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityName(String);

impl IdentityName {
    /// Accepts letters, digits, `.`, `-`, `_`, `@`, `+` and `%`, not starting with a dot or dash.
    pub fn parse(text: &str) -> Result<Self, StateError> {
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+' | '%');
        let first = text.chars().next();
        if text.len() > LONGEST || !text.chars().all(safe) || matches!(first, None | Some('.' | '-')) {
            return Err(StateError::BadName(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name an identity gets when its person chooses none: the domain, `*` written as `_wildcard`.
    pub fn for_domain(domain: &str) -> Result<Self, StateError> {
        match domain.strip_prefix("*.") {
            Some(parent) => Self::parse(&format!("_wildcard.{parent}")),
            None => Self::parse(domain),
        }
    }

    /// The name a person's identity gets when they choose none: the address, what no folder should hold written as `%` and two digits,
    /// so that two addresses never share a name.
    pub fn for_email(email: &EmailAddress) -> Result<Self, StateError> {
        let mut name = String::new();
        for (at, c) in email.to_string().chars().enumerate() {
            match c {
                '-' if at == 0 => name.push_str("%2D"),
                c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+') => name.push(c),
                c => name.push_str(&format!("%{:02X}", u32::from(c))),
            }
        }
        Self::parse(&name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdentityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for IdentityName {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        Self::parse(&text)
    }
}

impl From<IdentityName> for String {
    fn from(name: IdentityName) -> Self {
        name.0
    }
}

/// The folder name of a server: readable host and port, then eight digits that make the directory URL unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerLabel(String);

impl ServerLabel {
    /// The label of the server whose ACME directory is at `directory`.
    pub fn of(directory: &Url) -> Self {
        let host: String = directory
            .host_str()
            .unwrap_or("server")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .collect();
        let port = directory.port().map(|port| format!("_{port}")).unwrap_or_default();
        let hash = digest(&SHA256, directory.as_str().as_bytes());
        let mark: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{host}{port}-{mark}"))
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder_or_hide() {
        for bad in ["", ".", "..", ".hidden", "a/b", "../x", "-x", "a b", "é", &"a".repeat(201)] {
            assert!(IdentityName::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(IdentityName::for_domain("*.example.com").unwrap().as_str(), "_wildcard.example.com");
        assert_eq!(IdentityName::for_domain("room-1.example.com").unwrap().as_str(), "room-1.example.com");
    }

    #[test]
    fn an_address_has_a_name_of_its_own_that_is_safe_as_a_folder() {
        let name = |text: &str| IdentityName::for_email(&EmailAddress::parse(text).unwrap()).unwrap();
        assert_eq!(name("bob@Example.com").as_str(), "bob@example.com");
        assert_eq!(name("b.o-b+x_y@example.com").as_str(), "b.o-b+x_y@example.com");
        assert_eq!(name("-a/b%2F|c@example.com").as_str(), "%2Da%2Fb%252F%7Cc@example.com");
        assert_ne!(name("a/b@example.com"), name("a%2Fb@example.com"));
        assert_ne!(
            name("Bob@example.com"),
            name("bob@example.com"),
            "the local part is the domain's business"
        );
    }

    #[test]
    fn two_directories_of_one_host_have_two_labels() {
        let external = ServerLabel::of(&Url::parse("https://ca.test:14000/acme/external/directory").unwrap());
        let internal = ServerLabel::of(&Url::parse("https://ca.test:14000/acme/internal/directory").unwrap());
        assert_ne!(external, internal);
        assert!(external.as_str().starts_with("ca.test_14000-"), "{external:?}");
    }
}
