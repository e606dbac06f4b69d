//! Spans as a collector gets them: decoded here by hand, from the bytes of a server that is a process of its own.
//!
//! Built with the feature `otel` only: `cargo test --workspace --features rollcall-tests/otel --test traces`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use rollcall_tests::receiver::{Answer, Receiver};

/// The fields of a protobuf message: number, and varint or octets.
fn fields(octets: &[u8]) -> Vec<(u64, Value)> {
    let (mut found, mut rest) = (Vec::new(), octets);
    let varint = |rest: &mut &[u8]| {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let (octet, after) = rest.split_first().expect("a number ends");
            *rest = after;
            value |= u64::from(octet & 0x7f) << shift;
            shift += 7;
            if octet & 0x80 == 0 {
                return value;
            }
        }
    };
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let value = match key & 7 {
            0 => Value::Number(varint(&mut rest)),
            kind => {
                let length = match kind {
                    1 => 8,
                    2 => usize::try_from(varint(&mut rest)).unwrap(),
                    5 => 4,
                    other => panic!("wire type {other}"),
                };
                let (octets, after) = rest.split_at(length);
                rest = after;
                Value::Octets(octets.to_vec())
            }
        };
        found.push((key >> 3, value));
    }
    found
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(u64),
    Octets(Vec<u8>),
}

impl Value {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Octets(octets) => octets,
            Self::Number(number) => panic!("{number} is no message"),
        }
    }
}

fn all(octets: &[u8], number: u64) -> Vec<Vec<u8>> {
    fields(octets)
        .iter()
        .filter(|(found, _)| *found == number)
        .map(|(_, value)| value.octets().to_vec())
        .collect()
}

fn one(octets: &[u8], number: u64) -> Vec<u8> {
    all(octets, number).pop().unwrap_or_default()
}

/// `opentelemetry.proto.trace.v1.Span`, as far as it is looked at.
#[derive(Debug)]
struct Span {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    attributes: BTreeMap<String, String>,
    begun: u64,
    ended: u64,
}

/// The spans of an `ExportTraceServiceRequest`.
fn spans(request: &[u8]) -> Vec<Span> {
    let scopes = all(request, 1).into_iter().flat_map(|resource| all(&resource, 2));
    scopes.flat_map(|scope| all(&scope, 2)).map(|span| read(&span)).collect()
}

fn read(span: &[u8]) -> Span {
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    let time = |number| u64::from_le_bytes(one(span, number).try_into().unwrap());
    let attribute = |octets: Vec<u8>| {
        let value = fields(&one(&octets, 2)).pop().map(|(_, value)| value);
        let value = match value {
            Some(Value::Octets(octets)) => String::from_utf8_lossy(&octets).into_owned(),
            Some(Value::Number(number)) => number.to_string(),
            None => String::new(),
        };
        (text(one(&octets, 1)), value)
    };
    Span {
        trace: one(span, 1),
        id: one(span, 2),
        parent: one(span, 4),
        name: text(one(span, 5)),
        attributes: all(span, 9).into_iter().map(attribute).collect(),
        begun: time(7),
        ended: time(8),
    }
}

/// The trace and the span that a proxy began.
const BEGUN: (&str, &str) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");

