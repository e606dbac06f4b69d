//! An ID token (OpenID Connect Core §2), as `ca-server` reads it.
//!
//! An input is read twice: as a token, which must never be believed since nobody has the provider's key; and as claims that the provider signs.

use serde_json::Value;

use super::Outcome;
use super::openid::{CLIENT, ISSUER, NONCE, NOW, PARTY, check_refusal, expected, only};
use super::support::{is_tame, members};

/// Claims that are believed are one object without repeated names, from this provider, for us and this sign-in, of this hour, about an
/// address that was verified.
pub fn check(input: &[u8]) -> Outcome {
    let Some(party) = &*PARTY else { unreachable!("a provider can be made") };
    let keys = party.key_set();
    let judge = |token: &str, nonce: &str| party.provider.judge(token, keys.as_bytes(), &expected(nonce));
    if let Ok(text) = std::str::from_utf8(input) {
        match judge(text, NONCE) {
            Ok(person) => unreachable!("nobody else has the key, and yet {} was believed", person.email()),
            Err(refusal) => check_refusal(&refusal),
        }
    }
    let Some(token) = party.sign(input) else { return Outcome::Refused };
    let person = match judge(&token, NONCE) {
        Ok(person) => person,
        Err(refusal) => {
            check_refusal(&refusal);
            return Outcome::Refused;
        }
    };
    let Some(said) = members(input) else { unreachable!("claims are an object") };
    assert!(said.values().all(|values| values.len() == 1), "a claim stands twice");
    let claim = |name: &str| only(&said, name);
    let text = |name: &str| claim(name).and_then(|value| value.as_str().map(str::to_owned));
    assert_eq!((text("iss").as_deref(), text("nonce").as_deref()), (Some(ISSUER), Some(NONCE)));
    let us = Value::from(CLIENT);
    let audience = claim("aud").unwrap_or_default();
    assert!(audience == us || audience.as_array().is_some_and(|all| all.contains(&us)), "{audience}");
    assert_eq!(claim("email_verified"), Some(Value::Bool(true)));
    let email = person.email().to_string();
    let local = email.rsplit_once('@').map(|(local, _)| format!("{local}@"));
    assert!(text("email").is_some_and(|said| local.is_some_and(|local| said.starts_with(&local))), "{email}");
    let evidence = person.evidence();
    assert_eq!(text("sub").as_deref(), Some(evidence.subject.as_str()));
    let (authenticated, until) = (evidence.authenticated.unix_timestamp(), person.single_use().until);
    assert!((NOW - 150..=NOW + 60).contains(&authenticated), "{authenticated}");
    assert!((NOW..=NOW + 86_400 + 60).contains(&until.unix_timestamp()), "{until}");
    for fact in evidence.groups.iter().chain(&evidence.methods).chain(&evidence.context) {
        assert!(!fact.is_empty() && fact.len() <= 256 && !fact.contains(char::is_control), "{fact:?}");
    }
    assert!(is_tame(&evidence.assertion) && person.single_use().key.starts_with("corp\n"));
    assert!(judge(&token, "another").is_err() && judge(&token, "").is_err(), "for this sign-in alone");
    Outcome::Accepted
}
