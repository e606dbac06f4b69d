//! TSIG key files (RFC 8945), as `acme-client` reads them: BIND's clause, or one line.

use acme_client::dns::TsigKey;

use super::Outcome;
use super::support::is_tame;

/// The secret of the seeds: wherever it is put, it can be looked for. Too long for a label, so that it cannot be a key's name.
const SECRET: &str =
    "bm90IHRvIGJlIHRvbGQgbm90IHRvIGJlIHRvbGQgbm90IHRvIGJlIHRvbGQgbm90IHRvIGJlIHRvbGQgbm90IA==";

/// Whatever is wrong with a key file, and however its key is shown, its secret is not told; a comment above changes nothing.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let read = TsigKey::parse(text);
    let commented = TsigKey::parse(&format!("# a comment\n{text}"));
    assert_eq!(format!("{read:?}"), format!("{commented:?}"), "a comment changes nothing");
    match read {
        Ok(key) => {
            assert!(!format!("{key:?}").contains(SECRET), "the key shows its secret");
            Outcome::Accepted
        }
        Err(problem) => {
            let message = problem.to_string();
            assert!(!message.contains(SECRET), "the secret is told: {message}");
            assert!(is_tame(&message), "{message:?}");
            Outcome::Refused
        }
    }
}