/// Asks for the directory as a proxy does that began a trace.
async fn ask_as_proxy(url: &str, root: &str) {
    let root = reqwest::Certificate::from_pem(root.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let asked = client.get(format!("{url}/acme/external/directory"));
    let answer = asked.header("traceparent", format!("00-{}-{}-01", BEGUN.0, BEGUN.1)).send().await.unwrap();
    assert!(answer.status().is_success());
}

/// A server that sends spans to `collector`, with `[traces]` as written.
fn server(
    folder: &Path,
    dns: &FakeDns,
    collector: &Receiver,
    section: &str,
    trusted: &str,
) -> (Server, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let url = Server::init(program, folder, "traces.test", dns.address()).unwrap();
    let headers = folder.join("traces.headers");
    std::fs::write(&headers, "authorization: Bearer secret-of-the-collector\n").unwrap();
    std::fs::set_permissions(&headers, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = folder.join("ca.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section =
        format!("[traces]\nendpoint = \"{}\"\nheaders_file = \"traces.headers\"\n{section}", collector.url());
    let text = text.replace("#trusted_proxies = []", &format!("trusted_proxies = [{trusted}]"));
    std::fs::write(&config, text.replace("[traces]\n", &section)).unwrap();
    let (server, _) = Server::start(program, folder, &url).unwrap();
    (server, url)
}

/// Tells it to stop in order: what is still in the queue is sent then.
fn terminate(server: &Server) {
    let killed = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

/// Runs one order with `[traces]` as written, and a proxy's request; every span that came, and the headers of the first message.
async fn traced(section: &str, trusted: &str) -> (Vec<Span>, BTreeMap<String, String>) {
    let collector = Receiver::start().await;
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("ca");
    let dns = Arc::new(FakeDns::start().await);
    dns.add_zone("traces.test");
    let (server, url) = server(&folder, &dns, &collector, section, trusted);
    let root = std::fs::read_to_string(server.root("external")).unwrap();
    let target = Target::new(&url, "external", &root).unwrap();
    let mut flow = Flow::register(&target, Arc::clone(&dns)).await.unwrap();
    ask_as_proxy(&url, &root).await;
    flow.run("room-1.traces.test").await.unwrap();
    terminate(&server);
    let (mut found, mut first) = (Vec::new(), BTreeMap::new());
    let is_whole = |found: &[Span]| {
        found.iter().any(|span| span.name == "sign" && parents(found, span).contains(&"request".to_owned()))
    };
    while !is_whole(&found) {
        let message = collector.next().await;
        assert_eq!(message.header("content-type"), "application/x-protobuf");
        found.extend(spans(&message.body));
        if first.is_empty() {
            first = message.headers;
        }
    }
    for message in collector.rest().await {
        found.extend(spans(&message.body));
    }
    let log = std::fs::read_to_string(folder.join("server.log")).unwrap();
    assert!(!log.contains("secret-of-the-collector"));
    drop(server);
    (found, first)
}

/// The names of the spans around one.
fn parents(all: &[Span], span: &Span) -> Vec<String> {
    let (mut names, mut at) = (Vec::new(), span);
    while let Some(parent) = all.iter().find(|one| one.id == at.parent && !at.parent.is_empty()) {
        names.push(parent.name.clone());
        at = parent;
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_sees_what_the_stages_of_an_order_did_and_no_names() {
    let (spans, headers) = traced("", "").await;
    assert_eq!(headers["authorization"], "Bearer secret-of-the-collector");
    let finalize: Vec<_> = spans
        .iter()
        .filter(|span| span.attributes.get("http.route").is_some_and(|route| route.contains("finalize")))
        .collect();
    let [finalize] = finalize.as_slice() else { panic!("{spans:#?}") };
    assert_eq!((finalize.name.as_str(), finalize.parent.len()), ("request", 0));
    assert_eq!((finalize.trace.len(), finalize.id.len()), (16, 8));
    assert_eq!(finalize.attributes["http.request.method"], "POST");
    assert_eq!(finalize.attributes["http.response.status_code"], "200");
    let stages: Vec<&Span> = spans.iter().filter(|span| span.trace == finalize.trace).collect();
    for stage in ["verify", "policy", "sign", "commit"] {
        let found = stages
            .iter()
            .find(|span| span.name == stage)
            .unwrap_or_else(|| panic!("no {stage}: {stages:#?}"));
        assert!(parents(&spans, found).contains(&"request".to_owned()), "{found:?}");
        assert!(
            found.begun >= finalize.begun && found.ended <= finalize.ended && found.begun <= found.ended,
            "{found:?}"
        );
    }
    let text = format!("{spans:?}");
    assert!(!text.contains("room-1"), "no span names who is certified");
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    assert!(
        spans.iter().all(|span| hex(&span.trace) != BEGUN.0),
        "nobody is believed who is no trusted proxy"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_told_only_if_the_configuration_says_so_and_a_trusted_proxys_trace_goes_on() {
    let (spans, _) = traced("identifiers = true\n", "\"127.0.0.1/32\"").await;
    let named = spans
        .iter()
        .filter(|span| span.attributes.get("identifiers").is_some_and(|all| all == "dns:room-1.traces.test"));
    assert_eq!(named.map(|span| span.name.as_str()).collect::<Vec<_>>(), ["policy"]);
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let going_on: Vec<_> = spans.iter().filter(|span| hex(&span.trace) == BEGUN.0).collect();
    let [span] = going_on.as_slice() else { panic!("{spans:#?}") };
    assert_eq!((hex(&span.parent).as_str(), span.name.as_str()), (BEGUN.1, "request"));
    assert!(span.attributes["http.route"].ends_with("directory"), "{span:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_nothing_is_told_of_once() {
    let collector = Receiver::start().await;
    collector.answer(std::iter::repeat_n(Answer::Status(401), 1000));
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("ca");
    let dns = FakeDns::start().await;
    dns.add_zone("traces.test");
    let (server, url) = server(&folder, &dns, &collector, "", "");
    let root = std::fs::read_to_string(server.root("external")).unwrap();
    ask_as_proxy(&url, &root).await;
    collector.next().await;
    ask_as_proxy(&url, &root).await;
    terminate(&server);
    collector.next().await;
    let log = || std::fs::read_to_string(folder.join("server.log")).unwrap();
    let told = async {
        while !log().contains("spans are not taken") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), told).await.unwrap();
    drop(server);
    let log = log();
    assert_eq!(log.matches("spans are not taken").count(), 1, "{log}");
    assert!(log.contains("401") && !log.contains("secret-of-the-collector"), "{log}");
}
