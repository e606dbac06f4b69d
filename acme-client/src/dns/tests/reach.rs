//! Name servers that cannot be reached, in part or at all: one address is enough, and a dead one is not waited for without end.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    time::Duration,
};

use hickory_proto::op::{Message, OpCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{super::*, network::Network};
use crate::progress::{Progress, Silent};

const NAME: &str = "_acme-challenge.room-1.corp.test";

fn record() -> ChallengeRecord {
    ChallengeRecord::new("room-1.corp.test", NAME, "proof".to_owned(), 60).unwrap()
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn step(&self, _message: &str) {}

    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

async fn published(network: &Network, timeout: Duration, silence: Duration) -> (Propagation, Placed) {
    let propagation = Propagation::through(network.resolvers(), timeout, silence);
    let placed = propagation.placed(record()).await.unwrap();
    network.publish(placed.record());
    (propagation, placed)
}

#[tokio::test]
async fn one_address_that_answers_is_enough_for_a_server() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    // Nothing listens there, and where there is no IPv6 no route leads there.
    network.address("ns2.corp.test", "::1");
    network.address("ns2.corp.test", "127.0.0.9");
    network.server(2, &["corp.test"]).await;
    let notes = Notes::default();
    let (propagation, placed) = published(&network, Duration::ZERO, Duration::from_secs(600)).await;
    assert!(propagation.is_served(&placed).await);
    propagation.wait(&placed, &notes).await.unwrap();
    assert_eq!(*notes.0.lock().unwrap(), Vec::<String>::new(), "nothing is amiss");
}

#[tokio::test]
async fn a_dead_server_is_reported_and_given_up_when_the_others_serve_the_record() {
    for (timeout, silence) in
        [(Duration::from_secs(600), Duration::ZERO), (Duration::ZERO, Duration::from_secs(600))]
    {
        let network = Network::start().await;
        network.zone("corp.test", &[2, 3]);
        network.server(2, &["corp.test"]).await;
        let (propagation, placed) = published(&network, timeout, silence).await;
        let notes = Notes::default();
        propagation.wait(&placed, &notes).await.unwrap();
        let notes = notes.0.into_inner().unwrap();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("ns3.corp.test") && notes[0].contains("going on without it"), "{notes:?}");
    }
}

#[tokio::test]
async fn a_dead_server_does_not_excuse_one_that_lacks_the_record() {
    let network = Network::start().await;
    network.zone("corp.test", &[2, 3, 4]);
    network.server(2, &["corp.test"]).await;
    network.stale_server(4).await;
    let (propagation, placed) = published(&network, Duration::ZERO, Duration::ZERO).await;
    assert!(!propagation.is_served(&placed).await);
    let error = propagation.wait(&placed, &Silent).await.unwrap_err().to_string();
    assert!(
        error.contains("ns3.corp.test gives no answer") && error.contains("ns4.corp.test has no such record"),
        "{error}"
    );
    assert!(!error.contains("ns2.corp.test"), "{error}");
}

#[tokio::test]
async fn a_zone_whose_servers_are_all_dead_is_an_error_that_names_them() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    let propagation = Propagation::through(network.resolvers(), Duration::ZERO, Duration::ZERO);
    let error = propagation.placed(record()).await.unwrap_err().to_string();
    assert!(error.contains("ns2.corp.test gives no answer"), "{error}");
}

#[tokio::test]
async fn a_server_that_refuses_the_zone_counts_as_dead() {
    let network = Network::start().await;
    network.zone("corp.test", &[2, 3]);
    network.server(2, &["corp.test"]).await;
    network.server(3, &[]).await;
    let (propagation, placed) = published(&network, Duration::ZERO, Duration::ZERO).await;
    propagation.wait(&placed, &Silent).await.unwrap();
}

#[tokio::test]
async fn an_update_goes_to_the_next_address_of_the_primary_if_one_is_dead() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let alive = listener.local_addr().unwrap();
    let dead = SocketAddr::from(([127, 0, 0, 9], alive.port()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut update = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut update).await.unwrap();
        let update = Message::from_vec(&update).unwrap();
        let answer = Message::response(update.metadata.id, OpCode::Update).to_vec().unwrap();
        stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
        stream.write_all(&answer).await.unwrap();
    });
    let zone = Some(absolute("corp.test").unwrap());
    let provider = Rfc2136Provider::new("unused".to_owned(), zone, None);
    provider.add_at(&[dead, alive], &record()).await.unwrap();
    let none = provider.add_at(&[dead], &record()).await.unwrap_err();
    assert!(matches!(none, DnsError::Unreachable { server, .. } if server == dead), "{none}");
}
