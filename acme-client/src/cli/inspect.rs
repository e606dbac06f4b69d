//! `inspect`: what is in a file, behind a URL, or presented by a TLS server.
//!
//! Shows, and judges only where roots were given: what a server presents is looked at even if it is expired or unknown, so
//! nothing but the certificates themselves may be sent or believed over that connection.

mod handshake;

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

use certs::inspect::{Inspected, inspect_certificate, inspect_pem};
use http::Method;
use serde::Serialize;
use url::Url;

use super::{CliError, Ending, InspectArguments, Session};
use crate::acme::{
    ClientIdentity, HttpsConfig, HttpsTransport, PlainHttp, ResourceUrl, ResourceUrlError, Roots, RootsError,
    Transport, TransportError, transport::HttpRequest,
};
use crate::state::StateError;

/// No file or answer is read further than this.
const LARGEST: u64 = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(15);

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// What was read is no certificate.
    #[error("{what}: {source}")]
    NotShown {
        /// What was read.
        what: String,
        /// What is wrong with it.
        source: certs::inspect::InspectError,
    },
    /// The URL is unusable.
    #[error("{url:?} cannot be looked at: {source}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        source: ResourceUrlError,
    },
    /// The roots are unusable.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The URL could not be fetched.
    #[error(transparent)]
    Fetch(#[from] TransportError),
    /// The answer was not a success.
    #[error("{url} answers with status {status}")]
    Status {
        /// What was asked.
        url: ResourceUrl,
        /// What came back.
        status: u16,
    },
    /// The server could not be reached.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system or the TLS library said.
        source: io::Error,
    },
    /// The server was too slow.
    #[error("{address} did not finish a TLS handshake within {}", humantime::format_duration(PATIENCE))]
    Timeout {
        /// Host and port.
        address: String,
    },
    /// The host name cannot be used in TLS.
    #[error("{0:?} is no host name")]
    Host(String),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl InspectError {
    /// What to do about it, where that is plain.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotShown { .. } => {
                Some("give a PEM or DER file that holds a certificate or a certificate request")
            }
            Self::Fetch(error) => error.hint(),
            Self::Connect { .. } | Self::Timeout { .. } => {
                Some("the URL must be of a TLS server, as `https://host:port`")
            }
            Self::Url { .. } | Self::Roots(_) | Self::Status { .. } | Self::Host(_) | Self::Tls(_) => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct View {
    source: String,
    /// Whether the server's chain leads to the roots given; absent if there was nothing to judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether the server asked for a certificate and was shown ours; absent if there was none to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<bool>,
    found: Vec<Inspected>,
}

/// Shows.
pub(super) async fn inspect(session: &Session, arguments: &InspectArguments) -> Result<Ending, CliError> {
    let target = arguments.target.as_str();
    let view = match Url::parse(target) {
        Ok(url) if matches!(url.scheme(), "https" | "tls") && matches!(url.path(), "" | "/") => {
            presented(target, &url, roots(arguments)?, shown(session, arguments)?).await?
        }
        Ok(url) if matches!(url.scheme(), "https" | "http") => fetched(target, roots(arguments)?).await?,
        Ok(_) | Err(_) => from_file(target)?,
    };
    session.output.result(&view, || text(&view))?;
    Ok(Ending::Done)
}

fn roots(arguments: &InspectArguments) -> Result<Option<Roots>, CliError> {
    let Some(path) = &arguments.root else { return Ok(None) };
    let pem = fs::read(path).map_err(|source| CliError::File { path: path.clone(), source })?;
    let roots = Roots::from_pem(&pem).map_err(|source| CliError::Roots { path: path.clone(), source })?;
    Ok(Some(roots))
}

/// What to show of ourselves.
fn shown(session: &Session, arguments: &InspectArguments) -> Result<Option<ClientIdentity>, CliError> {
    let Some(name) = &arguments.show else { return Ok(None) };
    let identity = session.state.find_identity(name)?;
    let pair = identity.current()?.ok_or_else(|| StateError::NoCertificate(identity.name().clone()))?;
    let chain = format!("{}{}", pair.certificate, pair.chain);
    Ok(Some(ClientIdentity::from_pem(&chain, pair.key).map_err(InspectError::from)?))
}

fn from_file(target: &str) -> Result<View, CliError> {
    let mut bytes = Vec::new();
    let read = match target {
        "-" => io::stdin().lock().take(LARGEST).read_to_end(&mut bytes),
        path => fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)),
    };
    read.map_err(|source| CliError::File { path: PathBuf::from(target), source })?;
    Ok(View {
        source: target.to_owned(),
        trusted: None,
        reason: None,
        shown: None,
        found: look(target, &bytes)?,
    })
}

async fn fetched(target: &str, roots: Option<Roots>) -> Result<View, InspectError> {
    let url: ResourceUrl =
        target.parse().map_err(|source| InspectError::Url { url: target.to_owned(), source })?;
    let mut config = HttpsConfig::new(roots.unwrap_or(Roots::System));
    // Issuers' certificates are published over plain HTTP (RFC 5280 §4.2.2.1): they prove themselves or nothing.
    config.plain_http = PlainHttp::Anywhere;
    let request = HttpRequest {
        method: Method::GET,
        url: url.clone(),
        headers: http::HeaderMap::new(),
        body: Vec::new(),
    };
    let answer = HttpsTransport::new(&config)?.send(request).await?;
    if !answer.status.is_success() {
        return Err(InspectError::Status { url, status: answer.status.as_u16() });
    }
    let found = look(target, &answer.body)?;
    Ok(View { source: target.to_owned(), trusted: None, reason: None, shown: None, found })
}

async fn presented(
    target: &str,
    url: &Url,
    roots: Option<Roots>,
    shown: Option<ClientIdentity>,
) -> Result<View, InspectError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let seen = handshake::look(&host, url.port().unwrap_or(443), roots, shown).await?;
    let mut found = Vec::new();
    for der in &seen.chain {
        let report = inspect_certificate(der).map_err(|source| not_shown(target, source))?;
        found.push(Inspected::Certificate(report));
    }
    let trusted = seen.verdict.as_ref().map(Result::is_ok);
    let reason = seen.verdict.and_then(Result::err).map(|error| error.to_string());
    Ok(View { source: target.to_owned(), trusted, reason, shown: seen.shown, found })
}

fn look(what: &str, bytes: &[u8]) -> Result<Vec<Inspected>, InspectError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => inspect_pem(text),
        Ok(_) | Err(_) => inspect_certificate(bytes).map(|report| vec![Inspected::Certificate(report)]),
    }
    .map_err(|source| not_shown(what, source))
}

fn not_shown(what: &str, source: certs::inspect::InspectError) -> InspectError {
    InspectError::NotShown { what: what.to_owned(), source }
}

fn text(view: &View) -> String {
    let blocks: Vec<String> = view.found.iter().map(ToString::to_string).collect();
    let verdict = match (view.trusted, &view.reason) {
        (Some(true), _) => "\nthe server's chain leads to a root you gave\n".to_owned(),
        (Some(false), Some(reason)) => format!("\nnot trusted: {reason}\n"),
        (Some(false), None) => "\nnot trusted\n".to_owned(),
        (None, _) => String::new(),
    };
    let shown = match view.shown {
        Some(true) => "\nthe server asked for a certificate and was shown yours\n",
        Some(false) => "\nthe server asked for no certificate\n",
        None => "",
    };
    format!("{}{verdict}{shown}", blocks.join("\n"))
}
