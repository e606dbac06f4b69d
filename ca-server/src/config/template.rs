//! The text of a new `ca.toml`: every key with its meaning, those with a default commented out.
//!
//! A test holds it against the sections, so that no key is left out of either.

use std::fmt::Write as _;

use url::Url;

/// What `init` chose.
#[derive(Clone, Debug)]
pub struct Choices {
    /// `listen`.
    pub listen: std::net::SocketAddr,
    /// `url`.
    pub url: Url,
    /// Authorities in order: name, whether clients reach it over ACME, its profiles.
    pub authorities: Vec<(crate::ids::AuthorityName, bool, Vec<String>)>,
    /// The file with an issuing key, or its name, in the folder of its authority.
    pub key_file: &'static str,
    /// Whether the issuing keys are encrypted, and the file with their passphrase if there is one.
    pub passphrase_file: Option<std::path::PathBuf>,
}

/// The file.
#[must_use]
pub fn render(choices: &Choices) -> String {
    let mut text = String::from(HEAD);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n# Where to listen for clients, as \"address:port\".\nlisten = \"{}\"\n",
        choices.listen
    );
    let _ = write!(text, "\n{URL}\nurl = \"{}\"\n", choices.url.as_str().trim_end_matches('/'));
    text.push_str(SECTIONS);
    for (name, acme, profiles) in &choices.authorities {
        let profiles: Vec<String> = profiles.iter().map(|profile| format!("\"{profile}\"")).collect();
        let _ = write!(
            text,
            "\n[authority.{name}]\n\
             # The issuing certificate and its key: a file of mode 0600 with PKCS#8 PEM, plain or encrypted, or with the pkcs11: URI of a key in a\n\
             # token (docs/pkcs11.md); or that URI itself, which then `ca-server authority rotate` cannot replace.\n\
             certificate = \"authorities/{name}/intermediate.pem\"\n\
             key = \"authorities/{name}/{}\"\n{}\
             # The root that relying parties trust. Its key is in offline/ and is not needed here: move it away.\n\
             root = \"roots/{name}.pem\"\n\
             # Whether clients reach this authority over ACME, at <url>/acme/{name}/directory.\n\
             acme = {acme}\n\
             # Profiles that clients may choose, each a file in policy/profiles.\n\
             profiles = [{}]\n",
            choices.key_file,
            passphrase(choices),
            profiles.join(", "),
        );
        text.push_str(AUTHORITY);
    }
    text
}

fn passphrase(choices: &Choices) -> String {
    let comment =
        "# File with the passphrase of an encrypted key; without it ROLLCALL_PASSPHRASE_<NAME> is read.\n";
    match &choices.passphrase_file {
        Some(file) => format!("{comment}passphrase_file = {:?}\n", file.display().to_string()),
        None => format!("{comment}#passphrase_file = \"/run/credentials/passphrase\"\n"),
    }
}

const HEAD: &str = "\
# Configuration of ca-server. `ca-server check --config ca.toml` says everything that is wrong with it.
# Keys that are commented out show their defaults. Relative paths start at the folder of this file.
";

const URL: &str = "\
# The URL under which clients reach this server. Every link is made from it; account URLs stand in DNS records
# and in clients' files, so changing it later orphans them.";

const SECTIONS: &str = r#"
# Where to serve /health and /metrics without TLS. Default: on `listen` only, and /metrics for clients on this host only (for nobody if
# [tls] mode is "off").
#metrics_listen = "127.0.0.1:9100"
# Networks of the proxies in front of this server, which say in `forwarded_header` ("x-forwarded-for" or "forwarded") who a client is.
# Without them all clients behind a proxy count as one. Whoever is in such a network can pretend to be any address.
#trusted_proxies = []
#forwarded_header = "x-forwarded-for"

[tls]
# `own`: a certificate from our own authority, renewed by itself; `files`; or `off` (plain HTTP, behind a proxy only).
#mode = "own"
# Certificate chain and key, PEM. With `own` they are kept here.
#certificate = "tls/fullchain.pem"
#key = "tls/key.pem"
# With `own`: the authority that issues it. Default: the first one.
#authority = "external"

[store]
# `sled:<folder>`, or `memory:` which forgets everything.
url = "sled:data"
# Memory for the store's cache, in MiB.
#cache_mib = 16
# How long ended orders and authorizations are kept, and certificate records after their end.
#keep_ended = "30days"
#keep_expired_certificates = "365days"

