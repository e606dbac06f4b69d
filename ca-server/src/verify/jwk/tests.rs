use super::*;

const EC_X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const EC_Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
/// RFC 7638 §3.1.
const RFC7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn key(json: &str) -> Result<Jwk, KeyFault> {
    serde_json::from_str::<WireJwk>(json).unwrap().check()
}

fn ec(crv: &str, x: &str, y: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#)
}

#[test]
fn the_thumbprint_of_rfc_7638_comes_out() {
    let jwk =
        key(&format!(r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#));
    assert_eq!(jwk.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn the_thumbprint_of_rfc_8037_comes_out() {
    let jwk = key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    assert_eq!(jwk.unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_p256_key_is_taken_and_survives_the_store() {
    let jwk = key(&ec("P-256", EC_X, EC_Y)).unwrap();
    let stored = serde_json::to_string(&jwk).unwrap();
    assert_eq!(serde_json::from_str::<Jwk>(&stored).unwrap(), jwk);
    assert!(stored.contains(r#""kty":"EC""#));
}

#[test]
fn members_of_another_width_or_alphabet_are_refused() {
    let padded = format!("{EC_X}=");
    let long = format!("AA{EC_X}");
    for x in ["", "AQAB", padded.as_str(), long.as_str(), "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D5"] {
        assert_eq!(key(&ec("P-256", x, EC_Y)), Err(KeyFault::Encoding("x")), "{x}");
    }
    assert_eq!(key(&ec("P-384", EC_X, EC_Y)), Err(KeyFault::Encoding("x")));
}

#[test]
fn other_types_and_curves_are_unsupported() {
    assert_eq!(key(&ec("P-521", EC_X, EC_Y)), Err(KeyFault::Unsupported));
    assert_eq!(key(&ec("secp256k1", EC_X, EC_Y)), Err(KeyFault::Unsupported));
    assert_eq!(key(r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#), Err(KeyFault::Unsupported));
    assert_eq!(key(r#"{"kty":"ec","crv":"P-256"}"#), Err(KeyFault::Unsupported));
    assert_eq!(key("{}"), Err(KeyFault::Missing("kty")));
    assert_eq!(key(r#"{"kty":"EC"}"#), Err(KeyFault::Missing("crv")));
    assert_eq!(key(r#"{"kty":"EC","crv":"P-256"}"#), Err(KeyFault::Missing("x")));
    assert_eq!(key(r#"{"kty":"RSA","e":"AQAB"}"#), Err(KeyFault::Missing("n")));
}

#[test]
fn a_key_with_any_private_member_is_refused() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let json = format!(r#"{{"kty":"EC","crv":"P-256","x":"{EC_X}","y":"{EC_Y}","{member}":null}}"#);
        assert_eq!(key(&json), Err(KeyFault::Private), "{member}");
    }
    assert_eq!(key(r#"{"kty":"oct","k":"AA"}"#), Err(KeyFault::Private));
}

#[test]
fn weak_rsa_numbers_are_refused() {
    let rsa = |n: &[u8], e: &[u8]| {
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        key(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#))
    };
    let modulus = |octets: usize| [&[0xff], vec![1; octets - 1].as_slice()].concat();
    let e = [1, 0, 1];
    assert!(rsa(&modulus(256), &e).is_ok());
    assert!(rsa(&modulus(512), &e).is_ok());
    assert_eq!(rsa(&modulus(128), &e), Err(KeyFault::RsaSize(1024)));
    assert_eq!(rsa(&modulus(513), &e), Err(KeyFault::RsaSize(4104)));
    assert_eq!(rsa(&[&[0x7f], vec![1; 255].as_slice()].concat(), &e), Err(KeyFault::RsaSize(2047)));
    assert_eq!(rsa(&[&[0], modulus(256).as_slice()].concat(), &e), Err(KeyFault::Encoding("n")));
    assert_eq!(rsa(&[], &e), Err(KeyFault::Encoding("n")));
    assert_eq!(rsa(&modulus(256), &[0, 1, 0, 1]), Err(KeyFault::Encoding("e")));
    assert_eq!(rsa(&modulus(256), &[]), Err(KeyFault::Encoding("e")));
    for weak in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(rsa(&modulus(256), weak), Err(KeyFault::RsaNumbers), "{weak:?}");
    }
    let even = [&[0xff], vec![2; 255].as_slice()].concat();
    assert_eq!(rsa(&even, &e), Err(KeyFault::RsaNumbers));
}
