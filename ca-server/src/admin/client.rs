//! Asks the running server over its Unix socket, for the commands of `ca-server`.
//!
//! Trusts whoever owns the socket's path: it lies in the server's own folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::config::Config;

const TIMEOUT: Duration = Duration::from_secs(120);

/// The running server could not be asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens.
    #[error("no server answers at {socket}: {source}")]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The conversation broke.
    #[error("the server at {socket} broke off: {reason}")]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// How.
        reason: String,
    },
    /// The server says no.
    #[error("{detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
        /// What it says that one can do.
        hint: String,
    },
}

impl AdminError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotRunning { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "run it as the user that the server runs as".to_owned()
            }
            Self::NotRunning { .. } => "start it with `ca-server serve --config FILE`".to_owned(),
            Self::Broken { .. } => "look at the server's log".to_owned(),
            Self::Refused { hint, .. } if !hint.is_empty() => hint.clone(),
            Self::Refused { status: 404, .. } => "list what there is with the `list` command".to_owned(),
            Self::Refused { .. } => "see the command's --help".to_owned(),
        }
    }
}

/// What the server says when it refuses.
#[derive(Debug, serde::Deserialize)]
struct Refusal {
    detail: String,
    #[serde(default)]
    hint: String,
}

/// A way to ask the running server of one configuration.
#[derive(Clone, Debug)]
pub struct AdminClient {
    socket: PathBuf,
}

impl AdminClient {
    /// The socket that this configuration names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { socket: config.resolve(&config.admin.socket) }
    }

    /// Asks for `path` (with its query).
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Tells the server to do something.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, AdminError> {
        let body = serde_json::to_vec(body).map_err(|error| self.broken(&error))?;
        self.ask(Method::POST, path, Bytes::from(body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, AdminError> {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(method, path, body));
        let (status, bytes) = answer.await.map_err(|_| self.broken(&"no answer in time"))??;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|error| self.broken(&error))
    }

    /// Asks for something long and hands each part on as it comes; stops when `take` says [`ControlFlow::Break`].
    ///
    /// # Errors
    /// [`AdminError`]; parts may have come before it.
    pub async fn stream(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), AdminError> {
        let late = |_| self.broken(&"no answer in time");
        let asked = self.send(Method::GET, path, Bytes::new());
        let mut answer = tokio::time::timeout(TIMEOUT, asked).await.map_err(late)??;
        if !answer.status().is_success() {
            let status = answer.status();
            let bytes = answer.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes();
            return Err(refused(status, &bytes));
        }
        loop {
            let frame = tokio::time::timeout(TIMEOUT, answer.body_mut().frame()).await.map_err(late)?;
            let Some(frame) = frame.transpose().map_err(|error| self.broken(&error))? else { return Ok(()) };
            if frame.data_ref().is_some_and(|data| take(data).is_break()) {
                return Ok(());
            }
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(http::StatusCode, Bytes), AdminError> {
        let answer = self.send(method, path, body).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes();
        Ok((status, bytes))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<http::Response<Incoming>, AdminError> {
        let stream = connect(&self.socket).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "admin")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.broken(&error))?;
        sender.send_request(request).await.map_err(|error| self.broken(&error))
    }

    fn broken(&self, reason: &dyn std::fmt::Display) -> AdminError {
        AdminError::Broken { socket: self.socket.clone(), reason: reason.to_string() }
    }
}

fn refused(status: http::StatusCode, bytes: &[u8]) -> AdminError {
    let said = serde_json::from_slice::<Refusal>(bytes).unwrap_or_else(|_| Refusal {
        detail: String::from_utf8_lossy(bytes).into_owned(),
        hint: String::new(),
    });
    let Refusal { detail, hint } = said;
    AdminError::Refused { status: status.as_u16(), detail, hint }
}

async fn connect(socket: &Path) -> Result<UnixStream, AdminError> {
    UnixStream::connect(socket)
        .await
        .map_err(|source| AdminError::NotRunning { socket: socket.to_owned(), source })
}
