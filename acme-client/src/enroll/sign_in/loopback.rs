//! The port of ours that the person's browser is sent back to after the sign-in (RFC 8252 §7.3).
//!
//! Listens on 127.0.0.1 alone, at a path that nobody can guess, until one request for that path has come; answers everything else
//! with an error and goes on listening, so that another program or page on this machine can neither end nor complete the sign-in.
//! Trusts nothing that arrives: sizes, times and the number of connections are limited, and only the code is taken over.

mod page;
mod request;

use std::{io, net::Ipv4Addr, time::Duration};

use aws_lc_rs::rand;
use data_encoding::BASE64URL_NOPAD;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use zeroize::Zeroizing;

use super::SignInError;
use request::{Refusal, judge};

/// Longest request head that is read.
const LONGEST_HEAD: usize = 16 * 1024;
/// Longest time that one connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections served at once; more wait in the system's queue.
const CONNECTIONS: usize = 32;

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The code that completes the sign-in.
    Completed(CompletionCode),
    /// The browser came back with nothing.
    Bare,
    /// The sign-in failed, in the server's word.
    Failed(String),
}

/// A one-time code. Wiped when dropped, never shown.
#[derive(PartialEq, Eq)]
pub(super) struct CompletionCode(Zeroizing<String>);

impl CompletionCode {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CompletionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CompletionCode(…)")
    }
}

/// A port that waits for the browser.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
    path: String,
}

impl Loopback {
    /// At any free port, with a new path.
    pub(super) async fn open() -> Result<Self, SignInError> {
        let mut octets = [0; 32];
        rand::fill(&mut octets).map_err(|_| SignInError::Entropy)?;
        let path = format!("/{}", BASE64URL_NOPAD.encode(&octets));
        Self::reopen(0, path).await.map_err(SignInError::Listen)
    }

    /// Where an earlier run listened.
    pub(super) async fn reopen(port: u16, path: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port, path })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where the browser is to be sent.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    /// Waits for the one request. Nobody listens any more afterwards.
    pub(super) async fn arrival(self) -> Result<Arrival, SignInError> {
        let Self { listener, port, path } = self;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(served) = connections.join_next() => {
                    if let Ok(Some(arrival)) = served {
                        return Ok(arrival);
                    }
                }
                accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_in_time(stream, port, path.clone()));
                    }
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Err(SignInError::Listen(error)),
                },
            }
        }
    }
}

/// The connection failed, not the listener.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

async fn serve_in_time(stream: TcpStream, port: u16, path: String) -> Option<Arrival> {
    // A connection that is too slow or breaks brings nothing.
    timeout(PATIENCE, serve(stream, port, &path)).await.ok()?.ok()?
}

async fn serve(mut stream: TcpStream, port: u16, path: &str) -> io::Result<Option<Arrival>> {
    let judged = match read_head(&mut stream).await? {
        Some(head) => judge(&head, port, path),
        None => Err(Refusal::TooLarge),
    };
    if let Err(refusal) = &judged {
        tracing::debug!(status = refusal.status(), "refused a request to the sign-in port");
    }
    let answer = page::answer(&judged);
    let written = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    // What arrived counts even if the browser does not wait for the page.
    let written = written.await;
    match judged {
        Ok(arrival) => Ok(Some(arrival)),
        Err(_) => written.map(|()| None),
    }
}

/// Reads up to the empty line; `None` if it does not come within the limit.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut head = Zeroizing::new(Vec::with_capacity(LONGEST_HEAD));
    let mut chunk = Zeroizing::new([0; 1024]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(chunk.as_mut_slice()).await?;
        let new = chunk.get(..read).unwrap_or_default();
        if new.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head.len() + new.len() > LONGEST_HEAD {
            return Ok(None);
        }
        head.extend_from_slice(new);
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests;
