//! The protected header (RFC 7516 §4): exactly four members, each once, and nothing else.
//!
//! The header is what an attacker chooses before any key is derived, so everything that could cost work or mean two things is refused here: members twice, unknown
//! members, salts of a length nobody sends, other versions of the derivation. Members are written in alphabetical order, without white space, as the devices' guide does.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::action::{Action, Encryption};
use crate::key::Salt;

/// The derivation that devices know (`cisco-kdf` `version`).
const KDF_VERSION: &str = "1";

/// A member of the header that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `alg` (RFC 7516 §4.1.1).
    Alg,
    /// `enc` (RFC 7516 §4.1.2).
    Enc,
    /// `cisco-action`.
    Action,
    /// `cisco-kdf`.
    Kdf,
    /// `salt` in `cisco-kdf`.
    Salt,
    /// `version` in `cisco-kdf`.
    Version,
}

impl Member {
    fn name(self) -> &'static str {
        match self {
            Self::Alg => "alg",
            Self::Enc => "enc",
            Self::Action => "cisco-action",
            Self::Kdf => "cisco-kdf",
            Self::Salt => "cisco-kdf/salt",
            Self::Version => "cisco-kdf/version",
        }
    }

    fn outer(name: &str) -> Option<Self> {
        [Self::Alg, Self::Enc, Self::Action, Self::Kdf].into_iter().find(|member| member.name() == name)
    }

    fn inner(name: &str) -> Option<Self> {
        match name {
            "salt" => Some(Self::Salt),
            "version" => Some(Self::Version),
            _ => None,
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// Not a JSON object.
    #[error("it is not a JSON object")]
    NotObject,
    /// A member is missing.
    #[error("`{0}` is missing")]
    Missing(Member),
    /// A member stands there twice.
    #[error("`{0}` stands there twice")]
    Twice(Member),
    /// A member has the wrong type.
    #[error("`{0}` has the wrong type")]
    Type(Member),
    /// There is a member besides those four.
    #[error("it has a member that is not `alg`, `cisco-action`, `cisco-kdf` (`salt`, `version`) or `enc`")]
    Unknown,
    /// `alg` is not `dir`.
    #[error("`alg` is not `dir`")]
    Alg,
    /// `enc` is neither `A128GCM` nor `A256GCM`.
    #[error("`enc` is neither `A128GCM` nor `A256GCM`")]
    Enc,
    /// `cisco-action` is unknown.
    #[error("`cisco-action` is none of `add`, `populate`, `activate`, `deactivate`")]
    Action,
    /// The derivation's version is not 1.
    #[error("`cisco-kdf/version` is not \"1\"")]
    Version,
    /// The salt is not base64url.
    #[error("`cisco-kdf/salt` is not base64url without padding")]
    SaltText,
    /// The salt is too short or too long.
    #[error("`cisco-kdf/salt` has {octets} octets, {} to {} are needed", Salt::MIN, Salt::MAX)]
    SaltLength {
        /// Octets that came.
        octets: usize,
    },
}

/// A header that keeps every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) action: Action,
    pub(crate) encryption: Encryption,
    pub(crate) salt: Salt,
}

impl Header {
    /// Reads the JSON of a header.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, HeaderProblem> {
        let Ok(Node::Object(members)) = serde_json::from_slice(json) else {
            return Err(HeaderProblem::NotObject);
        };
        let [mut alg, mut enc, mut action, mut kdf] = [None, None, None, None];
        for (name, node) in members {
            let member = Member::outer(&name).ok_or(HeaderProblem::Unknown)?;
            let slot = match member {
                Member::Alg => &mut alg,
                Member::Enc => &mut enc,
                Member::Action => &mut action,
                Member::Kdf | Member::Salt | Member::Version => &mut kdf,
            };
            once(slot, member, node)?;
        }
        if text(alg, Member::Alg)? != "dir" {
            return Err(HeaderProblem::Alg);
        }
        let encryption = text(enc, Member::Enc)?.parse().map_err(|_| HeaderProblem::Enc)?;
        let action = text(action, Member::Action)?.parse().map_err(|_| HeaderProblem::Action)?;
        match kdf.ok_or(HeaderProblem::Missing(Member::Kdf))? {
            Node::Object(members) => Ok(Self { action, encryption, salt: salt(members)? }),
            Node::Text(_) | Node::Other => Err(HeaderProblem::Type(Member::Kdf)),
        }
    }

    /// The JSON, members in alphabetical order.
    pub(crate) fn to_json(&self) -> String {
        // Every value is of letters, digits, `-` and `_`: nothing needs escaping.
        format!(
            r#"{{"alg":"dir","cisco-action":"{}","cisco-kdf":{{"salt":"{}","version":"{KDF_VERSION}"}},"enc":"{}"}}"#,
            self.action,
            BASE64URL_NOPAD.encode(self.salt.octets()),
            self.encryption
        )
    }
}

/// The salt of `cisco-kdf`.
fn salt(members: Vec<(String, Node)>) -> Result<Salt, HeaderProblem> {
    let [mut salt, mut version] = [None, None];
    for (name, node) in members {
        let member = Member::inner(&name).ok_or(HeaderProblem::Unknown)?;
        once(if member == Member::Salt { &mut salt } else { &mut version }, member, node)?;
    }
    if text(version, Member::Version)? != KDF_VERSION {
        return Err(HeaderProblem::Version);
    }
    let salt = text(salt, Member::Salt)?;
    let octets = BASE64URL_NOPAD.decode(salt.as_bytes()).map_err(|_| HeaderProblem::SaltText)?;
    Salt::new(&octets).map_err(|length| HeaderProblem::SaltLength { octets: length.octets })
}

fn once(slot: &mut Option<Node>, member: Member, node: Node) -> Result<(), HeaderProblem> {
    match slot.replace(node) {
        Some(_) => Err(HeaderProblem::Twice(member)),
        None => Ok(()),
    }
}

fn text(node: Option<Node>, member: Member) -> Result<String, HeaderProblem> {
    match node {
        Some(Node::Text(text)) => Ok(text),
        Some(Node::Object(_) | Node::Other) => Err(HeaderProblem::Type(member)),
        None => Err(HeaderProblem::Missing(member)),
    }
}

/// JSON as far as a header needs it: texts, and objects with every member in order, so that none can hide behind another.
enum Node {
    Text(String),
    Object(Vec<(String, Self)>),
    Other,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}
