//! The arguments of `enroll`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use certs::name::{DnsName, EmailAddress, NameError};
use clap::{Args, Subcommand, ValueHint};
use tokens::KeyStore;

use super::{EXAMPLES, EXIT_CODES};
use crate::state::{ChallengeChoice, KeyType, ProviderKind};

const USER_EXAMPLES: &str = "\
Examples:
  Sign in with the browser on this machine:
    acme-client enroll user --ca https://ca.example.com:14000 --root roots/external.pem \\
        --email bob@example.com
  From a machine without one: prints a link to open anywhere, and a code to type there:
    acme-client enroll user --ca https://ca.example.com:14000 --email bob@example.com --no-browser";

const INTERNAL_EXAMPLES: &str = "\
Examples:
  A person, with the access token that the organisation's identity provider gave:
    acme-client enroll internal --ca https://ca.example.com:14000 --root roots/external.pem \\
        --token-file /run/user/1000/token
  A device; type the code that `ca-server device activate-code` printed:
    acme-client enroll internal --ca https://ca.example.com:14000 --activation-code -
  The same over EST: renewals show the certificate in use, and need no token while it lasts:
    acme-client enroll internal --est --ca https://ca.example.com:14000 --activation-code -";

/// What is enrolled.
#[derive(Debug, Subcommand)]
pub enum EnrollCommand {
    /// A device, which proves its DNS names
    #[command(after_help = EXAMPLES)]
    Device(Box<DeviceArguments>),
    /// A person, who signs in at the organisation's identity provider to prove an e-mail address
    #[command(after_help = format!("{USER_EXAMPLES}\n\n{EXIT_CODES}"))]
    User(Box<UserArguments>),
    /// Whoever a token speaks for, at the internal authority of a meeting provider
    #[command(after_help = format!("{INTERNAL_EXAMPLES}\n\n{EXIT_CODES}"))]
    Internal(Box<InternalArguments>),
}

/// How somebody is enrolled at an internal authority.
#[derive(Debug, Args)]
pub struct InternalArguments {
    /// The server's URL, or the folder of its internal authority; with `--est`, the folder of its EST operations
    #[arg(long, value_name = "URL")]
    pub ca: String,

    /// Speak EST (RFC 7030), and renew with the certificate in use
    #[arg(long, conflicts_with = "guest")]
    pub est: bool,

    /// With `--est`: send the token as the password of this user (HTTP Basic) [default: as bearer token]
    #[arg(long, value_name = "NAME", requires = "est", value_parser = user_name)]
    pub est_user: Option<String>,

    /// Root certificates (PEM) to trust for the server; kept for renewals [default: those of this machine]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Option<PathBuf>,

    /// What to show the authority.
    #[command(flatten)]
    pub shown: CredentialArguments,

    /// What to call the identity here
    #[arg(long, value_name = "ID", default_value = "internal")]
    pub identity: String,

    /// Where keys are made: `file`, or a token by its `pkcs11:` URI; see `docs/pkcs11.md`. A device's first certificate has the key of its activation, in a file; with `--est` those after it have keys there
    #[arg(long, value_name = "STORE", default_value = "file")]
    pub key_store: KeyStore,

    /// How many generations of certificates to keep
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,

    /// Command to run when a new certificate is in place; see `docs/acme-client.md` for its environment
    #[arg(long, value_name = "COMMAND")]
    pub deploy_hook: Option<String>,

    /// Obtain a new certificate even if the present one is in order
    #[arg(long)]
    pub force: bool,
}

/// What is shown to an internal authority; one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct CredentialArguments {
    /// A person: file with the access token, read anew at each renewal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,

    /// A device: `-` reads the code that its administrator gave, good once, from standard input. A code given here itself is seen by others on this machine
    #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
    pub activation_code: Option<String>,

    /// Somebody who has not signed in: a temporary id, unverified to others
    #[arg(long)]
    pub guest: bool,
}

/// How a device is enrolled.
#[derive(Debug, Args)]
pub struct DeviceArguments {
    /// A DNS name to certify; may be repeated; `*.example.com` is a wildcard
    #[arg(long = "name", value_name = "NAME", required = true, value_parser = dns_name)]
    pub names: Vec<String>,

    /// The challenge to answer
    #[arg(long, value_enum, default_value_t)]
    pub challenge: ChallengeChoice,

    /// Everything but the names and their proof.
    #[command(flatten)]
    pub common: CommonArguments,

    /// How records are published.
    #[command(flatten)]
    pub dns: DnsArguments,
}

/// How a person is enrolled.
#[derive(Debug, Args)]
pub struct UserArguments {
    /// The e-mail address to certify
    #[arg(long, value_name = "ADDRESS", value_parser = EmailAddress::parse)]
    pub email: EmailAddress,

    /// The identity provider to sign in at, as the server calls it [default: the only one, or asked for at the terminal]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// How the person is reached.
    #[command(flatten)]
    pub sign_in: SignInArguments,

    /// Everything but the address and its proof.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// How a person is reached.
#[derive(Clone, Copy, Debug, Args)]
pub struct SignInArguments {
    /// Print a link and a code for a browser on another device, even if one could be opened here
    #[arg(long)]
    pub no_browser: bool,
}

/// What devices and people have in common.
#[derive(Debug, Args)]
pub struct CommonArguments {
    /// The server's URL, or its ACME directory
    #[arg(long, value_name = "URL")]
    pub ca: String,

    /// Root certificates (PEM) to trust for the server; kept for renewals [default: those of this machine]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Option<PathBuf>,

    /// What to call the identity here [default: the first name, or the address]
    #[arg(long, value_name = "ID")]
    pub identity: Option<String>,

    /// The certificate profile to ask for [default: the server's choice]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,

    /// The kind of certificate key
    #[arg(long, value_enum, default_value_t)]
    pub key_type: KeyType,

    /// Where keys are made: `file`, or a token by its `pkcs11:` URI, which they never leave; see `docs/pkcs11.md`
    #[arg(long, value_name = "STORE", default_value = "file")]
    pub key_store: KeyStore,

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

    /// Obtain a new certificate even if the present one is in order; begin a person's sign-in anew
    #[arg(long)]
    pub force: bool,
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

/// A user name of HTTP Basic (RFC 7617 §2).
fn user_name(text: &str) -> Result<String, &'static str> {
    match text.chars().any(|letter| letter == ':' || letter.is_control()) {
        true => Err("a user name holds no colon and no control characters"),
        false => Ok(text.to_owned()),
    }
}

/// A DNS name in its plain form.
fn dns_name(text: &str) -> Result<String, NameError> {
    DnsName::parse(text.trim_end_matches('.')).map(|name| name.as_str().to_owned())
}

/// `ADDR:PORT`, or an address alone for port 53.
fn socket_address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.parse().or_else(|error| text.parse().map(|address| SocketAddr::new(address, 53)).map_err(|_| error))
}
