//! The internal authority as tests use it: a server with a token issuer whose keys it reads from a file, and the operator's socket at hand.
//!
//! Everything goes through a socket: tokens, codes and requests to the listener, organisations and accounts to the admin socket. For tests only.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a harness whose own set-up is wrong must stop at once"
)]

pub mod est;
mod token_issuer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::admin::client::{AdminClient, AdminError};
use ca_server::admin::listener::AdminSocket;
use ca_server::config::Config;
use certs::chain::{TrustSetName, TrustSets};
use certs::csr::create_csr;
use certs::identifier::Identifier;
use certs::key::{KeyKind, SigningKey};
use certs::verdict::{Verdict, verdict};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ca::{Builder, TestCa};
use crate::device::Reply;

pub use token_issuer::{AUDIENCE, ISSUER, TokenIssuer};

/// A running authority with `[internal]`, `[[token_issuer]]` `corp`, and an open admin socket.
pub struct InternalCa {
    /// The server.
    pub ca: TestCa,
    /// The issuer of its people's tokens.
    pub issuer: TokenIssuer,
    admin: AdminClient,
    _stop: DropGuard,
}

impl InternalCa {
    /// A server without limits of rate, with guests.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with something of its configuration changed.
    pub async fn start_with(change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        Self::build(TestCa::builder(), change).await
    }

    /// The same upon another builder.
    pub async fn build(builder: Builder, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        let issuer = TokenIssuer::new("k1");
        let ca = builder
            .file("corp-keys.json", &issuer.key_set().to_string())
            .configure(|config| {
                configure(config);
                change(config);
            })
            .start()
            .await;
        let socket = AdminSocket::open(&ca.config().resolve(&ca.config().admin.socket))
            .expect("the admin socket opens");
        let stop = CancellationToken::new();
        tokio::spawn(socket.serve(ca.app().clone(), stop.clone()));
        let admin = AdminClient::new(ca.config());
        Self { ca, issuer, admin, _stop: stop.drop_guard() }
    }

    /// The server alone; nobody listens on the operator's socket any more.
    #[must_use]
    pub fn into_ca(self) -> TestCa {
        self.ca
    }

    /// Makes an organisation whose people `corp` speaks for.
    pub async fn organisation(&self, name: &str) -> Value {
        self.tell("/organisations", json!({"name": name, "token_issuers": ["corp"]})).await
    }

    /// Claims a domain for it, places the TXT record and has it verified.
    pub async fn verified_domain(&self, organisation: &str, domain: &str) -> Value {
        let claimed =
            self.tell(&format!("/organisations/{organisation}/domains"), json!({"domain": domain})).await;
        let domains = claimed["domains"].as_array().expect("there are domains");
        let claim = domains.iter().find(|claim| claim["name"] == domain).expect("the claim is there");
        let text = |key: &str| claim[key].as_str().expect("a text").to_owned();
        self.ca.dns.set_txt(&text("record_name"), &[&text("record")]);
        self.tell(&format!("/organisations/{organisation}/domains/verify"), json!({"domain": domain})).await
    }

    /// Has the organisation's devices carry a domain.
    pub async fn prefer(&self, organisation: &str, domain: &str) {
        self.tell(&format!("/organisations/{organisation}/preferred"), json!({"domain": domain})).await;
    }

    /// Makes a machine account; its view, with the code.
    pub async fn device_code(&self, organisation: &str) -> Value {
        self.tell("/devices", json!({"organisation": organisation, "name": "Room 1"})).await
    }

    /// Makes a machine account and activates it with `key`: its id and its token.
    pub async fn activated(&self, organisation: &str, key: &SigningKey) -> (String, String) {
        let code = self.device_code(organisation).await;
        let reply =
            self.post("devices/activate", None, &json!({"code": code["code"], "csr": csr(key, &[])})).await;
        assert_eq!(reply.status, 201, "{reply}");
        let answer = reply.json();
        let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
        (text("account"), text("token"))
    }

