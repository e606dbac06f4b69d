//! The arguments of `verify`.

use std::{path::PathBuf, str::FromStr};

use certs::{
    chain::{TrustError, TrustSetName},
    identifier::Identifier,
    name::DnsName,
};
use clap::{Args, ValueHint};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) const HELP: &str = "\
What is trusted, and what follows from it:
  internal=FILE         the meeting provider's own authority: `internal`
  external-domain=FILE  outside authorities for the DNS names of devices: `verified by …`
  external-user=FILE    outside authorities for the e-mail addresses of people: `verified by …`
  ANY-OTHER-NAME=FILE   an outside authority for whatever it certifies: `verified by …`
  One file may stand for both external-domain and external-user. A guest, of whom nothing was
  proven, is unverified though the chain is in order. So is everybody if nobody is trusted.

Examples:
  Judge the chain of a device:
    acme-client verify room-1.pem --trust external-domain=roots/external.pem
  Judge everybody in a meeting as a host of example.com would, with a list of what was revoked:
    acme-client verify members/*.pem --organisation example.com --crl external.crl \\
        --trust internal=roots/internal.pem \\
        --trust external-domain=roots/external.pem,external-user=roots/external.pem

Exit codes:
  0  everybody is internal or verified
  1  failed: a file, a root or a revocation list cannot be used
  2  wrong command line
  6  somebody is unverified; the result says why";

/// Which chains are judged, and by what.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A chain, PEM with the leaf first, or one certificate in DER; `-` for standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Roots (PEM) to trust, and for what; may be repeated or given as a list with commas [default: nobody is trusted]
    #[arg(long, value_name = "SET=FILE", value_delimiter = ',')]
    pub trust: Vec<TrustArgument>,

    /// A domain of the host's own organisation; may be repeated; says who of them is in the lobby
    #[arg(long, value_name = "DOMAIN", value_parser = DnsName::parse)]
    pub organisation: Vec<DnsName>,

    /// A list of revoked certificates (PEM or DER); may be repeated [default: revocation is not looked at]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub crl: Vec<PathBuf>,

    /// Whom the certificates must name: a DNS name, an e-mail address or `urn:uuid:…`
    #[arg(long, value_name = "NAME", value_parser = Identifier::from_text)]
    pub name: Option<Identifier>,

    /// Judge as of this time, as `2026-11-22T12:00:00Z` [default: now]
    #[arg(long, value_name = "TIME", value_parser = |text: &str| OffsetDateTime::parse(text, &Rfc3339))]
    pub at: Option<OffsetDateTime>,
}

/// `SET=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustArgument {
    /// The set.
    pub set: TrustSetName,
    /// The file with its roots.
    pub file: PathBuf,
}

/// Why a text is not `SET=FILE`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustArgumentError {
    /// No set is named, or no file.
    #[error("write it as SET=FILE, such as external-domain=roots/external.pem")]
    Shape,
    /// The set's name is not one.
    #[error(transparent)]
    Set(#[from] TrustError),
}

impl FromStr for TrustArgument {
    type Err = TrustArgumentError;

    fn from_str(text: &str) -> Result<Self, TrustArgumentError> {
        let (set, file) = text.split_once('=').ok_or(TrustArgumentError::Shape)?;
        if file.is_empty() {
            return Err(TrustArgumentError::Shape);
        }
        Ok(Self { set: set.parse()?, file: PathBuf::from(file) })
    }
}