[dns]
# Resolvers as "address:port", asked when a name is validated. Empty: the system's.
resolvers = []
# Longest time for one question, all retries included.
#timeout = "5s"
# Mix upper and lower case in questions so that forged answers are noticed; false for resolvers that break it.
#case_randomization = true
# `off`, `opportunistic` (bogus answers are refused) or `require` (only signed answers are taken).
#dnssec = "off"
# Trust anchors (DNSKEY records in zone-file form) for private zones. Default: the public root's.
#trust_anchors = "anchors.txt"

[challenge]
# Proofs offered for DNS names.
#offer = ["dns-01", "dns-account-01", "dns-persist-01"]
# Longest time of one attempt, attempts before a challenge is invalid, and attempts at the same time.
#timeout = "10s"
#attempts = 3
#workers = 64
# How long the answer of a challenge waits for the first attempt, so that clients whose records are near are told `valid` at once:
# at most a quarter of `request_timeout`; "0s": not at all.
#first_attempt = "250ms"
# CAA records: `off`, `report` (logged, not refused) or `enforce`.
#caa = "enforce"
# Names by which CAA and dns-persist-01 records mean this server. Default: the host of `url`.
#issuer_domains = []

[acme]
# How long an order may be worked on, how long an authorization waits for its proof, and how long a proof serves further orders.
#order_lifetime = "7days"
#pending_authorization_lifetime = "7days"
#authorization_lifetime = "1day"
# Most identifiers in one order; orders on one page of an account's list.
#max_identifiers = 100
#orders_per_page = 50
# Whether accounts may prove names before they order (newAuthz).
#pre_authorization = true
# How often agents should ask again whether to renew.
#renewal_info_interval = "6h"

# Where people sign in, for the challenge sso-01 and the profile `user`: one section for each, with `saml` or `oidc` below it.
# Tell the provider the addresses that `ca-server identity-provider check --config ca.toml` prints.
#[[identity_provider]]
# Its name in addresses, what people read, and the mail domains it may speak for (`*.example.com`: every domain below).
#name = "corp"
#label = "Example staff sign-in"
#domains = ["example.com"]
# The name by which CAA records (ssoproviders) mean it. Default: the host of its issuer or entity id.
#sso_provider = "sso.example.com"
# Further origins that it leads a browser through. By how much its clock may be off. Ways of signing in that suffice; empty: any.
#browser_origins = []
#skew = "60s"
#contexts = []
#[identity_provider.saml]
# Its metadata: a file, or an https address with the SHA-256 of the document. Its entity id, if the document describes several.
#metadata = "corp-metadata.xml"
#metadata_sha256 = []
#entity_id = "https://sso.example.com/metadata"
# Our own entity id. Default: <url>/sso/saml/<name>/metadata.
#our_entity_id = "https://ca.example.com/sso"
# For encrypted assertions: an RSA key (PKCS#8 PEM, mode 0600) and its certificate.
#decryption_key = "sso/decryption.key.pem"
#decryption_certificate = "sso/decryption.pem"
# Attributes with the address (default: the NameID), the groups and the name (defaults: those of common products).
#email_attribute = "mail"
#groups_attributes = ["groups"]
#display_name_attributes = ["displayName"]
#[[identity_provider]]
#name = "partners"
#domains = ["partner.example.org"]
#[identity_provider.oidc]
# Its issuer, what it calls us, and the file with our secret (mode 0600; without it we are a public client).
#issuer = "https://login.example.org"
#client_id = "rollcall"
#client_secret_file = "sso/partners.secret"
# Scopes beside openid and email, the claim with the groups, means of authentication (amr) of which one is demanded.
#scopes = ["profile"]
#groups_claim = "groups"
#methods = []
# Root certificates for its TLS. Default: those that this machine trusts.
#roots = "sso/partners-root.pem"

[sso]
# How long a sign-in serves further orders, and how long a link is good.
#valid_for = "12h"
#link_lifetime = "10min"
# How a client shows that it is in front of the person: `redirect` (to a listener on its machine), `code` (typed by the person).
#completion = ["redirect", "code"]
# Whether the one-time code of `redirect` must come from the browser's address; false only where one machine appears under several.
#same_address = true
# Redirect addresses beside loopback ones, each exactly.
#redirects = []
# Networks in which providers are called although they are link-local, multicast, reserved or a cloud's metadata service.
#allow_networks = []

