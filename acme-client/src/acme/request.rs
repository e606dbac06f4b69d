//! One ACME request from signing to a usable answer (RFC 8555 §6): nonces, retries, problem documents, and what went wrong.
//!
//! Every answer is taken as a claim by a stranger: its status, content type, size and shape are checked before use, and redirects
//! are refused. [`RequestError`] names the method and URL, the number of tries, and the cause; [`RequestError::hint`] says what to do.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use tracing::debug;

use super::jws::{self, JwsError, Payload, Signer};
use super::links;
use super::nonce::{Nonce, NoncePool};
use super::problem::{self, Problem, ProblemKind};
use super::resource_url::{ResourceUrl, ResourceUrlError};
use super::retry::{Attempts, Clock, Decision, FailureKind, RetryPolicy, retry_after};
use super::text::printable;
use super::transport::{HttpRequest, HttpResponse, Transport, TransportError};

mod failure;

pub use failure::{RequestError, RequestFailure};

/// What kind of document is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    Json,
    PemCertificateChain,
}

impl Accept {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::PemCertificateChain => "application/pem-certificate-chain",
        }
    }
}

/// One request as the protocol sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) url: &'a ResourceUrl,
    pub(super) accept: Accept,
    /// Signed as a POST; a plain GET without.
    pub(super) signed: Option<Signed<'a>>,
}

/// What makes a request a signed one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) signer: Signer<'a>,
    pub(super) payload: &'a Payload,
    pub(super) new_nonce: &'a ResourceUrl,
}

impl Call<'_> {
    fn method(&self) -> Method {
        if self.signed.is_some() { Method::POST } else { Method::GET }
    }
}

/// The way to one server: transport, clock, nonces, patience.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) nonces: NoncePool,
    pub(super) retry: RetryPolicy,
}

impl Wire {
    /// Performs `call` until it succeeds, cannot succeed, or its budget is spent.
    pub(super) async fn perform(&self, call: Call<'_>) -> Result<Answer, RequestError> {
        let mut attempts = Attempts::new(self.retry, self.clock.elapsed());
        loop {
            let failure = match self.once(&call).await {
                Ok(response) => {
                    let tries = attempts.failed().saturating_add(1);
                    return Ok(Answer::new(&call, response, tries, self.clock.now()));
                }
                Err(failure) => failure,
            };
            match attempts.decide(failure.kind(), self.clock.elapsed(), jitter()) {
                Decision::Again(pause) => {
                    debug!(url = %call.url, failed = attempts.failed(), ?pause, cause = %failure, "request is tried again");
                    if !pause.is_zero() {
                        self.clock.sleep(pause).await;
                    }
                }
                Decision::GiveUp => {
                    let (method, url) = (call.method(), call.url.clone());
                    return Err(RequestError {
                        method,
                        url,
                        tries: attempts.failed(),
                        cause: Box::new(failure),
                    });
                }
            }
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<HttpResponse, RequestFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept.media_type()));
        let mut body = Vec::new();
        if let Some(signed) = &call.signed {
            let nonce = match self.nonces.take() {
                Some(nonce) => nonce,
                None => self.new_nonce(signed.new_nonce).await?,
            };
            let jws = jws::sign(signed.signer, call.url, &nonce, signed.payload)?;
            body = serde_json::to_vec(&jws).map_err(JwsError::Json)?;
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jose+json"));
        }
        let response = self
            .exchange(HttpRequest { method: call.method(), url: call.url.clone(), headers, body })
            .await?;
        self.nonces.harvest(&response.headers);
        Ok(response)
    }

    /// `HEAD newNonce` (RFC 8555 §7.2).
    async fn new_nonce(&self, url: &ResourceUrl) -> Result<Nonce, RequestFailure> {
        let request = HttpRequest {
            method: Method::HEAD,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let wrap = |cause| RequestFailure::NewNonce { url: url.clone(), cause: Box::new(cause) };
        let response = self.exchange(request).await.map_err(wrap)?;
        Nonce::from_headers(&response.headers).ok_or_else(|| wrap(RequestFailure::NoNonce))
    }

    /// Sends, and turns every answer that is not a success into a failure.
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, RequestFailure> {
        let response = self.transport.send(request).await?;
        if response.status.is_success() {
            return Ok(response);
        }
        let failure = self.refusal(&response);
        if failure.kind() == FailureKind::BadNonce {
            self.nonces.clear(); // the others are as old as the refused one
        }
        self.nonces.harvest(&response.headers);
        Err(failure)
    }

    fn refusal(&self, response: &HttpResponse) -> RequestFailure {
        let status = response.status;
        let header = |name| {
            response.headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()))
        };
        let location = header(LOCATION).map(|text| printable(&text, 300));
        if status.is_redirection() {
            return RequestFailure::Redirected { status, location };
        }
        let asked_wait = retry_after(&response.headers, self.clock.now());
        let content_type = header(CONTENT_TYPE).map(|text| printable(&text, 100));
        let claims_json = content_type.as_deref().is_some_and(|text| essence(text).ends_with("json"));
        match claims_json.then(|| problem::parse(&response.body)).flatten() {
            Some(problem) => RequestFailure::Problem {
                status,
                problem: Box::new(problem),
                retry_after: asked_wait,
                location,
            },
            None => RequestFailure::NotAProblem { status, content_type, retry_after: asked_wait },
        }
    }
}

