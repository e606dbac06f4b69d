//! One person: newOrder for an address, the link in a browser of their own, the provider, the short code, finalize, download.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::identifier::Identifier;
use certs::key::{KeyKind, SigningKey};
use serde_json::Value;

use super::flow::{FlowError, expect, text};
use super::session::{Session, Target};
use crate::browser::Browser;
use crate::identity_provider::User;

/// How long a client waits before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// A program with an account, at which people are enrolled one after another.
pub struct Desk {
    session: Session,
    target: Target,
    root_pem: String,
    /// One key for all requests: making keys is the client's cost.
    key: SigningKey,
}

impl Desk {
    /// Connects and registers an account.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn register(target: &Target, root_pem: &str) -> Result<Self, FlowError> {
        let mut session = Session::open(target).await?;
        let answer = session.post(&target.url("/new-account"), r#"{"termsOfServiceAgreed":true}"#).await?;
        session.use_account(expect(answer, 201)?.header("location"));
        let key = SigningKey::generate(KeyKind::P256).map_err(|_| FlowError::Key)?;
        Ok(Self { session, target: target.clone(), root_pem: root_pem.to_owned(), key })
    }

    /// Brings a person from nothing to a certificate: the chain, PEM.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn enrol(&mut self, user: &User) -> Result<String, FlowError> {
        let payload =
            format!(r#"{{"identifiers":[{{"type":"email","value":"{}"}}],"profile":"user"}}"#, user.email);
        let answer = self.session.post(&self.target.url("/new-order"), &payload).await?;
        let order = expect(answer, 201)?.json()?;
        let authorization = text(&order, "/authorizations/0")?;
        let offered = self.read(&authorization).await?;
        let answer = self.session.post(&text(&offered, "/challenges/0/url")?, "{}").await?;
        let challenge = expect(answer, 200)?.json()?;
        self.sign_in(user, &text(&challenge, "/sso_url")?, &text(&challenge, "/sso_code")?).await?;
        self.until_valid(&authorization).await?;
        let identifier = Identifier::from_parts("email", &user.email).map_err(|_| FlowError::Key)?;
        let csr = certs::csr::create_csr(&self.key, &[identifier]).map_err(|_| FlowError::Key)?;
        let payload = format!(r#"{{"csr":"{}"}}"#, URL_SAFE_NO_PAD.encode(csr));
        let answer = self.session.post(&text(&order, "/finalize")?, &payload).await?;
        let order = expect(answer, 200)?.json()?;
        let answer = expect(self.session.post(&text(&order, "/certificate")?, "").await?, 200)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The way through the pages, in a new browser with connections of its own.
    async fn sign_in(&self, user: &User, link: &str, code: &str) -> Result<(), FlowError> {
        let mut browser = Browser::builder().trusting(&self.root_pem).start();
        browser.open(link).await;
        browser.submit(&[]).await;
        let typed = [("login", user.login.as_str()), ("password", user.password.as_str())];
        let page = browser.submit(&typed).await;
        // Without scripts the page that posts a SAML answer on waits for its button.
        if !page.url.path().starts_with("/sso/") {
            browser.submit(&[]).await;
        }
        let done = browser.submit(&[("code", code)]).await;
        if done.title() == "Done" { Ok(()) } else { Err(FlowError::Answer(done.text())) }
    }

    async fn until_valid(&mut self, authorization: &str) -> Result<(), FlowError> {
        loop {
            let seen = self.read(authorization).await?;
            match text(&seen, "/status")?.as_str() {
                "valid" => return Ok(()),
                "pending" => tokio::time::sleep(PAUSE).await,
                _ => return Err(FlowError::Answer(seen.to_string())),
            }
        }
    }

    async fn read(&mut self, url: &str) -> Result<Value, FlowError> {
        expect(self.session.post(url, "").await?, 200)?.json()
    }
}
