//! The sections of `ca.toml`. Every field says its meaning, its default, and what is risked by changing it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use certs::leaf::Proof;
use serde::{Deserialize, Serialize};
use url::Url;

/// `[tls]`: how the server shows itself to clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// `own` (a certificate from our own authority, renewed by itself), `files`, or `off` (behind a proxy only: plain HTTP). Default: `own`.
    pub mode: TlsMode,
    /// The certificate chain, PEM. With `own`: where it is kept. Default: `tls/fullchain.pem`.
    pub certificate: PathBuf,
    /// Its private key, PEM, mode 0600. Default: `tls/key.pem`.
    pub key: PathBuf,
    /// With `own`: the authority that issues it. Default: the first one.
    pub authority: Option<crate::ids::AuthorityName>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            mode: TlsMode::Own,
            certificate: "tls/fullchain.pem".into(),
            key: "tls/key.pem".into(),
            authority: None,
        }
    }
}

/// Where the server's own TLS certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Issued by our own authority and renewed by itself.
    Own,
    /// Read from files; read again on SIGHUP.
    Files,
    /// No TLS.
    Off,
}

/// The header in which a proxy says for whom it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// `[store]`: where the server keeps what it must not forget.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sled:<folder>` or `memory:` (forgets everything; tests only). Default: `sled:data`.
    pub url: String,
    /// Memory for the store's cache, in MiB. Default: 16.
    pub cache_mib: u64,
    /// How long ended orders and authorizations are kept. Default: 30 days.
    #[serde(with = "humantime_serde")]
    pub keep_ended: Duration,
    /// How long certificate records are kept after they expire; at least `list_lifetime` of `[revocation]`. Default: 365 days.
    #[serde(with = "humantime_serde")]
    pub keep_expired_certificates: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sled:data".to_owned(),
            cache_mib: 16,
            keep_ended: Duration::from_secs(30 * 86_400),
            keep_expired_certificates: Duration::from_secs(365 * 86_400),
        }
    }
}

/// `[dns]`: whom the server asks when it validates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsConfig {
    /// Resolvers as `address:port`; empty means the system's. Default: empty.
    pub resolvers: Vec<SocketAddr>,
    /// Longest time for one question, all retries included. Default: 5s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Mix upper and lower case in questions so that forged answers are noticed. Default: true; false for resolvers that break it.
    pub case_randomization: bool,
    /// `off`, `opportunistic` (bogus answers are refused, unsigned ones taken) or `require`. Default: `off`.
    pub dnssec: DnssecMode,
    /// Trust anchors (DNSKEY records in zone-file form) for private zones. Default: the public root's.
    pub trust_anchors: Option<PathBuf>,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            timeout: Duration::from_secs(5),
            case_randomization: true,
            dnssec: DnssecMode::Off,
            trust_anchors: None,
        }
    }
}

/// How DNSSEC is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnssecMode {
    /// Not checked.
    Off,
    /// Bogus answers are refused; unsigned ones are taken.
    Opportunistic,
    /// Only secure answers are taken.
    Require,
}

/// `[challenge]`: which proofs are offered and how they are checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChallengeConfig {
    /// Proofs offered for `dns` identifiers. Default: all three.
    pub offer: Vec<Proof>,
    /// Longest time one attempt may take. Default: 10s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long the answer of a challenge waits for the first attempt, so that clients whose records are near are told `valid` at once; at most a
    /// quarter of `request_timeout`, and `0s` not at all. A long one keeps connections open while records are far or all `workers` are busy. Default: 250ms.
    #[serde(with = "humantime_serde")]
    pub first_attempt: Duration,
    /// Attempts before a challenge is invalid; later ones wait longer. Default: 3.
    pub attempts: u32,
    /// Attempts that run at the same time. Default: 64.
    pub workers: usize,
    /// CAA: `off`, `report` (logged, not refused) or `enforce`. Default: `enforce`.
    pub caa: CaaMode,
    /// Names by which CAA and dns-persist-01 records mean this server. Default: the host of `url`.
    pub issuer_domains: Vec<String>,
}

impl Default for ChallengeConfig {
    fn default() -> Self {
        Self {
            offer: vec![Proof::Dns01, Proof::DnsAccount01, Proof::DnsPersist01],
            timeout: Duration::from_secs(10),
            first_attempt: Duration::from_millis(250),
            attempts: 3,
            workers: 64,
            caa: CaaMode::Enforce,
            issuer_domains: Vec::new(),
        }
    }
}

/// What a forbidding CAA record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaaMode {
    /// Not looked up.
    Off,
    /// Looked up and logged.
    Report,
    /// Refuses.
    Enforce,
}

