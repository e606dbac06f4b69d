//! Devices that are not as others are: some without sessions, and one that stops taking what it is sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;

fn target(over: Over, at: SocketAddr, pin: Pin, answer: Duration) -> Target {
    Target {
        place: at.to_string().parse().unwrap(),
        over,
        user: "admin".to_owned(),
        password: Password::new("password".to_owned()),
        trust: Trust::Pinned(vec![pin]),
        limits: Limits { answer, ..Limits::default() },
    }
}

/// Answers every request of a connection: `status` for a session, what is at a path for whoever has the password.
async fn answer(stream: TcpStream, acceptor: TlsAcceptor, status: &'static str) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    loop {
        head.push(stream.read_u8().await?);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let asked = String::from_utf8_lossy(&std::mem::take(&mut head)).to_ascii_lowercase();
        let (status, body) = match asked {
            asked if asked.starts_with("post /xmlapi/session/begin") => (status, ""),
            asked if asked.contains("authorization: basic ") => {
                ("200 OK", "<Status><SystemUnit><Name>Room 1</Name></SystemUnit></Status>")
            }
            _ => ("401 Unauthorized", ""),
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await?;
    }
}

#[tokio::test]
async fn a_device_without_sessions_is_shown_the_password_with_each_request() {
    for (status, taken) in [
        ("404 Not Found", true),
        ("405 Method Not Allowed", true),
        ("204 No Content", true),
        ("500 Internal Server Error", false),
    ] {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, acceptor.clone(), status));
            }
        });
        let target = target(Over::Https, at, Pin::of_certificate(made.cert.der()), Duration::from_secs(30));
        match connect(&target).await {
            Ok(mut xapi) => {
                assert!(taken, "{status}");
                assert_eq!(xapi.status(&["SystemUnit", "Name"]).await.unwrap(), "Room 1", "{status}");
                xapi.close().await;
            }
            Err(error) => assert!(!taken, "{status}: {error}"),
        }
        serving.abort();
    }
}

/// A shell whose window is used up by the first command, and never grows again.
struct Full;

/// Enough for what comes before the first command, and less than any command.
const WINDOW: u32 = 40;

impl Handler for Full {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        session.data(channel, &b"OK\r\n"[..])
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if data.starts_with(b"echo") { session.data(channel, &b"OK\r\n"[..]) } else { Ok(()) }
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        // None at all would be as before; with one, what is used up stays used up.
        1
    }
}

#[tokio::test]
async fn a_device_that_takes_nothing_any_more_is_waited_for_no_longer_than_for_an_answer() {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let pin = Pin::HostKey(key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string());
    let config = Arc::new(Config { keys: vec![key], window_size: WINDOW, ..Config::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        run_stream(config, stream, Full).await.unwrap().await
    });
    let mut xapi = connect(&target(Over::Ssh, at, pin, Duration::from_secs(1))).await.unwrap();
    let show = Call::new(&["Security", "Certificates", "Services", "Show"]);
    let waited = tokio::time::timeout(Duration::from_secs(60), xapi.command(&show)).await;
    let error = waited.expect("it ends by itself").unwrap_err();
    assert!(matches!(error, XapiError::Timeout { .. }), "{error}");
    tokio::time::timeout(Duration::from_secs(60), xapi.close()).await.expect("so does leaving");
    serving.abort();
}
