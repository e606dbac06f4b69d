//! Certificates of the internal authority on an access token: one request each, by its own endpoint or by EST.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::Worker;
use super::flow::FlowError;
use super::session::{Session, Target};
use crate::internal::{csr, new_key};

/// By which front a certificate is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Front {
    /// `POST /internal/certificates`.
    Certificates,
    /// `POST /.well-known/est/simpleenroll` (RFC 7030 §4.2).
    Est,
}

/// Somebody with a token, a key, and a connection that is kept.
pub struct Bearer {
    session: Session,
    path: &'static str,
    kind: &'static str,
    host: String,
    token: String,
    body: Bytes,
}

impl Bearer {
    /// Connects.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn open(target: &Target, front: Front, token: &str) -> Result<Self, FlowError> {
        // One key for all requests: making keys is the client's cost, not the server's.
        let request = csr(&new_key(), &[]);
        let (path, kind, body) = match front {
            Front::Certificates => {
                ("/internal/certificates", "application/json", format!(r#"{{"csr":"{request}"}}"#))
            }
            Front::Est => ("/.well-known/est/simpleenroll", "application/pkcs10", request),
        };
        let session = Session::open(target).await?;
        let (host, token) = (target.authority.clone(), format!("Bearer {token}"));
        Ok(Self { session, path, kind, host, token, body: body.into() })
    }
}

impl Worker for Bearer {
    async fn once(&mut self) -> Result<(), FlowError> {
        let request = Request::post(self.path)
            .header("host", &self.host)
            .header("authorization", &self.token)
            .header("content-type", self.kind)
            .body(Full::new(self.body.clone()))
            .map_err(|_| FlowError::Answer(self.path.to_owned()))?;
        let answer = self.session.exchange(request).await?;
        if answer.status.as_u16() == 200 {
            return Ok(());
        }
        Err(FlowError::Answer(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))))
    }
}
