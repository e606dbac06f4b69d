//! The arguments, with the help text that people read.
//!
//! A secret is never an argument: its file is.

mod device;
mod enroll;
mod verify;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint, value_parser};

use crate::acme::RevocationReason;

pub use device::{
    ActionArgument, ChangeArguments, ConnectionArguments, GenerateArguments, JweCommand, MaterialArguments,
    NewSecretArguments, OpenArguments, PinArguments, PushArguments, RoomCommand, SealArguments,
    SecretArguments, SecretCommand,
};
pub use enroll::{
    CommonArguments, DeviceArguments, DnsArguments, EnrollCommand, InternalArguments, SignInArguments,
    UserArguments,
};
pub use verify::{TrustArgument, TrustArgumentError, VerifyArguments};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `renew`: at least one certificate was renewed or deployed, nothing failed
  1  failed
  2  wrong command line
  3  `renew`: nothing was due
  4  partly failed: an identity among several, or a deploy hook
  5  `renew`: a person has to sign in (`acme-client renew --interactive`); nothing failed
  7  an administrator has to approve first; `renew` goes on with the same request";

const RUN: &str = "\
Each identity is renewed at the moment that was drawn in the window the server suggests
(RFC 9773), or after two thirds of its certificate's life. Failures are tried again after a
minute, then two, up to six hours; deploy hooks until they succeed. All of it is kept in the
state directory, so that nothing is lost when the agent ends, however it ends. Identities that
are enrolled while it runs are taken up. It warns ahead of a person's sign-in, which
`renew --interactive` asks for.

Signals:
  HUP        look at every identity now, whatever failed before
  TERM, INT  begin nothing more, finish what is under way within 20 seconds, end

Under systemd (Type=notify) it says when it is ready and what it is doing, and answers the watchdog.
With `--json` each line on standard output is one object, as it happens.";

const EXAMPLES: &str = "\
Examples:
  Enrol a device whose zone takes dynamic updates, and reload a service each time:
    acme-client enroll device --ca https://ca.example.com:14000 --root roots/external.pem \\
        --name room-1.example.com --dns rfc2136 --dns-server ns1.example.com \\
        --dns-key-file /etc/rollcall/tsig.key --deploy-hook 'systemctl reload nginx'
  Enrol a person, who signs in with the browser:
    acme-client enroll user --ca https://ca.example.com:14000 --root roots/external.pem \\
        --email bob@example.com
  Renew whatever is due, for ever (or once, from a timer, with `acme-client renew`):
    acme-client run
  See what is there:
    acme-client status
  Put an identity into a room device:
    acme-client device push --host room-1.example.com --secret-file room-1.secret
  Judge somebody else's certificate:
    acme-client verify room-1.pem --trust external-domain=roots/external.pem

Exit codes:
  0  done; for `renew`: at least one certificate was renewed or deployed, nothing failed
  1  failed
  2  wrong command line
  3  `renew`: nothing was due
  4  partly failed: an identity among several, or a deploy hook
  5  `renew`: a person has to sign in (`acme-client renew --interactive`); nothing failed
  6  `verify`: somebody is unverified
  7  an administrator has to approve first; `renew` goes on with the same request";

/// Obtains identity certificates from an ACME authority, keeps them and renews them.
#[derive(Debug, Parser)]
#[command(name = "acme-client", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// Where keys, certificates and settings are kept [default: $XDG_STATE_HOME/rollcall, or /var/lib/rollcall for root]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR", env = "ROLLCALL_STATE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,

    /// Print one JSON object on standard output, also for errors
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,

    /// Say nothing about progress
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,

    /// Log what happens on standard error; twice for details
    #[arg(long, short, global = true, help_heading = "Everywhere", action = ArgAction::Count)]
    pub verbose: u8,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Obtain the first certificate of an identity and remember how to renew it
    Enroll {
        /// What is enrolled.
        #[command(subcommand)]
        what: EnrollCommand,
    },
    /// Renew every certificate that is due, once
    #[command(after_help = EXIT_CODES)]
    Renew(RenewArguments),
    /// Renew unattended: keep running, and renew each certificate when its time has come
    #[command(after_help = RUN)]
    Run(RunArguments),
    /// Show identities and accounts; asks no server and changes nothing
    Status,
    /// Show what is in a certificate file or behind a URL
    Inspect(InspectArguments),
    /// Say who a certificate chain is of, who vouches for it, and how far to believe it
    #[command(after_help = verify::HELP)]
    Verify(VerifyArguments),
    /// Revoke the current certificate of an identity
    Revoke(RevokeArguments),
    /// Put identities into room devices, encrypted
    Device {
        /// What to do with them.
        #[command(subcommand)]
        what: RoomCommand,
    },
    /// Make the client secret of a room device, or replace it
    Secret {
        /// What to do with it.
        #[command(subcommand)]
        what: SecretCommand,
    },
    /// Encrypt and decrypt what room devices are provisioned with, by hand
    Jwe {
        /// What to do.
        #[command(subcommand)]
        what: JweCommand,
    },
    /// Show, re-key or deactivate the account at a server
    Account {
        /// What to do with it.
        #[command(subcommand)]
        what: AccountCommand,
    },
}

/// What a renewal pass covers.
#[derive(Debug, Args)]
pub struct RenewArguments {
    /// Only this identity; may be repeated
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,

    /// Renew whether or not it is time, also after failures
    #[arg(long)]
    pub force: bool,

    /// Let people sign in where the server wants that; without this, such renewals are only reported
    #[arg(long)]
    pub interactive: bool,

    /// How the person is reached.
    #[command(flatten)]
    pub sign_in: SignInArguments,

    /// Wait a random time up to this before starting, so that a fleet does not come all at once
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub jitter: Option<Duration>,
}

/// How the agent runs.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Work on at most this many identities at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = value_parser!(u16).range(1..=64))]
    pub parallel: u16,

    /// Keep a file of metrics for Prometheus (the node exporter's textfile collector), replaced whole each time
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,
}

/// What to look at.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// A PEM or DER file, `-` for standard input, or `https://host[:port]` to look at what a server presents
    #[arg(value_name = "FILE|URL")]
    pub target: String,

    /// Root certificates (PEM) to judge a server's chain by
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Option<PathBuf>,

    /// Show a TLS server that asks for one the certificate of this identity, to see that its key signs
    #[arg(long, value_name = "NAME")]
    pub show: Option<String>,
}

/// What to revoke.
#[derive(Debug, Args)]
pub struct RevokeArguments {
    /// The identity, or a name or address it holds
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// Why
    #[arg(long, value_enum)]
    pub reason: Option<Reason>,

    /// Remove the identity here as well, with its keys, so that it is not renewed
    #[arg(long)]
    pub forget: bool,
}

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reason {
    /// Not said
    Unspecified,
    /// Somebody else may have the key
    KeyCompromise,
    /// The device has changed hands
    AffiliationChanged,
    /// There is a newer certificate
    Superseded,
    /// No longer needed
    CessationOfOperation,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Show the account as the server knows it
    Show(AccountTarget),
    /// Give the account a new key
    Rollover(AccountTarget),
    /// Deactivate the account for good; its certificates stay valid but cannot be renewed by it
    Deactivate(AccountTarget),
}

/// Which account.
#[derive(Debug, Args)]
pub struct AccountTarget {
    /// The server's URL, or its ACME directory [default: the only account there is]
    #[arg(long, value_name = "URL")]
    pub ca: Option<String>,
}
