//! Passphrases and other secret texts.
//!
//! A secret has no `Display`, its `Debug` says nothing, comparison takes constant time and memory is wiped on drop.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

/// A secret text, such as the passphrase of a key file.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text; the caller's other copies are the caller's business.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Takes the first line of a file's text, without its line ending.
    pub fn from_file_text(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }

    /// The text itself. Each call site is a place where a secret can leak.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
