//! Whether a configuration that parses also makes sense: files that exist, keys that fit, names that are known.
//!
//! Reads files, opens no socket and changes nothing. What it finds would otherwise be found at start, one at a time.

mod console;
mod loaded;
mod revocation;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use certs::name::DnsName;
use policies::Ruleset;
use time::OffsetDateTime;

use super::load::ConfigProblem;
use super::{AuthorityConfig, Config, TlsMode};
use crate::ids::AuthorityName;
use crate::internal::machine::LONGEST_CODE;
use crate::policy::{self, PolicyError};

/// The longest path that a Unix socket can have on Linux.
const MAX_SOCKET_PATH: usize = 107;

/// Every problem found, as of `now`.
#[must_use]
pub fn check(config: &Config, now: OffsetDateTime) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    address(config, &mut found);
    outside(config, &mut found);
    numbers(config, &mut found);
    longest(config, &mut found);
    internal(config, &mut found);
    local(config, &mut found);
    revocation::check(config, &mut found);
    found.extend(crate::sso::providers::problems(config));
    found.extend(crate::internal::access_token::problems(config));
    found.extend(crate::notifications::problems(config));
    found.extend(crate::traces::problems(config));
    people(config, &mut found);
    console::console(config, &mut found);
    let ruleset = policy(config, &mut found);
    loaded::tls(config, ruleset.as_ref(), &mut found);
    for (name, section) in &config.authority {
        authority(config, (name, section), ruleset.as_ref(), now, &mut found);
    }
    found
}

/// The URL and the TLS that serves it.
fn address(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    match (config.url.scheme(), config.tls.mode) {
        ("https", _) | ("http", TlsMode::Off) => {}
        ("http", TlsMode::Own | TlsMode::Files) => {
            add(
                "url",
                "is http, but [tls] mode is not `off`".to_owned(),
                "write https, or mode = \"off\" behind a proxy",
            );
        }
        (other, _) => add("url", format!("scheme {other} is not served"), "write an https URL"),
    }
    if config.url.host_str().is_none_or(str::is_empty) {
        add("url", "has no host".to_owned(), "write a URL such as https://ca.example.com:14000");
    }
    if let Some(name) = config.tls.authority.as_ref().filter(|name| !config.authority.contains_key(*name)) {
        add(
            "tls.authority",
            format!("there is no authority {name}"),
            "name one of the [authority.…] sections",
        );
    }
}

/// Whom the server asks, and for what.
fn outside(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    if config.challenge.offer.is_empty() || config.challenge.offer.iter().any(|proof| !proof.is_dns()) {
        let hint = "choose among dns-01, dns-account-01 and dns-persist-01";
        add("challenge.offer", "must name proofs of DNS names, at least one".to_owned(), hint);
    }
    for domain in &config.challenge.issuer_domains {
        if let Err(error) = DnsName::parse(domain) {
            add(
                "challenge.issuer_domains",
                format!("{domain}: {error}"),
                "write domain names such as ca.example.com",
            );
        }
    }
    loaded::resolver(config, found);
}

/// Limits that would let nothing through.
fn numbers(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    for (key, zero) in [
        ("challenge.workers", config.challenge.workers == 0),
        ("challenge.attempts", config.challenge.attempts == 0),
        ("limits.connections", config.limits.connections == 0),
        ("limits.body", config.limits.body == 0),
        ("acme.max_identifiers", config.acme.max_identifiers == 0),
        ("acme.orders_per_page", config.acme.orders_per_page == 0),
    ] {
        if zero {
            add(key, "must be at least 1".to_owned(), "leave the key out for its default");
        }
    }
    for (key, time) in [
        ("dns.timeout", config.dns.timeout),
        ("challenge.timeout", config.challenge.timeout),
        ("acme.order_lifetime", config.acme.order_lifetime),
        ("acme.pending_authorization_lifetime", config.acme.pending_authorization_lifetime),
        ("acme.authorization_lifetime", config.acme.authorization_lifetime),
        ("acme.renewal_info_interval", config.acme.renewal_info_interval),
        ("internal.device_token_lifetime", config.internal.device_token_lifetime),
        ("internal.guest_token_lifetime", config.internal.guest_token_lifetime),
        ("internal.activation_code_lifetime", config.internal.activation_code_lifetime),
        ("internal.approval_poll", config.internal.approval_poll),
        ("internal.domain_recheck", config.internal.domain_recheck),
        ("internal.domain_grace", config.internal.domain_grace),
        ("limits.request_timeout", config.limits.request_timeout),
        ("limits.idle_timeout", config.limits.idle_timeout),
        ("console.link_lifetime", config.console.link_lifetime),
        ("console.idle", config.console.idle),
        ("console.lifetime", config.console.lifetime),
    ] {
        if time.is_zero() {
            add(key, "must be longer than nothing".to_owned(), "leave the key out for its default");
        }
    }
}

/// Times that must not be too long.
fn longest(config: &Config, found: &mut Vec<ConfigProblem>) {
    let day = Duration::from_secs(86_400);
    for (key, time, longest) in [
        ("internal.approval_poll", config.internal.approval_poll, day),
        ("internal.activation_code_lifetime", config.internal.activation_code_lifetime, LONGEST_CODE),
        ("console.link_lifetime", config.console.link_lifetime, Duration::from_secs(3600)),
        ("console.lifetime", config.console.lifetime, day),
    ] {
        if time > longest {
            let message = format!("must be at most {}", humantime::format_duration(longest));
            found.push(ConfigProblem::new(key, message, "leave the key out for its default"));
        }
    }
}

