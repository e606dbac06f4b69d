use super::*;

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn body(protected: &str) -> String {
    let protected = encoded(protected);
    format!(r#"{{"protected":"{protected}","payload":"","signature":"AAAA"}}"#)
}

#[test]
fn the_parts_and_the_signing_input_come_out_as_they_were_sent() {
    let protected = encoded(r#"{"alg":"ES256","nonce":"n","url":"u","kid":"k","typ":"ignored"}"#);
    let payload = encoded("{}");
    let json = format!(r#" {{"payload":"{payload}","x":1,"signature":"AQID","protected":"{protected}"}}"#);
    let jws = Jws::parse(json.as_bytes()).unwrap();
    assert_eq!(jws.header.kid.as_deref(), Some("k"));
    assert_eq!(jws.payload, b"{}");
    assert_eq!(jws.signature, [1, 2, 3]);
    assert_eq!(jws.signing_input, format!("{protected}.{payload}").into_bytes());
}

#[test]
fn what_is_not_a_flattened_jws_is_refused() {
    let whole = body(r#"{"alg":"ES256"}"#);
    for bad in ["", "null", "{}", "[]", "eyJ.eyJ.AAA", r#"["AAAA","AAAA","AAAA"]"#, &whole[1..]] {
        assert!(matches!(Jws::parse(bad.as_bytes()), Err(VerifyError::NotJws(_))), "{bad}");
    }
    let twice = whole.replacen('{', r#"{"payload":"","#, 1);
    assert!(matches!(Jws::parse(twice.as_bytes()), Err(VerifyError::NotJws(_))));
    let trailing = format!("{whole}x");
    assert!(matches!(Jws::parse(trailing.as_bytes()), Err(VerifyError::NotJws(_))));
}

#[test]
fn unprotected_headers_and_many_signatures_are_refused_even_when_null() {
    for value in ["null", "{}", r#"{"alg":"none"}"#] {
        let json = body(r#"{"alg":"ES256"}"#).replacen('{', &format!(r#"{{"header":{value},"#), 1);
        assert!(matches!(Jws::parse(json.as_bytes()), Err(VerifyError::UnprotectedHeader)));
        let json = json.replace("header", "signatures");
        assert!(matches!(Jws::parse(json.as_bytes()), Err(VerifyError::ManySignatures)));
    }
}

#[test]
fn only_base64url_without_padding_is_taken() {
    for bad in ["AA=", "AA==", "A", "A A", "AA+/", "AAAA\\n", "AB"] {
        let json = body("{}").replace("AAAA", bad);
        assert!(matches!(Jws::parse(json.as_bytes()), Err(VerifyError::NotBase64Url("signature"))), "{bad}");
    }
}

#[test]
fn headers_that_are_repeated_missing_or_of_another_type_are_refused() {
    for bad in [
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"alg":"ES256","kid":"a","kid":"b"}"#,
        r#"{"alg":"ES256","nonce":"a","nonce":"a"}"#,
        r#"{"alg":"ES256","url":"a","url":"a"}"#,
        r#"{"alg":"ES256","jwk":{},"jwk":{}}"#,
        r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"RSA"}}"#,
        r#"{"alg":1}"#,
        r#"{"alg":null}"#,
        r#"{"kid":"a"}"#,
        r#"{"alg":"ES256","jwk":"x"}"#,
        r#"{"alg":"ES256"} {}"#,
    ] {
        assert!(matches!(Jws::parse(body(bad).as_bytes()), Err(VerifyError::Header(_))), "{bad}");
    }
    for bad in ["", "null", r#"["ES256"]"#, "1"] {
        assert!(matches!(Jws::parse(body(bad).as_bytes()), Err(VerifyError::HeaderNotObject)), "{bad}");
    }
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    for bad in [
        r#"{"alg":"ES256","crit":["exp"]}"#,
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","crit":null}"#,
    ] {
        assert!(matches!(Jws::parse(body(bad).as_bytes()), Err(VerifyError::Extension("crit"))), "{bad}");
    }
    for bad in [r#"{"alg":"ES256","b64":false}"#, r#"{"alg":"ES256","b64":true}"#] {
        assert!(matches!(Jws::parse(body(bad).as_bytes()), Err(VerifyError::Extension("b64"))), "{bad}");
    }
}

proptest::proptest! {
    /// Whatever comes from outside is an error or a JWS, never a panic.
    #[test]
    fn any_octets_are_answered(protected in ".{0,60}", payload in ".{0,20}", noise in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        let _ = Jws::parse(&noise);
        let json = serde_json::json!({"protected": encoded(&protected), "payload": payload, "signature": ""});
        let _ = Jws::parse(json.to_string().as_bytes());
    }
}
