//! What can be wrong with a token or a key in it, and what to do about it.
//!
//! Names tokens and keys by their URIs, which hold no PIN. Nothing here ever holds one.

use std::path::PathBuf;

use super::{TokenUri, UriError};

/// Why a key in a token could not be made, found, taken or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// This program cannot speak to tokens.
    #[error("this program was built without PKCS#11, which the key {0} needs")]
    NotBuilt(Box<TokenUri>),
    /// The name is none.
    #[error("not the name of a key in a token: {0}")]
    Uri(#[from] UriError),
    /// Nothing says which module.
    #[error("nothing says which PKCS#11 module speaks to the token of {0}")]
    NoModule(Box<TokenUri>),
    /// The module cannot be loaded.
    #[error("the PKCS#11 module {} cannot be used: {reason}", path.display())]
    Module {
        /// The shared library.
        path: PathBuf,
        /// What the system or the module says.
        reason: String,
    },
    /// There is no such token.
    #[error("there is no token {wanted}; {}", listed(found))]
    NoToken {
        /// The one that is meant.
        wanted: Box<TokenUri>,
        /// Names of those that are there.
        found: Vec<String>,
    },
    /// Several could be meant.
    #[error("{count} tokens are called {wanted}")]
    SeveralTokens {
        /// The one that is meant.
        wanted: Box<TokenUri>,
        /// How many there are.
        count: usize,
    },
    /// The token did not let us in.
    #[error("the token of {uri} does not open: {fault}")]
    Pin {
        /// The key or token.
        uri: Box<TokenUri>,
        /// Why.
        fault: PinFault,
    },
    /// There is no such key.
    #[error("there is no private key {0}")]
    NoKey(Box<TokenUri>),
    /// The URI says no more than the token.
    #[error("{0} names a token, and no key in it")]
    NotAKey(Box<TokenUri>),
    /// Several keys could be meant.
    #[error("{count} private keys are called {uri}")]
    SeveralKeys {
        /// The name.
        uri: Box<TokenUri>,
        /// How many there are.
        count: usize,
    },
    /// The token does not show the public half.
    #[error("the token holds no public key beside {0}")]
    NoPublicKey(Box<TokenUri>),
    /// Another kind of key.
    #[error("the key {uri} is {kind}; only ECDSA keys on P-256 and P-384 are used")]
    OtherKind {
        /// The key.
        uri: Box<TokenUri>,
        /// What it is.
        kind: String,
    },
    /// It can leave the token.
    #[error("the key {uri} could leave its token: {attribute}")]
    Exportable {
        /// The key.
        uri: Box<TokenUri>,
        /// The attribute that says so.
        attribute: &'static str,
    },
    /// Its use is not signing.
    #[error("the key {0} is not for signing: CKA_SIGN is false")]
    NotForSigning(Box<TokenUri>),
    /// What is signed does not verify under the public half.
    #[error("what the key {0} signs does not verify under the public key beside it")]
    OtherHalf(Box<TokenUri>),
    /// The token refused, or is not to be reached now.
    #[error("the token could not {act} ({uri}): {reason}")]
    Failed {
        /// What it was asked to do.
        act: &'static str,
        /// With which key.
        uri: Box<TokenUri>,
        /// The module's words.
        reason: String,
    },
}

/// Why a token did not let us in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinFault {
    /// Nothing says where the PIN is.
    #[error("it wants a PIN, and the URI has no pin-source")]
    NoSource,
    /// The file cannot be read, or holds nothing.
    #[error("cannot read the PIN from {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is the wrong one.
    #[error("the PIN is wrong")]
    Wrong,
    /// The same PIN was refused before, so it was not tried again.
    #[error("the PIN is wrong; it was refused before and not tried again")]
    WrongBefore,
    /// Too many wrong ones.
    #[error("it is locked after too many wrong PINs")]
    Locked,
    /// One more wrong PIN locks it.
    #[error("one more wrong PIN locks it, so none is tried")]
    LastTry,
    /// Nobody set one yet.
    #[error("its user PIN is not set, or expired")]
    NotSet,
}

