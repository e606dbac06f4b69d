//! Private and public key files: PKCS#8, SEC 1, SubjectPublicKeyInfo, PEM around them, as `certs` and `acme-client` read them.

use acme_client::acme::JwsKey;
use certs::key::{KeyKind, PublicKey, SigningKey};

use super::Outcome;
use super::support::contains;

/// A private key that is taken signs what its public half verifies, is written and read back as itself, and never shows itself; a
/// public key that is taken has one encoding, which is the input.
pub fn check(input: &[u8]) -> Outcome {
    let text = std::str::from_utf8(input).unwrap_or_default();
    let der =
        [SigningKey::from_pkcs8_der(input), SigningKey::from_sec1_der(input), SigningKey::from_pem(text)];
    let keys = text.matches("-----BEGIN PRIVATE KEY-----").count();
    assert!(keys < 2 || der.iter().all(Result::is_err), "which of {keys} keys?");
    let mut accepted = check_public(input);
    for key in der.iter().flatten() {
        check_private(key);
        accepted = true;
    }
    for key in [JwsKey::from_pkcs8_der(input).ok(), JwsKey::from_pkcs8_pem(text).ok()].into_iter().flatten() {
        check_account(&key);
        accepted = true;
    }
    super::support::accepted_if(accepted)
}

fn check_private(key: &SigningKey) {
    let Ok(signature) = key.sign(b"rollcall") else { unreachable!("a key signs") };
    assert_eq!(key.public().verify(b"rollcall", &signature), Ok(()));
    assert!(key.public().verify(b"Rollcall", &signature).is_err());
    let (Ok(der), Ok(pem)) = (key.to_pkcs8_der(), key.to_pem()) else { unreachable!("a key can be kept") };
    let read = [SigningKey::from_pkcs8_der(&der), SigningKey::from_pem(&pem)];
    for again in read {
        assert_eq!(again.ok().map(|again| again.public().clone()).as_ref(), Some(key.public()));
    }
    let shown = format!("{key:?}");
    assert!(!contains(shown.as_bytes(), pem.lines().nth(1).unwrap_or("-").as_bytes()), "a key shows itself");
}

fn check_account(key: &JwsKey) {
    let Ok(der) = key.to_pkcs8_der() else { unreachable!("a key can be kept") };
    let again = JwsKey::from_pkcs8_der(&der).ok().map(|again| again.thumbprint());
    assert_eq!(again, Some(key.thumbprint()));
    let other = SigningKey::from_pkcs8_der(&der).map(|key| key.kind());
    assert_eq!(other, Ok(KeyKind::P256), "two readers of one key");
}

fn check_public(input: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_spki_der(input) else { return false };
    assert_eq!(key.spki_der(), input, "one encoding per key");
    assert_eq!(PublicKey::from_point(key.kind(), key.point()).as_ref(), Ok(&key));
    assert_eq!(PublicKey::try_from(String::from(key.clone())).as_ref(), Ok(&key));
    assert!(key.verify(b"rollcall", &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]).is_err());
    true
}
