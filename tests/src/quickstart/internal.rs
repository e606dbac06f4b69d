//! The other flow: the same person and the same device at the internal authority, on a token; a device of an organisation without a domain; a guest.
//!
//! Organisations and accounts are made over the admin socket, as `ca-server org` and `ca-server device` do; tokens come from an issuer of the harness.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use acme_client::clock::SystemClock;
use acme_client::enroll::{Agent, Connector, activate, internal_authority, obtain_internal};
use acme_client::internal::internal_url;
use acme_client::state::{
    Credential, IdentityName, IdentitySettings, KeyType, ServerLabel, StateDir, Subject,
};
use certs::name::DnsName;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Authority, Failure, NameServer, Place, Teller};
use crate::internal::TokenIssuer;

const ORGANISATION: &str = "Rollcall quickstart";
const WITHOUT_DOMAIN: &str = "Without a domain";
const TOKEN_ISSUER: &str = "demo-tokens";

/// The issuer of people's access tokens.
pub(super) struct Tokens {
    issuer: TokenIssuer,
    name: String,
    keys: PathBuf,
}

/// A certificate that somebody holds, and how long it took to get.
pub(super) struct Certified {
    /// The chain, PEM, leaf first.
    pub(super) fullchain: String,
    /// From the first request to the installed files.
    pub(super) took: Duration,
}

/// Everybody who was certified on a token.
pub(super) struct Internal {
    /// A person of the organisation.
    pub(super) person: Certified,
    /// A device of the organisation.
    pub(super) device: Certified,
    /// A device of an organisation that has no domain.
    pub(super) device_without_domain: Certified,
    /// Somebody who has not signed in.
    pub(super) guest: Certified,
}

impl Tokens {
    /// An issuer for people of `domain`, its keys in a file.
    pub(super) fn new(domain: &DnsName, place: &Place) -> Result<Self, Failure> {
        let issuer = TokenIssuer::new("demo");
        let keys = place.secret("token-keys.json", &issuer.key_set().to_string())?;
        Ok(Self { issuer, name: format!("https://login.{domain}"), keys })
    }

    /// What `ca.toml` says of it.
    pub(super) fn config(&self, url: &str) -> String {
        format!(
            "\n[[token_issuer]]\nname = \"{TOKEN_ISSUER}\"\nissuer = \"{}\"\naudience = [\"{url}/internal\"]\nkeys_file = {:?}\n",
            self.name, self.keys
        )
    }

    /// A token for the person with this address.
    fn token(&self, url: &str, email: &str) -> String {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        self.issuer.token(&json!({
            "iss": self.name, "aud": format!("{url}/internal"), "sub": email, "email": email, "email_verified": true,
            "iat": now, "nbf": now, "exp": now + 300, "jti": format!("{email}-{now}"),
        }))
    }
}

/// Makes both organisations, and has the first hold `domain`.
pub(super) async fn organise(
    authority: &Authority,
    names: &NameServer,
    domain: &DnsName,
) -> Result<(), Failure> {
    let admin = &authority.operator;
    for (name, issuers) in [(ORGANISATION, &[TOKEN_ISSUER][..]), (WITHOUT_DOMAIN, &[])] {
        let wanted = json!({ "name": name, "token_issuers": issuers });
        let _: Value = admin.post("/organisations", &wanted).await?;
    }
    let path = format!("/organisations/{}", ORGANISATION.replace(' ', "%20"));
    let wanted = json!({ "domain": domain.as_str() });
    let claimed: Value = admin.post(&format!("{path}/domains"), &wanted).await?;
    let text =
        |key: &str| claimed.pointer(&format!("/domains/0/{key}")).and_then(Value::as_str).unwrap_or_default();
    names.publish(text("record_name"), text("record"));
    let _: Value = admin.post(&format!("{path}/domains/verify"), &wanted).await?;
    let _: Value = admin.post(&format!("{path}/preferred"), &wanted).await?;
    Ok(())
}

/// Certifies everybody.
pub(super) async fn enroll(
    teller: &Teller,
    authority: &Authority,
    tokens: &Tokens,
    email: &str,
    place: &Place,
) -> Result<Internal, Failure> {
    let file = place.secret("bob.token", &tokens.token(&authority.url, email))?;
    let holder = |folder: &'static str| Holder { teller, authority, place, folder };
    let code = async |organisation: &str| -> Result<String, Failure> {
        let wanted = json!({ "organisation": organisation, "name": "Room 1" });
        let made: Value = authority.operator.post("/devices", &wanted).await?;
        Ok(made.get("code").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let person = holder("internal-person").certify(Credential::TokenFile(file), None).await?;
    let own = code(ORGANISATION).await?;
    let device = holder("internal-device").certify(Credential::MachineAccount, Some(&own)).await?;
    let other = code(WITHOUT_DOMAIN).await?;
    let device_without_domain =
        holder("internal-device-2").certify(Credential::MachineAccount, Some(&other)).await?;
    let guest = holder("internal-guest").certify(Credential::Guest, None).await?;
    Ok(Internal { person, device, device_without_domain, guest })
}

/// Somebody with a state directory.
struct Holder<'a> {
    teller: &'a Teller,
    authority: &'a Authority,
    place: &'a Place,
    folder: &'static str,
}

impl Holder<'_> {
    async fn certify(&self, credential: Credential, code: Option<&str>) -> Result<Certified, Failure> {
        let (state, connector) = (StateDir::at(self.place.join(self.folder)), Connector::default());
        let settings = IdentitySettings {
            subject: Subject::Internal(credential.clone()),
            directory: internal_url(&self.authority.url).map_err(acme_client::enroll::EnrollError::from)?,
            profile: None,
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 5,
            deploy: None,
        };
        let (_lock, _) = state.lock()?;
        state
            .account(&ServerLabel::of(&settings.directory))
            .store_roots(self.authority.root_pem.as_bytes())?;
        let identity = state.identity(&IdentityName::parse("internal")?);
        identity.store_settings(&settings)?;
        let agent = Agent {
            state: &state,
            connector: &connector,
            clock: &SystemClock,
            progress: self.teller,
            person: None,
        };
        let began = Instant::now();
        let internal = internal_authority(agent, &settings)?;
        if let Some(code) = code {
            activate(agent, &internal, &identity, code).await?;
        }
        obtain_internal(agent, &internal, &identity, &settings, &credential).await?;
        let took = began.elapsed();
        let current =
            identity.current()?.ok_or_else(|| Failure::Pass("no certificate is in place".to_owned()))?;
        Ok(Certified { fullchain: format!("{}{}", current.certificate, current.chain), took })
    }
}
