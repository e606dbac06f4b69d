//! What several checks need: looking at an input by other means than the parser under test.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Outcome;

/// How each member of a JSON object came: its name, and its values in order. `None` if the input is no object, or has
/// something in it that only a reader who skips it can bear (such as a number out of range).
pub(super) fn members(json: &[u8]) -> Option<BTreeMap<String, Vec<Value>>> {
    serde_json::from_slice::<Members>(json).ok().map(|members| members.0)
}

struct Members(BTreeMap<String, Vec<Value>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Gather).map(Self)
    }
}

struct Gather;

impl<'de> Visitor<'de> for Gather {
    type Value = BTreeMap<String, Vec<Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Self::Value = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            found.entry(name).or_default().push(value);
        }
        Ok(found)
    }
}

/// Whether the first octet that is not white space opens an object.
pub(super) fn opens_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

/// Whether a terminal or a log shows this as the one line that it is: no control characters, nothing that breaks the line or
/// turns the reading direction.
pub(super) fn is_tame(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

/// Whether `needle` stands somewhere in `haystack`.
pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

pub(super) fn accepted_if(condition: bool) -> Outcome {
    if condition { Outcome::Accepted } else { Outcome::Refused }
}
