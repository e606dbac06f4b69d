//! A provider's key set (RFC 7517 §5), as `ca-server` reads it.

use serde_json::Value;

use super::Outcome;
use super::openid::{ISSUER, PARTY, check_refusal, expected, only};
use super::support::{accepted_if, members};

/// A key set has no more keys than it lists, each a public one; and a token of the provider verifies by no set but its own.
pub fn check(input: &[u8]) -> Outcome {
    let Some(party) = &*PARTY else { unreachable!("a provider can be made") };
    let configuration = format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t","jwks_uri":"{ISSUER}/k"}}"#
    );
    let report = match party.provider.read(configuration.as_bytes(), input) {
        Ok(report) => report,
        Err(refusal) => {
            check_refusal(&refusal);
            return Outcome::Refused;
        }
    };
    if let Some(said) = members(input) {
        let listed = only(&said, "keys");
        let public = |key: &&Value| key.get("d").is_none() && key.get("kty").is_some();
        let listed = listed.as_ref().and_then(Value::as_array).map(|keys| keys.iter().filter(public).count());
        assert!(listed.is_some_and(|most| report.keys <= most), "{report:?}");
    }
    if let Some(token) = party.sign(b"{}") {
        let judged = party.provider.judge(&token, input, &expected("n"));
        check_refusal(&judged.err().unwrap_or_else(|| unreachable!("nobody else has the key")));
    }
    accepted_if(report.keys > 0)
}
