//! The flattened JWS that every request comes in (RFC 7515 §7.2.2, RFC 8555 §6.2), as `ca-server` reads it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::verify::jws::Jws;
use serde_json::{Value, json};

use super::Outcome;
use super::support::{members, opens_object};

/// Members whose repetition would let two readers see two requests.
const ONCE: [&str; 7] = ["alg", "nonce", "url", "jwk", "kid", "crit", "b64"];

/// A JWS that is taken is an object, strictly encoded, without unprotected header, extensions or repeated members; what is signed
/// is what was read; and it reads the same when it is put together again.
pub fn check(input: &[u8]) -> Outcome {
    let jws = match Jws::parse(input) {
        Ok(jws) => jws,
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            return Outcome::Refused;
        }
    };
    assert!(opens_object(input), "only an object is a flattened JWS");
    if let Some(outer) = members(input) {
        for absent in ["header", "signatures"] {
            assert!(!outer.contains_key(absent), "{absent} must be refused");
        }
        for once in ["protected", "payload", "signature"] {
            assert_eq!(outer.get(once).map(Vec::len), Some(1), "{once} stands there once");
        }
    }
    let signed = String::from_utf8_lossy(&jws.signing_input).into_owned();
    let (protected, payload) = signed.split_once('.').unwrap_or_default();
    assert_eq!(URL_SAFE_NO_PAD.encode(&jws.payload), payload, "the payload read is the one signed");
    let header = URL_SAFE_NO_PAD.decode(protected).unwrap_or_default();
    assert_eq!(URL_SAFE_NO_PAD.encode(&header), protected, "one encoding per header");
    check_header(&jws, &header);
    check_again(&jws, protected, payload);
    Outcome::Accepted
}

fn check_header(jws: &Jws, header: &[u8]) {
    assert!(opens_object(header), "the protected header is an object");
    let Some(members) = members(header) else { return };
    for once in ONCE {
        assert!(members.get(once).is_none_or(|values| values.len() == 1), "{once} stands there twice");
    }
    assert!(!members.contains_key("crit") && !members.contains_key("b64"), "extensions must be refused");
    let text = |name: &str| members.get(name).and_then(|values| values.first()).and_then(Value::as_str);
    assert_eq!(text("alg"), Some(jws.header.alg.as_str()));
    assert_eq!(text("nonce"), jws.header.nonce.as_deref());
    assert_eq!(text("url"), jws.header.url.as_deref());
    assert_eq!(text("kid"), jws.header.kid.as_deref());
    let jwk = members.get("jwk").and_then(|values| values.first()).filter(|value| !value.is_null());
    assert_eq!(jwk.is_some(), jws.header.jwk.is_some());
    assert!(jwk.is_none_or(Value::is_object), "a key is an object (RFC 7517 §4)");
}

fn check_again(jws: &Jws, protected: &str, payload: &str) {
    let signature = URL_SAFE_NO_PAD.encode(&jws.signature);
    let flattened = json!({"protected": protected, "payload": payload, "signature": signature});
    let Ok(again) = Jws::parse(flattened.to_string().as_bytes()) else {
        unreachable!("what was taken is taken again");
    };
    assert_eq!(
        (&again.payload, &again.signature, &again.signing_input),
        (&jws.payload, &jws.signature, &jws.signing_input)
    );
    for (name, value) in [("header", json!({})), ("header", Value::Null), ("signatures", json!([]))] {
        let mut worse = flattened.clone();
        if let Some(members) = worse.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        assert!(Jws::parse(worse.to_string().as_bytes()).is_err(), "{name} must be refused");
    }
    let padded = json!({"protected": protected, "payload": format!("{payload}="), "signature": signature});
    assert!(Jws::parse(padded.to_string().as_bytes()).is_err(), "padding must be refused");
}
