//! What `StubResolver` does with servers that are slow, silent, dishonest or verbose.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use ca_server::challenge::resolver::{Resolve, StubResolver};
use ca_server::config::DnsConfig;
use certs::name::DnsName;
use rollcall_tests::dns::{FakeDns, Fault, Transport};

const NAME: &str = "_acme-challenge.room-1.example.com";

async fn fake() -> FakeDns {
    let dns = FakeDns::start().await;
    dns.add_zone("example.com");
    dns.set_txt(NAME, &["one", "two"]);
    dns
}

fn asking(servers: &[SocketAddr], timeout: Duration) -> StubResolver {
    let config = DnsConfig { resolvers: servers.to_vec(), timeout, ..DnsConfig::default() };
    StubResolver::new(&config, Path::new(".")).unwrap()
}

fn patient(dns: &FakeDns) -> StubResolver {
    asking(&[dns.address()], Duration::from_secs(20))
}

fn hasty(dns: &FakeDns) -> StubResolver {
    asking(&[dns.address()], Duration::from_millis(120))
}

#[tokio::test]
async fn txt_records_come_back_joined_with_who_answered() {
    let dns = fake().await;
    let long = "x".repeat(600);
    dns.add_txt(NAME, &long);
    let answer = patient(&dns).txt(NAME).await.unwrap();
    assert_eq!(answer.records, [b"one".to_vec(), b"two".to_vec(), long.into_bytes()]);
    assert_eq!(answer.servers, dns.address().to_string());
}

#[tokio::test]
async fn a_name_without_records_and_a_name_that_does_not_exist_are_both_empty_answers() {
    let dns = fake().await;
    let resolver = patient(&dns);
    assert!(resolver.txt("room-1.example.com").await.unwrap().records.is_empty());
    assert!(resolver.txt("nowhere.example.com").await.unwrap().records.is_empty());
    assert!(resolver.txt("not.in.any.zone.test").await.unwrap().records.is_empty());
}

#[tokio::test]
async fn txt_is_asked_again_each_time_and_caa_within_its_time_to_live_is_not() {
    let dns = fake().await;
    dns.set_ttl(3600);
    let (resolver, name) = (patient(&dns), DnsName::parse("example.com").unwrap());
    dns.set_caa("example.com", &[(0, "Issue", "ca.example")]);
    for _ in 0..3 {
        assert_eq!(resolver.txt(NAME).await.unwrap().records.len(), 2);
        let records = resolver.caa(&name).await.unwrap();
        assert_eq!((records[0].tag.as_str(), records[0].value.as_slice()), ("issue", &b"ca.example"[..]));
        assert!(!records[0].critical);
    }
    let asked = |kind: &str| dns.queries().iter().filter(|asked| asked.kind == kind).count();
    assert_eq!((asked("TXT"), asked("CAA")), (3, 1));
}

#[tokio::test]
async fn caa_without_a_time_to_live_is_asked_again_so_that_a_change_counts_at_once() {
    let dns = fake().await;
    let (resolver, name) = (patient(&dns), DnsName::parse("example.com").unwrap());
    assert!(resolver.caa(&name).await.unwrap().is_empty());
    dns.set_caa("example.com", &[(128, "issue", ";")]);
    assert!(resolver.caa(&name).await.unwrap()[0].critical);
}

#[tokio::test]
async fn aliases_are_followed_within_and_beyond_one_answer() {
    let dns = fake().await;
    dns.add_zone("elsewhere.test");
    dns.set_cname("_acme-challenge.a.example.com", "_acme-challenge.b.example.com");
    dns.set_cname("_acme-challenge.b.example.com", "a.elsewhere.test");
    dns.set_txt("a.elsewhere.test", &["delegated"]);
    let answer = patient(&dns).txt("_acme-challenge.a.example.com").await.unwrap();
    assert_eq!(answer.records, [b"delegated".to_vec()]);
}

#[tokio::test]
async fn aliases_in_a_circle_end_with_an_error() {
    let dns = fake().await;
    dns.set_cname("a.example.com", "b.example.com");
    dns.set_cname("b.example.com", "a.example.com");
    let failure = patient(&dns).txt("a.example.com").await.unwrap_err();
    assert!(failure.reason.contains("aliases"), "{failure}");
}

#[tokio::test]
async fn refusals_are_failures_that_say_what_was_asked_whom_and_what_came_back() {
    let dns = fake().await;
    for (fault, word) in [(Fault::ServFail, "SERVFAIL"), (Fault::Refused, "REFUSED")] {
        dns.honest();
        dns.fault(fault);
        let failure = patient(&dns).txt(NAME).await.unwrap_err();
        assert_eq!(failure.to_string(), format!("looking up TXT {NAME} at {}: {word}", dns.address()));
    }
}

