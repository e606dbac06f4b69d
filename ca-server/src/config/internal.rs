//! The sections about tokens: `[internal]` and `[[token_issuer]]`. Every field says its meaning, its default, and what is risked by changing it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::ids::AuthorityName;

/// `[internal]`: the authority that issues to signed-in people, registered devices and guests on a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InternalConfig {
    /// The `[authority.<name>]` that issues. Its profiles must be `internal-user`, `internal-device` and `guest`, or some of them. Default: `internal`.
    pub authority: AuthorityName,
    /// Whether somebody who has not signed in may have a token, and a certificate that names a temporary id. Anybody who reaches the server then can. Default: false.
    pub guests: bool,
    /// How long the token of a guest is good. Default: 8h.
    #[serde(with = "humantime_serde")]
    pub guest_token_lifetime: Duration,
    /// How long the token of a device is good; it can be refreshed until then. Default: 30days.
    #[serde(with = "humantime_serde")]
    pub device_token_lifetime: Duration,
    /// How long an activation code is good; at most 30days. Default: 7days.
    #[serde(with = "humantime_serde")]
    pub activation_code_lifetime: Duration,
    /// How often the TXT records of organisations' domains are looked for. Default: 6h.
    #[serde(with = "humantime_serde")]
    pub domain_recheck: Duration,
    /// How long a domain is held after its record was last seen, at least twice `domain_recheck`; then it is lost, and nothing is issued that would name it. Default: 2days.
    #[serde(with = "humantime_serde")]
    pub domain_grace: Duration,
    /// After how long a client asks again whose certificate waits for an administrator (`Retry-After`, in whole seconds); at most 1day. Clients such as strongSwan's ask no sooner, whatever they are set to. Default: 2min.
    #[serde(with = "humantime_serde")]
    pub approval_poll: Duration,
    /// Certificates per person, device or guest and hour; 0 for no limit. Default: 60.
    pub certificates_per_hour: u32,
    /// Activation codes that may be tried per client address and hour, wrong or right; 0 for no limit but the common one of 100,000 per hour, which bounds what can be guessed. Default: 60.
    pub activations_per_hour: u32,
    /// Guests let in per client address and hour; 0 for no limit. Default: 60.
    pub guests_per_hour: u32,
    /// Origins of web pages whose scripts may use `/internal/`, such as `https://meet.example.com`. Whoever runs such a page can use any token that it gets hold of. Default: none.
    pub origins: Vec<String>,
}

impl Default for InternalConfig {
    fn default() -> Self {
        Self {
            authority: AuthorityName::internal(),
            guests: false,
            guest_token_lifetime: Duration::from_secs(8 * 3600),
            device_token_lifetime: Duration::from_secs(30 * 86_400),
            activation_code_lifetime: Duration::from_secs(7 * 86_400),
            domain_recheck: Duration::from_secs(6 * 3600),
            domain_grace: Duration::from_secs(2 * 86_400),
            approval_poll: Duration::from_secs(120),
            certificates_per_hour: 60,
            activations_per_hour: 60,
            guests_per_hour: 60,
            origins: Vec::new(),
        }
    }
}

/// `[[token_issuer]]`: whose JWT access tokens are taken. Which organisation they speak for is set with `ca-server org`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenIssuerConfig {
    /// Its name in organisations and records: 1 to 32 lower-case letters, digits and hyphens.
    pub name: String,
    /// The claim `iss`, exactly as the issuer writes it.
    pub issuer: String,
    /// The claim `aud`: one of these must be in it. It must mean this server and nothing else, or tokens made for others give certificates here.
    pub audience: Vec<String>,
    /// File with the issuer's keys, a JWK set; read again every hour. Default: they are fetched.
    #[serde(default)]
    pub keys_file: Option<PathBuf>,
    /// Address of the issuer's keys. Default: the `jwks_uri` of `<issuer>/.well-known/openid-configuration`.
    #[serde(default)]
    pub keys_url: Option<Url>,
    /// Root certificates for the issuer's TLS, PEM. Default: those that this machine trusts.
    #[serde(default)]
    pub roots: Option<PathBuf>,
    /// Signature algorithms that are accepted. Default: `["RS256", "PS256", "ES256"]`.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// Values of the header `typ` that mean an access token. Default: `["at+jwt"]` (RFC 9068); with `JWT` an ID token made for the same audience would pass unless it holds `nonce` or `at_hash`.
    #[serde(default = "types")]
    pub types: Vec<String>,
    /// Scopes of which all are demanded. Default: none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The claim with the account id, a UUID, taken as it is: an issuer that could write another organisation's ids must not have this. Default: an id made from issuer and `sub`.
    #[serde(default)]
    pub user_id_claim: Option<String>,
    /// The claim with the e-mail address. Default: `email`.
    #[serde(default = "email")]
    pub email_claim: String,
    /// Whether the address is taken without `email_verified: true` beside it. The issuer must then write only addresses that it has verified itself, or whoever can choose his own is certified as somebody else. The claim of another name than `email` is taken only with this. Default: false.
    #[serde(default)]
    pub email_trusted: bool,
    /// The claim with the name to show. Default: `name`.
    #[serde(default = "name")]
    pub name_claim: String,
    /// The claim that names the organisation, by id or name; for an issuer that speaks for several. Default: none; the issuer speaks for one.
    #[serde(default)]
    pub organisation_claim: Option<String>,
    /// Whether each token serves once (by `jti`, which it must then have). Default: false.
    #[serde(default)]
    pub single_use: bool,
    /// By how much its clock may be off; at most 5 min. Default: 60s.
    #[serde(default = "minute", with = "humantime_serde")]
    pub skew: Duration,
}

fn algorithms() -> Vec<String> {
    ["RS256", "PS256", "ES256"].map(str::to_owned).to_vec()
}

fn types() -> Vec<String> {
    vec!["at+jwt".to_owned()]
}

fn email() -> String {
    "email".to_owned()
}

fn name() -> String {
    "name".to_owned()
}

const fn minute() -> Duration {
    Duration::from_secs(60)
}
