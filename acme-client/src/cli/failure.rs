//! What a command can fail with, and what a person can do about it.

use std::{io, path::PathBuf};

use hickory_proto::{op::ResponseCode, rr::rdata::tsig::TsigError};

use super::{DeviceFailure, Ending, inspect::InspectError, verify::VerifyError};
use crate::{
    acme,
    deploy::HookFailure,
    dns::DnsError,
    enroll::{ChallengeError, CsrError, EnrollError, LeafError, SignInError},
    internal::InternalError,
    state::StateError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// Obtaining a certificate, or anything else with the server.
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    /// A file named on the command line.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A root file holds no certificate.
    #[error("{}: {source}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: acme::RootsError,
    },
    /// The file of an external account key.
    #[error("{}: {source}", path.display())]
    ExternalAccountKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: acme::ExternalAccountKeyError,
    },
    /// No account is kept here.
    #[error("no account in {}", .0.display())]
    NoAccount(PathBuf),
    /// More than one account is kept here.
    #[error("there are {} accounts, at {}", .0.len(), .0.join(" and "))]
    SeveralAccounts(Vec<String>),
    /// A certificate could not be looked at.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// Nothing could be judged.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Keys for a device, whose account is bound to one key.
    #[error("a device's token and certificates are bound to one key, which is made in a file")]
    BoundKey,
    /// Something with a room device.
    #[error(transparent)]
    Device(#[from] DeviceFailure),
    /// Somebody pressed Ctrl-C.
    #[error("stopped before anybody signed in")]
    Interrupted,
    /// Standard output is closed.
    #[error("cannot write the result: {0}")]
    Output(io::Error),
    /// The system lets no program run.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

impl CliError {
    /// How a run ends by it.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Enroll(EnrollError::Internal(error))
                if matches!(**error, InternalError::Pending { .. }) =>
            {
                Ending::ApprovalNeeded
            }
            _ => Ending::Failed,
        }
    }

    /// What to do about it, where that is plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => state_hint(error).map(str::to_owned),
            Self::Enroll(error) => enroll_hint(error),
            Self::Roots { .. } => Some("give the file that `ca-server init` wrote to roots/".to_owned()),
            Self::NoAccount(_) => Some("run `acme-client enroll device|user --ca URL …` first".to_owned()),
            Self::SeveralAccounts(_) => Some("say which with `--ca URL`".to_owned()),
            Self::Inspect(error) => error.hint().map(str::to_owned),
            Self::Verify(error) => error.hint().map(str::to_owned),
            Self::BoundKey => Some(
                "leave `--key-store` out, or add `--est`: renewals over EST then have new keys there"
                    .to_owned(),
            ),
            Self::Device(error) => error.hint(),
            Self::Interrupted => Some(
                "the order is kept: run the same command again to go on, or add `--force` to begin anew"
                    .to_owned(),
            ),
            Self::ExternalAccountKey { .. } => {
                Some("the file holds the key alone, as `ca-server eab create` prints it".to_owned())
            }
            Self::File { .. } | Self::Output(_) | Self::Runtime(_) => None,
        }
    }
}

/// What to do about an error of [`enroll`](crate::enroll), where that is plain.
pub(super) fn enroll_hint(error: &EnrollError) -> Option<String> {
    let text = match error {
        EnrollError::State(error) => state_hint(error)?,
        EnrollError::Acme(error) => return error.hint(),
        EnrollError::Internal(error) => error.hint()?,
        EnrollError::Dns(error) => return dns_hint(error),
        EnrollError::SignIn(error) => sign_in_hint(error)?,
        EnrollError::Challenge(ChallengeError::NotOffered { .. }) => {
            "choose another with `--challenge` or `--dns`"
        }
        EnrollError::Csr(CsrError::Token(error))
        | EnrollError::Leaf(LeafError::Key(CsrError::Token(error))) => error.hint(),
        EnrollError::Challenge(ChallengeError::NoIssuer(_)) | EnrollError::Leaf(_) | EnrollError::Csr(_) => {
            return None;
        }
        EnrollError::Away { .. } => return None,
        EnrollError::Url { .. } => "give a URL like `https://ca.example.com:14000`",
        EnrollError::NoAccount(_) => "run `acme-client enroll device|user --ca URL …` first",
        EnrollError::Deactivated(_) => "enrol again; a new account will be made",
        EnrollError::Terms(_) => "read them, then add `--agree-tos`",
        EnrollError::NoCertificate(_) => "run `acme-client renew` to obtain one",
    };
    Some(text.to_owned())
}

