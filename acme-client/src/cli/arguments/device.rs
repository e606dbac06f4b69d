//! The arguments of `device`, `secret` and `jwe`.
//!
//! Neither a password nor a client secret is ever an argument: others on this machine could read it.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum, ValueHint, value_parser};
use device_jwe::{Action, Encryption, Fingerprint};

use crate::device::place::{Over, Pin, Place};

const PUSH: &str = "\
What is done, as far as it is missing: add the certificate, sealed under the device's client secret;
take it into use as its identity; wait until the device calls it valid; take the old one out of use
and delete it. A second run changes nothing, and one that was cut off goes on where it was.

Examples:
  A first time, at a device that has no client secret yet, from its own network:
    acme-client secret generate --out room-1.secret
    acme-client device pin --host room-1.example.com
    acme-client device push --host room-1.example.com --identity room-1.example.com \\
        --password-file room-1.password --secret-file room-1.secret --set-secret
  After each renewal, by the agent:
    acme-client enroll device … \\
        --deploy-hook 'acme-client device push --hook --list /etc/rollcall/rooms.toml'
  A whole list, eight at once; see docs/room-devices.md for its form:
    acme-client device push --list rooms.csv --parallel 8

Exit codes:
  0  every device has what it should have
  1  every device failed, or the command could not begin
  2  wrong command line
  4  some devices failed; run the same command again: it finishes only those";

const PIN: &str = "\
Shows the fingerprint of the certificate (or, with `--over ssh`, of the host key) that the device
shows to whoever comes. Compare it with what the device's own screen or web page says. It is kept,
and from then on the device is believed only if it shows the same.

Examples:
  acme-client device pin --host room-1.example.com
  acme-client device pin --host room-1.example.com --over ssh \\
      --accept SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

const CHANGE: &str = "\
The new secret travels sealed under the present one. Whoever uses a device should change the secret
that its administrator gave: from then on only they can change its identity. Safe to repeat.

Example:
  acme-client secret generate --out mine.secret
  acme-client secret change --host room-1.example.com --secret-file room-1.secret \\
      --new-secret-file mine.secret";

const SEAL: &str = "\
Examples:
  What `xCommand Security Certificates Services Add` takes as its body:
    acme-client jwe seal --action add --identity room-1.example.com --secret-file room-1.secret
  What `… Activate Purpose: WebexIdentity` takes as its fingerprint:
    acme-client jwe seal --action activate --chain fullchain.pem --secret-file room-1.secret
  What takes the client secret away again:
    acme-client jwe seal --action populate --reset --secret-file room-1.secret";

/// What to do with room devices.
#[derive(Debug, Subcommand)]
pub enum RoomCommand {
    /// Put an identity into a device, or into many
    #[command(after_help = PUSH)]
    Push(Box<PushArguments>),
    /// Look by what a device can be recognised, and keep that
    #[command(after_help = PIN)]
    Pin(PinArguments),
}

/// What to do with client secrets.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Draw a client secret of 256 bits
    Generate(GenerateArguments),
    /// Replace the client secret of a device
    #[command(after_help = CHANGE)]
    Change(Box<ChangeArguments>),
}

/// What to do with blobs.
#[derive(Debug, Subcommand)]
pub enum JweCommand {
    /// Encrypt something for a device
    #[command(after_help = SEAL)]
    Seal(Box<SealArguments>),
    /// Decrypt a blob that was made for a device
    Open(OpenArguments),
}

/// Which devices get what.
#[derive(Debug, Args)]
pub struct PushArguments {
    /// A device, as HOST or HOST:PORT; may be repeated
    #[arg(long = "host", value_name = "HOST", required_unless_present = "list", conflicts_with = "list")]
    pub hosts: Vec<Place>,

    /// A list of devices, TOML or CSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub list: Option<PathBuf>,

    /// What they get.
    #[command(flatten)]
    pub material: MaterialArguments,

    /// As a deploy hook: send the pair that the agent has just obtained, to those devices that have its identity
    #[arg(long, conflicts_with_all = ["identity", "chain", "key"])]
    pub hook: bool,

    /// The client secret; in a list each device has its own.
    #[command(flatten)]
    pub secret: SecretArguments,

    /// Give the first client secret, UNENCRYPTED, to a device that has none; for the first time only, on a network where nobody listens
    #[arg(long)]
    pub set_secret: bool,

    /// Set the domain that the device's names end in
    #[arg(long, value_name = "DOMAIN")]
    pub preferred_domain: Option<String>,

    /// Work on at most this many devices at once; each takes 32 MiB while a key is derived
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = value_parser!(u16).range(1..=64))]
    pub parallel: u16,

    /// How long a device may take to call its new identity valid
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration)]
    pub wait: Duration,

    /// Look, say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// How they are spoken to.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// A chain and a key: of the state directory, or of two files.
