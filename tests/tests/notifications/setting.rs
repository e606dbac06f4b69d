//! A server with webhooks, in this process.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ca_server::app::App;
use ca_server::config::{Config, WebhookConfig};
use ca_server::notifications::Endpoint;
use rollcall_tests::ca::{Builder, TestCa};
use rollcall_tests::receiver::{Received, Receiver};
use serde_json::Value;

/// What signs.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// What signs after it.
pub(crate) const SECOND: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Writes a file that only we may read.
pub(crate) fn secret_file(config: &Config, name: &str, text: &str) {
    let path = config.folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A webhook that is told at this address; `more` are further lines of its section.
pub(crate) fn add(config: &mut Config, name: &str, url: &str, more: &str) {
    secret_file(config, &format!("{name}.secret"), SECRET);
    let text = format!("name = \"{name}\"\nurl = \"{url}\"\nsecret_file = \"{name}.secret\"\n{more}");
    let section: WebhookConfig = toml::from_str(&text).unwrap();
    config.notifications.webhook.push(section);
    config.notifications.retry_first = Duration::from_millis(5);
    config.notifications.retry_longest = Duration::from_secs(2);
}

/// An authority that tells one receiver, under the name `hook`.
pub(crate) fn telling(receiver: &Receiver, more: &'static str) -> Builder {
    let url = receiver.url();
    TestCa::builder().configure(move |config| add(config, "hook", &url, more))
}

/// A webhook of a running server.
pub(crate) fn hook<'a>(app: &'a App, name: &str) -> &'a Endpoint {
    app.notifications.named(name).unwrap()
}

/// The next event of a receiver, whose signature must be right.
pub(crate) async fn next(receiver: &Receiver) -> (Received, Value) {
    let received = receiver.next().await;
    assert_eq!(received.signed_by(SECRET), Some(0), "{received:?}");
    let event = received.event();
    assert_eq!(event["id"], received.id(), "{event}");
    (received, event)
}

/// The name that the certificate of an event is for.
pub(crate) fn name(event: &Value) -> &str {
    event["data"]["certificate"]["identifiers"][0].as_str().unwrap()
}

/// Waits until a webhook is as wanted.
pub(crate) async fn until(app: &App, wanted: impl Fn(&ca_server::notifications::Seen) -> bool) {
    let waited = async {
        while !wanted(&hook(app, "hook").seen()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap();
}
