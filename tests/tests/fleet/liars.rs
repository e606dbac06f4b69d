//! Servers that lie about when to come: the cases are in `liars.json`. Whatever one says, no certificate ends in use, orders stay few, and it is not
//! asked in a loop.

use std::sync::Arc;

use acme_client::acme::TransportError;
use acme_client::acme::transport::{HttpRequest, HttpResponse, HttpsTransport, Transport};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::setting::{Device, Setting};

/// One liar.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lie {
    name: String,
    /// Requests whose path holds this are answered with the lie.
    r#match: String,
    status: u16,
    #[serde(default)]
    retry_after: Option<String>,
    body: Value,
    /// The first day of the lie, counted from the first certificate.
    #[serde(default)]
    lies_from: i64,
    /// For how many days it lies; absent: always.
    #[serde(default)]
    lies_for: Option<i64>,
    /// How long the device is watched.
    #[serde(default = "usual_days")]
    days: i64,
    most_orders: u64,
}

fn usual_days() -> i64 {
    35
}

/// The way to the server, with somebody in it who lies.
#[derive(Debug)]
struct Liar {
    inner: HttpsTransport,
    lie: Lie,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    begun: Option<OffsetDateTime>,
    now: OffsetDateTime,
    requests: u64,
    orders: u64,
}

impl Liar {
    /// Whether this request is lied to; counts it.
    fn lies(&self, request: &HttpRequest) -> bool {
        let mut inside = self.inside.lock();
        inside.requests += 1;
        inside.orders += u64::from(request.url.url().path().ends_with("new-order"));
        let Some(begun) = inside.begun else { return false };
        let from = begun + Duration::days(self.lie.lies_from);
        let on = inside.now >= from
            && self.lie.lies_for.is_none_or(|days| inside.now < from + Duration::days(days));
        on && request.url.url().path().contains(&self.lie.r#match)
    }
}

#[async_trait]
impl Transport for Liar {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if !self.lies(&request) {
            return self.inner.send(request).await;
        }
        let mut headers = HeaderMap::new();
        let kind = if self.lie.status < 400 { "application/json" } else { "application/problem+json" };
        headers.insert("content-type", HeaderValue::from_static(kind));
        headers.insert("location", HeaderValue::from_static("https://elsewhere.test/"));
        if let Some(after) = &self.lie.retry_after {
            headers.insert("retry-after", after.parse().unwrap());
        }
        let status = StatusCode::from_u16(self.lie.status).unwrap();
        Ok(HttpResponse { status, headers, body: self.lie.body.to_string().into_bytes() })
    }
}

async fn live_with(lie: Lie) {
    let setting = Setting::start().await;
    let begin = setting.now();
    let inside = Mutex::new(Inside { begun: None, now: begin, requests: 0, orders: 0 });
    let liar = Arc::new(Liar { inner: setting.https(), lie: lie.clone(), inside });
    let home = setting.home(1, liar.clone());
    setting.prepare(&home).await;
    let mut device = Device::switch_on(&setting, &home);
    let mut next = device.turn().await;
    assert!(home.in_use_until().is_some(), "{}: {:?}", lie.name, device.life);
    liar.inside.lock().begun = Some(begin);
    let (end, mut turns) = (begin + Duration::days(lie.days), 0);
    while next < end {
        setting.until(next);
        liar.inside.lock().now = setting.now();
        next = device.turn().await;
        turns += 1;
        assert!(turns < 5_000, "{}: a loop", lie.name);
    }
    device.has_not_lapsed(end);
    let (orders, requests) = {
        let inside = liar.inside.lock();
        (inside.orders, inside.requests)
    };
    eprintln!("{}: {orders} orders, {requests} requests in {} days", lie.name, lie.days);
    let issued = device.life.first + device.life.renewals.len() as u64;
    assert!(issued <= lie.most_orders, "{}: {issued} certificates", lie.name);
    // One question a minute at the very most (a directory and a window), which only a server gets that asks for it.
    let most = if lie.retry_after.as_deref() == Some("0") { 2 * 60 * 24 + 100 } else { 150 };
    assert!(requests <= most * lie.days.unsigned_abs(), "{}: {requests} requests", lie.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_about_when_to_come_neither_lets_a_certificate_lapse_nor_is_it_asked_in_a_loop() {
    let lies: Vec<Lie> = serde_json::from_str(include_str!("liars.json")).unwrap();
    assert!(lies.len() >= 15);
    for lie in lies {
        live_with(lie).await;
    }
}
