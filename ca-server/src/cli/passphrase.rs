//! Passphrases, read from files that only their owner may read, or made.
//!
//! Must never come from the command line, where every user of the machine sees them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use certs::key::Secret;
use data_encoding::BASE32_NOPAD;

use super::Failure;
use crate::ids::random_bytes;

/// Reads a passphrase from a file that only its owner may read.
pub(super) fn read_passphrase(path: &Path) -> Result<Secret, Failure> {
    let failed = |source| Failure::File { action: "read", path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let wanted = "a file that only its owner may read (chmod 600)";
        return Err(Failure::Value { value: path.display().to_string(), wanted });
    }
    let secret = Secret::from_file_text(std::fs::read_to_string(path).map_err(failed)?);
    if secret.is_empty() {
        return Err(Failure::Value {
            value: path.display().to_string(),
            wanted: "a file with a passphrase in it",
        });
    }
    Ok(secret)
}

/// 160 random bits in groups that can be typed.
pub(super) fn new_passphrase() -> Result<Secret, Failure> {
    let bytes: [u8; 20] = random_bytes()
        .map_err(|error| Failure::Making { what: "a passphrase".to_owned(), reason: error.to_string() })?;
    let text = BASE32_NOPAD.encode(&bytes).to_lowercase();
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    Ok(Secret::new(groups.join("-")))
}
