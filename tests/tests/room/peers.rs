//! Peers that have an account and ask for much: what one of them can make the device do, keep or wait for.

use std::sync::Arc;
use std::time::Duration;

use rollcall_tests::room::device::{Spoil, When};
use russh::client::{Config, Handle, connect};
use russh::{Channel, ChannelMsg};

use crate::setting::{ADMIN, Room, soon};
use crate::tshell::{Known, TShell};
use crate::websocket::Socket;

const HOUR: Duration = Duration::from_secs(3_600);
const SHOW: &str = "xCommand Security Certificates Services Show";

async fn impatient() -> Room {
    let short = Duration::from_millis(300);
    Room::start_with(|builder| builder.without_limits().patience(short, HOUR)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_takes_nothing_in_is_let_go() {
    let room = impatient().await;
    // On a busy machine our own way in may take too long.
    let mut socket = loop {
        if let Some(socket) = Socket::try_open(&room).await {
            break socket;
        }
    };
    let request = r#"{"jsonrpc":"2.0","id":"1","method":"xDoc","params":{"Path":["Command"]}}"#;
    // Nothing of the answers is read: they fill what lies between, and then the device waits, and then it has waited long enough.
    soon(async { while socket.try_send(request).await {} }).await;
}

/// Signed in over SSH with a window of one octet, which this library then never opens again.
async fn with_shut_window(room: &Room) -> Option<(Handle<Known>, Channel<russh::client::Msg>)> {
    let at = room.emulator.addresses();
    let config = Config { window_size: 1, ..Config::default() };
    let mut session = connect(Arc::new(config), at.ssh, Known(at.host_key.clone())).await.ok()?;
    session.authenticate_password("admin", ADMIN).await.ok().filter(russh::client::AuthResult::success)?;
    let channel = session.channel_open_session().await.ok()?;
    channel.request_shell(true).await.ok()?;
    Some((session, channel))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_takes_nothing_in_is_let_go() {
    let room = impatient().await;
    let (_session, mut channel) = loop {
        if let Some(open) = with_shut_window(&room).await {
            break open;
        }
    };
    // It may be let go while it still asks.
    let _ = channel.data_bytes(b"xStatus\n".repeat(200)).await;
    while soon(channel.wait()).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_does_not_wait_for_the_command_behind_it() {
    let room = Room::spoiled(Spoil::delay(When::Always, HOUR).about("Services Show")).await;
    let mut shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    shell.send(&format!("xStatus SystemUnit ProductId | resultId=\"first\"\n{SHOW}\n")).await;
    assert_eq!(shell.json().await.unwrap()["ResultId"], "first");
}

/// What comes of a single command.
async fn said(channel: &mut Channel<russh::client::Msg>, command: &str) -> String {
    channel.exec(true, command).await.unwrap();
    let mut said = String::new();
    while let Some(message) = soon(channel.wait()).await {
        if let ChannelMsg::Data { data } = message {
            said.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_eight_channels_and_eight_commands_that_run() {
    let room = Room::spoiled(Spoil::delay(When::Always, HOUR).about("Services Show")).await;
    let shell = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..7 {
        let channel = shell.session.channel_open_session().await.unwrap();
        channel.exec(true, SHOW).await.unwrap();
        open.push(channel);
    }
    assert!(shell.session.channel_open_session().await.is_err(), "one more");
    // A channel that is closed makes room for another, and the command that runs goes on.
    for channel in open {
        channel.close().await.unwrap();
    }
    let status = "xStatus SystemUnit ProductId";
    let mut channel = shell.session.channel_open_session().await.unwrap();
    assert_eq!(said(&mut channel, status).await, "", "eight are running");
    let other = TShell::open(&room, "admin", ADMIN).await.unwrap();
    let mut channel = other.session.channel_open_session().await.unwrap();
    assert!(said(&mut channel, status).await.contains("Room 1"), "nobody else waits for them");
}
