//! Finds every key of a configuration that is unknown, missing or of the wrong form.
//!
//! serde stops at the first mistake; here each key is read alone, against defaults, so that all mistakes are named at once.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::console::ConsoleConfig;
use super::identity::{IdentityProviderConfig, OidcConfig, SamlConfig, SsoConfig};
use super::internal::{InternalConfig, TokenIssuerConfig};
use super::load::ConfigProblem;
use super::notifications::{NotificationsConfig, WebhookConfig};
use super::revocation::RevocationConfig;
use super::sections::{
    AcmeConfig, AdminConfig, AuthorityConfig, ChallengeConfig, DnsConfig, LimitsConfig, LogConfig,
    PolicyConfig, StoreConfig, TlsConfig,
};
use super::traces::TracesConfig;
use crate::ids::AuthorityName;

/// Every problem of form in the file.
#[must_use]
pub fn problems(table: &Table) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    for (key, value) in table {
        match key.as_str() {
            "listen" | "metrics_listen" | "trusted_proxies" | "forwarded_header" | "url" => {
                head(key, value, &mut found);
            }
            "tls" => section::<TlsConfig>(key, value, &Table::new(), &mut found),
            "store" => section::<StoreConfig>(key, value, &Table::new(), &mut found),
            "dns" => section::<DnsConfig>(key, value, &Table::new(), &mut found),
            "challenge" => section::<ChallengeConfig>(key, value, &Table::new(), &mut found),
            "acme" => section::<AcmeConfig>(key, value, &Table::new(), &mut found),
            "policy" => section::<PolicyConfig>(key, value, &Table::new(), &mut found),
            "limits" => section::<LimitsConfig>(key, value, &Table::new(), &mut found),
            "console" => section::<ConsoleConfig>(key, value, &Table::new(), &mut found),
            "admin" => section::<AdminConfig>(key, value, &Table::new(), &mut found),
            "log" => section::<LogConfig>(key, value, &Table::new(), &mut found),
            "traces" => section::<TracesConfig>(key, value, &Table::new(), &mut found),
            "sso" => section::<SsoConfig>(key, value, &Table::new(), &mut found),
            "identity_provider" => identity_providers(value, &mut found),
            "internal" => section::<InternalConfig>(key, value, &Table::new(), &mut found),
            "revocation" => section::<RevocationConfig>(key, value, &Table::new(), &mut found),
            "token_issuer" => token_issuers(value, &mut found),
            "notifications" => notifications(value, &mut found),
            "authority" => authorities(value, &mut found),
            unknown => found.push(ConfigProblem::new(
                unknown,
                "unknown key",
                "see docs/configuration.md for the keys there are",
            )),
        }
    }
    for (key, example) in [
        ("listen", "listen = \"0.0.0.0:14000\""),
        ("url", "url = \"https://ca.example.com:14000\""),
        ("authority", "[authority.external] with certificate, key and root; `ca-server init` writes one"),
    ] {
        if !table.contains_key(key) {
            found.push(ConfigProblem::new(key, "missing", format!("add {example}")));
        }
    }
    found
}

/// The keys above all sections.
fn head(key: &str, value: &Value, found: &mut Vec<ConfigProblem>) {
    match key {
        "listen" => scalar::<std::net::SocketAddr>(
            key,
            value,
            "an address and port, such as \"0.0.0.0:14000\"",
            found,
        ),
        "metrics_listen" => scalar::<std::net::SocketAddr>(
            key,
            value,
            "an address and port, such as \"127.0.0.1:9100\"",
            found,
        ),
        "trusted_proxies" => {
            scalar::<Vec<ipnet::IpNet>>(key, value, "a list of networks, such as [\"10.0.0.5/32\"]", found)
        }
        "forwarded_header" => {
            scalar::<super::ForwardedHeader>(key, value, "\"x-forwarded-for\" or \"forwarded\"", found)
        }
        "url" => {
            scalar::<url::Url>(key, value, "an absolute URL, such as \"https://ca.example.com:14000\"", found)
        }
        _ => {}
    }
}

