//! Blobs for room devices: JWE (RFC 7516 §7.1) as `device-jwe` reads them, before any key is derived.

use std::sync::OnceLock;

use device_jwe::{Action, Blob, ContentKey, Encryption, MAX_BLOB, Payload, Salt, Secret};

use super::Outcome;
use super::support::is_tame;

/// The secret and the salt of the seeds.
const SECRET: &[u8] = b"ossifrage";
const SALT: [u8; 8] = [0xe5, 0xe6, 0x53, 0x08, 0x03, 0xf8, 0x33, 0xf6];

/// What is read is written back as it came, is for one of four actions, and opens for that action only; a word about what is wrong is tame and tells nothing that was sent.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let blob = match Blob::parse(text) {
        Ok(blob) => blob,
        Err(problem) => {
            let (message, hint) = (problem.to_string(), problem.hint().unwrap_or_default());
            assert!(is_tame(&message) && is_tame(&hint), "{message:?} {hint:?}");
            return Outcome::Refused;
        }
    };
    assert!(text.len() <= MAX_BLOB, "longer than anything that is sent");
    assert_eq!(blob.to_string(), text, "a blob has one spelling, and is kept as it came");
    assert_eq!(text.matches('.').count(), 4);
    assert!((Salt::MIN..=Salt::MAX).contains(&blob.salt().octets().len()));
    if let Some(key) = key(&blob) {
        for action in Action::ALL {
            let opened = blob.open_with(key, action);
            assert!(opened.is_err() || action == blob.action(), "it opens for another action");
            // Whatever came out is read or refused.
            let _ = opened.map(|content| Payload::read(action, &content));
        }
    }
    Outcome::Accepted
}

/// The key of the seeds, if the blob is under it. Others would each cost a tenth of a second.
fn key(blob: &Blob) -> Option<&'static ContentKey> {
    static KEY: OnceLock<Option<ContentKey>> = OnceLock::new();
    let derive = || {
        let (secret, salt) = (Secret::from_octets(SECRET).ok()?, Salt::new(&SALT).ok()?);
        ContentKey::derive(&secret, &salt, Encryption::A128Gcm).ok()
    };
    let key = KEY.get_or_init(derive).as_ref()?;
    (key.salt() == blob.salt() && key.encryption() == blob.encryption()).then_some(key)
}