/// `[acme]`: lifetimes of the protocol's objects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeConfig {
    /// How long an order may be worked on. Default: 7 days.
    #[serde(with = "humantime_serde")]
    pub order_lifetime: Duration,
    /// How long a pending authorization waits for its proof. Default: 7 days.
    #[serde(with = "humantime_serde")]
    pub pending_authorization_lifetime: Duration,
    /// How long a proven authorization serves further orders; at most the profile's. Default: 1 day.
    #[serde(with = "humantime_serde")]
    pub authorization_lifetime: Duration,
    /// Most identifiers in one order. Default: 100.
    pub max_identifiers: usize,
    /// Orders on one page of an account's list. Default: 50.
    pub orders_per_page: usize,
    /// Whether accounts may prove names before they order (newAuthz). Default: true.
    pub pre_authorization: bool,
    /// How often agents should ask for renewal information again. Default: 6h.
    #[serde(with = "humantime_serde")]
    pub renewal_info_interval: Duration,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        Self {
            order_lifetime: Duration::from_secs(7 * 86_400),
            pending_authorization_lifetime: Duration::from_secs(7 * 86_400),
            authorization_lifetime: Duration::from_secs(86_400),
            max_identifiers: 100,
            orders_per_page: 50,
            pre_authorization: true,
            renewal_info_interval: Duration::from_secs(6 * 3600),
        }
    }
}

/// `[policy]`: where the profiles and rules are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Folder with `profiles/*.toml` and `rules/*.cedar`; read again on SIGHUP. Default: `policy`.
    pub folder: PathBuf,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self { folder: "policy".into() }
    }
}

/// `[limits]`: what one client may cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Largest request body, in octets. Default: 65536.
    pub body: usize,
    /// Longest time for one request. Default: 30s.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a connection may stay open without a request; it is closed after this time or at most twice as long. Default: 60s.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Connections at the same time. Default: 4096.
    pub connections: usize,
    /// Connections at the same time from one address (of IPv6: one /64); 0 for no limit. Those of `trusted_proxies` are not counted, and
    /// without TLS and `trusted_proxies` none are. Default: 256.
    pub connections_per_address: usize,
    /// New accounts per client address and hour; 0 for no limit. Default: 100.
    pub accounts_per_hour: u32,
    /// New orders per account and hour, and four times as many finalize requests; 0 for no limit. Default: 1000. Raise it where one
    /// account orders for more than a thousand devices at once; without a limit an account can fill the disk.
    pub orders_per_hour: u32,
    /// Changes of contacts or key per account and hour; 0 for no limit. Default: 60.
    pub account_changes_per_hour: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body: 65_536,
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            connections: 4096,
            connections_per_address: 256,
            accounts_per_hour: 100,
            orders_per_hour: 1000,
            account_changes_per_hour: 60,
        }
    }
}

/// `[admin]`: the operator's socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Unix socket of the running server, mode 0600; whoever can open it is the administrator. Default: `admin.sock`.
    pub socket: PathBuf,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { socket: "admin.sock".into() }
    }
}

/// `[log]`: what the server says about itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` or `json`. Default: `text`.
    pub format: LogFormat,
    /// Filter such as `info` or `info,ca_server=debug`. Default: `info`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[authority.<name>]`: one issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityConfig {
    /// The intermediate certificate, PEM, followed by nothing else.
    pub certificate: PathBuf,
    /// Its private key: a file of mode 0600 with PKCS#8 PEM, plain or encrypted, or with the `pkcs11:` URI of a key in a token; or that URI itself,
    /// which then a rotation cannot replace. A URI never holds a PIN: `pin-source=file:/path` names a file with it.
    pub key: PathBuf,
    /// File with the passphrase of an encrypted key. Else the variable `ROLLCALL_PASSPHRASE_<NAME>` is read.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// The root certificate, PEM.
    pub root: PathBuf,
    /// Whether clients reach this authority over ACME. Default: true.
    #[serde(default = "yes")]
    pub acme: bool,
    /// Further chains offered as alternates: PEM files with the certificates above the leaf.
    #[serde(default)]
    pub alternate_chains: Vec<PathBuf>,
    /// Folder with the issuers that this one replaced: `<name>.pem` and `<name>.key.pem` of each. They sign nothing but revocation lists, for as
    /// long as their certificates live; `ca-server authority rotate` puts them there. Default: `replaced` beside `certificate`.
    #[serde(default)]
    pub replaced: Option<PathBuf>,
    /// Profiles that clients may choose. Default: `["device"]`.
    #[serde(default = "device_only")]
    pub profiles: Vec<String>,
    /// Profile of an order that names none. Default: the first of `profiles`.
    #[serde(default)]
    pub default_profile: Option<String>,
    /// External account binding: `off`, `optional` or `required`. Default: `optional`.
    #[serde(default)]
    pub external_account_binding: ExternalBinding,
    /// Terms of service that accounts must agree to. Default: none.
    #[serde(default)]
    pub terms_of_service: Option<Url>,
    /// A page about this authority. Default: none.
    #[serde(default)]
    pub website: Option<Url>,
}

impl AuthorityConfig {
    /// The folder with the issuers that were replaced.
    #[must_use]
    pub fn replaced_folder(&self) -> PathBuf {
        self.replaced.clone().unwrap_or_else(|| self.certificate.with_file_name("replaced"))
    }
}

const fn yes() -> bool {
    true
}

fn device_only() -> Vec<String> {
    vec!["device".to_owned()]
}

/// Whether a new account must be bound to an external one (RFC 8555 §7.3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalBinding {
    /// Refused when sent.
    Off,
    /// Checked when sent.
    #[default]
    Optional,
    /// Demanded.
    Required,
}
