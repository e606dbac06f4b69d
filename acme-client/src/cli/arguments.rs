//! The arguments, with the help text that people read.
//!
//! A secret is never an argument: its file is.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use certs::name::{DnsName, NameError};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::{
    acme::RevocationReason,
    state::{ChallengeChoice, KeyType, ProviderKind},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `renew`: at least one certificate was renewed or deployed, nothing failed
  1  failed
  2  wrong command line
  3  `renew`: nothing was due
  4  partly failed: an identity among several, or a deploy hook";

const EXAMPLES: &str = "\
Examples:
  Enrol a device whose zone takes dynamic updates, and reload a service each time:
    acme-client enroll device --ca https://ca.example.com:14000 --root roots/external.pem \\
        --name room-1.example.com --dns rfc2136 --dns-server ns1.example.com \\
        --dns-key-file /etc/rollcall/tsig.key --deploy-hook 'systemctl reload nginx'
  Renew what is due (run this twice a day):
    acme-client renew
  See what is there:
    acme-client status

Exit codes:
  0  done; for `renew`: at least one certificate was renewed or deployed, nothing failed
  1  failed
  2  wrong command line
  3  `renew`: nothing was due
  4  partly failed: an identity among several, or a deploy hook";

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
    /// Show identities and accounts; asks no server and changes nothing
    Status,
    /// Show what is in a certificate file or behind a URL
    Inspect(InspectArguments),
    /// Revoke the current certificate of an identity
    Revoke(RevokeArguments),
    /// Show, re-key or deactivate the account at a server
    Account {
        /// What to do with it.
        #[command(subcommand)]
        what: AccountCommand,
    },
}

/// What is enrolled.
#[derive(Debug, Subcommand)]
pub enum EnrollCommand {
    /// A device, which proves its DNS names
    #[command(after_help = EXAMPLES)]
    Device(Box<EnrollArguments>),
}

/// How a device is enrolled.
#[derive(Debug, Args)]
pub struct EnrollArguments {
    /// The server's URL, or its ACME directory
    #[arg(long, value_name = "URL")]
    pub ca: String,

    /// Root certificates (PEM) to trust for the server; kept for renewals [default: those of this machine]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Option<PathBuf>,

    /// A DNS name to certify; may be repeated; `*.example.com` is a wildcard
    #[arg(long = "name", value_name = "NAME", required = true, value_parser = dns_name)]
    pub names: Vec<String>,

    /// What to call the identity here [default: the first name]
    #[arg(long, value_name = "ID")]
    pub identity: Option<String>,

    /// The certificate profile to ask for [default: the server's choice]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,

    /// The challenge to answer
    #[arg(long, value_enum, default_value_t)]
    pub challenge: ChallengeChoice,

    /// The kind of certificate key
    #[arg(long, value_enum, default_value_t)]
    pub key_type: KeyType,

    /// How many generations of certificates to keep
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,

    /// An address for the authority to write to; may be repeated
    #[arg(long = "contact", value_name = "EMAIL")]
    pub contacts: Vec<String>,

    /// Agree to the server's terms of service
    #[arg(long)]
    pub agree_tos: bool,

    /// Key identifier of an external account binding
    #[arg(long, value_name = "KID", requires = "eab_key_file", allow_hyphen_values = true)]
    pub eab_kid: Option<String>,

    /// File with the key of an external account binding, base64url
    #[arg(long, value_name = "FILE", requires = "eab_kid", value_hint = ValueHint::FilePath)]
    pub eab_key_file: Option<PathBuf>,

    /// Command to run when a new certificate is in place; see `docs/acme-client.md` for its environment
    #[arg(long, value_name = "COMMAND")]
    pub deploy_hook: Option<String>,

    /// Obtain a new certificate even if the present one is in order
    #[arg(long)]
    pub force: bool,

    /// How records are published.
    #[command(flatten)]
    pub dns: DnsArguments,
}

/// How TXT records are published and checked.
#[derive(Debug, Args)]
#[command(next_help_heading = "DNS")]
pub struct DnsArguments {
    /// Who publishes the records that prove the names
    #[arg(long = "dns", value_enum, default_value_t = ProviderKind::Manual, value_name = "PROVIDER")]
    pub provider: ProviderKind,

    /// rfc2136: the primary server that takes updates
    #[arg(long = "dns-server", value_name = "HOST[:PORT]", required_if_eq("provider", "rfc2136"))]
    pub server: Option<String>,

    /// rfc2136: file with the TSIG key, as `tsig-keygen` writes it or `name:algorithm:base64`
    #[arg(long = "dns-key-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,

    /// rfc2136: the zone to update [default: found by its SOA record]
    #[arg(long = "dns-zone", value_name = "ZONE")]
    pub zone: Option<String>,

    /// hook: the program that publishes and removes records
    #[arg(long = "dns-hook", value_name = "PROGRAM", required_if_eq("provider", "hook"), value_hint = ValueHint::ExecutablePath)]
    pub hook: Option<PathBuf>,

    /// hook: how long one call may take
    #[arg(long = "dns-hook-timeout", value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub hook_timeout: Duration,

    /// Ask this server alone whether a record is served, not the zone's own servers
    #[arg(long = "dns-resolver", value_name = "ADDR[:PORT]", value_parser = socket_address)]
    pub resolver: Option<SocketAddr>,

    /// Do not look whether a record is served before telling the authority
    #[arg(long = "dns-no-wait", conflicts_with = "resolver")]
    pub no_wait: bool,

    /// How long to wait until a record is served
    #[arg(long = "dns-timeout", value_name = "TIME", default_value = "3m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,

    /// Time to live of published records, in seconds
    #[arg(long = "dns-ttl", value_name = "SECONDS", default_value_t = 60)]
    pub ttl: u32,
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

    /// Wait a random time up to this before starting, so that a fleet does not come all at once
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub jitter: Option<Duration>,
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
}

/// What to revoke.
#[derive(Debug, Args)]
pub struct RevokeArguments {
    /// The identity, or a name it holds
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

/// A DNS name in its plain form.
fn dns_name(text: &str) -> Result<String, NameError> {
    DnsName::parse(text.trim_end_matches('.')).map(|name| name.as_str().to_owned())
}

/// `ADDR:PORT`, or an address alone for port 53.
fn socket_address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.parse().or_else(|error| text.parse().map(|address| SocketAddr::new(address, 53)).map_err(|_| error))
}