fn sign_in_hint(error: &SignInError) -> Option<&'static str> {
    match error {
        SignInError::Needed { .. } => {
            Some("run `acme-client renew --interactive`, or the `enroll user` command again, and sign in")
        }
        SignInError::SeveralProviders { .. } | SignInError::NoProvider { .. } => {
            Some("say which with `--provider NAME`")
        }
        SignInError::NotOffered { .. } => {
            Some("ask the authority's operator for an `[[identity_provider]]` that may speak for this domain")
        }
        SignInError::NoCode { .. } => Some("run it on a machine with a browser, without `--no-browser`"),
        SignInError::Failed { .. } | SignInError::TimedOut { .. } | SignInError::Stale => {
            Some("run the same command again for a new link")
        }
        SignInError::Listen(_) => Some("use `--no-browser` to sign in without a port on this machine"),
        SignInError::Terminal(_) => Some("say which provider with `--provider NAME`"),
        SignInError::NoLink { .. } | SignInError::Link { .. } | SignInError::Entropy => None,
    }
}

pub(super) fn state_hint(error: &StateError) -> Option<&'static str> {
    match error {
        StateError::Busy { .. } => Some(
            "wait until the other run has ended (an agent gives way between renewals), or use another directory with `--state`",
        ),
        StateError::AgentRuns { .. } => {
            Some("`acme-client status` shows what it does; send it SIGHUP to make it check now")
        }
        StateError::NoIdentity { .. } => Some("`acme-client status` lists the identities"),
        StateError::NoPlace => Some("say where with `--state DIR`"),
        StateError::BadName(_) => Some("choose a name with `--identity`"),
        StateError::NoCertificate(_) => Some("run `acme-client renew` to obtain one"),
        StateError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Some("run as the owner of the state directory, or use another with `--state`")
        }
        StateError::Io { .. } | StateError::Malformed { .. } => None,
    }
}

fn dns_hint(error: &DnsError) -> Option<String> {
    let text = match error {
        DnsError::UpdateRefused { tsig: Some(TsigError::BadKey), .. } => {
            "the server has no key of that name and algorithm; compare the key file with the server's `key` clause"
        }
        DnsError::UpdateRefused { tsig: Some(TsigError::BadSig), .. } => {
            "the secret differs from the server's; copy the key file again"
        }
        DnsError::UpdateRefused { tsig: Some(TsigError::BadTime), .. } => {
            "set the clock: it differs from the server's"
        }
        DnsError::UpdateRefused { code: ResponseCode::Refused, .. } => {
            "allow the key to change TXT records there (BIND: `update-policy { grant KEY zonesub TXT; };`)"
        }
        DnsError::UpdateRefused { code: ResponseCode::NotAuth, .. } => {
            "name the primary server with `--dns-server` and the zone with `--dns-zone`"
        }
        DnsError::NoAnswer { .. } => {
            "see that the zone's servers can be reached from here, or name one that can with `--dns-resolver`"
        }
        DnsError::NoZone(_) | DnsError::OutsideZone { .. } | DnsError::Answer { .. } => {
            "name the zone with `--dns-zone` and a server that is responsible for it"
        }
        DnsError::NoResolver => "name one with `--dns-resolver`, or skip the check with `--dns-no-wait`",
        DnsError::NotServed { .. } => {
            "see that all servers of the zone are updated; give them longer with `--dns-timeout`; run the same command again to go on"
        }
        DnsError::Hook(HookFailure::Start { .. }) => "the hook must be an executable file",
        DnsError::Terminal(_) => "`--dns manual` needs a terminal; use rfc2136 or hook for unattended runs",
        DnsError::KeyFile { .. } => "make one with `tsig-keygen -a hmac-sha256 NAME`",
        DnsError::UpdateRefused { .. }
        | DnsError::Unreachable { .. }
        | DnsError::Timeout { .. }
        | DnsError::Protocol { .. }
        | DnsError::BadName { .. }
        | DnsError::TooManyAliases(_)
        | DnsError::BadServer { .. }
        | DnsError::Hook(_)
        | DnsError::MissingSetting { .. } => return None,
    };
    Some(text.to_owned())
}