fn listed(found: &[String]) -> String {
    match found {
        [] => "the module shows none".to_owned(),
        names => format!("the module shows {}", names.join(", ")),
    }
}

impl TokenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotBuilt(_) => "build it with the feature `pkcs11`, which is in the default features",
            Self::Uri(error) => error.hint(),
            Self::NoModule(_) => {
                "add ?module-path=/path/to/module.so to the URI, or name the module in the variable ROLLCALL_PKCS11_MODULE"
            }
            Self::Module { .. } => {
                "name the token vendor's PKCS#11 library, built for this system; SoftHSM's is /usr/lib/softhsm/libsofthsm2.so"
            }
            Self::NoToken { .. } => {
                "`pkcs11-tool --module MODULE --list-token-slots` shows tokens; for SoftHSM look at SOFTHSM2_CONF of this process"
            }
            Self::SeveralTokens { .. } => "add the token's serial to the URI: serial=…",
            Self::Pin { fault, .. } => fault.hint(),
            Self::NoKey(_) => {
                "`pkcs11-tool --module MODULE --login --list-objects` shows the keys of a token"
            }
            Self::NotAKey(_) => "add object=LABEL or id=%..; `pkcs11-tool --list-objects` shows them",
            Self::SeveralKeys { .. } => "add the id of the one that is meant to the URI: id=%..",
            Self::NoPublicKey(_) => "store the public key in the token with the same id",
            Self::OtherKind { .. } => {
                "make a key on P-256; `ca-server` and `acme-client` do when they are given a token"
            }
            Self::Exportable { .. } => {
                "make a new key that never leaves the token (CKA_SENSITIVE true, CKA_EXTRACTABLE false); this one may have been copied"
            }
            Self::NotForSigning(_) => "make a key for signing, or name another one",
            Self::OtherHalf(_) => {
                "the token holds a public key that belongs to another one under this id; remove it"
            }
            Self::Failed { .. } => {
                "look whether the token is there, and at the module's own log; it is tried again with new sessions"
            }
        }
    }
}

impl PinFault {
    fn hint(&self) -> &'static str {
        match self {
            Self::NoSource => "write the PIN into a file and add pin-source=file:/path to the URI",
            Self::File { .. } => "write the PIN into that file, readable by this user only",
            Self::Wrong | Self::WrongBefore => {
                "put the token's user PIN into the file of pin-source; the token may lock after few wrong ones"
            }
            Self::Locked => {
                "the token's security officer must set a new user PIN: `pkcs11-tool --login --login-type so --init-pin` asks for both"
            }
            Self::LastTry => {
                "put the right PIN into the file, and log in once by hand, which resets the counter: `pkcs11-tool --login --list-objects`"
            }
            Self::NotSet => "set the user PIN first: `pkcs11-tool --init-pin`",
        }
    }
}

impl TokenError {
    /// Whether the key itself is gone or is of no use, whatever is configured: no other name, module or PIN brings it back.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::NoKey(_)
            | Self::NoPublicKey(_)
            | Self::OtherKind { .. }
            | Self::Exportable { .. }
            | Self::NotForSigning(_)
            | Self::OtherHalf(_) => true,
            Self::Module { .. }
            | Self::NoToken { .. }
            | Self::Pin { .. }
            | Self::Failed { .. }
            | Self::NotBuilt(_)
            | Self::Uri(_)
            | Self::NoModule(_)
            | Self::SeveralTokens { .. }
            | Self::NotAKey(_)
            | Self::SeveralKeys { .. } => false,
        }
    }

    /// Whether it may be gone the next time: nothing is wrong with the name or the key, the token is not to be reached or did not let us in.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Module { .. } | Self::NoToken { .. } | Self::Pin { .. } | Self::Failed { .. } => true,
            Self::NotBuilt(_)
            | Self::Uri(_)
            | Self::NoModule(_)
            | Self::SeveralTokens { .. }
            | Self::NoKey(_)
            | Self::NotAKey(_)
            | Self::SeveralKeys { .. }
            | Self::NoPublicKey(_)
            | Self::OtherKind { .. }
            | Self::Exportable { .. }
            | Self::NotForSigning(_)
            | Self::OtherHalf(_) => false,
        }
    }
}
