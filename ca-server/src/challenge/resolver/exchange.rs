//! One question to one server and its answer: UDP, then TCP if the answer was cut short or the question came back changed.
//!
//! A forged answer must guess the port (a fresh socket for each question, except to this very host), the id and the letter case of the
//! name. Datagrams that miss any of it are dropped and counted. Trusts nothing else in an answer; what it means is read in `answer`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::ids::random_bytes;

/// Largest UDP answer we ask for; larger ones come over TCP (RFC 9715).
const UDP_PAYLOAD: u16 = 1232;

/// Largest datagram that is read at all.
const UDP_BUFFER: usize = 4096;

/// Idle sockets kept for a server on this host.
const MOST_IDLE: usize = 64;

/// Datagrams dropped before the question is asked over TCP, where it cannot be guessed at.
const MOST_FORGED: u32 = 16;

/// A server, with the idle sockets to it.
///
/// Only sockets to a loopback address are used again, one question at a time: nobody outside this host can send from such an address, so a
/// fresh port would protect from nobody. It saves more than half of the cost of a question.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it listens.
    pub(super) address: SocketAddr,
    idle: Mutex<Vec<UdpSocket>>,
}

impl Server {
    /// The server at `address`.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::new(Vec::new()) }
    }

    async fn socket(&self) -> std::io::Result<UdpSocket> {
        if let Some(socket) = self.idle.lock().pop() {
            return Ok(socket);
        }
        let any = match self.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(self.address).await?;
        Ok(socket)
    }

    /// Takes a socket back whose question was answered; all others are closed, so that no late answer can come through them.
    fn keep(&self, socket: UdpSocket) {
        let mut idle = self.idle.lock();
        if self.address.ip().is_loopback() && idle.len() < MOST_IDLE {
            idle.push(socket);
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The name.
    pub(super) name: Name,
    /// The type.
    pub(super) kind: RecordType,
    /// Whether signatures are wanted.
    pub(super) dnssec: bool,
    /// Whether the letter case of the name is mixed.
    pub(super) mix_case: bool,
}

/// Why one server gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("timed out after {}{}", humantime::format_duration(*.after), forged_text(*.forged))]
    TimedOut { after: Duration, forged: u32 },
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the answer does not parse")]
    Malformed,
    #[error("the answer is for another question")]
    OtherQuestion,
    #[error("the question cannot be written")]
    Unwritable,
    #[error("no random numbers")]
    NoEntropy,
}

fn forged_text(forged: u32) -> String {
    match forged {
        0 => String::new(),
        1 => "; 1 answer did not match the question".to_owned(),
        many => format!("; {many} answers did not match the question"),
    }
}

/// Asks `server`, for at most `limit`.
pub(super) async fn ask(
    server: &Server,
    question: &Question,
    limit: Duration,
) -> Result<Message, ExchangeError> {
    let mut forged = 0;
    match tokio::time::timeout(limit, ask_unbounded(server, question, &mut forged)).await {
        Ok(result) => result,
        Err(_) => Err(ExchangeError::TimedOut { after: limit, forged }),
    }
}

async fn ask_unbounded(
    server: &Server,
    question: &Question,
    forged: &mut u32,
) -> Result<Message, ExchangeError> {
    match over_udp(server, question, forged).await? {
        Some(message) => Ok(message),
        None => over_tcp(server.address, question).await,
    }
}

/// A question as it goes out.
struct Sent {
    id: [u8; 2],
    query: Query,
    bytes: Vec<u8>,
}

impl Sent {
    fn new(question: &Question) -> Result<Self, ExchangeError> {
        let id: [u8; 2] = random_bytes().map_err(|_| ExchangeError::NoEntropy)?;
        let mut query = Query::query(question.name.clone(), question.kind);
        if question.mix_case {
            query.name.randomize_label_case();
        }
        let mut message = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD).set_dnssec_ok(question.dnssec);
        message.set_edns(edns);
        let bytes = message.to_vec().map_err(|_| ExchangeError::Unwritable)?;
        Ok(Self { id, query, bytes })
    }

    /// The answer, if these octets are one to this question.
    fn read(&self, bytes: &[u8]) -> Reply {
        if bytes.get(..2) != Some(&self.id[..]) {
            return Reply::Foreign;
        }
        let Ok(message) = Message::from_vec(bytes) else { return Reply::Malformed };
        let is_answer = message.metadata.message_type == MessageType::Response;
        let [query] = message.queries.as_slice() else { return Reply::Foreign };
        let same = query.query_type == self.query.query_type && query.query_class == DNSClass::IN;
        if !is_answer || !same || query.name != self.query.name {
            return Reply::Foreign;
        }
        if !query.name.eq_case(&self.query.name) {
            return Reply::CaseChanged;
        }
        Reply::Answer(Box::new(message))
    }
}

/// What a datagram or a TCP message turned out to be.
enum Reply {
    Answer(Box<Message>),
    Foreign,
    /// Everything fits but the letter case: a server that does not keep it, or a forger that did not know it.
    CaseChanged,
    Malformed,
}

/// The answer over UDP; `None` if it must be asked for over TCP.
async fn over_udp(
    server: &Server,
    question: &Question,
    forged: &mut u32,
) -> Result<Option<Message>, ExchangeError> {
    let sent = Sent::new(question)?;
    let socket = server.socket().await?;
    socket.send(&sent.bytes).await?;
    let mut buffer = Vec::with_capacity(UDP_BUFFER);
    loop {
        buffer.clear();
        socket.recv_buf(&mut buffer).await?;
        match sent.read(&buffer) {
            Reply::Answer(message) => {
                server.keep(socket);
                return Ok(Some(*message).filter(|message| !message.metadata.truncation));
            }
            Reply::CaseChanged | Reply::Malformed => return Ok(None),
            Reply::Foreign => *forged += 1,
        }
        if *forged >= MOST_FORGED {
            return Ok(None);
        }
    }
}

/// The answer over TCP, at most 64 KiB by its own length prefix.
async fn over_tcp(server: SocketAddr, question: &Question) -> Result<Message, ExchangeError> {
    let sent = Sent::new(&Question { mix_case: false, ..question.clone() })?;
    let length = u16::try_from(sent.bytes.len()).map_err(|_| ExchangeError::Unwritable)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&sent.bytes);
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut bytes = Vec::with_capacity(usize::from(length));
    stream.take(length.into()).read_to_end(&mut bytes).await?;
    match sent.read(&bytes) {
        Reply::Answer(message) if message.metadata.truncation => Err(ExchangeError::Malformed),
        Reply::Answer(message) => Ok(*message),
        Reply::Foreign | Reply::CaseChanged => Err(ExchangeError::OtherQuestion),
        Reply::Malformed => Err(ExchangeError::Malformed),
    }
}
