//! `room-emulator`: one emulated device at a terminal.
//!
//! Says where it is and how to get in, then writes what happens until Ctrl-C. Trusts the files that it is given.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use certs::key::Secret;
use clap::Parser;
use serde_json::json;

use super::xapi::schema::Role;
use super::{Builder, Console, Emulator, Enrolment, OwnError, StartError};

const EXAMPLES: &str = "\
Examples:
  A device on this machine, its identities judged by a root:
    room-emulator --trust-external root.pem
  With a certificate of its own from an internal authority:
    room-emulator --trust-internal root.pem --internal-ca https://ca.example.com --internal-root root.pem --activation-code-file code

Exit codes: 0 ended by Ctrl-C, 1 it does not start, 2 wrong command line.";

/// Emulates a room device like those of RoomOS: xAPI over HTTPS (putxml, getxml), WebSocket (JSON-RPC) and SSH (TShell).
///
/// Prints its addresses and the password of `admin`, then what happens. What it is given is kept in memory alone and is gone at the end. It is for trying
/// things out: it listens on this machine only, unless told otherwise.
#[derive(Debug, Parser)]
#[command(name = "room-emulator", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// The device's name
    #[arg(long, value_name = "NAME", default_value = "Room 1")]
    name: String,

    /// The address to listen at
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    listen: IpAddr,

    /// The port for HTTPS and WebSocket; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    https_port: u16,

    /// The port for plain HTTP, which only sends clients to HTTPS; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    http_port: u16,

    /// The port for SSH; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    ssh_port: u16,

    /// A file with the password of `admin` [default: one that is drawn and printed]
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,

    /// A file with the password of a second account, `user`, who may only look
    #[arg(long, value_name = "FILE")]
    user_password_file: Option<PathBuf>,

    /// Roots (PEM) that are believed about the names of devices
    #[arg(long, value_name = "FILE")]
    trust_external: Vec<PathBuf>,

    /// Roots (PEM) of the provider's own authority
    #[arg(long, value_name = "FILE")]
    trust_internal: Vec<PathBuf>,

    /// The certificate chain (PEM) to show in TLS [default: self-signed]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// The internal authority that certifies the device itself
    #[arg(long, value_name = "URL", requires = "internal_root")]
    internal_ca: Option<String>,

    /// Whom to trust for that server's TLS certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "internal_ca")]
    internal_root: Option<PathBuf>,

    /// A file with the activation code of `ca-server device activate-code`
    #[arg(long, value_name = "FILE", requires = "internal_ca")]
    activation_code_file: Option<PathBuf>,

    /// Keep the device's account and certificate of the internal authority here, so that the next start needs no code
    #[arg(long, value_name = "DIR", requires = "internal_ca")]
    state: Option<PathBuf>,

    /// Take as many requests as come [default: 1 per second with a password, 15 in a session, as devices do]
    #[arg(long)]
    no_limits: bool,

    /// Print addresses and password as one JSON object on standard output; what happens goes to standard error either way
    #[arg(long)]
    json: bool,
}

/// Why it ends.
#[derive(Debug)]
enum Failure {
    File(PathBuf, io::Error),
    Empty(PathBuf),
    Start(Box<StartError>),
    Runtime(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Empty(path) => write!(f, "{} is empty", path.display()),
            Self::Start(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "the runtime does not start: {error}"),
        }
    }
}

