//! Why a device could not be spoken to, and what a person can do about it.
//!
//! Errors carry what was seen: the place, the pin, the library's own error. Words that come from the other side are made tame before a person sees them, a certificate's names
//! among them. No variant may hold a password, a cookie, or what was sent.

use std::io;
use std::path::PathBuf;

use crate::device::place::{Pin, Place};
use crate::device::xapi::{NotAnswer, Refusal, tame};

/// Why a device could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum XapiError {
    /// It understood, and did not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be reached.
    #[error("cannot reach {place}: {source}")]
    Unreachable {
        /// Where.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long.
    #[error("{place} did not answer within {seconds} s")]
    Timeout {
        /// Where.
        place: Place,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Its certificate is not to be trusted, or TLS failed.
    #[error("no TLS with {place}: {}", tame(&reason.to_string()))]
    Tls {
        /// Where.
        place: Place,
        /// What the TLS library said.
        reason: Box<rustls::Error>,
    },
    /// It shows another certificate or host key than the pinned one.
    #[error("{place} shows {found}, which is not what was pinned")]
    OtherPin {
        /// Where.
        place: Place,
        /// What it shows.
        found: Pin,
    },
    /// Its host key is in no list.
    #[error("the host key of {place}, {found}, is not known")]
    UnknownHostKey {
        /// Where.
        place: Place,
        /// What it shows.
        found: Pin,
    },
    /// A list has another host key for it.
    #[error("the host key of {place} has changed, to {found} (line {line} of the known hosts has another)")]
    ChangedHostKey {
        /// Where.
        place: Place,
        /// What it shows.
        found: Pin,
        /// Where the other stands.
        line: usize,
    },
    /// Its host key must not be taken any more.
    #[error("the host key of {place} is revoked (line {line} of the known hosts)")]
    RevokedHostKey {
        /// Where.
        place: Place,
        /// Where that stands.
        line: usize,
    },
    /// The list of host keys cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    KnownHosts {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SSH failed.
    #[error("no SSH with {place}: {}", tame(&reason.to_string()))]
    Ssh {
        /// Where.
        place: Place,
        /// What the library said.
        reason: Box<russh::Error>,
    },
    /// It does not take the password.
    #[error("{place} does not take the password of {user}")]
    Password {
        /// Where.
        place: Place,
        /// Whose.
        user: String,
    },
    /// It has too much to do, and still had when asked again.
    #[error("{place} has too much to do (503)")]
    Busy {
        /// Where.
        place: Place,
    },
    /// Another status of HTTP.
    #[error("{place} answers with HTTP status {status}")]
    Http {
        /// Where.
        place: Place,
        /// Which.
        status: u16,
    },
    /// It sent more than is read.
    #[error("{place} sends more than {limit} octets")]
    TooLarge {
        /// Where.
        place: Place,
        /// What is read.
        limit: usize,
    },
    /// It went away.
    #[error("{place} closed the connection")]
    Closed {
        /// Where.
        place: Place,
    },
    /// What it sent is not an answer.
    #[error(transparent)]
    NotAnswer(#[from] NotAnswer),
    /// The roots, or this machine's, cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Roots(Box<rustls::Error>),
    /// The HTTP client cannot be set up.
    #[error("HTTPS cannot be set up: {0}")]
    Client(Box<reqwest::Error>),
    /// The account's name does not go into a header.
    #[error("the name of the account, {user:?}, cannot be sent")]
    Account {
        /// Which.
        user: String,
    },
    /// The host's name is none that a certificate or a URL can have.
    #[error("no certificate can be for {place}")]
    Name {
        /// Which.
        place: Place,
    },
}

impl XapiError {
    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Tls { .. } => {
                "name the roots of its certificate with `--root FILE`, or pin what it shows with `acme-client device pin --host …`"
            }
            Self::UnknownHostKey { .. } => {
                "look at it and pin it: `acme-client device pin --over ssh --host …`"
            }
            Self::OtherPin { .. } | Self::ChangedHostKey { .. } => {
                "if the device was reset or replaced, look again with `acme-client device pin`; if not, somebody may stand between"
            }
            Self::RevokedHostKey { .. } => {
                "somebody who has the old key may stand there: give the device a new host key, and look at it with `acme-client device pin --over ssh --host …`"
            }
            Self::KnownHosts { .. } => "name a file that can be read with `--known-hosts`, or pin the device",
            Self::Account { .. } => "name another account of the device with `--user`",
            Self::Name { .. } => "name the device as its certificate does, or use `--over ssh`",
            Self::Roots(_) => "see that the file of `--root` holds certificates of authorities",
            Self::Password { .. } => {
                "give the password of an administrator of the device with `--password-file`"
            }
            Self::Busy { .. } => "wait, and run the same command again: it goes on where it was",
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Closed { .. } => {
                "see that the device is on, and that its HTTPS, WebSocket or SSH service is (`--over`)"
            }
            Self::Refused(refusal) if refusal.is_permission() => "the account needs the role Admin",
            Self::Http { status: 401 | 403, .. } => "the account needs the role Admin",
            Self::Http { status: 404, .. } | Self::NotAnswer(_) => {
                "see that this is a device, and not something before it"
            }
            Self::Refused(refusal) if refusal.is_unknown() => {
                "this device has no such command: it may need newer software"
            }
            Self::Refused(_)
            | Self::Ssh { .. }
            | Self::Http { .. }
            | Self::TooLarge { .. }
            | Self::Client(_) => return None,
        };
        Some(text.to_owned())
    }
}
