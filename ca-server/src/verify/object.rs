//! JSON objects as RFC 7515, RFC 7517 and RFC 8555 mean them: members with names, never a list of values in some order.
//!
//! Serde reads a struct from an array too. What stands within a request and is defined as an object is read through [`ObjectOnly`].

use serde::de::{Deserializer, Visitor};

/// Reads a map, whatever was asked for; with JSON, an array is then an error.
pub(crate) struct ObjectOnly<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use crate::order::wanted::NewOrder;
    use crate::verify::jwk::WireJwk;
    use crate::verify::jws::Flattened;

    #[test]
    fn members_without_names_are_not_read() {
        assert!(serde_json::from_str::<WireJwk>(r#"["OKP", "Ed25519"]"#).is_err());
        assert!(serde_json::from_str::<WireJwk>(r#"{"kty": "OKP"}"#).is_ok());
        assert!(serde_json::from_str::<Flattened>(r#"["e30", "", ""]"#).is_err());
        assert!(serde_json::from_str::<NewOrder>(r#"{"identifiers": [["dns", "a.example"]]}"#).is_err());
        let order = r#"{"identifiers": [{"type": "dns", "value": "a.example"}]}"#;
        assert!(serde_json::from_str::<NewOrder>(order).is_ok());
    }
}
