//! Our client's own HTTPS, some of whose requests go wrong: lost, answered with nothing, refused by a server that is too busy, or all of them
//! while the server is away.
//!
//! In front of the client instead of the server, so that thousands of devices need no second connection each. A seed repeats it.

use std::collections::BTreeMap;

use acme_client::acme::TransportError;
use acme_client::acme::transport::{HttpRequest, HttpResponse, HttpsTransport, Transport};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use parking_lot::Mutex;

use crate::dice::Dice;

/// Of how many requests in ten thousand each is the fate; the rest goes through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// It never arrives.
    pub lost: u64,
    /// The server acts, but its answer is lost.
    pub lost_answer: u64,
    /// `badNonce`, although the nonce was good. A GET is 503 instead.
    pub bad_nonce: u64,
    /// 429 with a Retry-After of seconds.
    pub too_many: u64,
    /// 503 with a Retry-After of seconds.
    pub unavailable: u64,
    /// 503 with a Retry-After of an hour, which nobody waits for in one go.
    pub an_hour: u64,
}

impl Rates {
    /// Five in a hundred, one of each kind.
    #[must_use]
    pub const fn five_percent() -> Self {
        Self { lost: 100, lost_answer: 100, bad_nonce: 100, too_many: 100, unavailable: 80, an_hour: 20 }
    }
}

/// What was asked and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests, those that did not arrive included, by what they were for.
    pub requests: BTreeMap<&'static str, u64>,
    /// Those that the dice spoiled.
    pub spoiled: u64,
    /// Those that were sent while the server was away.
    pub away: u64,
}

impl Tally {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

struct Inside {
    dice: Dice,
    away: bool,
    tally: Tally,
}

/// The transport.
pub struct Hurt {
    inner: HttpsTransport,
    nonces: Box<dyn Fn() -> String + Send + Sync>,
    rates: Rates,
    inside: Mutex<Inside>,
}

impl std::fmt::Debug for Hurt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hurt").field("rates", &self.rates).finish_non_exhaustive()
    }
}

/// What becomes of a request.
enum Fate {
    Through,
    Lost,
    AnswerLost,
    Answer(StatusCode, &'static str, Option<&'static str>),
}

impl Hurt {
    /// Spoils what goes over `inner`. `nonces` gives nonces that the server takes.
    pub fn new(
        inner: HttpsTransport,
        nonces: impl Fn() -> String + Send + Sync + 'static,
        rates: Rates,
        seed: u64,
    ) -> Self {
        let inside = Inside { dice: Dice(seed), away: false, tally: Tally::default() };
        Self { inner, nonces: Box::new(nonces), rates, inside: Mutex::new(inside) }
    }

    /// From now on the server is away, or back.
    pub fn away(&self, away: bool) {
        self.inside.lock().away = away;
    }

    /// What was asked so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.inside.lock().tally.clone()
    }

    fn fate(&self, request: &HttpRequest) -> Fate {
        let mut inside = self.inside.lock();
        *inside.tally.requests.entry(purpose(request)).or_default() += 1;
        if inside.away {
            inside.tally.away += 1;
            return Fate::Lost;
        }
        let Rates { lost, lost_answer, bad_nonce, too_many, unavailable, an_hour } = self.rates;
        let mut left = inside.dice.below(10_000);
        let fates = [
            (lost, Fate::Lost),
            (lost_answer, Fate::AnswerLost),
            (bad_nonce, Fate::Answer(StatusCode::BAD_REQUEST, "badNonce", None)),
            (too_many, Fate::Answer(StatusCode::TOO_MANY_REQUESTS, "rateLimited", Some("1"))),
            (unavailable, Fate::Answer(StatusCode::SERVICE_UNAVAILABLE, "serverInternal", Some("2"))),
            (an_hour, Fate::Answer(StatusCode::SERVICE_UNAVAILABLE, "serverInternal", Some("3600"))),
        ];
        for (rate, fate) in fates {
            if left < rate {
                inside.tally.spoiled += 1;
                return match fate {
                    Fate::Answer(StatusCode::BAD_REQUEST, ..) if request.method != Method::POST => {
                        Fate::Answer(StatusCode::SERVICE_UNAVAILABLE, "serverInternal", Some("2"))
                    }
                    fate => fate,
                };
            }
            left -= rate;
        }
        Fate::Through
    }
}

/// What a request is for, from its path.
fn purpose(request: &HttpRequest) -> &'static str {
    const PURPOSES: [&str; 9] = [
        "directory",
        "new-nonce",
        "new-account",
        "new-order",
        "renewal-info",
        "authorization",
        "challenge",
        "finalize",
        "certificate",
    ];
    let path = request.url.url().path();
    PURPOSES.into_iter().find(|purpose| path.contains(purpose)).unwrap_or("order and others")
}

#[async_trait]
impl Transport for Hurt {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let host = request.url.url().host_str().unwrap_or_default().to_owned();
        match self.fate(&request) {
            Fate::Through => self.inner.send(request).await,
            Fate::Lost => Err(TransportError::Timeout { host }),
            Fate::AnswerLost => {
                self.inner.send(request).await?;
                Err(TransportError::Timeout { host })
            }
            Fate::Answer(status, kind, retry_after) => Ok(self.refusal(status, kind, retry_after)),
        }
    }
}

impl Hurt {
    fn refusal(&self, status: StatusCode, kind: &str, retry_after: Option<&'static str>) -> HttpResponse {
        let document = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "spoiled on purpose",
        });
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Ok(nonce) = HeaderValue::try_from((self.nonces)()) {
            headers.insert("replay-nonce", nonce);
        }
        if let Some(seconds) = retry_after {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        HttpResponse { status, headers, body: document.to_string().into_bytes() }
    }
}
