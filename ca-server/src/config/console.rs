//! The section about the web page for operators: `[console]`. Every field says its meaning, its default, and what is risked by changing it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::Config;

/// `[console]`: the web page for operators.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleConfig {
    /// Where to listen for operators' browsers, as `127.0.0.1:14080`. Default: nowhere, and there is no console.
    pub listen: Option<SocketAddr>,
    /// Whether it shows the TLS certificate of `[tls]`. Default: where `listen` is not a loopback address; there it must.
    pub tls: Option<bool>,
    /// The URL under which operators reach it, without a path; with https also where a proxy on this machine ends TLS. Default: made of `listen`, with the host of `url` where there is TLS.
    pub url: Option<Url>,
    /// The `[[identity_provider]]`s, by name, at which operators may sign in; needs an https URL, and rules that permit `operate`. Default: none, only one-time links.
    pub identity_providers: Vec<String>,
    /// How long a one-time link of `ca-server console open` is good; at most 1h. Default: 5min.
    #[serde(with = "humantime_serde")]
    pub link_lifetime: Duration,
    /// After how long without a page the operator is signed out. Default: 30min.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// After how long the operator is signed out in any case; at most 1day. Default: 12h.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    /// Whether a session belongs to the address that it began at; false only where operators' addresses change while they work. A stolen cookie is then noticed later. Default: true.
    pub same_address: bool,
    /// Requests per client address and hour; all at once if nobody asked before. 0: no limit. Default: 7200.
    pub requests_per_hour: u32,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: None,
            tls: None,
            url: None,
            identity_providers: Vec::new(),
            link_lifetime: Duration::from_secs(300),
            idle: Duration::from_secs(1800),
            lifetime: Duration::from_secs(12 * 3600),
            same_address: true,
            requests_per_hour: 7200,
        }
    }
}

impl ConsoleConfig {
    /// Whether it shows a TLS certificate.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.unwrap_or_else(|| self.listen.is_some_and(|address| !address.ip().is_loopback()))
    }
}

impl Config {
    /// The URL under which operators reach a console that listens at this address; always with a path of `/`.
    #[must_use]
    pub fn console_url(&self, listening: SocketAddr) -> Option<Url> {
        if let Some(url) = &self.console.url {
            return Some(url.clone());
        }
        let text = if self.console.has_tls() {
            format!("https://{}:{}/", self.url.host_str()?, listening.port())
        } else {
            format!("http://{listening}/")
        };
        text.parse().ok()
    }
}
