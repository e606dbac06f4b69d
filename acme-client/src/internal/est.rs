//! EST (RFC 7030, RFC 8951): the certificates of an authority, what it asks of requests, and a certificate on a token or in the place of the one in use.
//!
//! The server is who TLS says it is, as its roots were given; what it answers is taken as a claim by a stranger: a media type, a size that the transport bounds,
//! base64, and in it certificates of which nothing is believed here. Tokens go to this server and nowhere else.

use std::{sync::Arc, time::Duration};

use certs::{csr::suits_p256, pkcs7::read_certs_only};
use data_encoding::BASE64;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use url::Url;

use super::{InternalError, Token, folder_of, said};
use crate::acme::{
    ResourceUrl, Transport, retry,
    transport::{HttpRequest, HttpResponse},
};

/// The folder of a server whose URL was given without a path.
const DEFAULT_FOLDER: &str = "/.well-known/est/";

const PKCS7: &str = "application/pkcs7-mime";
const ATTRIBUTES: &str = "application/csrattrs";

/// The longest that a server may put off the next question after an approval.
pub const MOST_PATIENCE: Duration = Duration::from_secs(86_400);

/// The folder that `--ca` means with `--est`: the URL itself, with `/` at its end, or for a server's bare URL its EST operations without a label.
///
/// # Errors
/// [`InternalError::Url`]
pub fn est_url(text: &str) -> Result<Url, InternalError> {
    folder_of(text, DEFAULT_FOLDER)
}

/// An EST server, as one who may show it a certificate or not.
#[derive(Clone, Debug)]
pub struct EstServer {
    transport: Arc<dyn Transport>,
    folder: Url,
}

impl EstServer {
    /// The one whose operations are in `folder`, as [`est_url`] gives it.
    pub fn new(transport: Arc<dyn Transport>, folder: Url) -> Self {
        Self { transport, folder }
    }

    /// `GET cacerts` (RFC 7030 §4.1): the authority's certificates, in any order.
    ///
    /// # Errors
    /// [`InternalError`]
    pub async fn certificates(
        &self,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, InternalError> {
        let url = self.address("cacerts")?;
        let answer = self.send(&url, Method::GET, PKCS7, None, Vec::new()).await?;
        certificates(url, &answer, now)
    }

    /// `GET csrattrs` (RFC 7030 §4.5): whether the server takes requests such as ours. One that gives none, or not to strangers, asks for nothing.
    ///
    /// # Errors
    /// [`InternalError::Unsuitable`] if it does not.
    pub async fn must_take_p256(&self, now: OffsetDateTime) -> Result<(), InternalError> {
        let url = self.address("csrattrs")?;
        let answer = self.send(&url, Method::GET, ATTRIBUTES, None, Vec::new()).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => return Ok(()),
            _ => return Err(refused(url, &answer, now)),
        }
        must_be(&url, &answer, ATTRIBUTES, "it is not application/csrattrs")?;
        let octets = decoded(&url, &answer.body)?;
        suits_p256(&octets).map_err(|source| InternalError::Unsuitable { url, source })
    }

    /// `POST simpleenroll` (RFC 7030 §4.2.1): a certificate for the key of this request (DER), on a token, sent as a password if there is a user name.
    ///
    /// # Errors
    /// [`InternalError`]; [`InternalError::Pending`] if the same is to be sent again later.
    pub async fn enroll(
        &self,
        (token, user): (&Token, Option<&str>),
        csr: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, InternalError> {
        let shown = match user {
            Some(user) => token.password_of(user)?,
            None => token.header()?,
        };
        self.request("simpleenroll", Some(shown), csr, now).await
    }

    /// `POST simplereenroll` (RFC 7030 §4.2.2): the same on the certificate that the connection is authenticated with.
    ///
    /// # Errors
    /// As [`Self::enroll`].
    pub async fn reenroll(
        &self,
        csr: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, InternalError> {
        self.request("simplereenroll", None, csr, now).await
    }

    async fn request(
        &self,
        operation: &str,
        shown: Option<HeaderValue>,
        csr: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, InternalError> {
        let url = self.address(operation)?;
        let body = BASE64.encode(csr).into_bytes();
        let answer = self.send(&url, Method::POST, PKCS7, shown, body).await?;
        if answer.status == StatusCode::ACCEPTED {
            let retry_after = retry::retry_after(&answer.headers, now.into());
            return Err(InternalError::Pending { url, retry_after });
        }
        certificates(url, &answer, now)
    }

    fn address(&self, operation: &str) -> Result<ResourceUrl, InternalError> {
        let text = format!("{}{operation}", self.folder);
        text.parse().map_err(|source| InternalError::Url { url: text.clone(), source })
    }

    async fn send(
        &self,
        url: &ResourceUrl,
        method: Method,
        accept: &'static str,
        shown: Option<HeaderValue>,
        body: Vec<u8>,
    ) -> Result<HttpResponse, InternalError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pkcs10"));
            headers.insert("content-transfer-encoding", HeaderValue::from_static("base64"));
        }
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown);
        }
        Ok(self.transport.send(HttpRequest { method, url: url.clone(), headers, body }).await?)
    }
}

fn refused(url: ResourceUrl, answer: &HttpResponse, now: OffsetDateTime) -> InternalError {
    InternalError::Refused {
        url,
        status: answer.status,
        detail: said(&answer.body),
        retry_after: retry::retry_after(&answer.headers, now.into()),
    }
}

fn certificates(
    url: ResourceUrl,
    answer: &HttpResponse,
    now: OffsetDateTime,
) -> Result<Vec<CertificateDer<'static>>, InternalError> {
    if answer.status != StatusCode::OK {
        return Err(refused(url, answer, now));
    }
    must_be(&url, answer, PKCS7, "it is not application/pkcs7-mime")?;
    let octets = decoded(&url, &answer.body)?;
    read_certs_only(&octets).map_err(|source| InternalError::Pkcs7 { url, source })
}

fn must_be(
    url: &ResourceUrl,
    answer: &HttpResponse,
    media_type: &str,
    problem: &'static str,
) -> Result<(), InternalError> {
    let said = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(media_type) {
        Ok(())
    } else {
        Err(InternalError::Answer { url: url.clone(), problem })
    }
}

/// Base64 whatever the headers say of encodings, with white space passed over (RFC 8951 §3.1).
fn decoded(url: &ResourceUrl, body: &[u8]) -> Result<Vec<u8>, InternalError> {
    let letters: Vec<u8> = body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let broken = || InternalError::Answer { url: url.clone(), problem: "it is not base64, or broke off" };
    BASE64.decode(&letters).map_err(|_| broken())
}
