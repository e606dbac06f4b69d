//! The name of a certificate in renewal information (RFC 9773 §4.1): a path segment at the server, text from disk at the agent.

use acme_client::acme::CertificateId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::ari::CertId;

use super::Outcome;

/// A name that is taken has one spelling, the agent and the server read it alike, and a serial of ours in it makes the same name.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let agents = text.parse::<CertificateId>();
    if let Ok(id) = &agents {
        assert_eq!(id.as_str(), text, "one spelling");
    }
    let Ok(id) = text.parse::<CertId>() else {
        assert!(agents.is_err() || !fits(text), "the server refuses what the agent takes");
        return Outcome::Refused;
    };
    assert_eq!(id.to_string(), text, "one spelling");
    let parts = CertificateId::new(id.authority_key_identifier(), id.serial_content());
    assert_eq!(agents.as_ref(), Ok(&parts.unwrap_or_else(|_| unreachable!("neither part is empty"))));
    let stored = serde_json::to_string(&id).unwrap_or_default();
    assert_eq!(serde_json::from_str::<CertId>(&stored).ok().as_ref(), Some(&id));
    if let Some(serial) = id.serial() {
        assert_eq!(CertId::new(id.authority_key_identifier(), &serial), id);
    }
    Outcome::Accepted
}

/// Whether the parts have lengths that certificates have (RFC 5280 §4.1.2.2: serials of up to 20 octets, and a sign).
fn fits(text: &str) -> bool {
    let octets = |part: &str| URL_SAFE_NO_PAD.decode(part).map_or(0, |octets| octets.len());
    text.split_once('.')
        .is_some_and(|(key, serial)| (1..=64).contains(&octets(key)) && (1..=21).contains(&octets(serial)))
}
