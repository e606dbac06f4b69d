//! JSON objects out of a stream of octets that has other lines between them: where one ends is found while it comes, each octet looked at once.
//!
//! Knows no size: whoever fills it sets the limit. What is between objects (empty lines, `OK`, `** end`) says nothing and is dropped; an object that is none is an error,
//! never passed over.

use serde_json::Value;

use crate::device::xapi::NotAnswer;

/// What came and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Objects {
    waiting: Vec<u8>,
    /// How much of it was looked at, in an object that has not ended.
    looked: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Objects {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        self.waiting.extend_from_slice(octets);
    }

    /// Takes one line, with its end. For what comes before the first object.
    pub(super) fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.waiting.iter().position(|octet| *octet == b'\n')?;
        Some(self.waiting.drain(..=end).collect())
    }

    /// Takes one whole object.
    pub(super) fn object(&mut self) -> Result<Option<Value>, NotAnswer> {
        if self.looked == 0 {
            let start = self.waiting.iter().position(|octet| *octet == b'{').unwrap_or(self.waiting.len());
            drop(self.waiting.drain(..start));
        }
        while let Some(octet) = self.waiting.get(self.looked).copied() {
            self.looked += 1;
            if self.ends(octet) {
                let object: Vec<u8> = self.waiting.drain(..self.looked).collect();
                self.looked = 0;
                return serde_json::from_slice(&object).map(Some).map_err(|_| NotAnswer { expected: "JSON" });
            }
        }
        Ok(None)
    }

    /// Whether the object ends with this octet.
    fn ends(&mut self, octet: u8) -> bool {
        match octet {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.quoted => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            b'{' | b'[' if !self.quoted => self.depth += 1,
            b'}' | b']' if !self.quoted => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_taken_as_soon_as_it_is_whole_whatever_follows_it() {
        for text in [
            &b"{\"a\":{\"b\":\"}\\\"{\"}}\r\nOK\r\n"[..],
            b"\r\n** end\r\n{\"a\":\r\n{\"b\":\"}\\\"{\"}\r\n}",
            b"OK\r\n{\"a\":{\"b\":\"}\\\"{\"}}\r\n** end\r\n{\"c\":",
        ] {
            for size in [1, 2, 7, text.len()] {
                let (mut objects, mut found) = (Objects::default(), Vec::new());
                for piece in text.chunks(size) {
                    objects.push(piece);
                    found.extend(std::iter::from_fn(|| objects.object().unwrap()));
                }
                assert_eq!(found, [json!({ "a": { "b": "}\"{" } })], "in pieces of {size}");
            }
        }
    }

    #[test]
    fn two_objects_in_one_piece_are_two_and_lines_before_them_are_lines() {
        let mut objects = Objects::default();
        objects.push(b"Welcome\r\nOK\r\n{\"a\":1}{\"b\":2}");
        assert_eq!(objects.line().unwrap(), b"Welcome\r\n");
        assert_eq!(objects.line().unwrap(), b"OK\r\n");
        assert_eq!(objects.line(), None);
        assert_eq!(objects.object(), Ok(Some(json!({ "a": 1 }))));
        assert_eq!(objects.object(), Ok(Some(json!({ "b": 2 }))));
        assert_eq!((objects.object(), objects.len()), (Ok(None), 0));
    }

    #[test]
    fn what_is_whole_and_no_object_is_an_error() {
        for text in [&b"{a}"[..], b"{]", b"{\"a\":\"\xff\"}"] {
            let mut objects = Objects::default();
            objects.push(text);
            assert_eq!(objects.object(), Err(NotAnswer { expected: "JSON" }), "{text:?}");
        }
    }
}