    /// Tells the admin socket to do something that succeeds.
    pub async fn tell(&self, path: &str, body: Value) -> Value {
        self.try_tell(path, body).await.expect("the operator may do so")
    }

    /// Tells the admin socket to do something.
    ///
    /// # Errors
    /// What it refuses.
    pub async fn try_tell(&self, path: &str, body: Value) -> Result<Value, AdminError> {
        self.admin.post(path, &body).await
    }

    /// Asks the admin socket.
    pub async fn ask(&self, path: &str) -> Value {
        self.admin.get(path).await.expect("the operator may ask")
    }

    /// Posts JSON to `/internal/<resource>`.
    pub async fn post(&self, resource: &str, token: Option<&str>, body: &Value) -> Reply {
        self.post_with(resource, token, body, &[]).await
    }

    /// The same with more headers.
    pub async fn post_with(
        &self,
        resource: &str,
        token: Option<&str>,
        body: &Value,
        more: &[(&str, &str)],
    ) -> Reply {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        };
        add("content-type", "application/json");
        if let Some(token) = token {
            add("authorization", &format!("Bearer {token}"));
        }
        more.iter().for_each(|(name, value)| add(name, value));
        let url = self.ca.url(&format!("/internal/{resource}"));
        self.ca.http().send(Method::POST, &url, headers, body.to_string().into_bytes()).await
    }

    /// Asks for a certificate with a fresh key and no names.
    pub async fn certificate(&self, token: &str) -> Reply {
        self.post("certificates", Some(token), &json!({"csr": csr(&new_key(), &[])})).await
    }

    /// The claims of a good token for `subject`, from the server's present time on.
    #[must_use]
    pub fn claims(&self, subject: &str) -> Value {
        let now = self.ca.app().clock.now().unix_timestamp();
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "nbf": now, "exp": now + 300, "jti": format!("{subject}-{now}"), "name": "Alice Example"})
    }

    /// A good token for a person with this address, which the issuer has verified.
    #[must_use]
    pub fn token(&self, subject: &str, email: &str) -> String {
        let mut claims = self.claims(subject);
        claims["email"] = email.into();
        claims["email_verified"] = true.into();
        self.issuer.token(&claims)
    }

    /// What a host concludes from a chain in PEM that trusts this server's root as the meeting provider's own.
    #[must_use]
    pub fn judged(&self, pem: &str) -> Verdict {
        let mut trust = TrustSets::new();
        trust.insert_pem(TrustSetName::internal(), self.ca.root_pem()).expect("the root is PEM");
        verdict(&chain(pem), &trust, None, &[], self.ca.app().clock.now())
    }
}

/// The certificates of a PEM text.
#[must_use]
pub fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    certs::pem::parse_certificates(pem).expect("a PEM chain")
}

/// A fresh P-256 key.
#[must_use]
pub fn new_key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).expect("a key can be made")
}

/// A request by this key for these names, base64 of its DER.
#[must_use]
pub fn csr(key: &SigningKey, names: &[Identifier]) -> String {
    STANDARD.encode(create_csr(key, names).expect("a request can be made"))
}

fn configure(config: &mut Config) {
    let external: ca_server::ids::AuthorityName = "external".parse().expect("a name");
    let mut internal = config.authority[&external].clone();
    internal.acme = false;
    internal.alternate_chains = Vec::new();
    internal.profiles = ["internal-user", "internal-device", "guest"].map(str::to_owned).to_vec();
    config.authority.insert("internal".parse().expect("a name"), internal);
    config.internal.guests = true;
    config.internal.certificates_per_hour = 0;
    config.internal.activations_per_hour = 0;
    config.internal.guests_per_hour = 0;
    let section = format!(
        "name = \"corp\"\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\nkeys_file = \"corp-keys.json\"\n"
    );
    config.token_issuer.push(toml::from_str(&section).expect("the section can be read"));
}
