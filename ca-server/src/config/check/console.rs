//! Whether the console can be reached by those who may, and by nobody else.

use std::net::SocketAddr;

use crate::config::load::ConfigProblem;
use crate::config::{Config, TlsMode};
use crate::sso::fetch::is_loopback;

/// What is wrong with `[console]`.
pub(super) fn console(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    let console = &config.console;
    let Some(listen) = console.listen else {
        if !console.identity_providers.is_empty() {
            let hint = "set console.listen, or leave identity_providers out";
            add("console.identity_providers", "nobody can sign in: the console is off".to_owned(), hint);
        }
        return;
    };
    if console.tls == Some(false) && !listen.ip().is_loopback() {
        let message = format!("is false, but {listen} can be reached from other machines");
        add("console.tls", message, "leave the key out, or listen on 127.0.0.1");
    }
    if console.has_tls() && config.tls.mode == TlsMode::Off {
        let hint = "set [tls] mode to `own` or `files`, or listen on 127.0.0.1";
        add("console.tls", "there is no certificate to show: [tls] mode is `off`".to_owned(), hint);
    }
    let clashes = |other: SocketAddr| {
        let same_ip =
            other.ip() == listen.ip() || other.ip().is_unspecified() || listen.ip().is_unspecified();
        same_ip && other.port() == listen.port() && listen.port() != 0
    };
    if [Some(config.listen), config.metrics_listen, config.revocation.listen]
        .into_iter()
        .flatten()
        .any(clashes)
    {
        add("console.listen", format!("{listen} is taken by another listener"), "choose another port");
    }
    let Some(url) = config.console_url(listen) else { return };
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let named = url.host_str().is_some_and(|host| !host.is_empty()) && url.username().is_empty();
    if !matches!(url.scheme(), "https" | "http") || !plain || !named {
        let hint = "write scheme, host and port alone, such as https://ca.example.com:14080";
        add("console.url", format!("{url} cannot be the address of the console"), hint);
    } else if url.scheme() == "http" && (console.has_tls() || !is_loopback(&url)) {
        let hint = "write the https URL under which operators reach the console";
        add("console.url", "is http, but only this machine may be spoken to in clear".to_owned(), hint);
    }
    if url.scheme() != "https" && !console.identity_providers.is_empty() {
        let hint = "set console.tls = true, or console.url to the https address of the proxy in front";
        let message = "need an https URL of the console, for cookies that browsers keep for https only";
        add("console.identity_providers", message.to_owned(), hint);
    }
    for name in &console.identity_providers {
        if !config.identity_provider.iter().any(|provider| provider.name == *name) {
            let hint = "name [[identity_provider]] sections";
            add("console.identity_providers", format!("there is no identity provider {name:?}"), hint);
        }
    }
}
