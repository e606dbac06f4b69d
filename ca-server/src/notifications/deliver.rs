//! One delivery: the message is signed and posted, and the answer's status says whether it arrived.
//!
//! Decides nothing about what comes next. TLS is verified, no redirect is followed, time and answer are bounded by [`crate::sso::fetch`]. Must never
//! put the body, the secret or the signature into a message.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Endpoint;
use super::event::Event;
use crate::app::App;
use crate::respond::problem::causes;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it.
    Delivered(StatusCode),
    /// The receiver is no more (RFC 9110 §15.5.11): it wants nothing further.
    Gone,
    /// It does not, and may later.
    Failed {
        /// What went wrong.
        why: String,
        /// When to come again, as the receiver wrote it.
        retry_after: Option<String>,
    },
}

impl Outcome {
    /// The word for it in metrics.
    const fn word(&self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Gone => "gone",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Posts the event.
pub(super) async fn deliver(app: &App, endpoint: &Endpoint, event: &Event) -> Outcome {
    let begun = std::time::Instant::now();
    let outcome = post(app, endpoint, event).await;
    let labels = [("webhook", endpoint.name().to_owned()), ("outcome", outcome.word().to_owned())];
    metrics::counter!("rollcall_webhook_deliveries_total", &labels).increment(1);
    metrics::histogram!("rollcall_webhook_delivery_seconds", "webhook" => endpoint.name().to_owned())
        .record(begun.elapsed());
    outcome
}

async fn post(app: &App, endpoint: &Endpoint, event: &Event) -> Outcome {
    let failed = |why: String, retry_after| Outcome::Failed { why, retry_after };
    let timestamp = app.clock.now().unix_timestamp();
    let signature = endpoint.secrets.load().sign(&event.id, timestamp, &event.body);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json; charset=utf-8"));
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    for (name, value) in [(ID, event.id.clone()), (SIGNATURE, signature)] {
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return failed("the event cannot be named in a header".to_owned(), None);
        };
        value.set_sensitive(name == SIGNATURE);
        headers.insert(name, value);
    }
    match endpoint.fetch.post_message(endpoint.url(), headers, event.body.clone()).await {
        Ok(answer) if answer.status.is_success() => Outcome::Delivered(answer.status),
        Ok(answer) if answer.status == StatusCode::GONE => Outcome::Gone,
        Ok(answer) => failed(format!("it answers {}", answer.status), answer.retry_after),
        Err(error) => failed(causes(&error), None),
    }
}
