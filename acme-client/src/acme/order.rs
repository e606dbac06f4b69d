//! Orders (RFC 8555 §7.1.3, §7.4): open, read, wait, finalize. With a profile, validity dates and `replaces` (RFC 9773 §5).
//!
//! An [`Order`] holds its own URL and is written and read with serde: store it before [`Account::finalize`], and after a crash
//! [`Account::order`] says where it stands.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::serde::rfc3339;
use tracing::debug;

use super::account::Account;
use super::authorization::Authorization;
use super::identifier::Identifier;
use super::poll::Poll;
use super::problem::{Problem, ProblemKind};
use super::renewal::CertificateId;
use super::request::{Answer, RequestError, located};
use super::resource_url::ResourceUrl;

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Authorizations are missing.
    Pending,
    /// It can be finalized.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate is there.
    Valid,
    /// It has failed for good.
    Invalid,
}

impl std::fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        })
    }
}

/// What is ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// What is to be certified.
    pub identifiers: Vec<Identifier>,
    /// Start of validity; the authority's choice if absent.
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<OffsetDateTime>,
    /// End of validity; the authority's choice if absent.
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<OffsetDateTime>,
    /// The profile; the authority's choice if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The certificate that this one replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CertificateId>,
}

impl NewOrder {
    /// An order for these identifiers and nothing else said.
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Self {
        Self { identifiers: identifiers.into_iter().collect(), ..Self::default() }
    }
}

/// An order as the authority last described it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Where it lives.
    pub url: ResourceUrl,
    /// Its state.
    pub status: OrderStatus,
    /// When it lapses.
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<OffsetDateTime>,
    /// What is to be certified.
    pub identifiers: Vec<Identifier>,
    /// Start of validity, if it was asked for.
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<OffsetDateTime>,
    /// End of validity, if it was asked for.
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<OffsetDateTime>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// What has to be proven.
    pub authorizations: Vec<ResourceUrl>,
    /// Where to finalize.
    pub finalize: ResourceUrl,
    /// Where the certificate is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ResourceUrl>,
    /// The profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The certificate that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CertificateId>,
}

impl Order {
    /// Reads the wire form of the order at `url`. Total: any bytes give an order or an error.
    ///
    /// # Errors
    /// If it is not JSON of this shape.
    pub fn parse(url: &ResourceUrl, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        located(url, bytes)
    }
}

/// An order did not come to a good end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The authority refused or could not be reached.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// The order is invalid.
    #[error("order {} is invalid{}", .order.url, reasons(.order, .failures))]
    Invalid {
        /// The order.
        order: Box<Order>,
        /// What was not proven, and why.
        failures: Vec<(Identifier, Problem)>,
    },
    /// The wait was too long.
    #[error("order {url} was still {status} after {}", humantime::format_duration(*.waited))]
    TimedOut {
        /// The order.
        url: ResourceUrl,
        /// Its last state.
        status: OrderStatus,
        /// How long was waited.
        waited: Duration,
    },
    /// The order is valid, but names no certificate.
    #[error("order {0} is valid but names no certificate")]
    NoCertificate(ResourceUrl),
    /// The authority answered with an order for something else.
    #[error("order {0} is for other identifiers than were asked for")]
    OtherIdentifiers(ResourceUrl),
}

fn reasons(order: &Order, failures: &[(Identifier, Problem)]) -> String {
    let own = order.error.iter().map(ToString::to_string);
    let text: Vec<_> =
        own.chain(failures.iter().map(|(name, problem)| format!("{name}: {problem}"))).collect();
    if text.is_empty() { " and says not why".to_owned() } else { format!(": {}", text.join("; ")) }
}