#[tokio::test]
async fn a_silent_server_fails_within_the_time_limit_and_a_failure_is_not_an_empty_answer() {
    let dns = fake().await;
    dns.fault(Fault::Silent);
    let begun = Instant::now();
    let failure = hasty(&dns).txt(NAME).await.unwrap_err();
    assert!(failure.reason.contains("timed out"), "{failure}");
    assert!(begun.elapsed() < Duration::from_secs(5), "one limit holds over all tries");
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let dns = fake().await;
    dns.fault_times(1, Fault::Silent);
    let resolver = asking(&[dns.address()], Duration::from_secs(3));
    assert_eq!(resolver.txt(NAME).await.unwrap().records.len(), 2);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_fails_and_stays_preferred() {
    let (bad, good) = (fake().await, fake().await);
    bad.fault(Fault::ServFail);
    let resolver = asking(&[bad.address(), good.address()], Duration::from_secs(20));
    for _ in 0..3 {
        assert_eq!(resolver.txt(NAME).await.unwrap().servers, good.address().to_string());
    }
    assert_eq!((bad.queries().len(), good.queries().len()), (1, 3));
    good.fault(Fault::Refused);
    let failure = resolver.txt(NAME).await.unwrap_err().to_string();
    for part in [format!("{}: SERVFAIL", bad.address()), format!("{}: REFUSED", good.address())] {
        assert!(failure.contains(&part), "{failure}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_fails_at_once() {
    // Not one that was free a moment ago: by now it may be another test's.
    let closed = SocketAddr::from(([127, 0, 0, 1], 1));
    let failure = asking(&[closed], Duration::from_secs(20)).txt(NAME).await.unwrap_err();
    assert!(failure.reason.contains("refused"), "{failure}");
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_over_tcp() {
    let dns = fake().await;
    dns.fault(Fault::Truncate);
    assert_eq!(patient(&dns).txt(NAME).await.unwrap().records.len(), 2);
    let transports: Vec<_> = dns.queries().iter().map(|asked| asked.transport).collect();
    assert_eq!(transports, [Transport::Udp, Transport::Tcp]);
}

#[tokio::test]
async fn a_huge_answer_comes_over_tcp_whole_and_bounded() {
    let dns = fake().await;
    dns.fault(Fault::Huge(250));
    assert_eq!(patient(&dns).txt(NAME).await.unwrap().records.len(), 250);
    dns.honest();
    dns.fault(Fault::Huge(2000));
    assert!(patient(&dns).txt(NAME).await.is_err(), "more than a message holds");
}

#[tokio::test]
async fn an_answer_with_another_id_or_question_is_never_taken() {
    // Two tries wait to their end, and the limit over both leaves them a tenth of itself to spare.
    let lied_to = async |fault: Fault| {
        let dns = fake().await;
        dns.fault(fault);
        asking(&[dns.address()], Duration::from_secs(6)).txt(NAME).await.unwrap_err()
    };
    let (id, question) = tokio::join!(lied_to(Fault::WrongId), lied_to(Fault::WrongQuestion));
    for failure in [id, question] {
        assert!(failure.reason.contains("did not match the question"), "{failure}");
    }
}

#[tokio::test]
async fn a_forged_answer_before_the_honest_one_is_passed_over() {
    let dns = fake().await;
    dns.fault(Fault::ForgeFirst);
    assert_eq!(patient(&dns).txt(NAME).await.unwrap().records.len(), 2);
}

#[tokio::test]
async fn a_server_that_changes_letter_case_is_asked_over_tcp() {
    let dns = fake().await;
    dns.fault(Fault::LowerCase);
    assert_eq!(patient(&dns).txt(NAME).await.unwrap().records.len(), 2);
    assert!(dns.queries().iter().any(|asked| asked.transport == Transport::Tcp));
}

#[tokio::test]
async fn octets_that_are_no_message_are_a_failure() {
    let dns = fake().await;
    dns.fault(Fault::Garbage);
    let failure = patient(&dns).txt(NAME).await.unwrap_err();
    assert!(failure.reason.contains("does not parse"), "{failure}");
}

#[tokio::test]
async fn a_text_that_is_no_name_is_a_failure_and_nobody_is_asked() {
    let dns = fake().await;
    let long = format!("{}.example.com", "a".repeat(64));
    let failure = patient(&dns).txt(&long).await.unwrap_err();
    assert!(failure.reason.contains("not a name"), "{failure}");
    assert!(dns.queries().is_empty());
}