fn scalar<T: DeserializeOwned>(key: &str, value: &Value, wanted: &str, found: &mut Vec<ConfigProblem>) {
    if let Err(error) = value.clone().try_into::<T>() {
        found.push(ConfigProblem::new(key, first_line(&error), format!("write {wanted}")));
    }
}

/// Reads each key of the section alone, upon `base`, which holds what is required.
fn section<T: DeserializeOwned>(name: &str, value: &Value, base: &Table, found: &mut Vec<ConfigProblem>) {
    let Value::Table(section) = value else {
        found.push(ConfigProblem::new(
            name,
            "must be a section",
            format!("write [{name}] on a line of its own"),
        ));
        return;
    };
    for (key, value) in section {
        let mut alone = base.clone();
        alone.insert(key.clone(), value.clone());
        if let Err(error) = Value::Table(alone).try_into::<T>() {
            let hint = format!("see [{}] in docs/configuration.md", name.split('.').next().unwrap_or(name));
            found.push(ConfigProblem::new(format!("{name}.{key}"), first_line(&error), hint));
        }
    }
}

fn authorities(value: &Value, found: &mut Vec<ConfigProblem>) {
    let Value::Table(authorities) = value else {
        found.push(ConfigProblem::new(
            "authority",
            "must be a section",
            "write [authority.external] on a line of its own",
        ));
        return;
    };
    if authorities.is_empty() {
        found.push(ConfigProblem::new(
            "authority",
            "no authority",
            "add [authority.external]; `ca-server init` writes one",
        ));
    }
    let required: Table = ["certificate", "key", "root"]
        .into_iter()
        .map(|key| (key.to_owned(), Value::String("x".to_owned())))
        .collect();
    for (name, value) in authorities {
        let full = format!("authority.{name}");
        if name.parse::<AuthorityName>().is_err() {
            let hint = "use 1 to 32 lower-case letters, digits and hyphens: the name stands in URLs";
            found.push(ConfigProblem::new(&full, "not a name for an authority", hint));
        }
        section::<AuthorityConfig>(&full, value, &required, found);
        for key in required.keys() {
            if value.as_table().is_some_and(|section| !section.contains_key(key)) {
                found.push(ConfigProblem::new(format!("{full}.{key}"), "missing", "a path to a PEM file"));
            }
        }
    }
}

/// Each `[[identity_provider]]` with the section of its protocol; a problem's key counts them from 1.
fn identity_providers(value: &Value, found: &mut Vec<ConfigProblem>) {
    let Value::Array(providers) = value else {
        let hint = "write [[identity_provider]], with two brackets, above each";
        found.push(ConfigProblem::new("identity_provider", "must be a list of sections", hint));
        return;
    };
    for (number, value) in (1..).zip(providers) {
        let full = format!("identity_provider.{number}");
        let base = Table::from_iter([text("name"), ("domains".to_owned(), Value::Array(Vec::new()))]);
        let mut plain = value.clone();
        let mut protocols = Vec::new();
        if let Value::Table(section) = &mut plain {
            protocols
                .extend(["saml", "oidc"].into_iter().filter_map(|key| Some((key, section.remove(key)?))));
        }
        section::<IdentityProviderConfig>(&full, &plain, &base, found);
        missing(&full, value, &["name", "domains"], found, "identity_provider");
        for (key, inner) in &protocols {
            let full = format!("{full}.{key}");
            if *key == "saml" {
                section::<SamlConfig>(&full, inner, &Table::from_iter([text("metadata")]), found);
                missing(&full, inner, &["metadata"], found, "identity_provider");
            } else {
                let base = Table::from_iter([text("issuer"), text("client_id")]);
                section::<OidcConfig>(&full, inner, &base, found);
                missing(&full, inner, &["issuer", "client_id"], found, "identity_provider");
            }
        }
    }
}

/// Each `[[token_issuer]]`; a problem's key counts them from 1.
fn token_issuers(value: &Value, found: &mut Vec<ConfigProblem>) {
    let Value::Array(issuers) = value else {
        let hint = "write [[token_issuer]], with two brackets, above each";
        found.push(ConfigProblem::new("token_issuer", "must be a list of sections", hint));
        return;
    };
    for (number, value) in (1..).zip(issuers) {
        let full = format!("token_issuer.{number}");
        let audience = ("audience".to_owned(), Value::Array(Vec::new()));
        let base = Table::from_iter([text("name"), text("issuer"), audience]);
        section::<TokenIssuerConfig>(&full, value, &base, found);
        missing(&full, value, &["name", "issuer", "audience"], found, "token_issuer");
    }
}

