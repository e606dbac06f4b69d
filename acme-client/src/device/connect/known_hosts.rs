//! `known_hosts` as sshd(8) describes it: names, patterns, hashed names, `@revoked`; whether a host key that was shown stands in it.
//!
//! A key is known if any line for the host has it, and never if a revoked line has it, wherever that stands. `@cert-authority` lines are passed over, since host
//! certificates are not taken; so is every line that cannot be read. Pure: the file is read by whoever asks, and never written.

use aws_lc_rs::hmac;
use data_encoding::BASE64;

/// What the list says of a host key. Lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is the host's.
    Yes,
    /// The host is in no line, or with keys of other kinds only.
    No,
    /// The host has another key of this kind.
    Other {
        /// Where.
        line: usize,
    },
    /// This key must not be taken any more.
    Revoked {
        /// Where.
        line: usize,
    },
}

/// A host key as it was shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// `ssh-ed25519`
    pub(super) kind: &'a str,
    /// As it goes over the wire (RFC 4253 §6.6).
    pub(super) key: &'a [u8],
}

/// Looks through a list.
pub(super) fn judge(list: &str, shown: Shown<'_>) -> Known {
    let name = match shown.port {
        22 => shown.host.to_ascii_lowercase(),
        port => format!("[{}]:{port}", shown.host.to_ascii_lowercase()),
    };
    let mut known = Known::No;
    for (line, text) in (1..).zip(list.lines()) {
        let Some(entry) = Entry::read(text).filter(|entry| is_of(entry.hosts, &name)) else { continue };
        match (entry.revoked, entry.key == shown.key) {
            (true, true) => return Known::Revoked { line },
            (false, true) => known = Known::Yes,
            (false, false) if entry.kind == shown.kind && known == Known::No => known = Known::Other { line },
            (true, false) | (false, false) => {}
        }
    }
    known
}

/// One line that names keys.
struct Entry<'a> {
    revoked: bool,
    hosts: &'a str,
    kind: &'a str,
    key: Vec<u8>,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (revoked, hosts) = match first {
            "@revoked" => (true, words.next()?),
            marker if marker.starts_with('@') => return None,
            hosts => (false, hosts),
        };
        let kind = words.next()?;
        Some(Self { revoked, hosts, kind, key: BASE64.decode(words.next()?.as_bytes()).ok()? })
    }
}

/// Whether a list of patterns is about this name; one with `!` before it takes the name out again.
fn is_of(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not.to_ascii_lowercase().as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => {
                found |= is_hash(pattern, name)
                    || matches(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes())
            }
        }
    }
    found
}

/// `|1|salt|HMAC-SHA-1 of the name`
fn is_hash(pattern: &str, name: &str) -> bool {
    let hash = || {
        let (salt, hash) = pattern.strip_prefix("|1|")?.split_once('|')?;
        let salt = BASE64.decode(salt.as_bytes()).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        hmac::verify(&key, name.as_bytes(), &BASE64.decode(hash.as_bytes()).ok()?).ok()
    };
    hash().is_some()
}

/// `*` is any number of characters, `?` one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|left| matches(rest, left)))
        }
        ([b'?', rest @ ..], [_, left @ ..]) => matches(rest, left),
        ([one, rest @ ..], [other, left @ ..]) => one == other && matches(rest, left),
        ([], [..]) | ([..], []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: Shown<'static> = Shown { host: "room-1.test", port: 22, kind: "ssh-ed25519", key: b"one" };

    #[test]
    fn a_key_is_known_if_any_line_of_the_host_has_it() {
        // `b25l` is "one", `dHdv` is "two".
        for (list, known) in [
            ("", Known::No),
            ("room-1.test ssh-ed25519 b25l", Known::Yes),
            ("# room-1.test ssh-ed25519 b25l", Known::No),
            ("a,Room-1.TEST,b ssh-ed25519 b25l comment of mine", Known::Yes),
            ("room-2.test ssh-ed25519 b25l", Known::No),
            ("room-1.test ssh-ed25519 dHdv", Known::Other { line: 1 }),
            ("room-1.test ssh-rsa dHdv", Known::No),
            ("\nroom-1.test ssh-ed25519 dHdv\nroom-1.test ssh-ed25519 b25l", Known::Yes),
            ("room-1.test ssh-ed25519 b25l\nroom-1.test ssh-ed25519 dHdv", Known::Yes),
            ("*.test ssh-ed25519 b25l", Known::Yes),
            ("room-?.test ssh-ed25519 b25l", Known::Yes),
            ("*.test,!room-1.* ssh-ed25519 b25l", Known::No),
            ("[room-1.test]:2222 ssh-ed25519 b25l", Known::No),
            ("@cert-authority *.test ssh-ed25519 b25l", Known::No),
            ("room-1.test ssh-ed25519 !", Known::No),
            ("room-1.test ssh-ed25519", Known::No),
        ] {
            assert_eq!(judge(list, SHOWN), known, "{list}");
        }
        let other = Shown { port: 2222, ..SHOWN };
        assert_eq!(judge("[room-1.test]:2222 ssh-ed25519 b25l", other), Known::Yes);
        assert_eq!(judge("room-1.test ssh-ed25519 b25l", other), Known::No);
    }

    #[test]
    fn a_revoked_key_is_never_known_wherever_that_stands() {
        let listed = "room-1.test ssh-ed25519 b25l";
        assert_eq!(
            judge(&format!("@revoked * ssh-ed25519 b25l\n{listed}"), SHOWN),
            Known::Revoked { line: 1 }
        );
        assert_eq!(
            judge(&format!("{listed}\n@revoked room-1.test ssh-ed25519 b25l"), SHOWN),
            Known::Revoked { line: 2 }
        );
        assert_eq!(judge(&format!("@revoked * ssh-ed25519 dHdv\n{listed}"), SHOWN), Known::Yes);
        assert_eq!(judge("@revoked * ssh-ed25519 dHdv", SHOWN), Known::No);
        assert_eq!(judge(&format!("@revoked room-2.test ssh-ed25519 b25l\n{listed}"), SHOWN), Known::Yes);
    }

    #[test]
    fn a_hashed_name_is_the_one_that_was_hashed() {
        // From the tests of russh: example.com.
        let list = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= ssh-ed25519 b25l";
        assert_eq!(judge(list, Shown { host: "example.com", ..SHOWN }), Known::Yes);
        assert_eq!(judge(list, SHOWN), Known::No);
    }
}
