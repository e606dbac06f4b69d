//! A posted form: bounded in size and time, each member at most once.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};

use crate::sso::fault::Fault;

/// The members of a form.
#[derive(Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a request as a form of at most `limit` octets.
    ///
    /// # Errors
    /// [`Fault::Malformed`]
    pub async fn read(request: Request<Body>, limit: usize, within: Duration) -> Result<Self, Fault> {
        let headers = request.headers();
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|octets| octets > limit as u64) {
            return Err(Fault::Malformed("the form is too large"));
        }
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        // A button alone makes an empty form, which some programs send without a type.
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            && announced.is_some_and(|octets| octets > 0)
        {
            return Err(Fault::Malformed("it is not a form"));
        }
        let body = Limited::new(request.into_body(), limit).collect();
        let body = match tokio::time::timeout(within, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return Err(Fault::Malformed("the form is too large or broke off")),
            Err(_) => return Err(Fault::Malformed("the form took too long to arrive")),
        };
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// Takes a member; `None` if it is not there.
    ///
    /// # Errors
    /// If it is there twice.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let mut found = None;
        let (of_name, others) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = others;
        for (_, value) in Vec::<(String, String)>::into_iter(of_name) {
            if found.replace(value).is_some() {
                return Err(Fault::Malformed("a member of the form is there twice"));
            }
        }
        Ok(found)
    }
}