# The authority that issues to signed-in people, registered devices and guests on a token.
[internal]
# The [authority.…] that issues, and whether somebody who has not signed in may have a temporary id certified.
#authority = "internal"
#guests = false
# How long the tokens of guests and devices, and activation codes, are good.
#guest_token_lifetime = "8h"
#device_token_lifetime = "30days"
#activation_code_lifetime = "7days"
# How often the TXT records of organisations' domains are looked for, and how long a domain is held after its record was last seen: at least twice as long.
#domain_recheck = "6h"
#domain_grace = "2days"
# After how long a client asks again whose certificate waits for an administrator.
#approval_poll = "2min"
# Certificates per person, device or guest; activation codes tried, and guests let in, per client address; all per hour. 0: no limit.
#certificates_per_hour = 60
#activations_per_hour = 60
#guests_per_hour = 60
# Origins of web pages whose scripts may ask with a token.
#origins = ["https://meet.example.com"]

# Whose JWT access tokens are taken: one section for each. `ca-server org create NAME --token-issuer corp` says for which organisation.
#[[token_issuer]]
# Its name, the claims iss and aud (aud must mean this server and nothing else).
#name = "corp"
#issuer = "https://login.example.com"
#audience = ["https://ca.example.com/internal"]
# Its keys: a file, or an address; without them the jwks_uri of its configuration document. Root certificates for its TLS.
#keys_file = "corp-keys.json"
#[[token_issuer]]
#name = "partners"
#issuer = "https://login.example.org"
#audience = ["https://ca.example.com/internal"]
#keys_url = "https://login.example.org/keys"
#roots = "partners-root.pem"
# Signature algorithms, values of `typ`, and scopes (of which all are demanded).
#algorithms = ["RS256", "PS256", "ES256"]
#types = ["at+jwt"]
#scopes = []
# The claims with the account id (a UUID; without it one is made from issuer and sub), the address, the name, and the organisation.
#user_id_claim = "oid"
#email_claim = "email"
# Whether the address counts without `email_verified: true` beside it: only for an issuer that writes none that it has not verified.
#email_trusted = false
#name_claim = "name"
#organisation_claim = "org"
# Whether each token serves once, and by how much the issuer's clock may be off.
#single_use = false
#skew = "60s"

# What relying parties are told of certificates: revocation lists and OCSP.
[revocation]
# Where to serve them, and issuing certificates, over plain HTTP. Default: on `listen` only, over TLS, which many cannot use while they check.
#listen = "0.0.0.0:14080"
# The URL under which relying parties reach them; it stands in certificates. Default: with `listen` http, the host of `url` and its port.
#url = "http://ca.example.com:14080"
# Whether OCSP is answered, and certificates say where. Default: whether `listen` is set.
#ocsp = true
# Whether a nonce in a request is repeated, in an answer signed for it alone: each such request costs a signature.
#ocsp_nonce = false
# How long an OCSP answer may be relied on, and the memory for signed ones, in MiB.
#ocsp_lifetime = "12h"
#ocsp_cache_mib = 16
# How long a revocation list may be relied on, and the entries above which it is split into shards.
#list_lifetime = "24h"
#list_entries = 10000
# How long caches on the way may keep either: a revocation may stay unseen behind them for as long.
#cache_for = "60s"

# What webhooks are told of beside issuance and revocation: certificates that end soon and that nothing replaced, once for each time ahead (of
# a certificate's life no more than a sixth), and who fails so often within a time (0: nobody).
[notifications]
#expiring = ["7days", "1day", "6h"]
#failures = 5
#failures_within = "1h"
# How long to wait after a delivery that failed, and at most.
#retry_first = "1s"
#retry_longest = "15min"
# Who is told: one section for each. `ca-server notifications list --config ca.toml` says how far each is.
#[[notifications.webhook]]
# Its name and address, and the file with the secret that signs (mode 0600; two secrets on two lines while one is replaced).
#name = "chat"
#url = "https://hooks.example.com/rollcall"
#secret_file = "notifications/chat.secret"
# Of what: `issued`, `revoked`, `expiring`, `failures`. Only of certificates of these authorities, profiles, organisations (by id); empty: all.
#events = ["issued", "revoked", "expiring", "failures"]
#authorities = []
#profiles = []
#organisations = []
# Root certificates for its TLS (default: those that this machine trusts), and the longest time of one delivery.
#roots = "notifications/chat-root.pem"
#timeout = "15s"

