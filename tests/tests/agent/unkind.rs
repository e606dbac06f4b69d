//! A transport that loses requests or answers, or answers as an overloaded server does, at requests chosen by their number; and the client's library
//! under it: nothing is lost, nothing is issued twice, `Retry-After` is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use acme_client::acme::transport::{HttpRequest, HttpResponse, HttpsTransport};
use acme_client::acme::{self, Transport, TransportError};
use acme_client::renew::{Attempt, renew_identity};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;

use crate::setting::Setting;

/// What befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never reaches the server.
    Lost,
    /// The server acts on it, but the answer never comes back.
    AnswerLost,
    /// The server is too busy: this status, and `Retry-After` with this many seconds.
    Busy(u16, u64),
}

/// The client's own HTTPS with faults.
#[derive(Debug)]
pub(crate) struct Unkind {
    inner: HttpsTransport,
    faults: BTreeMap<u32, Fault>,
    dead_after_fault: bool,
    asked: Mutex<u32>,
}

impl Unkind {
    /// Faults at these requests, counted from 0.
    pub(crate) fn new(inner: HttpsTransport, faults: impl IntoIterator<Item = (u32, Fault)>) -> Self {
        Self { inner, faults: faults.into_iter().collect(), dead_after_fault: false, asked: Mutex::new(0) }
    }

    /// Nothing gets through any more after the first fault, as if the client had been killed there.
    pub(crate) fn and_then_nothing(self) -> Self {
        Self { dead_after_fault: true, ..self }
    }

    /// How many requests there were.
    pub(crate) fn asked(&self) -> u32 {
        *self.asked.lock()
    }
}

/// An error that is no use to retry, so that a run that is cut off ends at once, as a killed one does.
fn lost() -> TransportError {
    TransportError::TooLarge { host: "localhost".to_owned(), limit: 0 }
}

fn busy(status: u16, seconds: u64) -> HttpResponse {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from(seconds));
    headers.insert("content-type", HeaderValue::from_static("application/problem+json"));
    let body = br#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"later"}"#.to_vec();
    HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers, body }
}

#[async_trait]
impl Transport for Unkind {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let number = {
            let mut asked = self.asked.lock();
            *asked += 1;
            *asked - 1
        };
        if self.dead_after_fault && self.faults.keys().next().is_some_and(|first| number > *first) {
            return Err(lost());
        }
        match self.faults.get(&number) {
            None => self.inner.send(request).await,
            Some(Fault::Lost) => Err(lost()),
            Some(Fault::AnswerLost) => {
                self.inner.send(request).await?;
                Err(lost())
            }
            Some(Fault::Busy(status, seconds)) => Ok(busy(*status, *seconds)),
        }
    }
}

/// A clock on which every pause is short; it remembers how long each was meant to be. Its time is real, so that patience ends when the
/// server had all the time that it is given, not when it was asked often enough.
#[derive(Debug)]
pub(crate) struct Hurried {
    began: Instant,
    pauses: Mutex<Vec<Duration>>,
}

impl Default for Hurried {
    fn default() -> Self {
        Self { began: Instant::now(), pauses: Mutex::default() }
    }
}

impl Hurried {
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().clone()
    }
}

#[async_trait]
impl acme::Clock for Hurried {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        self.pauses.lock().push(duration);
        // The server works in real time; what is waited for there is a matter of milliseconds.
        tokio::time::sleep(duration.min(Duration::from_millis(10))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_server_is_left_in_peace_for_as_long_as_it_asks_at_every_request() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    for status in [503, 429] {
        for number in 0.. {
            let unkind = Arc::new(Unkind::new(setting.transport(), [(number, Fault::Busy(status, 77))]));
            let clock = Arc::new(Hurried::default());
            let library = device.over(unkind.clone(), clock.clone());
            let (_lock, _) = device.state.lock().unwrap();
            let report = renew_identity(library.agent(), &device.identity("room-1.corp.test"), true).await;
            assert!(
                matches!(report.attempt, Attempt::Renewed { .. }),
                "{status} at {number}: {:?}",
                report.attempt
            );
            let kept = clock.pauses().iter().filter(|pause| **pause == Duration::from_secs(77)).count();
            if unkind.asked() <= number {
                assert!(number >= 5, "only {number} requests were tried");
                break;
            }
            assert_eq!(kept, 1, "{status} at {number}: {:?}", clock.pauses());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_fails_the_pass_keeps_the_certificate_and_is_asked_again_later() {
    let mut setting = Setting::start().await;
    let (serial, url) = {
        let device = setting.device("device");
        device.enroll("room-1.corp.test", &[]).with(0);
        (device.current("room-1.corp.test").0, setting.server.url.clone())
    };
    setting.server.kill().unwrap();
    let device = setting.device("device");
    let library = device.over(Arc::new(setting.transport()), Arc::new(Hurried::default()));
    {
        let (_lock, _) = device.state.lock().unwrap();
        let report = renew_identity(library.agent(), &device.identity("room-1.corp.test"), true).await;
        let Attempt::Failed { error, next: Some(next) } = report.attempt else {
            panic!("{:?}", report.attempt)
        };
        assert!(error.to_string().contains("no connection to"), "{error}");
        assert!(next > time::OffsetDateTime::now_utc());
    }
    assert_eq!(device.current("room-1.corp.test").0, serial);
    let (server, _) = rollcall_tests::load::process::Server::start(
        std::path::Path::new(env!("CARGO_BIN_EXE_harness-ca-server")),
        &setting.server.folder.clone(),
        &url,
    )
    .unwrap();
    setting.server = server;
    let device = setting.device("device");
    device.run(&["renew", "--force"]).with(0);
    assert_ne!(device.current("room-1.corp.test").0, serial);
}