/// `[notifications]` with each `[[notifications.webhook]]`; a problem's key counts them from 1.
fn notifications(value: &Value, found: &mut Vec<ConfigProblem>) {
    let mut plain = value.clone();
    let webhooks = plain.as_table_mut().and_then(|section| section.remove("webhook"));
    section::<NotificationsConfig>("notifications", &plain, &Table::new(), found);
    let webhooks = match webhooks {
        None => return,
        Some(Value::Array(webhooks)) => webhooks,
        Some(_) => {
            let hint = "write [[notifications.webhook]], with two brackets, above each";
            return found.push(ConfigProblem::new(
                "notifications.webhook",
                "must be a list of sections",
                hint,
            ));
        }
    };
    let url = ("url".to_owned(), Value::String("https://x.test".to_owned()));
    let base = Table::from_iter([text("name"), url, text("secret_file")]);
    for (number, value) in (1..).zip(&webhooks) {
        let full = format!("notifications.webhook.{number}");
        section::<WebhookConfig>(&full, value, &base, found);
        missing(&full, value, &["name", "url", "secret_file"], found, "notifications.webhook");
    }
}

fn text(key: &str) -> (String, Value) {
    (key.to_owned(), Value::String("x".to_owned()))
}

fn missing(name: &str, value: &Value, keys: &[&str], found: &mut Vec<ConfigProblem>, page: &str) {
    let Value::Table(section) = value else { return };
    for key in keys.iter().filter(|key| !section.contains_key(**key)) {
        let hint = format!("see [[{page}]] in docs/configuration.md");
        found.push(ConfigProblem::new(format!("{name}.{key}"), "missing", hint));
    }
}

fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or("not readable").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_file_is_named_with_its_key() {
        let text = r#"
            listen = "nowhere"
            color = "red"
            [dns]
            timeout = "soon"
            resolver = ["127.0.0.1:53"]
            [authority.External]
            certificate = 7
            key = "k"
        "#;
        let keys: Vec<String> =
            problems(&text.parse().unwrap()).into_iter().map(|problem| problem.key).collect();
        for key in [
            "listen",
            "color",
            "dns.timeout",
            "dns.resolver",
            "authority.External",
            "authority.External.certificate",
            "authority.External.root",
            "url",
        ] {
            assert!(keys.iter().any(|found| found == key), "{key} not in {keys:?}");
        }
        assert_eq!(keys.len(), 8, "{keys:?}");
    }

    #[test]
    fn every_mistake_of_an_identity_provider_is_named_with_its_number() {
        let text = r#"
            listen = "127.0.0.1:14000"
            url = "https://localhost:14000"
            [authority.external]
            certificate = "c"
            key = "k"
            root = "r"
            [[identity_provider]]
            name = "one"
            domains = ["example.com"]
            [identity_provider.saml]
            metadata = "idp.xml"
            [[identity_provider]]
            domain = "example.org"
            skew = 7
            [identity_provider.oidc]
            client_secret = "no"
            issuer = "https://idp.test"
            [sso]
            completion = ["telepathy"]
        "#;
        let mut keys: Vec<String> =
            problems(&text.parse().unwrap()).into_iter().map(|problem| problem.key).collect();
        keys.sort();
        let expected = [
            "identity_provider.2.domain",
            "identity_provider.2.domains",
            "identity_provider.2.name",
            "identity_provider.2.oidc.client_id",
            "identity_provider.2.oidc.client_secret",
            "identity_provider.2.skew",
            "sso.completion",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_minimal_file_has_no_problem_of_form() {
        let text = r#"
            listen = "127.0.0.1:14000"
            url = "https://localhost:14000"
            [authority.external]
            certificate = "c"
            key = "k"
            root = "r"
        "#;
        assert_eq!(problems(&text.parse().unwrap()), vec![]);
    }
}
