//! A client that can do everything wrong: an account key, signed requests of which every part can be changed, and answers shown whole.
//!
//! It keeps no rule of RFC 8555 for the caller. The steps of a proper flow are in `flow`, and they stop the test when an answer is not the right one.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test must stop at the first wrong answer"
)]

mod draft;
mod flow;
mod http;
mod key;
mod order;
mod reply;

use ::http::StatusCode;
use serde_json::{Value, json};

pub use draft::Draft;
pub use flow::{challenge, dns, revocation};
pub use http::{Http, NoncePool};
pub use key::AccountKey;
pub use order::{Issued, Order, csr};
pub use reply::{Problem, Reply};

/// One key, and its account once it has one.
pub struct Device {
    name: String,
    http: Http,
    /// Such as `https://ca.test/acme/external`.
    base: String,
    key: AccountKey,
    account: Option<String>,
}

impl Device {
    /// A new key at the authority with this base URL, such as `https://ca.test/acme/external`. The name is for the reader of the test.
    #[must_use]
    pub fn at(http: Http, base: &str, name: &str) -> Self {
        let key = AccountKey::p256();
        Self { name: name.to_owned(), http, base: base.to_owned(), key, account: None }
    }

    /// The same account, with another key or at another server address.
    #[must_use]
    pub fn with_key(self, key: AccountKey) -> Self {
        Self { key, ..self }
    }

    /// Reaches the server through this client from now on, as after a restart.
    #[must_use]
    pub fn over(self, http: Http) -> Self {
        Self { http, ..self }
    }

    /// Uses this account URL from now on.
    #[must_use]
    pub fn of_account(self, url: &str) -> Self {
        Self { account: Some(url.to_owned()), ..self }
    }

    /// Makes the account; terms are agreed to.
    ///
    /// # Panics
    /// If the answer is not 201 with a Location.
    pub async fn register(&mut self) {
        let payload =
            json!({"termsOfServiceAgreed": true, "contact": [format!("mailto:{}@corp.test", self.name)]});
        self.register_with(&payload).await.expect("the account is made");
    }

    /// Sends newAccount with this payload and keeps the account that comes of it.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn register_with(&mut self, payload: &Value) -> Result<Reply, Problem> {
        self.account = None;
        let reply = self.post(&self.resource("new-account"), payload).await.success()?;
        self.account = Some(reply.header("location").to_owned());
        Ok(reply)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The account's URL.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn url(&self) -> &str {
        self.account.as_deref().expect("the device is registered")
    }

    /// The plain client below it.
    #[must_use]
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The URL of a resource such as `new-order`, or below one such as `order/abc`.
    #[must_use]
    pub fn resource(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// A proper request with this payload, to be changed before it is sent: signed as the account, or with the bare key while there is none.
    #[must_use]
    pub fn draft(&self, url: &str, payload: &Value) -> Draft<'_> {
        Draft::new(&self.http, &self.key, self.account.as_deref(), url, payload.to_string().into_bytes())
    }

    /// A proper POST-as-GET, to be changed before it is sent.
    #[must_use]
    pub fn draft_read(&self, url: &str) -> Draft<'_> {
        Draft::new(&self.http, &self.key, self.account.as_deref(), url, Vec::new())
    }

    /// Posts a payload.
    pub async fn post(&self, url: &str, payload: &Value) -> Reply {
        self.draft(url, payload).send().await
    }

    /// Reads by POST-as-GET.
    pub async fn get(&self, url: &str) -> Reply {
        self.draft_read(url).send().await
    }

    /// Reads JSON by POST-as-GET.
    ///
    /// # Panics
    /// If the answer is not 200.
    pub async fn read(&self, url: &str) -> Value {
        self.get(url).await.expect(StatusCode::OK).json()
    }
}
