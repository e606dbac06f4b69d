//! TSIG keys (RFC 8945) as people keep them: BIND's `key "name" { algorithm …; secret "…"; };` or one line
//! `name:algorithm:base64` (nsupdate's `algorithm:name:base64` too).
//!
//! Keys come from files only. The secret is redacted in Debug, wiped on drop and named in no error.

use std::{fmt, fs, io, path::Path};

use data_encoding::BASE64;
use hickory_proto::{
    dnssec::DnsSecError,
    rr::{Name, TSigner, rdata::tsig::TsigAlgorithm},
};
use zeroize::Zeroizing;

use super::DnsError;

/// Seconds by which our clock and the server's may differ.
const FUDGE: u16 = 300;

/// A named TSIG secret.
pub struct TsigKey {
    name: Name,
    algorithm: TsigAlgorithm,
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It has neither form.
    #[error(
        "expected `key \"name\" {{ algorithm hmac-sha256; secret \"…\"; }};` or `name:hmac-sha256:base64`"
    )]
    Form,
    /// Its algorithm is not one we use.
    #[error("algorithm {0:?} is not supported, use hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm(String),
    /// What stands where the algorithm belongs is none, and might be the secret.
    #[error("no algorithm where one belongs, use hmac-sha256, hmac-sha384 or hmac-sha512")]
    NoAlgorithm,
    /// Its name is no DNS name. It is not told: it might be the secret.
    #[error("the key's name is no DNS name")]
    Name,
    /// Its secret is not base64, or empty.
    #[error("the secret is not base64")]
    Secret,
}

impl TsigKey {
    /// Reads a key file.
    pub fn from_file(path: &Path) -> Result<Self, DnsError> {
        let read = || -> Result<Self, KeyProblem> { Self::parse(&Zeroizing::new(fs::read_to_string(path)?)) };
        read().map_err(|problem| DnsError::KeyFile { path: path.to_path_buf(), problem })
    }

    /// Parses either form.
    pub fn parse(text: &str) -> Result<Self, KeyProblem> {
        let text = Zeroizing::new(without_comments(text));
        if text.contains('{') { Self::from_clause(&text) } else { Self::from_line(text.trim()) }
    }

    fn from_clause(text: &str) -> Result<Self, KeyProblem> {
        let spaced = Zeroizing::new(text.replace('{', " { ").replace('}', " } ").replace(';', " ; "));
        let words: Vec<&str> = spaced.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let after =
            |keyword: &str| words.iter().position(|word| *word == keyword).and_then(|at| words.get(at + 1));
        match (after("key"), after("algorithm"), after("secret")) {
            (Some(name), Some(algorithm), Some(secret)) => Self::from_parts(name, algorithm, secret),
            _ => Err(KeyProblem::Form),
        }
    }

    fn from_line(line: &str) -> Result<Self, KeyProblem> {
        let mut parts = line.split(':');
        let (Some(first), Some(second), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyProblem::Form);
        };
        // nsupdate writes the algorithm first, everyone else the name.
        if algorithm_of(first).is_some() {
            Self::from_parts(second, first, secret)
        } else {
            Self::from_parts(first, second, secret)
        }
    }

    fn from_parts(name: &str, algorithm: &str, secret: &str) -> Result<Self, KeyProblem> {
        let mut parsed = Name::from_ascii(name).map_err(|_| KeyProblem::Name)?;
        parsed.set_fqdn(true);
        let algorithm = algorithm_of(algorithm).ok_or_else(|| not_supported(algorithm))?;
        let secret = Zeroizing::new(BASE64.decode(secret.as_bytes()).map_err(|_| KeyProblem::Secret)?);
        if secret.is_empty() {
            return Err(KeyProblem::Secret);
        }
        Ok(Self { name: parsed, algorithm, secret })
    }

    /// The key as the DNS library wants it.
    pub(super) fn signer(&self) -> Result<TSigner, DnsSecError> {
        TSigner::new(self.secret.to_vec(), self.algorithm.clone(), self.name.clone(), FUDGE)
    }
}

fn algorithm_of(name: &str) -> Option<TsigAlgorithm> {
    match name.trim_end_matches('.').to_ascii_lowercase().as_str() {
        "hmac-sha256" => Some(TsigAlgorithm::HmacSha256),
        "hmac-sha384" => Some(TsigAlgorithm::HmacSha384),
        "hmac-sha512" => Some(TsigAlgorithm::HmacSha512),
        _ => None,
    }
}

/// Base64 has no hyphen, so what begins like an algorithm is not the secret in the wrong place.
fn not_supported(written: &str) -> KeyProblem {
    if written.to_ascii_lowercase().starts_with("hmac-") && written.len() <= 32 {
        KeyProblem::Algorithm(written.to_owned())
    } else {
        KeyProblem::NoAlgorithm
    }
}

/// Drops `#`, `//` and `/* */` comments. Base64 may hold `//`, so only comments that begin a line or follow a space count.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        let (before, comment) = rest.split_at(start);
        kept.push_str(before);
        rest = comment.find("*/").and_then(|end| comment.get(end + 2..)).unwrap_or_default();
    }
    kept.push_str(rest);
    let line = |line: &str| -> String {
        let cut = ["#", "//"].iter().filter_map(|mark| comment_start(line, mark)).min();
        line.get(..cut.unwrap_or(line.len())).unwrap_or_default().to_owned()
    };
    kept.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn comment_start(line: &str, mark: &str) -> Option<usize> {
    line.match_indices(mark).map(|(at, _)| at).find(|at| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t', ';']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2VjcmV0//9zZWNyZXQx";

    fn parsed(text: &str) -> (String, TsigAlgorithm, usize) {
        let key = TsigKey::parse(text).unwrap();
        (key.name.to_ascii(), key.algorithm.clone(), key.secret.len())
    }

    #[test]
    fn every_form_in_use_is_read() {
        let clause = format!(
            "# made by tsig-keygen\nkey \"device.\" {{\n\talgorithm hmac-sha512; // strong\n\tsecret \"{SECRET}\";\n}};\n"
        );
        assert_eq!(parsed(&clause), ("device.".to_owned(), TsigAlgorithm::HmacSha512, 15));
        let packed = format!("/* one line */ key device{{algorithm hmac-sha256;secret \"{SECRET}\";}};");
        assert_eq!(parsed(&packed), ("device.".to_owned(), TsigAlgorithm::HmacSha256, 15));
        assert_eq!(parsed(&format!("device:hmac-sha384:{SECRET}\n")).1, TsigAlgorithm::HmacSha384);
        assert_eq!(parsed(&format!("hmac-sha256:device:{SECRET}")).0, "device.");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (text, expected) in [
            (format!("device:hmac-md5:{SECRET}"), "hmac-md5"),
            ("device:hmac-sha256:%%%".to_owned(), "not base64"),
            ("device".to_owned(), "expected"),
            ("key x { algorithm hmac-sha256; };".to_owned(), "expected"),
        ] {
            let message = TsigKey::parse(&text).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains(SECRET), "{message}");
        }
    }

    #[test]
    fn a_key_never_shows_its_secret() {
        let shown = format!("{:?}", TsigKey::parse(&format!("device:hmac-sha256:{SECRET}")).unwrap());
        assert!(shown.contains("device") && !shown.contains("secret") && !shown.contains(SECRET), "{shown}");
    }
}
