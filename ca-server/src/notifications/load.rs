//! From `[[notifications.webhook]]` to [`Notifications`]: every section checked, nobody asked.

use std::path::Path;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::backoff::Backoff;
use super::{Endpoint, Notifications, SecretFault, Secrets, Seen};
use crate::config::Config;
use crate::config::contents::{self, FileFault};
use crate::config::load::ConfigProblem;
use crate::config::notifications::WebhookConfig;
use crate::ids::AuthorityName;
use crate::internal::OrganisationId;
use crate::sso::fetch::{self, Fetch, FetchConfig, SetupError, roots_from_pem};

/// The largest answer that is read: nobody has more to say to a notification.
const MAX_ANSWER: usize = 16 * 1024;
/// The longest that one delivery may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest wait between two deliveries.
const MAX_WAIT: Duration = Duration::from_secs(86_400);

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("webhook {name}: {key}: {fault}")]
pub struct LoadError {
    /// Its name.
    pub name: String,
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a section.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The name cannot stand in commands and records.
    #[error("the name is not 1 to 32 lower-case letters, digits and hyphens")]
    Name,
    /// Another one has it.
    #[error("another webhook has the same name")]
    Twice,
    /// An address that may not be called.
    #[error("{0} must be https (http only on this machine), without user name or fragment")]
    Address(String),
    /// It is told of nothing.
    #[error("is empty, so it would be told of nothing")]
    NoEvent,
    /// There is no such authority.
    #[error("there is no authority {0}")]
    Authority(AuthorityName),
    /// Not the id of an organisation.
    #[error("{0:?} is not the id of an organisation")]
    Organisation(String),
    /// A delivery has no time, or too much.
    #[error("must be more than nothing and at most 1min")]
    Timeout,
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The file holds no secrets.
    #[error("{path} {fault}")]
    Secret {
        /// Which.
        path: String,
        /// What is wrong with it.
        fault: SecretFault,
    },
    /// Calls cannot be set up.
    #[error("{0}")]
    Calls(#[from] SetupError),
}

impl Fault {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Name => "write a name such as chat",
            Self::Twice => "give each its own",
            Self::Address(_) => "write an address such as https://hooks.example.com/rollcall",
            Self::NoEvent => "leave it out for all, or name some of issued, revoked, expiring and failures",
            Self::Authority(_) => "name one of the [authority.…] sections",
            Self::Organisation(_) => "write the id that `ca-server org list` shows",
            Self::Timeout => "leave it out for 15s",
            Self::File(fault) => fault.hint(),
            Self::Secret { .. } => "make one with `echo whsec_$(openssl rand -base64 32)`",
            Self::Calls(_) => "name a PEM file of root certificates, or leave `roots` out",
        }
    }
}

/// What is wrong with `[notifications]`, without asking anybody.
#[must_use]
pub fn problems(config: &Config) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    let section = &config.notifications;
    let mut add = |key: &str, message: &str| {
        let hint = "leave the key out for its default";
        found.push(ConfigProblem::new(format!("notifications.{key}"), message, hint));
    };
    if section.expiring.iter().any(|ahead| ahead.into_inner().is_zero()) {
        add("expiring", "holds a time of nothing");
    }
    if section.failures_within.is_zero() {
        add("failures_within", "must be longer than nothing");
    }
    if section.retry_first.is_zero() || section.retry_first > section.retry_longest {
        add("retry_first", "must be longer than nothing, and not longer than retry_longest");
    }
    if section.retry_longest > MAX_WAIT {
        add("retry_longest", "must be at most 1day");
    }
    for (number, webhook) in (1..).zip(&section.webhook) {
        if let Err((key, fault)) = endpoint(config, webhook) {
            let name = if webhook.name.is_empty() { number.to_string() } else { webhook.name.clone() };
            let key = format!("notifications.webhook.{name}.{key}");
            found.push(ConfigProblem::new(key, fault.to_string(), fault.hint()));
        }
    }
    found
}

/// The webhooks of a start; nobody is called yet.
///
/// # Errors
/// The first that cannot be used.
pub fn load(config: &Config) -> Result<Notifications, LoadError> {
    let one = |section: &WebhookConfig| {
        let failed = |(key, fault)| LoadError { name: section.name.clone(), key, fault };
        endpoint(config, section).map_err(failed)
    };
    config.notifications.webhook.iter().map(one).collect::<Result<_, _>>().map(Notifications::new)
}

fn endpoint(config: &Config, section: &WebhookConfig) -> Result<Endpoint, (&'static str, Fault)> {
    plain(config, section)?;
    let secret_file = config.resolve(&section.secret_file);
    let secrets = secrets(&secret_file).map_err(|fault| ("secret_file", fault))?;
    let mut calls = FetchConfig {
        timeout: section.timeout,
        connect_timeout: section.timeout.min(FetchConfig::default().connect_timeout),
        max_body: MAX_ANSWER,
        ..FetchConfig::default()
    };
    if let Some(path) = &section.roots {
        let text = contents::read(&config.resolve(path)).map_err(|fault| ("roots", fault.into()))?;
        calls.roots = Some(roots_from_pem(&text).map_err(|fault| ("roots", fault.into()))?);
    }
    let (first, longest) = (config.notifications.retry_first, config.notifications.retry_longest);
    Ok(Endpoint {
        settings: section.clone(),
        secret_file,
        secrets: ArcSwap::from_pointee(secrets),
        fetch: Fetch::new(&calls).map_err(|fault| ("roots", fault.into()))?,
        backoff: Backoff { first, longest },
        place: tokio::sync::Mutex::new(None),
        seen: parking_lot::Mutex::new(Seen::default()),
        bell: tokio::sync::Notify::new(),
    })
}

fn plain(config: &Config, section: &WebhookConfig) -> Result<(), (&'static str, Fault)> {
    if section.name.parse::<AuthorityName>().is_err() {
        return Err(("name", Fault::Name));
    }
    if config.notifications.webhook.iter().filter(|other| other.name == section.name).count() > 1 {
        return Err(("name", Fault::Twice));
    }
    if !fetch::may_be_reached(&section.url) {
        let shown = section.url.host_str().unwrap_or_default().to_owned();
        return Err(("url", Fault::Address(shown)));
    }
    if section.events.is_empty() {
        return Err(("events", Fault::NoEvent));
    }
    if let Some(unknown) = section.authorities.iter().find(|name| !config.authority.contains_key(*name)) {
        return Err(("authorities", Fault::Authority(unknown.clone())));
    }
    let wrong = section.organisations.iter().find(|id| id.parse::<OrganisationId>().is_err());
    if let Some(wrong) = wrong {
        return Err(("organisations", Fault::Organisation(wrong.clone())));
    }
    if section.timeout.is_zero() || section.timeout > MAX_TIMEOUT {
        return Err(("timeout", Fault::Timeout));
    }
    Ok(())
}

/// The secrets of a file that only the server may read.
pub(super) fn secrets(path: &Path) -> Result<Secrets, Fault> {
    let text = contents::read_secret(path)?;
    Secrets::parse(&text).map_err(|fault| Fault::Secret { path: path.display().to_string(), fault })
}
