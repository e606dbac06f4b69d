//! What a device refuses, and how each face says so: one table of words, sentences and JSON-RPC codes (`docs/room-emulator.md` shows it).
//!
//! The codes below zero and code 1 are the devices' own. The words are the emulator's: real devices have sentences alone. A refusal may
//! name the words, the path or the parameter that was sent, as far as they can be names; never a value or a body.

use std::fmt;

use super::path::Path;
use super::tree::Node;

/// Why a command that was understood was not done. Whatever it was about is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Something encrypted came before there was a client secret.
    SecretMissing,
    /// The first client secret is not base64url of 1 to 384 octets.
    SecretMalformed,
    /// Not the compact form of a JWE with the header that is needed.
    JweMalformed,
    /// The published example with its misplaced `9`.
    JweMisprinted,
    /// It does not open: another secret, or changed on its way. These cannot be told apart.
    JweNotOpened,
    /// It opens, but was made for another command.
    JweAction,
    /// No certificate, or something else besides, in what was to be added.
    CertificateMalformed,
    /// There is no private key with the certificate.
    KeyMissing,
    /// More than one private key, or one that cannot be read.
    KeyMalformed,
    /// The password does not open the private key, or is needed and was not given.
    KeyPassword,
    /// The private key is not the certificate's.
    KeyMismatch,
    /// An identity has to be on P-256.
    KeyUnsuitable,
    /// The certificate is no longer valid.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// No certificate has this fingerprint.
    FingerprintUnknown,
    /// The certificate does not serve this purpose.
    NotActivated,
    /// It is in use.
    InUse,
    /// There is no room for more.
    Full,
    /// There is no request that waits for its certificate.
    NoRequest,
    /// The crypto library failed.
    Internal,
    /// A test wants it refused.
    Injected,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 21] = [
        Self::SecretMissing,
        Self::SecretMalformed,
        Self::JweMalformed,
        Self::JweMisprinted,
        Self::JweNotOpened,
        Self::JweAction,
        Self::CertificateMalformed,
        Self::KeyMissing,
        Self::KeyMalformed,
        Self::KeyPassword,
        Self::KeyMismatch,
        Self::KeyUnsuitable,
        Self::Expired,
        Self::NotYetValid,
        Self::FingerprintUnknown,
        Self::NotActivated,
        Self::InUse,
        Self::Full,
        Self::NoRequest,
        Self::Internal,
        Self::Injected,
    ];

    /// The word for programs: `Code` in every answer.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SecretMissing => "secret-missing",
            Self::SecretMalformed => "secret-malformed",
            Self::JweMalformed => "jwe-malformed",
            Self::JweMisprinted => "jwe-misprinted",
            Self::JweNotOpened => "jwe-not-opened",
            Self::JweAction => "jwe-action",
            Self::CertificateMalformed => "certificate-malformed",
            Self::KeyMissing => "key-missing",
            Self::KeyMalformed => "key-malformed",
            Self::KeyPassword => "key-password",
            Self::KeyMismatch => "key-mismatch",
            Self::KeyUnsuitable => "key-unsuitable",
            Self::Expired => "certificate-expired",
            Self::NotYetValid => "certificate-not-yet-valid",
            Self::FingerprintUnknown => "fingerprint-unknown",
            Self::NotActivated => "not-activated",
            Self::InUse => "in-use",
            Self::Full => "full",
            Self::NoRequest => "no-request",
            Self::Internal => "internal",
            Self::Injected => "injected",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretMissing => "No client secret is set",
            Self::SecretMalformed => "The client secret is not base64url",
            Self::JweMalformed => "Not a JWE of the expected form",
            Self::JweMisprinted => "Not a JWE: the 9 after the two dots belongs before them",
            Self::JweNotOpened => "The JWE does not open with the client secret of this device",
            Self::JweAction => "The JWE was made for another action",
            Self::CertificateMalformed => "Failed to parse certificate",
            Self::KeyMissing => "No private key with the certificate",
            Self::KeyMalformed => "Failed to parse private key",
            Self::KeyPassword => "The password does not open the private key",
            Self::KeyMismatch => "The private key does not match the certificate",
            Self::KeyUnsuitable => "An identity needs a P-256 key",
            Self::Expired => "The certificate has expired",
            Self::NotYetValid => "The certificate is not valid yet",
            Self::FingerprintUnknown => "No certificate with this fingerprint",
            Self::NotActivated => "The certificate is not activated for this purpose",
            Self::InUse => "The certificate is in use",
            Self::Full => "No room for more certificates",
            Self::NoRequest => "No certificate request is pending",
            Self::Internal => "Internal error",
            Self::Injected => "Refused by a fault of the test",
        })
    }
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such command.
    UnknownCommand {
        /// Its words, each after a slash.
        path: String,
    },
    /// There is nothing at this path.
    UnknownPath {
        /// The path.
        path: String,
    },
    /// A parameter is missing, unknown, or cannot have this value.
    Parameter {
        /// Its name.
        name: String,
    },
    /// A configuration cannot have this value.
    IllegalValue {
        /// Which.
        path: Path,
    },
    /// The account may not do this.
    Permission,
    /// Too many subscriptions.
    Subscriptions,
    /// It was not done.
    Failed(Fault),
}

