//! The propagation check against a server that starts to serve late, or never.

use std::{net::SocketAddr, sync::Mutex, time::Duration};

use hickory_proto::{
    op::{Message, OpCode},
    rr::{RData, Record, rdata::TXT},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

use super::super::*;
use crate::progress::Progress;

/// Serves `value` from the question number `after` on; before, another value.
async fn late_server(value: &'static str, after: usize) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let mut asked = 0;
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            asked += 1;
            let text = if asked > after { value } else { "old" };
            let _ = socket.send_to(&answer(&buffer[..length], text, false), peer).await;
        }
    });
    address
}

fn answer(question: &[u8], text: &str, truncated: bool) -> Vec<u8> {
    let question = Message::from_vec(question).unwrap();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.truncation = truncated;
    answer.add_queries(question.queries.clone());
    let name = question.queries[0].name().clone();
    if !truncated {
        answer.add_answer(Record::from_rdata(name, 60, RData::TXT(TXT::new(vec![text.to_owned()]))));
    }
    answer.to_vec().unwrap()
}

fn propagation(server: SocketAddr, timeout: Duration) -> Propagation {
    let mut settings = DnsSettings::of(ProviderKind::Manual);
    settings.resolver = Some(server);
    settings.timeout = timeout;
    Propagation::from_settings(&settings).unwrap()
}

fn record(value: &str) -> ChallengeRecord {
    ChallengeRecord::new("a.test", "_acme-challenge.a.test", value.to_owned(), 60).unwrap()
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
    propagation(server, Duration::from_secs(30)).wait(&record("new"), &notes).await.unwrap();
    let notes = notes.0.into_inner().unwrap();
    assert_eq!(notes, vec![format!("{server} has 1 other value(s)"); 2]);
}

#[tokio::test]
async fn gives_up_in_time_and_names_the_server_that_lacks_it() {
    let server = late_server("new", usize::MAX).await;
    let waited = propagation(server, Duration::ZERO).wait(&record("new"), &crate::progress::Silent).await;
    let error = waited.unwrap_err().to_string();
    assert!(error.contains("_acme-challenge.a.test.") && error.contains(&server.to_string()), "{error}");
}

#[tokio::test]
async fn a_truncated_answer_is_asked_again_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
        socket.send_to(&answer(&buffer[..length], "", true), peer).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        let bytes = answer(&question, "whole", false);
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    assert!(propagation(address, Duration::ZERO).is_served(&record("whole")).await);
}

#[tokio::test]
async fn looks_nowhere_when_told_not_to_wait() {
    let mut settings = DnsSettings::of(ProviderKind::Manual);
    settings.wait = false;
    let propagation = Propagation::from_settings(&settings).unwrap();
    propagation.wait(&record("x"), &crate::progress::Silent).await.unwrap();
    assert_eq!(propagation.placed(record("x")).await.unwrap(), record("x"));
}
