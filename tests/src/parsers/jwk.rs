//! Account keys as JSON Web Keys (RFC 7517, RFC 7638), as `ca-server` reads them.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_server::verify::algorithm::Algorithm;
use ca_server::verify::jwk::{Jwk, WireJwk};
use ca_server::verify::public_key::PublicKey;
use serde_json::Value;

use super::Outcome;
use super::support::{members, opens_object};

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key that is taken is an object without private members, has exactly the members it was sent with, one spelling, the
/// thumbprint of RFC 7638, and verifies nothing that it did not sign.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(key) = serde_json::from_slice::<WireJwk>(input)
        .map_err(|_| ())
        .and_then(|wire| wire.check().map_err(|fault| assert!(!fault.to_string().is_empty())))
    else {
        return Outcome::Refused;
    };
    assert!(opens_object(input), "a key is an object (RFC 7517 §4)");
    let canonical: BTreeMap<String, String> = reread(&serde_json::to_string(&key).unwrap_or_default());
    if let Some(sent) = members(input) {
        for private in PRIVATE {
            assert!(!sent.contains_key(private), "a key with its private part must be refused");
        }
        for (name, value) in &canonical {
            let value = Value::from(value.as_str());
            assert_eq!(
                sent.get(name).map(Vec::as_slice),
                Some([value].as_slice()),
                "{name} is as it was sent"
            );
        }
    }
    for name in ["x", "y", "n", "e"] {
        if let Some(text) = canonical.get(name) {
            let octets = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
            assert_eq!(URL_SAFE_NO_PAD.encode(octets), *text, "{name} has one spelling");
        }
    }
    // RFC 7638 §3: the required members in lexical order, no white space. A `BTreeMap` writes exactly that.
    let hashed = serde_json::to_string(&canonical).unwrap_or_default();
    assert_eq!(key.thumbprint(), URL_SAFE_NO_PAD.encode(digest(&SHA256, hashed.as_bytes())));
    check_again(&key, &hashed);
    check_verifies(&key)
}

fn reread(text: &str) -> BTreeMap<String, String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn check_again(key: &Jwk, text: &str) {
    assert_eq!(serde_json::from_str::<Jwk>(text).ok().as_ref(), Some(key), "stored and read back");
    let sent = serde_json::from_str::<WireJwk>(text).ok().and_then(|wire| wire.check().ok());
    assert_eq!(sent.as_ref(), Some(key), "sent again in canonical form");
}

fn check_verifies(key: &Jwk) -> Outcome {
    let Ok(public) = PublicKey::new(key) else { return Outcome::Refused };
    let own = Algorithm::of(key);
    for name in Algorithm::NAMES {
        let Some(claimed) = Algorithm::named(name) else { unreachable!("{name} is listed") };
        for length in [0, 64, 96, 256] {
            let verified = public.verify(claimed, b"rollcall", &vec![0x41; length]);
            assert!(verified.is_err(), "{name} verified what {} never signed", own.name());
        }
    }
    Outcome::Accepted
}