impl Refusal {
    /// The code of a JSON-RPC error.
    #[must_use]
    pub fn rpc_code(&self) -> i64 {
        match self {
            Self::UnknownCommand { .. } => -32_601,
            Self::UnknownPath { .. } => 3,
            Self::Parameter { .. } | Self::IllegalValue { .. } => -32_602,
            Self::Permission => -31_999,
            Self::Subscriptions => -31_998,
            Self::Failed(Fault::Internal) => -32_603,
            Self::Failed(_) => 1,
        }
    }

    /// The path that errors name as `XPath`.
    #[must_use]
    pub fn xpath(&self) -> Option<String> {
        match self {
            Self::UnknownCommand { path } | Self::UnknownPath { path } => Some(path.clone()),
            Self::IllegalValue { path } => Some(path.to_string()),
            Self::Parameter { .. } | Self::Permission | Self::Subscriptions | Self::Failed(_) => None,
        }
    }

    /// The word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownCommand { .. } => "unknown-command",
            Self::UnknownPath { .. } => "unknown-path",
            Self::Parameter { .. } => "parameter",
            Self::IllegalValue { .. } => "illegal-value",
            Self::Permission => "permission",
            Self::Subscriptions => "subscriptions",
            Self::Failed(fault) => fault.code(),
        }
    }

    /// The result that says so: `status`, `Reason`, `Code`, `XPath`.
    #[must_use]
    pub fn node(&self) -> Node {
        let status = if let Self::Parameter { .. } = self { "ParameterError" } else { "Error" };
        let mut node = Node::branch([
            ("status", Node::leaf(status)),
            ("Reason", Node::leaf(self.to_string())),
            ("Code", Node::leaf(self.code())),
        ]);
        if let Some(path) = self.xpath() {
            node.push("XPath", Node::leaf(path));
        }
        node
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { .. } => f.write_str("Unknown command"),
            Self::UnknownPath { .. } => f.write_str("No match on address expression"),
            Self::Parameter { name } => write!(f, "Invalid or missing parameter: {name}"),
            Self::IllegalValue { .. } => f.write_str("Bad usage: illegal value"),
            Self::Permission => f.write_str("Permission denied"),
            Self::Subscriptions => f.write_str("Too many subscriptions"),
            Self::Failed(fault) => fault.fmt(f),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_device_itself_is_to_blame_for_has_a_code_of_its_own() {
        for fault in Fault::ALL {
            let expected = if fault == Fault::Internal { -32_603 } else { 1 };
            assert_eq!(Refusal::from(fault).rpc_code(), expected, "{fault}");
        }
    }
}
