//! Finding where a record has to stand, in a network whose resolver remembers what was not there.

use std::time::Duration;

use super::{super::*, network::Network};
use crate::progress::Silent;

fn record(name: &str) -> ChallengeRecord {
    ChallengeRecord::new("room-1.corp.test", name, "proof".to_owned(), 60).unwrap()
}

fn propagation(network: &Network) -> Propagation {
    Propagation::through(network.resolvers(), Duration::from_secs(30), Duration::from_secs(30))
}

/// Places, publishes and waits, as an enrolment does, and then looks as the certificate authority does that shares the resolver.
async fn prove(network: &Network, name: &str) -> ChallengeRecord {
    let propagation = propagation(network);
    let placed = propagation.placed(record(name)).await.unwrap();
    assert!(!propagation.is_served(&placed).await, "it is not published yet");
    network.publish(placed.record());
    propagation.wait(&placed, &Silent).await.unwrap();
    let seen = network.seen_by_the_authority(&absolute(name).unwrap()).await;
    assert_eq!(
        seen,
        ["proof"],
        "the resolver keeps that there is none: {:?}",
        network.asked_of_the_resolver()
    );
    placed.record().clone()
}

#[tokio::test]
async fn a_resolver_hears_of_a_challenge_name_only_when_it_is_there() {
    let network = Network::start().await;
    network.zone("corp.test", &[2, 3]);
    network.server(2, &["corp.test"]).await;
    network.server(3, &["corp.test"]).await;
    let placed = prove(&network, "_acme-challenge.room-1.corp.test").await;
    assert_eq!(placed.name, absolute("_acme-challenge.room-1.corp.test").unwrap());
    assert!(placed.name.to_ascii().starts_with("_acme"));
}

#[tokio::test]
async fn the_end_of_an_alias_is_heard_of_no_earlier() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    network.zone("proofs.test", &[3]);
    network.server(2, &["corp.test"]).await;
    network.server(3, &["proofs.test"]).await;
    network.alias("_acme-challenge.room-1.corp.test", "first.corp.test");
    network.alias("first.corp.test", "room-1.proofs.test");
    let placed = prove(&network, "_acme-challenge.room-1.corp.test").await;
    assert_eq!(placed.name, absolute("room-1.proofs.test").unwrap());
}

#[tokio::test]
async fn a_zone_of_the_challenge_names_own_is_found_below_the_domains() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    network.zone("_acme-challenge.room-1.corp.test", &[3]);
    network.delegate("_acme-challenge.room-1.corp.test", "corp.test");
    network.server(2, &["corp.test"]).await;
    network.server(3, &["_acme-challenge.room-1.corp.test"]).await;
    let placed = prove(&network, "_acme-challenge.room-1.corp.test").await;
    assert_eq!(placed.name, absolute("_acme-challenge.room-1.corp.test").unwrap());
}

#[tokio::test]
async fn aliases_in_a_ring_are_an_error() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    network.server(2, &["corp.test"]).await;
    network.alias("_acme-challenge.room-1.corp.test", "ring.corp.test");
    network.alias("ring.corp.test", "_acme-challenge.room-1.corp.test");
    let error = propagation(&network).placed(record("_acme-challenge.room-1.corp.test")).await.unwrap_err();
    assert!(matches!(error, DnsError::TooManyAliases(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_was_named_is_asked_alone_and_at_first_for_itself() {
    let network = Network::start().await;
    network.zone("corp.test", &[2]);
    network.server(2, &["corp.test"]).await;
    network.alias("_acme-challenge.room-1.corp.test", "room-1.proofs.test");
    let mut settings = DnsSettings::of(ProviderKind::Manual);
    settings.resolver = Some(std::net::SocketAddr::from(([127, 0, 0, 2], network.port)));
    let propagation = Propagation::from_settings(&settings).unwrap();
    let placed = propagation.placed(record("_acme-challenge.room-1.corp.test")).await.unwrap();
    assert_eq!(placed.record().name, absolute("room-1.proofs.test").unwrap());
    assert!(network.asked_of_the_resolver().is_empty());
}
