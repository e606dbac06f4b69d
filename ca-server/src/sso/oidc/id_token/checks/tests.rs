use serde_json::{Value, json};
use time::macros::datetime;
use url::Url;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn settings() -> Settings {
    Settings::new("corp", "https://idp.test", "rollcall", Url::parse("https://ca.test/cb").unwrap())
}

/// Claims that pass, changed by `change`; the sign-in began a minute ago.
fn outcome(settings: &Settings, change: impl FnOnce(&mut Value)) -> Result<Established, OidcRefusal> {
    let now = NOW.unix_timestamp();
    let mut claims = json!({
        "iss": "https://idp.test", "aud": "rollcall", "sub": "42", "nonce": "n",
        "exp": now + 300, "iat": now, "auth_time": now - 5,
    });
    change(&mut claims);
    let claims = Claims::parse(&serde_json::to_vec(&claims).unwrap()).unwrap();
    let requested = NOW - Duration::minutes(1);
    all(&claims, SignIn { settings, nonce: "n", requested, now: NOW })
}

fn reason(change: impl FnOnce(&mut Value)) -> &'static str {
    outcome(&settings(), change).err().map_or("taken", |refusal| refusal.reason())
}

fn seconds(offset: i64) -> Value {
    json!(NOW.unix_timestamp() + offset)
}

#[test]
fn every_claim_that_must_be_there_is_missed() {
    for (claim, expected) in [
        ("iss", "claim"),
        ("aud", "audience"),
        ("sub", "claim"),
        ("exp", "claim"),
        ("iat", "claim"),
        ("nonce", "nonce"),
        ("auth_time", "no-authentication"),
    ] {
        let found = reason(|claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_eq!(found, expected, "{claim}");
        let of_another_type = reason(|claims| claims[claim] = json!({"a": 1}));
        assert_eq!(of_another_type, "claim", "{claim}");
    }
    assert_eq!(reason(|_| ()), "taken");
}

#[test]
fn issuer_and_audience_are_compared_whole() {
    for issuer in ["https://idp.test/", "https://idp.test.evil.test", "https://IDP.test", "idp.test", ""] {
        assert_eq!(reason(|claims| claims["iss"] = json!(issuer)), "issuer", "{issuer}");
    }
    for audience in
        [json!("rollcall2"), json!("Rollcall"), json!(["other"]), json!([]), json!(["roll", "call"])]
    {
        assert_eq!(reason(|claims| claims["aud"] = audience.clone()), "audience", "{audience}");
    }
    assert_eq!(reason(|claims| claims["aud"] = json!(["rollcall"])), "taken");
}

#[test]
fn a_token_for_others_too_must_be_issued_to_us() {
    let both = json!(["rollcall", "other"]);
    assert_eq!(reason(|claims| claims["aud"] = both.clone()), "authorized-party");
    for (party, expected) in [("other", "authorized-party"), ("", "authorized-party"), ("rollcall", "taken")]
    {
        let found = reason(|claims| {
            claims["aud"] = both.clone();
            claims["azp"] = json!(party);
        });
        assert_eq!(found, expected, "{party}");
    }
    assert_eq!(reason(|claims| claims["azp"] = json!("other")), "authorized-party", "even alone");
}

#[test]
fn times_have_a_minute_of_skew_and_not_more() {
    for (claim, offset, expected) in [
        ("exp", -59, "taken"),
        ("exp", -60, "expired"),
        ("iat", 60, "taken"),
        ("iat", 61, "issued-in-future"),
        ("nbf", 60, "taken"),
        ("nbf", 61, "not-yet-valid"),
        ("auth_time", 60, "taken"),
        ("auth_time", 61, "future-authentication"),
        ("auth_time", -120, "taken"),
        ("auth_time", -121, "stale-authentication"),
    ] {
        assert_eq!(reason(|claims| claims[claim] = seconds(offset)), expected, "{claim} {offset}");
    }
    assert_eq!(reason(|claims| claims["exp"] = json!(253_402_300_799_i64)), "taken", "the end of time");
}

#[test]
fn the_nonce_is_this_sign_ins_own() {
    for nonce in ["", "N", "n ", "nn"] {
        assert_eq!(reason(|claims| claims["nonce"] = json!(nonce)), "nonce", "{nonce:?}");
    }
    let claims = Claims::parse(br#"{"nonce":""}"#).unwrap();
    assert_eq!(nonce(&claims, "").unwrap_err().reason(), "nonce", "an empty one matches nothing");
}

#[test]
fn subjects_are_short_and_plain() {
    for subject in [String::new(), "a\u{0}".to_owned(), "a\nb".to_owned(), "x".repeat(256)] {
        assert_eq!(reason(|claims| claims["sub"] = json!(subject)), "claim");
    }
}

#[test]
fn only_an_allowed_way_of_signing_in_serves() {
    let mut strict = settings();
    strict.contexts = vec!["urn:mfa".to_owned()];
    strict.methods = vec!["otp".to_owned(), "hwk".to_owned()];
    let with = |acr: Value, amr: Value| {
        outcome(&strict, |claims| {
            claims["acr"] = acr;
            claims["amr"] = amr;
        })
    };
    let established = with(json!("urn:mfa"), json!(["pwd", "otp"])).unwrap();
    assert_eq!(established.context.as_deref(), Some("urn:mfa"));
    assert_eq!(established.methods, ["pwd", "otp"]);
    let reason = |acr, amr| with(acr, amr).err().unwrap().reason();
    assert_eq!(reason(json!("urn:pwd"), json!(["otp"])), "context");
    assert_eq!(reason(json!("urn:mfa"), json!(["pwd"])), "method");
    assert_eq!(reason(json!("urn:mfa"), json!([])), "method");
    assert_eq!(outcome(&strict, |_| ()).err().unwrap().reason(), "context", "not said at all");
}

#[test]
fn an_address_counts_only_if_the_provider_verified_it() {
    let email = |json: &str| {
        email(&Claims::parse(json.as_bytes()).unwrap()).map_err(|refusal| refusal.reason()).map(String::from)
    };
    assert_eq!(email(r#"{"email":"bob@Corp.test","email_verified":true}"#), Ok("bob@corp.test".to_owned()));
    for verified in ["false", r#""true""#, "1", "null", r#"["true"]"#] {
        let json = format!(r#"{{"email":"bob@corp.test","email_verified":{verified}}}"#);
        assert_eq!(email(&json), Err("email-unverified"), "{verified}");
    }
    assert_eq!(email(r#"{"email":"bob@corp.test"}"#), Err("email-unverified"));
    assert_eq!(email(r#"{"email_verified":true}"#), Err("email-missing"));
    assert_eq!(email(r#"{"email":["bob@corp.test"],"email_verified":true}"#), Err("claim"));
    for address in [
        "bob",
        "bob@corp",
        "bob@corp.test@evil.test",
        " bob@corp.test",
        "\\\"bob\\\"@corp.test",
        "b\u{f6}b@corp.test",
    ] {
        let json = format!(r#"{{"email":"{address}","email_verified":true}}"#);
        assert_eq!(email(&json), Err("email-malformed"), "{address}");
    }
}
