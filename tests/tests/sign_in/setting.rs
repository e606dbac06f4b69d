//! One provider, one relying party, and a clock that stands still for both.

use std::sync::Arc;
use std::time::Duration;

use ca_server::clock::{Clock as _, FixedClock};
use ca_server::sso::fetch::{Fetch, FetchConfig, roots_from_pem};
use ca_server::sso::oidc::{
    Callback, ClientSecret, Expected, OidcProvider, OidcRefusal, PkceVerifier, Settings,
};
use ca_server::sso::person::Person;
use rollcall_tests::identity_provider::{Client, Faults, IdentityProvider, User};
use time::OffsetDateTime;
use time::macros::datetime;
use url::Url;

pub(crate) const CALLBACK: &str = "https://ca.test/sso/oidc/corp/callback";
pub(crate) const NONCE: &str = "nonce-that-commits-to-the-account-key";
pub(crate) const STATE: &str = "state-of-this-sign-in";
pub(crate) const SECRET: &str = "hunter2: the+secret & more";
pub(crate) const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub(crate) struct Setting {
    pub(crate) idp: IdentityProvider,
    pub(crate) clock: FixedClock,
    pub(crate) provider: OidcProvider,
}

/// How the relying party reaches out; ten seconds unless a test waits for the end of it.
pub(crate) fn patient(idp: &IdentityProvider) -> FetchConfig {
    FetchConfig {
        roots: idp.root_pem().map(|pem| roots_from_pem(pem.as_bytes()).unwrap()),
        ..FetchConfig::default()
    }
}

pub(crate) async fn idp(clock: &FixedClock) -> IdentityProvider {
    let idp = IdentityProvider::builder().clock(Arc::new(clock.clone())).user(alice()).start().await.unwrap();
    register(&idp);
    idp
}

pub(crate) fn register(idp: &IdentityProvider) {
    idp.add_client(Client {
        id: "rollcall".to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: CALLBACK.to_owned(),
    });
}

pub(crate) fn alice() -> User {
    User::new("alice@corp.test", "Alice Ahlgren").in_groups(&["staff", "admins"])
}

pub(crate) fn settings(idp: &IdentityProvider) -> Settings {
    let mut settings = Settings::new("corp", idp.issuer(), "rollcall", Url::parse(CALLBACK).unwrap());
    settings.client_secret = Some(ClientSecret::new(SECRET));
    settings
}

pub(crate) fn verifier() -> PkceVerifier {
    PkceVerifier::from_entropy(&[7; 32])
}

impl Setting {
    pub(crate) async fn new() -> Self {
        Self::with(|_| (), |_| ()).await
    }

    pub(crate) async fn with(
        change: impl FnOnce(&mut Settings),
        limits: impl FnOnce(&mut FetchConfig),
    ) -> Self {
        let clock = FixedClock::at(NOON);
        let idp = idp(&clock).await;
        let (mut settings, mut config) = (settings(&idp), patient(&idp));
        change(&mut settings);
        limits(&mut config);
        let provider =
            OidcProvider::new(settings, Fetch::new(&config).unwrap(), Arc::new(clock.clone())).unwrap();
        Self { idp, clock, provider }
    }

    /// With a relying party that waits so briefly that a test can wait for it, and long enough for what a busy machine answers.
    pub(crate) async fn impatient() -> Self {
        Self::with(|_| (), |config| config.timeout = Duration::from_secs(5)).await
    }

    /// The address that the browser brings back.
    pub(crate) async fn callback(&self) -> Result<Url, OidcRefusal> {
        let to = self.provider.authorize(STATE, NONCE, &verifier()).await?;
        Ok(self.idp.answer_oidc(&to, "alice").unwrap())
    }

    pub(crate) async fn redeem(&self, back: &Url) -> Result<Person, OidcRefusal> {
        let expected = Expected { nonce: NONCE, requested: self.clock.now() };
        self.provider.redeem(Callback::parse(back.query().unwrap())?, &verifier(), &expected).await
    }

    /// Alice signs in.
    pub(crate) async fn sign_in(&self) -> Result<Person, OidcRefusal> {
        let back = self.callback().await?;
        self.redeem(&back).await
    }

    /// Why Alice's sign-in is refused; no secret may stand in what is said about it.
    pub(crate) async fn reason(&self) -> &'static str {
        let refusal = self.sign_in().await.unwrap_err();
        assert_tells_nothing(&refusal);
        refusal.reason()
    }

    /// The same, while the provider misbehaves.
    pub(crate) async fn reason_with(&self, change: impl FnOnce(&mut Faults)) -> &'static str {
        self.idp.heal();
        self.idp.faults(change);
        self.reason().await
    }
}

pub(crate) fn assert_tells_nothing(refusal: &OidcRefusal) {
    let mut said = format!("{refusal:?} {refusal}");
    let mut cause = std::error::Error::source(refusal);
    while let Some(error) = cause {
        said.push_str(&format!(" {error:?} {error}"));
        cause = error.source();
    }
    // An ID token begins with `{"` in base64url.
    for secret in ["hunter2", NONCE, "BwcHBwcHBwcHBwcH", "eyJ", "code="] {
        assert!(!said.contains(secret), "{secret} in: {said}");
    }
}
