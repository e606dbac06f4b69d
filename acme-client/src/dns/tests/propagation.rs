//! The propagation check against a server that starts to serve late, or never; and what counts as an answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hickory_proto::{
    op::{Message, OpCode, Query},
    rr::{RData, Record, rdata::TXT},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

use super::super::*;
use crate::progress::Progress;

/// Serves `value` from the question number `after` for text on; before, another value.
async fn late_server(value: &'static str, after: usize) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let mut asked = 0;
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let is_for_text = question.queries[0].query_type() == RecordType::TXT;
            asked += usize::from(is_for_text);
            let text = is_for_text.then_some(if asked > after { value } else { "old" });
            let _ = socket.send_to(&answer(&question, text).to_vec().unwrap(), peer).await;
        }
    });
    address
}

fn answer(question: &Message, text: Option<&str>) -> Message {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.authoritative = true;
    answer.add_queries(question.queries.clone());
    let name = question.queries[0].name().clone();
    if let Some(text) = text {
        answer.add_answer(Record::from_rdata(name, 60, RData::TXT(TXT::new(vec![text.to_owned()]))));
    }
    answer
}

/// The check as the settings make it, and the record `new` placed for it.
async fn placed(server: SocketAddr, timeout: Duration) -> (Propagation, Placed) {
    let mut settings = DnsSettings::of(ProviderKind::Manual);
    settings.resolver = Some(server);
    settings.timeout = timeout;
    let propagation = Propagation::from_settings(&settings).unwrap();
    let placed = propagation.placed(record()).await.unwrap();
    (propagation, placed)
}

fn record() -> ChallengeRecord {
    ChallengeRecord::new("a.test", "_acme-challenge.a.test", "new".to_owned(), 60).unwrap()
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn step(&self, _message: &str) {}

    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[tokio::test]
async fn waits_until_the_value_is_served_and_says_what_it_sees() {
    let server = late_server("new", 2).await;
    let notes = Notes::default();
    let (propagation, placed) = placed(server, Duration::from_secs(30)).await;
    propagation.wait(&placed, &notes).await.unwrap();
    let notes = notes.0.into_inner().unwrap();
    assert_eq!(notes, vec![format!("{server} has 1 other value(s)"); 2]);
}

#[tokio::test]
async fn gives_up_in_time_and_names_the_server_that_lacks_it() {
    let server = late_server("new", usize::MAX).await;
    let (propagation, placed) = placed(server, Duration::ZERO).await;
    let waited = propagation.wait(&placed, &crate::progress::Silent).await;
    let error = waited.unwrap_err().to_string();
    assert!(error.contains("_acme-challenge.a.test.") && error.contains(&server.to_string()), "{error}");
}

/// One port for both. A port that is free for TCP may be taken for UDP; then another one is tried.
async fn one_port() -> (TcpListener, UdpSocket) {
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (listener, socket);
        }
    }
    panic!("no port is free for both TCP and UDP");
}

/// A server whose answers over UDP are all cut off, and what it answers over TCP.
async fn over_tcp(spoil: impl Fn(&mut Message) + Send + 'static) -> Result<Message, DnsError> {
    let (listener, socket) = one_port().await;
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
        let mut cut = answer(&Message::from_vec(&buffer[..length]).unwrap(), None);
        cut.metadata.truncation = true;
        socket.send_to(&cut.to_vec().unwrap(), peer).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        hears.store(true, Ordering::SeqCst);
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        let mut whole = answer(&Message::from_vec(&question).unwrap(), Some("whole"));
        spoil(&mut whole);
        let bytes = whole.to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    let found = exchange::ask(address, &record().name, RecordType::TXT, false).await;
    assert!(heard.load(Ordering::SeqCst), "it was not asked over TCP");
    found
}

#[tokio::test]
async fn a_truncated_answer_is_asked_again_over_tcp() {
    assert_eq!(over_tcp(|_| {}).await.unwrap().answers.len(), 1);
}

#[tokio::test]
async fn an_answer_over_tcp_to_another_question_is_none() {
    let other_id = |answer: &mut Message| answer.metadata.id = answer.metadata.id.wrapping_add(1);
    let other_name = |answer: &mut Message| {
        answer.queries = vec![Query::query(absolute("b.test").unwrap(), RecordType::TXT)];
    };
    let no_answer =
        |answer: &mut Message| answer.metadata.message_type = hickory_proto::op::MessageType::Query;
    for error in [over_tcp(other_id).await, over_tcp(other_name).await, over_tcp(no_answer).await] {
        assert!(matches!(error, Err(DnsError::Protocol { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn looks_nowhere_when_told_not_to_wait() {
    let mut settings = DnsSettings::of(ProviderKind::Manual);
    settings.wait = false;
    let propagation = Propagation::from_settings(&settings).unwrap();
    let placed = propagation.placed(record()).await.unwrap();
    assert_eq!(*placed.record(), record());
    propagation.wait(&placed, &crate::progress::Silent).await.unwrap();
}
