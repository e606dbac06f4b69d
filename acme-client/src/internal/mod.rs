//! The client's side of an internal authority: certificates for a token, and the tokens of devices and guests; [`EstServer`] is the same over EST.
//!
//! Plain exchanges over HTTPS, none of them ACME. Tokens and codes go to the server that was named and nowhere else: no redirect is followed,
//! nothing of them is shown or logged. What the server answers is taken as a claim by a stranger: sizes are bounded by the transport, text is made safe to
//! print, and that a certificate is for our key is checked by the caller.

mod error;
mod est;
mod proof;
mod token;

use std::{sync::Arc, time::Duration};

use data_encoding::BASE64;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use url::Url;

use crate::acme::{JwsKey, ResourceUrl, Transport, retry, text::printable, transport::HttpRequest};

pub use error::InternalError;
pub use est::{EstServer, MOST_PATIENCE, est_url};
pub use token::{Token, TokenFault};

/// The folder of a `ca-server` whose URL was given without a path.
const DEFAULT_FOLDER: &str = "/internal/";

/// The type of a refusal until somebody approves.
const USER_ACTION_REQUIRED: &str = "urn:ietf:params:acme:error:userActionRequired";

/// The most that is shown of what a server says.
const SHOWN: usize = 300;

/// What a device or a guest is given.
#[derive(Debug)]
pub struct Granted {
    /// The account id, `urn:uuid:…`.
    pub account: String,
    /// The organisation's name; a guest has none.
    pub organisation: Option<String>,
    /// The organisation's preferred domain, if it has one.
    pub domain: Option<String>,
    /// The token.
    pub token: Token,
    /// How long it serves.
    pub lifetime: Duration,
}

#[derive(Deserialize)]
struct GrantedDocument {
    account: String,
    #[serde(default)]
    organisation: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    token: Token,
    expires_in: u64,
}

#[derive(Deserialize)]
struct ProblemDocument {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    detail: Option<String>,
}

/// The folder that `--ca` means: the URL itself, with `/` at its end, or for a server's bare URL its internal authority.
pub fn internal_url(text: &str) -> Result<Url, InternalError> {
    folder_of(text, DEFAULT_FOLDER)
}

/// The internal authority of the server that has this folder.
pub fn internal_beside(folder: &Url) -> Url {
    let mut url = folder.clone();
    url.set_path(DEFAULT_FOLDER);
    url
}

fn folder_of(text: &str, default: &str) -> Result<Url, InternalError> {
    let parsed: ResourceUrl =
        text.parse().map_err(|source| InternalError::Url { url: text.to_owned(), source })?;
    let mut url = parsed.url().clone();
    url.set_query(None);
    url.set_fragment(None);
    match url.path() {
        "" | "/" => url.set_path(default),
        path if !path.ends_with('/') => {
            let folder = format!("{path}/");
            url.set_path(&folder);
        }
        _ => {}
    }
    Ok(url)
}

/// An internal authority.
#[derive(Clone, Debug)]
pub struct InternalAuthority {
    transport: Arc<dyn Transport>,
    folder: Url,
}

impl InternalAuthority {
    /// The one whose addresses are in `folder`, as [`internal_url`] gives it.
    pub fn new(transport: Arc<dyn Transport>, folder: Url) -> Self {
        Self { transport, folder }
    }

    /// `POST certificates`: a chain (PEM) for the key of this signing request (DER).
    ///
    /// # Errors
    /// [`InternalError`]; [`InternalError::Pending`] if the same is to be sent again later.
    pub async fn certificate(
        &self,
        token: &Token,
        csr: &[u8],
        now: OffsetDateTime,
    ) -> Result<String, InternalError> {
        let url = self.address("certificates")?;
        let body = json!({ "csr": BASE64.encode(csr) });
        let answer = self.post(&url, Some(token), "application/pem-certificate-chain", &body, now).await?;
        String::from_utf8(answer).map_err(|_| InternalError::Answer { url, problem: "it is not text" })
    }

    /// `POST devices/activate`: the account of an activation code, bound to the key of this signing request (DER).
    ///
    /// # Errors
    /// [`InternalError`]
    pub async fn activate(
        &self,
        code: &str,
        csr: &[u8],
        now: OffsetDateTime,
    ) -> Result<Granted, InternalError> {
        let url = self.address("devices/activate")?;
        let body = json!({ "code": code.trim(), "csr": BASE64.encode(csr) });
        let answer = self.post(&url, None, "application/json", &body, now).await?;
        granted(&answer, url)
    }

    /// `POST devices/token`: a new token for this one, with the proof that we hold the key it is bound to.
    ///
    /// # Errors
    /// [`InternalError`]
    pub async fn refresh(
        &self,
        token: &Token,
        key: &JwsKey,
        now: OffsetDateTime,
    ) -> Result<Granted, InternalError> {
        let url = self.address("devices/token")?;
        let proof = proof::proof(key, token, url.as_str(), now)?;
        let answer =
            self.post(&url, Some(token), "application/json", &json!({ "proof": proof }), now).await?;
        granted(&answer, url)
    }

    /// `POST guests`: a temporary id.
    ///
    /// # Errors
    /// [`InternalError`]
    pub async fn guest(&self, now: OffsetDateTime) -> Result<Granted, InternalError> {
        let url = self.address("guests")?;
        let answer = self.post(&url, None, "application/json", &json!({}), now).await?;
        granted(&answer, url)
    }

    fn address(&self, resource: &str) -> Result<ResourceUrl, InternalError> {
        let text = format!("{}{resource}", self.folder);
        text.parse().map_err(|source| InternalError::Url { url: text.clone(), source })
    }

    async fn post(
        &self,
        url: &ResourceUrl,
        token: Option<&Token>,
        accept: &'static str,
        body: &serde_json::Value,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, InternalError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.header()?);
        }
        let body = body.to_string().into_bytes();
        let request = HttpRequest { method: Method::POST, url: url.clone(), headers, body };
        let answer = self.transport.send(request).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let (url, retry_after) = (url.clone(), retry::retry_after(&answer.headers, now.into()));
        if answer.status == StatusCode::FORBIDDEN && waits(&answer.body) {
            return Err(InternalError::Pending { url, retry_after });
        }
        Err(InternalError::Refused { url, status: answer.status, detail: said(&answer.body), retry_after })
    }
}

/// Whether a refusal says that a person must act first (RFC 8555 §6.7): an administrator, who approves.
fn waits(body: &[u8]) -> bool {
    serde_json::from_slice::<ProblemDocument>(body)
        .is_ok_and(|problem| problem.kind.as_deref() == Some(USER_ACTION_REQUIRED))
}

/// What a refusal says: the detail of a problem document, or the text itself.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ProblemDocument>(body) {
        Ok(ProblemDocument { detail: Some(detail), .. }) => detail,
        Ok(ProblemDocument { detail: None, .. }) => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    match printable(&text, SHOWN) {
        shown if shown.is_empty() => "it does not say why".to_owned(),
        shown => shown,
    }
}

fn granted(body: &[u8], url: ResourceUrl) -> Result<Granted, InternalError> {
    // The parser's own words could hold a piece of the token.
    let document: GrantedDocument = serde_json::from_slice(body)
        .map_err(|_| InternalError::Answer { url, problem: "it does not grant a token" })?;
    let shown = |text: String| printable(&text, SHOWN);
    Ok(Granted {
        account: shown(document.account),
        organisation: document.organisation.map(shown).filter(|name| !name.is_empty()),
        domain: document.domain.map(shown),
        token: document.token,
        lifetime: Duration::from_secs(document.expires_in),
    })
}

#[cfg(test)]
mod tests;