impl Failure {
    fn hint(&self) -> &'static str {
        match self {
            Self::File(..) => "name a file that exists and that you may read",
            Self::Empty(_) => "the first line of the file is what counts",
            Self::Runtime(_) => "look at the limits of processes and memory: ulimit -a",
            Self::Start(error) => match &**error {
                StartError::Listen { .. } => "choose another port, or 0 for any that is free",
                StartError::Tls { .. } => "give the chain, leaf first, and the key of the leaf, both in PEM",
                StartError::Trust(_) => "give root certificates in PEM, each for one purpose",
                StartError::Own(OwnError::NoCode) => {
                    "make a code with `ca-server device activate-code`, and name its file: --activation-code-file"
                }
                StartError::Own(_) => {
                    "look at --internal-ca, --internal-root and whether the code was used already"
                }
                StartError::HostKey { .. } | StartError::Entropy => {
                    "the operating system gives no random octets"
                }
            },
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::Start(Box::new(error))
    }
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(Failure::Runtime(error)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut err = io::stderr().lock();
            // Nobody may be reading.
            let _ = writeln!(err, "error: {failure}");
            let _ = writeln!(err, "hint: {}", failure.hint());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let own_password = arguments.admin_password_file.is_some();
    let json = arguments.json;
    let emulator = builder(arguments)?.start().await?;
    announce(&emulator, own_password, json);
    // Without a signal there is no other end than being killed.
    let _ = tokio::signal::ctrl_c().await;
    Ok(())
}

fn builder(arguments: Arguments) -> Result<Builder, Failure> {
    let console = Console::telling(|line| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
    let mut builder = Emulator::builder().name(&arguments.name).console(console).listen(
        arguments.listen,
        arguments.https_port,
        arguments.http_port,
        arguments.ssh_port,
    );
    if let Some(path) = &arguments.admin_password_file {
        builder = builder.admin_password(secret(path)?);
    }
    if let Some(path) = &arguments.user_password_file {
        builder = builder.account("user", secret(path)?, Role::User);
    }
    for path in &arguments.trust_external {
        builder = builder.trust_external(&text(path)?)?;
    }
    for path in &arguments.trust_internal {
        builder = builder.trust_internal(&text(path)?)?;
    }
    if let (Some(chain), Some(key)) = (&arguments.tls_certificate, &arguments.tls_key) {
        builder = builder.tls(&text(chain)?, Secret::new(text(key)?));
    }
    if let (Some(url), Some(root)) = (arguments.internal_ca, &arguments.internal_root) {
        builder = builder.enrolled(Enrolment {
            url,
            roots: text(root)?,
            code: arguments.activation_code_file.as_deref().map(secret).transpose()?,
            folder: arguments.state,
            addresses: Vec::new(),
        });
    }
    Ok(if arguments.no_limits { builder.without_limits() } else { builder })
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::File(path.to_owned(), error))
}

fn secret(path: &Path) -> Result<Secret, Failure> {
    let secret = Secret::from_file_text(text(path)?);
    if secret.is_empty() { Err(Failure::Empty(path.to_owned())) } else { Ok(secret) }
}

/// Says where it is. The password is shown only if it was drawn here: the one in a file is known.
fn announce(emulator: &Emulator, own_password: bool, as_json: bool) {
    let at = emulator.addresses();
    let password = (!own_password).then(|| emulator.admin_password().expose());
    let mut out = io::stdout().lock();
    let _ = if as_json {
        let said = json!({
            "https": format!("https://{}", at.https), "http": format!("http://{}", at.http), "ssh": at.ssh.to_string(),
            "websocket": format!("wss://{}/ws", at.https), "user": "admin", "password": password,
            "tls_sha256": at.fingerprint(), "tls_certificate": at.certificate, "ssh_host_key": at.host_key,
        });
        writeln!(out, "{said}")
    } else {
        let password = password.unwrap_or("as in the file");
        writeln!(
            out,
            "device     {}\nHTTPS      https://{}\nWebSocket  wss://{}/ws\nSSH        ssh -p {} admin@{}\nplain HTTP http://{}\n\
             user       admin\npassword   {password}\nTLS SHA-256 {}\nSSH key    {}\n\nCtrl-C ends it; nothing of it is kept.",
            emulator.device().name(),
            at.https,
            at.https,
            at.ssh.port(),
            at.ssh.ip(),
            at.http,
            at.fingerprint(),
            at.host_key,
        )
    }
    .and_then(|()| out.flush());
}