#[derive(Clone, Debug, Args)]
pub struct MaterialArguments {
    /// The identity whose certificate and key to take [default: the one that is called like the host]
    #[arg(long, value_name = "NAME", conflicts_with = "chain")]
    pub identity: Option<String>,

    /// Instead: a certificate chain (PEM), the device's own first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub chain: Option<PathBuf>,

    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "chain", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
}

/// How a device is spoken to, and recognised.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// The way to the device
    #[arg(long, value_enum, default_value_t)]
    pub over: Over,

    /// An account of the device with the role Admin
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub user: String,

    /// File with its password [default: asked for at the terminal]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,

    /// Variable with its password
    #[arg(long, value_name = "NAME")]
    pub password_env: Option<String>,

    /// Root certificates (PEM) of the device's own TLS certificate [default: what was pinned, else those of this machine]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "pin")]
    pub root: Option<PathBuf>,

    /// The fingerprint that the device has to show
    #[arg(long, value_name = "FINGERPRINT")]
    pub pin: Option<Pin>,

    /// ssh: known host keys [default: what was pinned, else ~/.ssh/known_hosts]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["pin", "root"])]
    pub known_hosts: Option<PathBuf>,
}

/// Where the client secret comes from.
#[derive(Clone, Debug, Args)]
pub struct SecretArguments {
    /// File with the device's client secret, base64url [default: asked for at the terminal]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "secret_env")]
    pub secret_file: Option<PathBuf>,

    /// Variable with the device's client secret
    #[arg(long, value_name = "NAME")]
    pub secret_env: Option<String>,
}

/// The client secret from now on; one of these.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct NewSecretArguments {
    /// File with the new client secret, base64url
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub new_secret_file: Option<PathBuf>,

    /// Variable with the new client secret
    #[arg(long, value_name = "NAME")]
    pub new_secret_env: Option<String>,

    /// None: the device is as it was before its first
    #[arg(long)]
    pub reset: bool,
}

/// Which device to look at.
#[derive(Debug, Args)]
pub struct PinArguments {
    /// The device, as HOST or HOST:PORT
    #[arg(long, value_name = "HOST")]
    pub host: Place,

    /// The way to the device
    #[arg(long, value_enum, default_value_t)]
    pub over: Over,

    /// Keep it without asking, if it is this one
    #[arg(long, value_name = "FINGERPRINT")]
    pub accept: Option<Pin>,
}

/// Where a drawn secret goes.
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// A new file, which only its owner can read [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// Whose secret changes.
#[derive(Debug, Args)]
pub struct ChangeArguments {
    /// The device, as HOST or HOST:PORT
    #[arg(long, value_name = "HOST")]
    pub host: Place,

    /// The present secret.
    #[command(flatten)]
    pub secret: SecretArguments,

    /// The new secret.
    #[command(flatten)]
    pub new: NewSecretArguments,

    /// How it is spoken to.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// What is sealed.
#[derive(Debug, Args)]
pub struct SealArguments {
    /// What the device shall do with it
    #[arg(long, value_name = "ACTION", value_enum)]
    pub action: ActionArgument,

    /// add, activate, deactivate: the certificate.
    #[command(flatten)]
    pub material: MaterialArguments,

    /// activate, deactivate: instead, its SHA-1 fingerprint
    #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["identity", "chain"])]
    pub fingerprint: Option<Fingerprint>,

    /// populate: file with the new client secret, base64url
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["new_secret_env", "reset"])]
    pub new_secret_file: Option<PathBuf>,

    /// populate: variable with the new client secret
    #[arg(long, value_name = "NAME", conflicts_with = "reset")]
    pub new_secret_env: Option<String>,

    /// populate: take the client secret away
    #[arg(long)]
    pub reset: bool,

    /// The device's present secret.
    #[command(flatten)]
    pub secret: SecretArguments,

    /// How to encrypt
    #[arg(long, value_name = "ENC", default_value_t, value_parser = |text: &str| text.parse::<Encryption>())]
    pub enc: Encryption,
}

/// What is opened.
#[derive(Debug, Args)]
pub struct OpenArguments {
    /// File with the blob, `-` for standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub blob: PathBuf,

    /// What it has to be for
    #[arg(long, value_name = "ACTION", value_enum)]
    pub action: ActionArgument,

    /// The device's secret.
    #[command(flatten)]
    pub secret: SecretArguments,

    /// Where the content goes: a new file, which only its owner can read [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// What a blob is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActionArgument {
    /// A certificate chain and its key
    Add,
    /// A new client secret, or none
    Populate,
    /// Which certificate is the identity
    Activate,
    /// Which certificate is it no longer
    Deactivate,
}

impl From<ActionArgument> for Action {
    fn from(action: ActionArgument) -> Self {
        match action {
            ActionArgument::Add => Self::Add,
            ActionArgument::Populate => Self::Populate,
            ActionArgument::Activate => Self::Activate,
            ActionArgument::Deactivate => Self::Deactivate,
        }
    }
}
