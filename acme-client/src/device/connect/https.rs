//! XML over HTTPS: `/putxml` and `/getxml` in a session of `/xmlapi/session`.
//!
//! A session is signed in to once and then has fifteen times the rate that a password with each request would have. Its cookie is as good as the password while it lasts,
//! so it is ended. Where there are no sessions (404, 405, or no cookie) the password goes with each request. No proxy, no redirect: devices are spoken to directly.

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Client, Response};
use serde_json::Value;

use super::tls::{self, Seen};
use super::{LARGEST, Limits, Target, Xapi, XapiError, basic, pause};
use crate::device::place::{Over, Place};
use crate::device::xapi::{Call, NotAnswer, xml};

pub(super) struct Https {
    client: Client,
    base: String,
    /// The session's cookie; the password itself where a device gives none.
    shown: (HeaderName, HeaderValue),
    place: Place,
    user: String,
    limits: Limits,
    seen: Seen,
}

impl Https {
    pub(super) async fn open(target: &Target) -> Result<Self, XapiError> {
        let seen = Seen::default();
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(&target.trust, &seen)?)
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(target.limits.connect)
            .timeout(target.limits.answer)
            .build()
            .map_err(|error| XapiError::Client(Box::new(error)))?;
        let password = basic(&target.user, &target.password);
        let password = password.ok_or_else(|| XapiError::Account { user: target.user.clone() })?;
        let mut https = Self {
            client,
            base: format!("https://{}", target.place.authority(Over::Https)),
            shown: (AUTHORIZATION, password),
            place: target.place.clone(),
            user: target.user.clone(),
            limits: target.limits,
            seen,
        };
        match https.send(Method::POST, "/xmlapi/session/begin", None).await {
            Ok(answer) => {
                if let Some(cookie) = cookie(&answer) {
                    https.shown = (COOKIE, cookie);
                }
            }
            // Older software has no sessions.
            Err(XapiError::Http { status: 404 | 405, .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(https)
    }

    /// One exchange, again while the device has too much to do.
    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> Result<Response, XapiError> {
        let mut attempt = 0;
        loop {
            let (name, value) = &self.shown;
            let mut request =
                self.client.request(method.clone(), format!("{}{path}", self.base)).header(name, value);
            if let Some(body) = body {
                request = request.header(CONTENT_TYPE, "text/xml").body(body.to_owned());
            }
            let answer = request.send().await.map_err(|error| self.failed(error))?;
            match answer.status() {
                StatusCode::SERVICE_UNAVAILABLE if attempt < self.limits.retries => {
                    let said =
                        answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                    pause(attempt, said).await;
                    attempt += 1;
                }
                StatusCode::SERVICE_UNAVAILABLE => return Err(XapiError::Busy { place: self.place.clone() }),
                StatusCode::UNAUTHORIZED => {
                    return Err(XapiError::Password { place: self.place.clone(), user: self.user.clone() });
                }
                status if status.is_success() => return Ok(answer),
                status => return Err(XapiError::Http { place: self.place.clone(), status: status.as_u16() }),
            }
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&str>) -> Result<String, XapiError> {
        let mut answer = self.send(method, path, body).await?;
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(error))? {
            if text.len().saturating_add(piece.len()) > LARGEST {
                return Err(XapiError::TooLarge { place: self.place.clone(), limit: LARGEST });
            }
            text.extend_from_slice(&piece);
        }
        String::from_utf8(text).map_err(|_| NotAnswer { expected: "text" }.into())
    }

    async fn at(&self, root: &str, path: &[&str]) -> Result<Value, XapiError> {
        let location = format!("/getxml?location=/{root}/{}", path.join("/"));
        let answer = self.exchange(Method::GET, &location, None).await?;
        match xml::at(&answer, path)? {
            Ok(value) => Ok(value),
            Err(refusal) if refusal.is_unknown() => Ok(Value::Null),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn failed(&self, error: reqwest::Error) -> XapiError {
        let place = self.place.clone();
        if let Some(reason) = crate::acme::tls_reason(&error) {
            return tls::of_tls(place, reason, &self.seen);
        }
        if error.is_timeout() {
            let limit = if error.is_connect() { self.limits.connect } else { self.limits.answer };
            return tls::late(&place, limit);
        }
        match error.is_connect() {
            // Its own words name the URL, which says nothing new.
            true => XapiError::Unreachable { place, source: std::io::Error::other(innermost(&error)) },
            false => XapiError::Closed { place },
        }
    }
}

#[async_trait]
impl Xapi for Https {
    async fn command(&mut self, call: &Call) -> Result<Value, XapiError> {
        let answer = self.exchange(Method::POST, "/putxml", Some(&xml::command(call))).await?;
        Ok(xml::result(&answer)??)
    }

    async fn status(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Status", path).await
    }

    async fn configuration(&mut self, path: &[&str]) -> Result<Value, XapiError> {
        self.at("Configuration", path).await
    }

    async fn configure(&mut self, path: &[&str], value: &str) -> Result<(), XapiError> {
        let answer = self.exchange(Method::POST, "/putxml", Some(&xml::configure(path, value))).await?;
        Ok(xml::configured(&answer)??)
    }

    async fn close(self: Box<Self>) {
        if self.shown.0 == COOKIE {
            let _ = self.send(Method::POST, "/xmlapi/session/end", None).await;
        }
    }
}

/// What the device wants back: every cookie it set, without attributes.
fn cookie(answer: &Response) -> Option<HeaderValue> {
    let set = answer.headers().get_all(SET_COOKIE).iter();
    let pairs: Vec<&str> =
        set.filter_map(|value| value.to_str().ok()?.split(';').next()).map(str::trim).collect();
    let mut value = HeaderValue::try_from(pairs.join("; ")).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
