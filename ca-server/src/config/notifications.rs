//! The sections about being told: `[notifications]` and `[[notifications.webhook]]`. Every field says its meaning, its default, and what is risked by
//! changing it.

use std::path::PathBuf;
use std::time::Duration;

use humantime_serde::Serde;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ids::AuthorityName;

/// `[notifications]`: what webhooks are told of beside issuance and revocation, and how often they are tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationsConfig {
    /// How long before its end a certificate is told of that nothing has taken the place of, once for each time, such as `["7days", "1day"]`. Times longer than a sixth of a certificate's life are left out for it: agents need not have renewed it by then. Default: `["7days", "1day", "6h"]`.
    pub expiring: Vec<Serde<Duration>>,
    /// How often the same name, account or holder must fail within `failures_within` to be told of, once in that time; 0 for never. Default: 5.
    pub failures: u32,
    /// The time within which failures are counted. Default: 1h.
    #[serde(with = "humantime_serde")]
    pub failures_within: Duration,
    /// How long to wait after the first failed delivery; each further wait is twice as long. Default: 1s.
    #[serde(with = "humantime_serde")]
    pub retry_first: Duration,
    /// The longest wait between two deliveries, also if the receiver asks for a longer one; at most 1day. Default: 15min.
    #[serde(with = "humantime_serde")]
    pub retry_longest: Duration,
    /// `[[notifications.webhook]]`, one for each.
    pub webhook: Vec<WebhookConfig>,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        let hours = |hours: u64| Serde::from(Duration::from_secs(hours * 3600));
        Self {
            expiring: vec![hours(7 * 24), hours(24), hours(6)],
            failures: 5,
            failures_within: Duration::from_secs(3600),
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(15 * 60),
            webhook: Vec::new(),
        }
    }
}

/// What a webhook may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A certificate was issued.
    Issued,
    /// A certificate was revoked.
    Revoked,
    /// A certificate ends soon and nothing has taken its place.
    Expiring,
    /// The same identity failed again and again.
    Failures,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Issued, Self::Revoked, Self::Expiring, Self::Failures];
}

/// `[[notifications.webhook]]`: who is told, and of what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its name in commands, metrics and in the store: 1 to 32 lower-case letters, digits and hyphens. Under another name it begins anew.
    pub name: String,
    /// Where events are posted: https, or http on this machine. Private networks may be called; link-local ones and metadata services of clouds are not.
    pub url: Url,
    /// File with the secret that signs, `whsec_` and 24 to 64 octets in base64, mode 0600; with two secrets on two lines both sign, so that one can be replaced. Read again on SIGHUP.
    pub secret_file: PathBuf,
    /// What it is told of: `issued`, `revoked`, `expiring`, `failures`. Default: all.
    #[serde(default = "all")]
    pub events: Vec<EventKind>,
    /// Only certificates of these authorities. With any of these three filters `failures` are not told, since they name no certificate. Default: all.
    #[serde(default)]
    pub authorities: Vec<AuthorityName>,
    /// Only certificates of these profiles. Default: all.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Only certificates for these organisations, by id. Default: all, and those for none.
    #[serde(default)]
    pub organisations: Vec<String>,
    /// Root certificates for its TLS, PEM. Default: those that this machine trusts.
    #[serde(default)]
    pub roots: Option<PathBuf>,
    /// Longest time of one delivery; at most 1min. Default: 15s.
    #[serde(default = "timeout", with = "humantime_serde")]
    pub timeout: Duration,
}

fn all() -> Vec<EventKind> {
    EventKind::ALL.to_vec()
}

const fn timeout() -> Duration {
    Duration::from_secs(15)
}
