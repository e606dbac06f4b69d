//! Peers that mean harm, or fail at the worst moment: what they send (`hostile.json`), how slowly, and how many at once. The device goes on for everybody else.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::faces::Face;
use crate::setting::{ADMIN, Room, soon};
use crate::tshell::{TShell, reach};
use crate::web::Web;
use crate::websocket::{Socket, try_tls};

const CASES: &str = include_str!("hostile.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    octets: Vec<u8>,
    /// Stands there `times` times, and `close` as often after it.
    #[serde(default)]
    open: String,
    #[serde(default)]
    close: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    times: usize,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    ends: bool,
}

impl Case {
    fn input(&self) -> Vec<u8> {
        let (open, close) = (self.open.repeat(self.times), self.close.repeat(self.times));
        let mut input = format!("{}{open}{close}{}", self.text, self.end).into_bytes();
        input.extend_from_slice(&self.octets);
        input
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_input_is_refused_and_costs_nobody_else_anything() {
    let room = Room::start().await;
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    for case in &cases {
        let input = case.input();
        match case.to.as_str() {
            "putxml" => {
                let web = Web::new(&room, "admin", ADMIN);
                let answer = web.request(Method::POST, "/putxml").body(input).send().await.unwrap();
                assert_eq!(answer.status(), case.status, "{}", case.name);
            }
            "ws" => {
                let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
                socket.try_send(&String::from_utf8(input).unwrap()).await;
                let answer = socket.receive().await;
                assert_eq!(answer.is_none(), case.ends, "{}: {answer:?}", case.name);
            }
            _ => {
                let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
                shell.try_send(input).await;
                if case.ends {
                    shell.rest().await;
                } else {
                    // Whatever it said before, it still answers.
                    let answer = shell.ask("xStatus SystemUnit ProductId", None).await.unwrap();
                    assert!(answer["Status"].is_object(), "{}: {answer}", case.name);
                }
            }
        }
        let mut face = Face::socket(&room).await;
        assert!(face.get("Status/SystemUnit").await.is_some(), "after {}", case.name);
    }
}

/// Reads until the other side has had enough.
async fn until_closed(mut stream: impl tokio::io::AsyncRead + Unpin) {
    let mut sink = vec![0; 4_096];
    while let Ok(1..) = soon(stream.read(&mut sink)).await {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_and_slow_peers_are_let_go() {
    // Nobody is let go for saying nothing: only for not getting on. Our own honest steps may take longer than that, and are then made again.
    let (short, hour) = (Duration::from_millis(300), Duration::from_secs(3_600));
    let room = Room::start_with(|builder| builder.without_limits().patience(short, hour)).await;
    let at = room.emulator.addresses();
    // Nothing at all, at each port; half a TLS record; half an SSH greeting.
    for (address, said) in [
        (at.https, &b""[..]),
        (at.https, b"\x16\x03\x01"),
        (at.http, b""),
        (at.http, b"GET / HTTP/1.1\r\nHos"),
        (at.ssh, b""),
        (at.ssh, b"SSH-2.0-x\r\n"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may have been let go before.
        let _ = stream.write_all(said).await;
        until_closed(stream).await;
    }
    // Half a head, and half a body.
    for said in [
        "GET /getxml HTTP/1.1\r\nHost: localhost\r\nX".to_owned(),
        format!(
            "POST /putxml HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 100\r\nConnection: close\r\n\r\n<Command>",
            {
                use base64::Engine as _;
                format!(
                    "Basic {}",
                    base64::engine::general_purpose::STANDARD.encode(format!("admin:{ADMIN}"))
                )
            }
        ),
    ] {
        let mut stream = loop {
            if let Ok(stream) = try_tls(&room).await {
                break stream;
            }
        };
        let _ = stream.write_all(said.as_bytes()).await;
        until_closed(stream).await;
    }
    // Connected over SSH, and never signed in.
    let session = loop {
        if let Ok(session) = reach(&room.emulator).await {
            break session;
        }
    };
    // It ends one way or the other; what matters is that it does.
    let _ = soon(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_outlives_the_emulator() {
    let hour = Duration::from_secs(3_600);
    let room = Room::start_with(|builder| builder.without_limits().patience(hour, hour)).await;
    let at = room.emulator.addresses();
    let mut open = Vec::new();
    for (address, said) in
        [(at.https, &b"\x16\x03\x01"[..]), (at.http, b"GET"), (at.ssh, b""), (at.ssh, b"SSH-2.0-x\r\n")]
    {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        open.push(stream);
    }
    let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let mut socket = Socket::open(&room, "admin", ADMIN).await.unwrap();
    let session = reach(&room.emulator).await.unwrap();
    drop(room);
    for stream in open {
        until_closed(stream).await;
    }
    shell.rest().await;
    assert_eq!(socket.receive().await, None);
    let _ = soon(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_peers_at_once_are_all_served() {
    let hour = Duration::from_secs(3_600);
    let room = Room::start_with(|builder| builder.without_limits().patience(hour, hour)).await;
    let mut open = Vec::new();
    for number in 0..64 {
        open.push(if number % 4 == 0 { Face::shell(&room).await } else { Face::socket(&room).await });
    }
    let asked = open.iter_mut().map(|face| async move {
        face.command("Security Certificates Services Show", &[], None).await.unwrap();
        face.get("Status/Conference/EndToEndEncryption/Availability").await.unwrap()
    });
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer == "Available"));
    // Past the last place, a connection is dropped; with one that ends, there is a place again.
    let at = room.emulator.addresses();
    let mut idle = Vec::new();
    for _ in 0..128 {
        idle.push(TcpStream::connect(at.https).await.unwrap());
    }
    let late = TcpStream::connect(at.https).await.unwrap();
    until_closed(late).await;
    drop(idle);
    assert!(open[1].get("Status/SystemUnit").await.is_some(), "those who are in stay in");
    soon(async {
        loop {
            if let Some(mut socket) = Socket::try_open(&room).await
                && socket.ask("xGet", serde_json::json!({"Path": ["Status", "SystemUnit"]})).await.is_some()
            {
                break;
            }
        }
    })
    .await;
}
