//! The claims of a verified ID token, or of userinfo: one JSON object in which no name stands twice, and typed reads of it.
//!
//! A claim of another type than the specification says is refused, never converted: `"true"` is not `true`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use time::OffsetDateTime;

use crate::sso::oidc::refusal::OidcRefusal;

/// Most entries in a list of texts.
const MAX_LIST: usize = 1000;

/// Longest text that is kept.
const MAX_TEXT: usize = 256;

/// A claim set.
pub(crate) struct Claims(BTreeMap<String, Value>);

impl Claims {
    /// Reads a JSON object.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, OidcRefusal> {
        serde_json::from_slice(json).map_err(|_| OidcRefusal::IdTokenMalformed("the claims"))
    }

    /// The claims of an ID token without an address, together with those of userinfo for the same subject.
    ///
    /// The address and whether it was verified come from userinfo together. The groups of both count, since rules may forbid by them. Of
    /// everything else the token's word stands: it is signed, and it is what was checked.
    pub(in crate::sso::oidc) fn with_user_info(mut self, asked: Self, groups: &str) -> Self {
        self.0.remove("email_verified");
        for (name, value) in asked.0 {
            match self.0.entry(name) {
                Entry::Vacant(vacant) => _ = vacant.insert(value),
                Entry::Occupied(mut own) if own.key() == groups => {
                    let joined = join(own.get_mut().take(), value);
                    own.insert(joined);
                }
                Entry::Occupied(_) => {}
            }
        }
        self
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text; `None` if the claim is absent.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, OidcRefusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(OidcRefusal::Claim(name)),
        }
    }

    /// A text that is kept as a fact: not empty, not long, without control characters.
    pub(crate) fn fact(&self, name: &'static str) -> Result<Option<String>, OidcRefusal> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) if is_fact(text) => Ok(Some(text.to_owned())),
            Some(_) => Err(OidcRefusal::Claim(name)),
        }
    }

    /// As [`Self::fact`], for a claim whose name is configured; `None` too if it is none that is kept.
    pub(crate) fn fact_named(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().filter(|text| is_fact(text)).map(str::to_owned)
    }

    /// A time (`NumericDate`, RFC 7519 §2), cut to whole seconds; `None` if the claim is absent.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<OffsetDateTime>, OidcRefusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().or_else(|| {
            let fraction = value.as_f64()?;
            // `i128` holds what `f64` holds up to 1.7e38; beyond that `as` saturates, and no date is that far.
            i64::try_from(fraction.trunc() as i128).ok()
        });
        let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        time.map(Some).ok_or(OidcRefusal::Claim(name))
    }

    /// A list of texts, or one text that stands for such a list; empty if the claim is absent.
    pub(crate) fn list(&self, name: &str, what: &'static str) -> Result<Vec<String>, OidcRefusal> {
        let entries = match self.0.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if entries.len() > MAX_LIST {
            return Err(OidcRefusal::Claim(what));
        }
        let text = |entry: &Value| entry.as_str().filter(|text| is_fact(text)).map(str::to_owned);
        entries.iter().map(text).collect::<Option<_>>().ok_or(OidcRefusal::Claim(what))
    }
}

/// Two lists as one, in which what both name stands once.
fn join(own: Value, other: Value) -> Value {
    let list = |value| match value {
        Value::Array(entries) => entries,
        one => vec![one],
    };
    let mut joined = list(own);
    for entry in list(other) {
        if !joined.contains(&entry) {
            joined.push(entry);
        }
    }
    Value::Array(joined)
}

fn is_fact(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = BTreeMap<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without repeated names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut claims = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if claims.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(claims)
            }
        }

        deserializer.deserialize_map(Unique).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_claim_set_is_an_object_in_which_no_name_stands_twice() {
        for json in ["", "[]", "null", "1", r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"{"a":1}x"#] {
            assert!(Claims::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn times_are_numbers_and_possible() {
        assert_eq!(
            claims(r#"{"t":1}"#).time("t").unwrap(),
            Some(OffsetDateTime::from_unix_timestamp(1).unwrap())
        );
        assert_eq!(
            claims(r#"{"t":1.9}"#).time("t").unwrap(),
            Some(OffsetDateTime::from_unix_timestamp(1).unwrap())
        );
        assert_eq!(claims("{}").time("t").unwrap(), None);
        for json in [
            r#"{"t":"1"}"#,
            r#"{"t":null}"#,
            r#"{"t":1e300}"#,
            r#"{"t":-1e300}"#,
            r#"{"t":9223372036854775807}"#,
        ] {
            assert_eq!(claims(json).time("t").unwrap_err().reason(), "claim", "{json}");
        }
    }

    #[test]
    fn lists_hold_short_plain_texts_only() {
        assert_eq!(claims(r#"{"g":"staff"}"#).list("g", "groups").unwrap(), ["staff"]);
        assert_eq!(claims(r#"{"g":["a","b"]}"#).list("g", "groups").unwrap(), ["a", "b"]);
        assert!(claims("{}").list("g", "groups").unwrap().is_empty());
        let many = format!(r#"{{"g":[{}"x"]}}"#, r#""x","#.repeat(MAX_LIST));
        let long = format!(r#"{{"g":"{}"}}"#, "x".repeat(MAX_TEXT + 1));
        for json in [
            r#"{"g":[1]}"#,
            r#"{"g":null}"#,
            r#"{"g":{"a":1}}"#,
            r#"{"g":[""]}"#,
            r#"{"g":"a\nb"}"#,
            &many,
            &long,
        ] {
            assert_eq!(claims(json).list("g", "groups").unwrap_err().reason(), "claim");
        }
    }
}
