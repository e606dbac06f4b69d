//! The sections about people: `[[identity_provider]]` and `[sso]`. Every field says its meaning, its default, and what is risked by changing it.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

/// `[[identity_provider]]`: where people of some domains sign in. Each has either a `saml` or an `oidc` section below it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderConfig {
    /// Its name in addresses and records: 1 to 32 lower-case letters, digits and hyphens. Changing it changes the addresses that the provider was told.
    pub name: String,
    /// What people read, such as `Example staff sign-in`. Default: the name.
    #[serde(default)]
    pub label: Option<String>,
    /// The mail domains that it may speak for, each exactly; `*.example.com` is every domain below `example.com`. It can certify anybody there.
    pub domains: Vec<String>,
    /// The domain name by which challenges and the `ssoproviders` of CAA records mean it. Default: the host of its issuer or entity id.
    #[serde(default)]
    pub sso_provider: Option<String>,
    /// Further origins that it leads a browser through, such as `https://login.example.net`; some browsers block them else. Default: none.
    #[serde(default)]
    pub browser_origins: Vec<String>,
    /// By how much its clock may be off; at most 5 min. Default: 60s.
    #[serde(default = "minute", with = "humantime_serde")]
    pub skew: Duration,
    /// Ways of signing in that suffice (SAML `AuthnContextClassRef`, OIDC `acr`), asked for and then demanded. Default: any.
    #[serde(default)]
    pub contexts: Vec<String>,
    /// `[identity_provider.saml]`
    #[serde(default)]
    pub saml: Option<SamlConfig>,
    /// `[identity_provider.oidc]`
    #[serde(default)]
    pub oidc: Option<OidcConfig>,
}

/// `[identity_provider.saml]`: a SAML 2.0 identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlConfig {
    /// Its metadata: a file, or an https address with `metadata_sha256`. Read again every five minutes; a bad one is refused and the old one stays.
    pub metadata: String,
    /// SHA-256 of the document at an address, hexadecimal; several while it changes. Needed for an address, optional for a file.
    #[serde(default)]
    pub metadata_sha256: Vec<String>,
    /// Its entity id, if the metadata describes several providers.
    #[serde(default)]
    pub entity_id: Option<String>,
    /// Our own entity id. Default: `<url>/sso/saml/<name>/metadata`, where our metadata is.
    #[serde(default)]
    pub our_entity_id: Option<String>,
    /// RSA key for encrypted assertions: PKCS#8 PEM, mode 0600. Default: encrypted assertions are refused.
    #[serde(default)]
    pub decryption_key: Option<PathBuf>,
    /// The certificate of that key, PEM, which our metadata shows.
    #[serde(default)]
    pub decryption_certificate: Option<PathBuf>,
    /// The attribute that holds the e-mail address. Default: the NameID, which must then be an e-mail address.
    #[serde(default)]
    pub email_attribute: Option<String>,
    /// The attributes that hold groups. Default: those that common products use.
    #[serde(default)]
    pub groups_attributes: Option<Vec<String>>,
    /// The attributes that hold the person's name, the first that is there. Default: those that common products use.
    #[serde(default)]
    pub display_name_attributes: Option<Vec<String>>,
}

/// `[identity_provider.oidc]`: an OpenID Connect provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Its issuer, exactly as it writes it itself; its configuration is found below it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// File with the client secret, mode 0600. Default: a public client, with PKCE alone.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Scopes beside `openid` and `email`. Default: `["profile"]`.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The claim that names the person's groups. Default: `groups`.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// Means of authentication (`amr`) of which at least one is demanded. Default: none.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Root certificates for its TLS, PEM. Default: those that this machine trusts.
    #[serde(default)]
    pub roots: Option<PathBuf>,
}

const fn minute() -> Duration {
    Duration::from_secs(60)
}

/// `[sso]`: how people sign in (`sso-01`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SsoConfig {
    /// How long a sign-in serves further orders, so that renewals need none; a profile's `authorization-lifetime` bounds it too. Default: 12h.
    #[serde(with = "humantime_serde")]
    pub valid_for: Duration,
    /// How long a link is good; at most 10 min. Default: 10min.
    #[serde(with = "humantime_serde")]
    pub link_lifetime: Duration,
    /// How a client may show that it is in front of the person: `redirect` (a listener on the same machine), `code` (a short code, typed). Default: both.
    pub completion: Vec<CompletionMethod>,
    /// Whether a client that is sent a one-time code must post it from the address that the browser has. Turn it off only where one machine appears under several addresses (IPv4 beside IPv6, several proxies): a person can then be talked into giving the code away. Default: true.
    pub same_address: bool,
    /// Redirect addresses beside loopback ones, each exactly; whoever controls one can complete sign-ins. Default: none.
    pub redirects: Vec<Url>,
    /// Networks in which identity providers are called although they are link-local, multicast, reserved or a cloud's metadata service; whoever writes a provider's documents can then have them called. Private networks need no mention. Default: none.
    pub allow_networks: Vec<IpNet>,
}

impl Default for SsoConfig {
    fn default() -> Self {
        Self {
            valid_for: Duration::from_secs(12 * 3600),
            link_lifetime: Duration::from_secs(600),
            completion: vec![CompletionMethod::Redirect, CompletionMethod::Code],
            same_address: true,
            redirects: Vec::new(),
            allow_networks: Vec::new(),
        }
    }
}

/// How a client shows that it is in front of the person who signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompletionMethod {
    /// It listens on this machine and posts the one-time code that it is sent there.
    Redirect,
    /// It shows a short code that the person types.
    Code,
}
