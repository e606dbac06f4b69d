use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

fn rsa(kid: &str, bits: usize) -> Value {
    let mut modulus = vec![0xff; bits / 8];
    modulus[0] = 0x80;
    json!({"kty": "RSA", "kid": kid, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
}

fn p256(kid: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([2; 32])})
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

fn set(keys: &[Value]) -> Keys {
    Keys::parse(&serde_json::to_vec(&json!({"keys": keys})).unwrap()).unwrap()
}

fn choice(keys: &[Value], algorithm: Algorithm, kid: Option<&str>) -> &'static str {
    set(keys).choose(algorithm, kid).err().map_or("chosen", |refusal| refusal.reason())
}

#[test]
fn the_key_is_chosen_by_id_and_kind() {
    let keys = [rsa("a", 2048), p256("a"), p256("b"), json!({"kty": "oct", "k": "AAAA", "kid": "c"})];
    assert_eq!(choice(&keys, Algorithm::Es256, Some("a")), "chosen");
    assert_eq!(choice(&keys, Algorithm::Ps512, Some("a")), "chosen");
    assert_eq!(choice(&keys, Algorithm::Rs256, Some("b")), "key-unknown");
    assert_eq!(choice(&keys, Algorithm::Es384, Some("a")), "key-unknown");
    assert_eq!(choice(&keys, Algorithm::Rs256, Some("c")), "key-unknown");
    assert_eq!(choice(&keys, Algorithm::Rs256, None), "chosen", "the only one");
    assert_eq!(choice(&keys, Algorithm::Es256, None), "key-ambiguous");
    assert_eq!(choice(&[p256("a"), p256("a")], Algorithm::Es256, Some("a")), "key-ambiguous");
}

#[test]
fn a_key_for_something_else_is_passed_over() {
    for (member, value) in [("use", json!("enc")), ("key_ops", json!(["encrypt"])), ("alg", json!("RS384"))] {
        let keys = [with(rsa("a", 2048), member, value)];
        assert_eq!(choice(&keys, Algorithm::Rs256, Some("a")), "key-unknown", "{member}");
    }
    let fine = with(with(rsa("a", 2048), "use", json!("sig")), "alg", json!("RS256"));
    assert_eq!(choice(&[fine], Algorithm::Rs256, Some("a")), "chosen");
}

#[test]
fn a_weak_or_exposed_key_is_refused_by_its_own_reason() {
    for key in [
        rsa("a", 1024),
        rsa("a", 2040),
        with(rsa("a", 2048), "e", json!("AQ")),
        with(rsa("a", 2048), "d", json!("AQAB")),
        with(rsa("a", 2048), "n", json!("!")),
    ] {
        assert_eq!(choice(&[key], Algorithm::Rs256, Some("a")), "key-unusable");
    }
    assert_eq!(choice(&[with(p256("a"), "x", json!("AA"))], Algorithm::Es256, None), "key-unusable");
    assert_eq!(set(&[rsa("a", 1024), rsa("b", 2048), json!({"kty": "OKP"}), json!(7)]).usable(), 1);
}

#[test]
fn what_is_no_key_set_is_refused() {
    for json in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(Keys::parse(json.as_bytes()).err().unwrap().reason(), "keys-malformed", "{json}");
    }
    assert_eq!(set(&[]).choose(Algorithm::Es256, None).unwrap_err().reason(), "key-unknown");
}