impl Account {
    /// Opens an order. The authority may answer with an earlier one for the same identifiers.
    ///
    /// # Errors
    /// If the authority refuses, cannot be reached, or answers with an order for something else.
    pub async fn new_order(&self, new: &NewOrder) -> Result<Order, OrderError> {
        let answer = self.tell(&self.client.directory().new_order, new).await?;
        let url = answer.location()?;
        let order: Order = answer.json_at(&url, "order")?;
        let normal = |identifiers: &[Identifier]| {
            let mut all: Vec<_> =
                identifiers.iter().map(|one| (one.kind.clone(), one.value.to_ascii_lowercase())).collect();
            all.sort();
            all.dedup();
            all
        };
        if normal(&order.identifiers) != normal(&new.identifiers) {
            return Err(OrderError::OtherIdentifiers(url));
        }
        Ok(order)
    }

    /// The order at `url`, as it is now.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn order(&self, url: &ResourceUrl) -> Result<Order, RequestError> {
        self.ask(url).await?.json_at(url, "order")
    }

    /// Asks for the certificate, with a certificate signing request in DER. Safe to repeat with the same request: if the order
    /// has meanwhile moved on (a lost answer, a crash), its present state is returned instead of `orderNotReady`.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn finalize(&self, order: &Order, csr_der: &[u8]) -> Result<Order, RequestError> {
        let request = json!({ "csr": BASE64URL_NOPAD.encode(csr_der) });
        match self.tell(&order.finalize, &request).await {
            Ok(answer) => answer.json_at(&order.url, "order"),
            Err(refused) if refused.is_problem(&ProblemKind::OrderNotReady) => {
                let now = self.order(&order.url).await?;
                match now.status {
                    OrderStatus::Processing | OrderStatus::Valid => Ok(now),
                    OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Invalid => Err(refused),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the order can be finalized, or has been already.
    ///
    /// # Errors
    /// If it becomes invalid, takes too long, or the authority cannot be reached.
    pub async fn wait_until_ready(&self, url: &ResourceUrl) -> Result<Order, OrderError> {
        self.wait(url, |status| match status {
            OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => true,
            OrderStatus::Pending | OrderStatus::Invalid => false,
        })
        .await
    }

    /// Waits until the certificate is there. The order returned names it.
    ///
    /// # Errors
    /// If the order becomes invalid, takes too long, or the authority cannot be reached.
    pub async fn wait_until_valid(&self, url: &ResourceUrl) -> Result<Order, OrderError> {
        let order = self
            .wait(url, |status| match status {
                OrderStatus::Valid => true,
                OrderStatus::Pending
                | OrderStatus::Ready
                | OrderStatus::Processing
                | OrderStatus::Invalid => false,
            })
            .await?;
        if order.certificate.is_none() {
            return Err(OrderError::NoCertificate(order.url));
        }
        Ok(order)
    }

    async fn wait(&self, url: &ResourceUrl, done: impl Fn(OrderStatus) -> bool) -> Result<Order, OrderError> {
        let mut poll = Poll::new(self.client.poll_policy(), self.client.elapsed());
        loop {
            let answer: Answer = self.ask(url).await?;
            let order: Order = answer.json_at(url, "order")?;
            if done(order.status) {
                return Ok(order);
            }
            if order.status == OrderStatus::Invalid {
                let failures = self.failures(&order).await;
                return Err(OrderError::Invalid { order: Box::new(order), failures });
            }
            let elapsed = self.client.elapsed();
            let Some(pause) = poll.next(answer.retry_after, elapsed) else {
                let (status, waited) = (order.status, poll.waited(elapsed));
                return Err(OrderError::TimedOut { url: url.clone(), status, waited });
            };
            debug!(order.url = %url, order.status = %order.status, ?pause, "order is asked for again");
            self.client.sleep(pause).await;
        }
    }

    /// What was not proven, and why. Authorizations that cannot be read are left out: this only explains a failure.
    async fn failures(&self, order: &Order) -> Vec<(Identifier, Problem)> {
        let mut failures = Vec::new();
        for url in &order.authorizations {
            if let Ok(Authorization { identifier, challenges, .. }) = self.authorization(url).await {
                let failed = challenges.into_iter().find_map(|challenge| challenge.error);
                failures.extend(failed.map(|problem| (identifier, problem)));
            }
        }
        failures
    }
}

#[cfg(test)]
mod tests;
