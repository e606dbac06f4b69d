//! `ca-server init`: a new authority in one folder, made whole or not at all.
//!
//! Makes keys and the certificates above the leaves; the root keys are written encrypted and are not needed to run. Never overwrites.

mod keys;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use certs::key::Secret;
use certs::name::DnsName;
use serde::Serialize;
use time::OffsetDateTime;
use tokens::TokenUri;
use url::Url;

use super::draft::Draft;
use super::key_store::{self, KeyStore};
use super::{Failure, output, passphrase};
use crate::clock::{Clock as _, SystemClock};
use crate::config::template::{self, Choices};
use crate::ids::AuthorityName;

/// Make a new authority: keys, certificates, configuration and policy.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ca-server init --dir ca --url https://ca.example.com:14000 --domain example.com
With the issuing keys in a token:
  ca-server init --dir ca --url https://ca.example.com:14000 --domain example.com \\
    --key-store 'pkcs11:token=rollcall?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/rollcall/pin'

Afterwards move DIR/offline (the encrypted root keys and their passphrase) to a safe place: the server never needs it.")]
pub struct Init {
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The URL under which clients will reach the server, such as `https://ca.example.com:14000`.
    #[arg(long, value_name = "URL")]
    pub url: Url,
    /// A domain whose names may be certified; may be given more than once.
    #[arg(long = "domain", value_name = "DOMAIN", required = true, value_parser = domain)]
    pub domains: Vec<DnsName>,
    /// Where to listen. Default: every address, at the port of the URL.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The organisation's name, as it stands in the root certificates. Default: the first domain.
    #[arg(long, value_name = "NAME")]
    pub organisation: Option<String>,
    /// File with a passphrase to encrypt the issuing keys with; it is written into ca.toml and read at each start.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// File with the passphrase for the root keys. Default: one is made and written to DIR/offline/passphrase.
    #[arg(long, value_name = "FILE")]
    pub root_passphrase_file: Option<PathBuf>,
    /// Where to make the issuing keys: `file`, or the `pkcs11:` URI of a token, which they never leave. The root keys are files in any case.
    #[arg(long, value_name = "STORE", default_value = "file", conflicts_with = "passphrase_file")]
    pub key_store: String,
    /// Serve plain HTTP: only behind a proxy that does TLS. The URL may still be https.
    #[arg(long)]
    pub plain_http: bool,
    /// Print what was made as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The folder.
    pub folder: PathBuf,
    /// The configuration file in it.
    pub config: PathBuf,
    /// The URL of the ACME directory, once the server runs.
    pub directory: String,
    /// The roots that relying parties are to trust.
    pub roots: Vec<Root>,
    /// The folder that is to be moved away.
    pub offline: PathBuf,
}

/// One root.
#[derive(Debug, Serialize)]
pub struct Root {
    /// Whose it is.
    pub authority: AuthorityName,
    /// Its certificate.
    pub file: PathBuf,
    /// The digest of the certificate, hexadecimal.
    pub sha256: String,
}

/// Makes it and says what to do next.
pub(super) fn run(command: &Init) -> Result<(), Failure> {
    tell(command, &make(command)?);
    Ok(())
}

/// Makes it, whole or not at all; prints nothing.
///
/// # Errors
/// If the folder is not empty, or a value, key or file is not to be had.
pub fn make(command: &Init) -> Result<Made, Failure> {
    check_url(command)?;
    let folder = std::path::absolute(&command.dir).map_err(|source| Failure::File {
        action: "use",
        path: command.dir.clone(),
        source,
    })?;
    let draft = Draft::open(&folder)?;
    let issuing = command.passphrase_file.as_deref().map(passphrase::read_passphrase).transpose()?;
    let root_passphrase = root_passphrase(command, &draft)?;
    let store = key_store(command)?;
    let mut in_token = key_store::Unkept::none();
    let mut roots = Vec::new();
    for (name, _, _) in authorities()? {
        let plan = keys::Plan {
            authority: &name,
            organisation: command.organisation.clone().unwrap_or_else(|| first(&command.domains)),
            now: SystemClock.now(),
        };
        let key = key_store::new_key(&store, &name)?;
        in_token.add(&key);
        let sha256 = keys::make(&plan, &draft, &root_passphrase, (&key, issuing.as_ref()))?;
        let file = folder.join(format!("roots/{name}.pem"));
        roots.push(Root { authority: name, file, sha256 });
    }
    write_texts(command, &draft)?;
    let kept = draft.keep(&folder);
    // Once the folder is there, its files name them.
    if folder.join("ca.toml").exists() {
        in_token.keep();
    }
    kept?;
    Ok(Made {
        config: folder.join("ca.toml"),
        directory: format!("{}/acme/external/directory", command.url.as_str().trim_end_matches('/')),
        roots,
        offline: folder.join("offline"),
        folder,
    })
}