/// Times of the internal authority that do not fit each other, and web pages that may ask.
fn internal(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    let internal = &config.internal;
    if internal.domain_grace < internal.domain_recheck.saturating_mul(2) {
        add(
            "internal.domain_grace",
            "is less than twice internal.domain_recheck, so domains would be lost between two looks"
                .to_owned(),
            "write a longer grace, such as \"2days\", or a shorter domain_recheck",
        );
    }
    for text in &config.internal.origins {
        let is_origin = url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.origin().ascii_serialization() == *text
        });
        if !is_origin {
            let hint = "write scheme, host and port as browsers do, such as https://meet.example.com, without a slash behind it";
            add("internal.origins", format!("{text:?} is no origin"), hint);
        }
    }
}

/// How people sign in.
fn people(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    if config.sso.completion.is_empty() {
        add(
            "sso.completion",
            "is empty, so nobody could complete a sign-in".to_owned(),
            "leave the key out for both",
        );
    }
    if config.sso.link_lifetime.is_zero() || config.sso.link_lifetime > crate::sso::begin::LONGEST_LINK {
        add(
            "sso.link_lifetime",
            "must be more than nothing and at most 10min".to_owned(),
            "leave the key out for 10min",
        );
    }
    for redirect in &config.sso.redirects {
        if redirect.fragment().is_some() || !redirect.username().is_empty() || redirect.password().is_some() {
            let hint = "write an address without a user name and without #";
            add("sso.redirects", format!("{redirect} cannot be a redirect address"), hint);
        }
    }
    let http = config.url.scheme() == "http" && !crate::sso::fetch::is_loopback(&config.url);
    if http && !config.identity_provider.is_empty() {
        let hint = "write the https URL under which people reach this server, also where a proxy ends TLS";
        add(
            "url",
            "is http, but signing in needs cookies that browsers keep for https only".to_owned(),
            hint,
        );
    }
}

/// What it keeps and opens on this machine.
fn local(config: &Config, found: &mut Vec<ConfigProblem>) {
    let mut add = |key: &str, message: String, hint: &str| found.push(ConfigProblem::new(key, message, hint));
    if !(config.store.url == "memory:"
        || config.store.url.strip_prefix("sled:").is_some_and(|path| !path.is_empty()))
    {
        add("store.url", format!("{:?} is no store", config.store.url), "write \"sled:data\"");
    }
    let socket = config.resolve(&config.admin.socket);
    if socket.as_os_str().len() > MAX_SOCKET_PATH {
        add(
            "admin.socket",
            format!("{} is too long for a Unix socket", socket.display()),
            "name a shorter path, such as /run/rollcall/admin.sock",
        );
    }
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.filter) {
        add("log.filter", error.to_string(), "write a filter such as \"info\" or \"info,ca_server=debug\"");
    }
}

fn policy(config: &Config, found: &mut Vec<ConfigProblem>) -> Option<Ruleset> {
    match policy::read(&config.resolve(&config.policy.folder)) {
        Ok(ruleset) => Some(ruleset),
        Err(PolicyError::Read { path, source }) => {
            let hint = "`policy.folder` must hold profiles/*.toml and rules/*.cedar";
            found.push(ConfigProblem::new("policy.folder", format!("{}: {source}", path.display()), hint));
            None
        }
        Err(PolicyError::Faulty(problems)) => {
            found.extend(problems.iter().map(|problem| {
                let place = problem.place.map(|place| format!(":{place}")).unwrap_or_default();
                let key = problem.key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
                ConfigProblem::new(format!("{}{place}{key}", problem.file), &problem.message, &problem.hint)
            }));
            None
        }
    }
}

fn authority(
    config: &Config,
    (name, section): (&AuthorityName, &AuthorityConfig),
    ruleset: Option<&Ruleset>,
    now: OffsetDateTime,
    found: &mut Vec<ConfigProblem>,
) {
    let mut add = |key: &str, message: String, hint: &str| {
        found.push(ConfigProblem::new(format!("authority.{name}.{key}"), message, hint));
    };
    let secrets = [("key", Some(&section.key)), ("passphrase_file", section.passphrase_file.as_ref())];
    for (key, path) in secrets {
        if let Some(message) = path.and_then(|path| exposed(&config.resolve(path))) {
            add(key, message, "chmod 600 it");
        }
    }
    if let Some((key, message, hint)) = loaded::authority(config, name, section, now) {
        add(key, message, hint);
    }
    let known: Option<BTreeSet<&str>> = ruleset.map(|ruleset| ruleset.profiles.names().collect());
    let unknown = |profile: &&String| known.as_ref().is_some_and(|known| !known.contains(profile.as_str()));
    for profile in section.profiles.iter().filter(unknown) {
        add(
            "profiles",
            format!("there is no profile {profile}"),
            "make policy/profiles/<name>.toml, or name another",
        );
    }
    if section.acme && section.profiles.is_empty() {
        add("profiles", "is empty, so nothing could be ordered".to_owned(), "name at least one profile");
    }
    if let Some(default) =
        section.default_profile.as_ref().filter(|default| !section.profiles.contains(default))
    {
        add("default_profile", format!("{default} is not in `profiles`"), "add it to `profiles`");
    }
}

/// What is wrong with a secret that others may read.
fn exposed(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).map(|data| data.permissions().mode()).unwrap_or_default();
    (mode & 0o077 != 0).then(|| format!("{} may be read by others (mode {:o})", path.display(), mode & 0o777))
}
