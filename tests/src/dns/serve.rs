//! The sockets: one task for datagrams, one for connections, and one more for each request that waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::answer::{Reply, answer};
use super::{State, Transport};

/// Answers datagrams until it is aborted.
pub(super) async fn udp(state: Arc<State>, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; 65_535];
    loop {
        // A client that closed its socket shows up here as an error of ours; the next datagram is unaffected.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Reply { wait, messages } =
            answer(&state, buffer.get(..length).unwrap_or_default(), Transport::Udp);
        if wait == Duration::ZERO {
            for message in &messages {
                _ = socket.send_to(message, from).await;
            }
        } else {
            let socket = socket.clone();
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                for message in &messages {
                    _ = socket.send_to(message, from).await;
                }
            });
        }
    }
}

/// Answers connections until it is aborted.
pub(super) async fn tcp(state: Arc<State>, listener: TcpListener) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let state = state.clone();
            tokio::spawn(async move { _ = connection(&state, stream).await });
        }
    }
}

async fn connection(state: &State, mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut octets = vec![0; usize::from(length)];
        stream.read_exact(&mut octets).await?;
        let Reply { wait, messages } = answer(state, &octets, Transport::Tcp);
        tokio::time::sleep(wait).await;
        for message in messages {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            let mut framed = length.to_be_bytes().to_vec();
            framed.extend(message.into_iter().take(usize::from(length)));
            stream.write_all(&framed).await?;
        }
    }
}
