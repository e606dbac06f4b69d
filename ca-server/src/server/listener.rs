//! The accept loop: bounded connections, bounded handshakes, bounded headers, and an orderly end.
//!
//! Trusts nobody who connects: every step before a request is whole has a time limit, and a connection that is not used gives its seat up.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::seats::{Seat, Seats};
use super::usage::{Noted, Usage};
use crate::app::App;
use crate::request::est::ClientCertificate;

/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest wait for the head of a request; also the longest that an HTTP/1 connection is kept without one.
const HEADERS: Duration = Duration::from_secs(30);
/// Most octets of a request's head.
const HEADER_OCTETS: usize = 32 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// How often an idle HTTP/2 peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// Pause after `accept` failed, which is mostly for want of file descriptors.
const RETRY: Duration = Duration::from_millis(50);
/// How long open connections may finish after a stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How long an idle connection may take to be closed in order.
const FAREWELL: Duration = Duration::from_secs(5);

/// One listening socket and what it serves.
pub(super) struct Listener {
    socket: TcpListener,
    stop: CancellationToken,
    seats: Seats,
    door: Door,
}

/// What each connection needs.
#[derive(Clone)]
struct Door {
    tls: Option<TlsAcceptor>,
    routes: Router,
    // The version is settled by ALPN, not by waiting for the first octets, which a silent peer would never send.
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    idle: Duration,
    stop: CancellationToken,
}

impl Listener {
    /// Serves `routes` on `socket`, with TLS if there is a configuration for it, until `stop`.
    pub(super) fn new(
        socket: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        app: &App,
        routes: Router,
        stop: CancellationToken,
    ) -> Self {
        let seats = Seats::new(&app.config);
        let idle = app.config.limits.idle_timeout;
        let tls = tls.map(TlsAcceptor::from);
        let (http1, http2) = (protocol().http1_only(), protocol().http2_only());
        let door = Door { tls, routes, http1, http2, idle, stop: stop.clone() };
        Self { socket, stop, seats, door }
    }

    /// Accepts until stopped, then lets open connections finish.
    pub(super) async fn run(self) {
        let open = TaskTracker::new();
        while let Some((connection, peer, seat)) = self.next().await {
            let door = self.door.clone();
            open.spawn(async move {
                door.open(connection, peer).await;
                drop(seat);
            });
        }
        drop(self.socket);
        open.close();
        if tokio::time::timeout(DRAIN, open.wait()).await.is_err() {
            tracing::warn!("connections were still open when the server stopped");
        }
    }

    /// The next connection, once there is a seat for it; `None` when stopped.
    async fn next(&self) -> Option<(TcpStream, SocketAddr, Seat)> {
        let accepted = async {
            loop {
                let seat = self.seats.free().await?;
                match self.socket.accept().await {
                    Ok((connection, peer)) => match self.seats.give(seat, peer.ip()) {
                        Some(seat) => return Some((connection, peer, seat)),
                        None => {
                            metrics::counter!("rollcall_connections_refused_total").increment(1);
                            tracing::debug!(%peer, "closed: its address has limits.connections_per_address open");
                        }
                    },
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        };
        self.stop.run_until_cancelled(accepted).await.flatten()
    }
}

impl Door {
    async fn open(self, connection: TcpStream, peer: SocketAddr) {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, %peer, "TCP_NODELAY could not be set");
        }
        let usage = Usage::default();
        let connection = Noted::new(connection, usage.clone());
        let Some(acceptor) = self.tls.clone() else {
            return self.serve(&self.http1, connection, usage, (peer, None)).await;
        };
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(connection)).await {
            Ok(Ok(stream)) => {
                let session = stream.get_ref().1;
                let shown = session.peer_certificates().and_then(<[_]>::first).cloned();
                let client = shown.map(ClientCertificate::shown);
                let is_http2 = session.alpn_protocol() == Some(b"h2".as_slice());
                let protocol = if is_http2 { &self.http2 } else { &self.http1 };
                self.serve(protocol, stream, usage, (peer, client)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    /// Serves the connection until its peer ends it, it is idle, or the server stops.
    async fn serve<S>(
        &self,
        protocol: &Builder<TokioExecutor>,
        stream: S,
        usage: Usage,
        (peer, client): (SocketAddr, Option<ClientCertificate>),
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            if let Some(client) = &client {
                request.extensions_mut().insert(client.clone());
            }
            let at_work = usage.request();
            let answer = self.routes.clone().call(request);
            async move {
                let answer = answer.await;
                drop(at_work);
                answer
            }
        });
        let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
        let patience = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection ended early");
                }
                return;
            }
            () = usage.until_idle(self.idle) => FAREWELL,
            () = self.stop.cancelled() => DRAIN,
        };
        connection.as_mut().graceful_shutdown();
        match tokio::time::timeout(patience, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, %peer, "a connection ended early"),
            Err(_) => tracing::debug!(%peer, "a connection was cut off: its peer does not read"),
        }
    }
}

fn protocol() -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    let http1 = &mut protocol.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEADER_OCTETS);
    let http2 = &mut protocol.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
    http2.max_header_list_size(u32::try_from(HEADER_OCTETS).unwrap_or(u32::MAX));
    http2.keep_alive_interval(PING).keep_alive_timeout(HANDSHAKE);
    protocol
}