/// A random number for spreading retries. If there is none, all pauses are their shortest.
fn jitter() -> u32 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes),
        Err(_) => 0,
    }
}

/// `type/subtype` in lower case, without parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A successful answer, still unread.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    method: Method,
    url: ResourceUrl,
    tries: u32,
    accept: Accept,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn new(call: &Call<'_>, response: HttpResponse, tries: u32, now: SystemTime) -> Self {
        let HttpResponse { status, headers, body } = response;
        let (method, url, accept) = (call.method(), call.url.clone(), call.accept);
        Self { status, retry_after: retry_after(&headers, now), method, url, tries, accept, headers, body }
    }

    /// The body, if it is of the kind that was asked for.
    pub(super) fn body(&self) -> Result<&[u8], RequestError> {
        let found = self
            .headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let expected = self.accept.media_type();
        if found.as_deref().map(essence).as_deref() != Some(expected) {
            let found = found.map(|text| printable(&text, 100));
            return Err(self.failed(RequestFailure::ContentType { expected, found }));
        }
        Ok(&self.body)
    }

    /// The body as a JSON document of type `T`, called `what` in the error.
    pub(super) fn json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, RequestError> {
        serde_json::from_slice(self.body()?)
            .map_err(|source| self.failed(RequestFailure::Document { what, source }))
    }

    /// As [`json`](Self::json), with the member `url` set to where the document lives.
    pub(super) fn json_at<T: DeserializeOwned>(
        &self,
        url: &ResourceUrl,
        what: &'static str,
    ) -> Result<T, RequestError> {
        located(url, self.body()?).map_err(|source| self.failed(RequestFailure::Document { what, source }))
    }

    /// The `Location` header.
    pub(super) fn location(&self) -> Result<ResourceUrl, RequestError> {
        let missing = || self.failed(RequestFailure::NoLocation);
        let text = self.headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
        self.url.join(text).map_err(|source| self.failed(RequestFailure::Location(source)))
    }

    /// The targets of all links with this relation.
    pub(super) fn links(&self, rel: &str) -> Vec<ResourceUrl> {
        links::targets(&self.headers, &self.url, rel)
    }

    /// An error about this answer.
    pub(super) fn failed(&self, cause: RequestFailure) -> RequestError {
        RequestError {
            method: self.method.clone(),
            url: self.url.clone(),
            tries: self.tries,
            cause: Box::new(cause),
        }
    }
}

/// Reads a JSON object and sets its member `url`, which the wire form lacks, to `url`.
pub(super) fn located<T: DeserializeOwned>(url: &ResourceUrl, bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)?;
    members.insert("url".to_owned(), url.as_str().into());
    T::deserialize(serde_json::Value::Object(members))
}

#[cfg(test)]
mod tests;