[policy]
# Folder with profiles/*.toml and rules/*.cedar; read again on SIGHUP. A bad file is refused and the old ones stay.
#folder = "policy"

[limits]
# Largest request body in octets, longest time of one request, and how long a connection may stay open without one.
#body = 65536
#request_timeout = "30s"
#idle_timeout = "60s"
# Connections at the same time: all together, and of one address (0: no limit).
#connections = 4096
#connections_per_address = 256
# New accounts per client address and hour; new orders per account and hour (and four times as many finalize requests); changes of
# contacts or key per account and hour. 0: no limit. Raise orders_per_hour where one account orders for a large fleet.
#accounts_per_hour = 100
#orders_per_hour = 1000
#account_changes_per_hour = 60

[admin]
# Unix socket of the running server. Whoever can open it is the administrator.
#socket = "admin.sock"

# The web page for operators: off until it is told where to listen. `ca-server console open` prints a link that signs in once.
[console]
# Where to listen for operators' browsers; elsewhere than on this machine with TLS only. The URL under which they reach it: default from `listen`.
#listen = "127.0.0.1:14080"
#tls = false
#url = "http://127.0.0.1:14080"
# The [[identity_provider]]s at which operators may sign in; needs an https URL, and rules that permit `operate` (docs/console.md).
#identity_providers = []
# How long a one-time link is good; after how long an operator is signed out who does nothing, and who works.
#link_lifetime = "5min"
#idle = "30min"
#lifetime = "12h"
# Whether a session belongs to the address that it began at. Requests per client address and hour; 0: no limit.
#same_address = true
#requests_per_hour = 7200

[log]
# `text` or `json`, and a filter such as "info,ca_server=debug".
#format = "text"
#filter = "info"

# Spans of requests for a collector (OpenTelemetry), of a program that was built with the feature `otel`.
[traces]
# Where they are posted, OTLP over HTTP in protobuf; and which share of the requests is traced.
#endpoint = "http://127.0.0.1:4318/v1/traces"
#ratio = 1.0
# File with headers for it, one on a line (mode 0600), and root certificates for its TLS.
#headers_file = "traces.headers"
#trace_roots = "traces-root.pem"
# Whether spans say which names are certified.
#identifiers = false
"#;

const AUTHORITY: &str = r#"# Profile of an order that names none. Default: the first of `profiles`.
#default_profile = "device"
# External account binding: `off`, `optional` or `required`. Keys are made with `ca-server eab create`.
#external_account_binding = "optional"
# Further chains offered as alternates: PEM files with the certificates above the leaf.
#alternate_chains = []
# Folder with the issuers that this one replaced, kept for their revocation lists. Default: `replaced` beside `certificate`.
#replaced = "authorities/replaced"
# Terms of service that accounts must agree to, and a page about this authority.
#terms_of_service = "https://ca.example.com/terms"
#website = "https://ca.example.com/"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{load, reference};

    fn choices() -> Choices {
        Choices {
            listen: "127.0.0.1:14000".parse().unwrap(),
            url: "https://ca.example.com:14000".parse().unwrap(),
            authorities: vec![("external".parse().unwrap(), true, vec!["device".to_owned()])],
            key_file: "intermediate.key.pem",
            passphrase_file: None,
        }
    }

    #[test]
    fn the_template_parses_and_every_commented_key_is_a_real_one() {
        let text = render(&choices());
        load::parse(&text, std::path::Path::new("/x")).unwrap();
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n");
        load::parse(&uncommented, std::path::Path::new("/x")).unwrap();
    }

    #[test]
    fn every_key_there_is_stands_in_the_template() {
        let text = render(&choices());
        for (section, key) in reference::keys() {
            let stands = |line: &str| {
                line.trim_start_matches('#').split('=').next().is_some_and(|found| found.trim() == key)
            };
            assert!(text.lines().any(stands), "[{section}] {key} is not in the template");
        }
    }
}