fn key_store(command: &Init) -> Result<KeyStore, Failure> {
    match command.key_store.parse() {
        Ok(KeyStore::Unusable(error)) => Err(Failure::Token(error.into())),
        Ok(store) => Ok(store),
        Err(never) => match never {},
    }
}

/// The authorities of a new server: name, whether clients reach it over ACME, its profiles.
fn authorities() -> Result<Vec<(AuthorityName, bool, Vec<String>)>, Failure> {
    let name = |text: &str| {
        text.parse().map_err(|_| Failure::Value { value: text.to_owned(), wanted: "a name for an authority" })
    };
    Ok(vec![
        (name("external")?, true, vec!["device".to_owned(), "user".to_owned()]),
        (name("internal")?, false, ["internal-user", "internal-device", "guest"].map(str::to_owned).to_vec()),
    ])
}

fn root_passphrase(command: &Init, draft: &Draft) -> Result<Secret, Failure> {
    if let Some(file) = &command.root_passphrase_file {
        return passphrase::read_passphrase(file);
    }
    let made = passphrase::new_passphrase()?;
    draft.secret("offline/passphrase", format!("{}\n", made.expose()))?;
    Ok(made)
}

fn write_texts(command: &Init, draft: &Draft) -> Result<(), Failure> {
    let port = command.url.port_or_known_default().unwrap_or(443);
    let passphrase_file = command.passphrase_file.as_deref().map(absolute).transpose()?;
    let choices = Choices {
        listen: command.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        url: command.url.clone(),
        authorities: authorities()?,
        key_file: keys::issuing_file(&key_store(command)?),
        passphrase_file,
    };
    let mut config = template::render(&choices);
    if command.plain_http {
        config = config.replace("#mode = \"own\"", "mode = \"off\"");
    }
    draft.file("ca.toml", &config)?;
    for (name, text) in policies::profiles::SHIPPED {
        draft.file(&format!("policy/profiles/{name}"), text)?;
    }
    for (name, text) in policies::rules::SHIPPED {
        draft.file(&format!("policy/rules/{name}"), text)?;
    }
    draft.file("policy/rules/domains.cedar", policies::rules::shipped_rules_for_domains(&command.domains))?;
    draft.file("offline/README", OFFLINE)
}

const OFFLINE: &str = "\
The encrypted root keys, and the passphrase unless you gave one. The server never needs them: they sign a new intermediate
when the present one ends or is lost. Move this folder to storage that is not on the network, and keep the passphrase apart.
";

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|source| Failure::File { action: "use", path: path.to_owned(), source })
}

fn first(domains: &[DnsName]) -> String {
    domains.first().map(|domain| domain.as_str().to_owned()).unwrap_or_default()
}

fn domain(text: &str) -> Result<DnsName, String> {
    let name = DnsName::parse(text).map_err(|error| error.to_string())?;
    if name.is_wildcard() {
        return Err(format!("give the domain without `*.`: {}", name.base()));
    }
    Ok(name)
}

fn check_url(command: &Init) -> Result<(), Failure> {
    let refuse = |wanted| Err(Failure::Value { value: command.url.to_string(), wanted });
    match command.url.scheme() {
        "https" => {}
        "http" if command.plain_http => {}
        _ => return refuse("an https URL (or http together with --plain-http)"),
    }
    if command.url.host_str().is_none_or(str::is_empty) {
        return refuse("a URL with a host name");
    }
    let host = command.url.host_str().unwrap_or_default();
    if !command.plain_http && DnsName::parse_allowing_single_label(host).is_err() {
        return refuse(
            "a URL with a host name that can stand in the server's own certificate (with --plain-http it may be an address)",
        );
    }
    if command.url.query().is_some() || command.url.fragment().is_some() || !command.url.username().is_empty()
    {
        return refuse("a URL of scheme, host, port and perhaps a path");
    }
    Ok(())
}

fn tell(command: &Init, made: &Made) {
    if command.json {
        output::json(made);
        return;
    }
    output::line(&format!("made {}", made.folder.display()));
    for root in &made.roots {
        output::line(&format!(
            "  root {}: {} (SHA-256 {})",
            root.authority,
            root.file.display(),
            root.sha256
        ));
    }
    if TokenUri::is_meant(&command.key_store) {
        output::line("  the issuing keys are in the token, and in no backup of this folder");
    }
    output::line("next:");
    output::line(&format!("  1. move {} to safe, offline storage", made.offline.display()));
    output::line(&format!("  2. look at {}", made.config.display()));
    output::line(&format!("  3. ca-server serve --config {}", made.config.display()));
    output::line(&format!("  clients then use {}", made.directory));
}

/// Years from a moment, as root and intermediate lifetimes are counted.
fn years(from: OffsetDateTime, years: i64) -> OffsetDateTime {
    from.saturating_add(time::Duration::days(365 * years + years / 4))
}
