//! From `[traces]` to what the exporter needs: checked, nobody asked.

use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::config::Config;
use crate::config::contents::{self, FileFault};
use crate::config::load::ConfigProblem;
use crate::sso::fetch::{self, Fetch, FetchConfig, SetupError, roots_from_pem};

/// Where spans go.
pub struct Settings {
    /// The endpoint.
    pub endpoint: Url,
    /// Which share of requests is traced.
    pub ratio: f64,
    /// Headers for it. Secret.
    pub headers: HeaderMap,
    /// Makes the calls.
    pub fetch: Fetch,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("ratio", &self.ratio).finish_non_exhaustive()
    }
}

/// What is wrong with the section.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The program cannot trace.
    #[error("this program was built without the feature `otel`")]
    NotBuilt,
    /// An address that may not be called.
    #[error("{0} must be https (http only on this machine), without user name or fragment")]
    Address(String),
    /// A share that is none.
    #[error("must be from 0 to 1")]
    Ratio,
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A line that is no header.
    #[error("line {0} is no header, such as `authorization: Bearer TOKEN`")]
    Header(usize),
    /// Calls cannot be set up.
    #[error("{0}")]
    Calls(#[from] SetupError),
}

impl Fault {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotBuilt => "build it with `cargo build --features otel`, or leave [traces] endpoint out",
            Self::Address(_) => "write an address such as http://127.0.0.1:4318/v1/traces",
            Self::Ratio => "leave it out for 1",
            Self::File(fault) => fault.hint(),
            Self::Header(_) => "write a name, a colon and a value",
            Self::Calls(_) => "name a PEM file of root certificates, or leave the key out",
        }
    }
}

/// What is wrong with `[traces]`, without asking anybody.
#[must_use]
pub fn problems(config: &Config) -> Vec<ConfigProblem> {
    let fault = settings(config).err();
    fault
        .map(|(key, fault)| ConfigProblem::new(format!("traces.{key}"), fault.to_string(), fault.hint()))
        .into_iter()
        .collect()
}

/// What the section means; `None` if nothing is traced.
///
/// # Errors
/// The key that is at fault, and what is wrong.
pub fn settings(config: &Config) -> Result<Option<Settings>, (&'static str, Fault)> {
    let section = &config.traces;
    if !(0.0..=1.0).contains(&section.ratio) {
        return Err(("ratio", Fault::Ratio));
    }
    let Some(endpoint) = section.endpoint.clone() else { return Ok(None) };
    if !cfg!(feature = "otel") {
        return Err(("endpoint", Fault::NotBuilt));
    }
    if !fetch::may_be_reached(&endpoint) {
        return Err(("endpoint", Fault::Address(endpoint.host_str().unwrap_or_default().to_owned())));
    }
    let mut calls = FetchConfig { max_body: 64 * 1024, ..FetchConfig::default() };
    if let Some(path) = &section.trace_roots {
        let text = contents::read(&config.resolve(path)).map_err(|fault| ("trace_roots", fault.into()))?;
        calls.roots = Some(roots_from_pem(&text).map_err(|fault| ("trace_roots", fault.into()))?);
    }
    let headers = match &section.headers_file {
        None => HeaderMap::new(),
        Some(path) => headers(&config.resolve(path)).map_err(|fault| ("headers_file", fault))?,
    };
    let fetch = Fetch::new(&calls).map_err(|fault| ("trace_roots", fault.into()))?;
    Ok(Some(Settings { endpoint, ratio: section.ratio, headers, fetch }))
}

fn headers(path: &Path) -> Result<HeaderMap, Fault> {
    let text = contents::read_secret(path)?;
    let mut headers = HeaderMap::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(Fault::Header(number))?;
        let name: HeaderName = name.trim().parse().map_err(|_| Fault::Header(number))?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| Fault::Header(number))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
