//! Accounts (RFC 8555 §7.1.2, §7.3): register, find, read, update, deactivate, and the list of orders.
//!
//! An [`Account`] is a key and a URL; it holds no other state, so one made from stored parts is as good as a fresh one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::Client;
use super::external_account::ExternalAccountKey;
use super::jws::{JwsError, Payload, Signer};
use super::key::JwsKey;
use super::problem::ProblemKind;
use super::request::{Accept, Answer, RequestError, RequestFailure};
use super::resource_url::ResourceUrl;

/// Most pages of orders read.
const MAX_PAGES: usize = 1_000;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// In use.
    Valid,
    /// Given up by its holder.
    Deactivated,
    /// Withdrawn by the authority.
    Revoked,
}

/// What the authority knows of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDocument {
    /// Its state.
    pub status: AccountStatus,
    /// Contact URLs.
    #[serde(default)]
    pub contact: Vec<String>,
    /// Whether the terms of service were agreed to.
    #[serde(default)]
    pub terms_of_service_agreed: Option<bool>,
    /// Where its orders are listed.
    #[serde(default)]
    pub orders: Option<ResourceUrl>,
}

/// What a new account says about itself.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// Contact URLs, as `mailto:admin@example.com`.
    pub contact: Vec<String>,
    /// Whether the terms of service that the directory names are agreed to.
    pub terms_of_service_agreed: bool,
    /// Proof of an account the authority already knows.
    pub external_account: Option<ExternalAccountKey>,
}

/// A registration: the account, what the authority knows of it, and whether it is new.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The account.
    pub account: Account,
    /// What the authority knows of it.
    pub document: AccountDocument,
    /// False if the key was registered before.
    pub created: bool,
}

/// A key and the URL that the authority knows it by.
#[derive(Clone, Debug)]
pub struct Account {
    pub(super) client: Client,
    pub(super) key: JwsKey,
    pub(super) url: ResourceUrl,
}

impl Client {
    /// The account with this key and URL, from stored parts. Asks nobody.
    #[must_use]
    pub fn account(&self, key: JwsKey, url: ResourceUrl) -> Account {
        Account { client: self.clone(), key, url }
    }

    /// Registers `key`, or finds the account that it already has.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn register(&self, key: JwsKey, new: &NewAccount) -> Result<Registration, RequestError> {
        let url = &self.directory().new_account;
        let broken = |error: serde_json::Error| self.unsendable(url, JwsError::Json(error));
        let mut request = json!({});
        if let Some(members) = request.as_object_mut() {
            if !new.contact.is_empty() {
                members.insert("contact".to_owned(), json!(new.contact));
            }
            if new.terms_of_service_agreed {
                members.insert("termsOfServiceAgreed".to_owned(), json!(true));
            }
            if let Some(external) = &new.external_account {
                let binding = external.bind(key.jwk(), url).map_err(broken)?;
                members.insert("externalAccountBinding".to_owned(), json!(binding));
            }
        }
        let payload = Payload::json(&request).map_err(broken)?;
        let answer = self.post(Signer::Jwk(&key), url, &payload, Accept::Json).await?;
        self.registration(key, &answer)
    }

    /// The account that `key` has, if it has one (`onlyReturnExisting`).
    ///
    /// # Errors
    /// If the authority cannot be reached, or refuses for another reason than that there is none.
    pub async fn find_account(&self, key: JwsKey) -> Result<Option<Registration>, RequestError> {
        let payload = Payload::Json(br#"{"onlyReturnExisting":true}"#.to_vec());
        match self.post(Signer::Jwk(&key), &self.directory().new_account, &payload, Accept::Json).await {
            Ok(answer) => self.registration(key, &answer).map(Some),
            Err(error) if error.is_problem(&ProblemKind::AccountDoesNotExist) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn registration(&self, key: JwsKey, answer: &Answer) -> Result<Registration, RequestError> {
        let document = answer.json("account")?;
        let created = answer.status == http::StatusCode::CREATED;
        Ok(Registration { account: self.account(key, answer.location()?), document, created })
    }

    /// The error for a request that could not even be written.
    pub(super) fn unsendable(&self, url: &ResourceUrl, cause: JwsError) -> RequestError {
        let method = http::Method::POST;
        RequestError { method, url: url.clone(), tries: 0, cause: Box::new(RequestFailure::Jws(cause)) }
    }
}

impl Account {
    /// The account's URL, to be stored.
    #[must_use]
    pub fn url(&self) -> &ResourceUrl {
        &self.url
    }

    /// The account's key.
    #[must_use]
    pub fn key(&self) -> &JwsKey {
        &self.key
    }

    /// The authority.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the authority knows of it.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn document(&self) -> Result<AccountDocument, RequestError> {
        self.ask(&self.url).await?.json("account")
    }

    /// Replaces the contacts.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn update_contact(&self, contact: &[String]) -> Result<AccountDocument, RequestError> {
        self.change(&json!({ "contact": contact })).await
    }

    /// Agrees to the current terms of service.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn agree_to_terms(&self) -> Result<AccountDocument, RequestError> {
        self.change(&json!({ "termsOfServiceAgreed": true })).await
    }

    /// Gives the account up, for ever.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn deactivate(&self) -> Result<AccountDocument, RequestError> {
        self.change(&json!({ "status": AccountStatus::Deactivated })).await
    }

    /// The URLs of the account's orders, all pages (RFC 8555 §7.1.2.1). Empty if the authority lists none.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub async fn orders(&self) -> Result<Vec<ResourceUrl>, RequestError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            orders: Vec<ResourceUrl>,
        }
        let (mut orders, mut visited) = (Vec::new(), Vec::new());
        let mut next = self.document().await?.orders;
        while let Some(url) = next.take().filter(|url| visited.len() < MAX_PAGES && !visited.contains(url)) {
            let answer = self.ask(&url).await?;
            orders.extend(answer.json::<Page>("list of orders")?.orders);
            next = answer.links("next").into_iter().next();
            visited.push(url);
        }
        Ok(orders)
    }

    async fn change(&self, change: &serde_json::Value) -> Result<AccountDocument, RequestError> {
        self.tell(&self.url, change).await?.json("account")
    }

    /// POST-as-GET of a JSON document.
    pub(super) async fn ask(&self, url: &ResourceUrl) -> Result<Answer, RequestError> {
        self.client.post(self.signer(), url, &Payload::Empty, Accept::Json).await
    }

    /// POST of a JSON document.
    pub(super) async fn tell<T: Serialize + ?Sized>(
        &self,
        url: &ResourceUrl,
        document: &T,
    ) -> Result<Answer, RequestError> {
        let payload =
            Payload::json(document).map_err(|error| self.client.unsendable(url, JwsError::Json(error)))?;
        self.client.post(self.signer(), url, &payload, Accept::Json).await
    }

    pub(super) fn signer(&self) -> Signer<'_> {
        Signer::Account(&self.key, &self.url)
    }
}

#[cfg(test)]
mod tests;
