//! One question to one DNS server, and its answer.
//!
//! UDP with a few tries, TCP when the answer is truncated or the message is an update. An answer counts only if it comes from
//! the server asked, with the id and question that were sent (RFC 5452). Every try has a timeout.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    ProtoError,
    op::{Message, MessageType, Query},
    rr::{Name, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::DnsError;

const UDP_TRIES: u32 = 3;
const UDP_TIMEOUT: Duration = Duration::from_secs(2);
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks `server` for the records of one type at one name. The answer's code is the caller's to judge.
pub(super) async fn ask(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    recursion: bool,
) -> Result<Message, DnsError> {
    let mut question = Message::query();
    question.metadata.recursion_desired = recursion;
    question.add_query(Query::query(name.clone(), kind));
    let bytes = question.to_vec().map_err(|source| DnsError::Protocol { server, source })?;
    let over_udp = udp(server, &question, &bytes).await?;
    if !over_udp.metadata.truncation {
        return Ok(over_udp);
    }
    let answer = parse(server, &tcp(server, &bytes).await?)?;
    if !answers(&answer, &question) {
        return Err(DnsError::Protocol { server, source: ProtoError::Message("answer to another question") });
    }
    Ok(answer)
}

fn answers(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.queries == question.queries
}

/// Sends bytes over TCP (RFC 1035 §4.2.2) and returns the bytes of the answer.
pub(super) async fn tcp(server: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>, DnsError> {
    let talk = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(bytes);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    match timeout(TCP_TIMEOUT, talk).await {
        Ok(answer) => answer.map_err(|source| DnsError::Unreachable { server, source }),
        Err(_) => Err(DnsError::Timeout { server, after: TCP_TIMEOUT }),
    }
}

pub(super) fn parse(server: SocketAddr, bytes: &[u8]) -> Result<Message, DnsError> {
    Message::from_vec(bytes).map_err(|source| DnsError::Protocol { server, source: source.into() })
}

async fn udp(server: SocketAddr, question: &Message, bytes: &[u8]) -> Result<Message, DnsError> {
    let unreachable = |source| DnsError::Unreachable { server, source };
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    for _ in 0..UDP_TRIES {
        // A new socket, and so a new port, for each try.
        let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
        socket.connect(server).await.map_err(unreachable)?;
        socket.send(bytes).await.map_err(unreachable)?;
        match timeout(UDP_TIMEOUT, matching_answer(&socket, question)).await {
            Ok(answer) => return answer.map_err(unreachable),
            Err(_) => continue,
        }
    }
    Err(DnsError::Timeout { server, after: UDP_TIMEOUT * UDP_TRIES })
}

async fn matching_answer(socket: &UdpSocket, question: &Message) -> io::Result<Message> {
    let mut buffer = vec![0; 65_535];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let Some(Ok(answer)) = buffer.get(..length).map(Message::from_vec) else { continue };
        if answers(&answer, question) {
            return Ok(answer);
        }
    }
}
