//! The server killed without warning, again and again, under load: nothing acknowledged is lost, nothing is signed unrecorded.
//!
//! `ROLLCALL_KILLS` says how often (default 6) at least; `ROLLCALL_KILL_SEED` repeats a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rollcall_tests::dice::{Dice, number};
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use serde_json::Value;

const WORKERS: usize = 8;
/// At most so many more kills than asked for.
const MORE_KILLS: u64 = 20;

/// What the clients were told, and must find again.
#[derive(Default)]
struct Told {
    /// Orders that were acknowledged and not brought to their end yet: URL → name.
    open: BTreeMap<String, String>,
    /// Certificates that were handed out: order URL → name and digest of the leaf, hexadecimal.
    certificates: BTreeMap<String, (String, String)>,
}

fn digest_of_leaf(chain: &str) -> String {
    let chain = certs::pem::parse_certificates(chain).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &chain[0]);
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// One worker: ends what it has open, then opens more, until the server is gone.
async fn work(flow: &mut Flow, told: &Mutex<Told>, worker: usize, round: u64) {
    let mine: Vec<(String, String)> = {
        let told = told.lock().unwrap();
        let of_worker = |name: &String| name.ends_with(&format!("-w{worker}.crash.test"));
        told.open
            .iter()
            .filter(|(_, name)| of_worker(name))
            .map(|(url, name)| (url.clone(), name.clone()))
            .collect()
    };
    if flow.reconnect().await.is_err() {
        return;
    }
    let mut waiting = mine.into_iter();
    for number in 0.. {
        let (url, name) = match waiting.next() {
            Some(order) => order,
            None => {
                let name = format!("r{round}-n{number}-w{worker}.crash.test");
                let Ok((url, _)) = flow.order(&name).await else { return };
                told.lock().unwrap().open.insert(url.clone(), name.clone());
                (url, name)
            }
        };
        let Ok(issued) = flow.finish(&name, &url).await else { return };
        let mut told = told.lock().unwrap();
        told.open.remove(&url);
        told.certificates.insert(url, (name, digest_of_leaf(&issued.chain)));
    }
}

fn ca_server(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_harness-ca-server"))
        .args(arguments)
        .arg("--config")
        .arg(folder.join("ca.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every entry of the journal, in order.
fn journal(folder: &Path) -> Vec<Value> {
    let (mut entries, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let text = ca_server(folder, &["log", "show", "--json", "--limit", "1000", "--after", &after]);
        let page: Value = serde_json::from_str(&text).unwrap();
        entries.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return entries,
        }
    }
}

/// Every issued certificate is in the journal after its intent, and every one handed out is in the journal.
fn check_journal(folder: &Path, told: &Told) {
    ca_server(folder, &["log", "verify"]);
    let (mut intended, mut issued) = (BTreeSet::new(), BTreeSet::new());
    for entry in journal(folder) {
        let act = &entry["act"];
        let serial = act["serial"].as_str().unwrap_or_default().to_owned();
        match act["act"].as_str().unwrap_or_default() {
            "intent" => assert!(intended.insert(serial), "one serial intended twice: {entry}"),
            "issued" => {
                assert!(intended.contains(&serial), "issued without an intent before it: {entry}");
                issued.insert(act["certificate_sha256"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
    for (_, certificate) in told.certificates.values() {
        assert!(
            issued.contains(certificate),
            "a certificate that was handed out is not in the journal: {certificate}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_loses_nothing_it_acknowledged() {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("ca");
    let dns = Arc::new(FakeDns::start().await);
    dns.add_zone("crash.test");
    let url = Server::init(program, &folder, "crash.test", dns.address()).unwrap();
    let (mut server, _) = Server::start(program, &folder, &url).unwrap();
    let target =
        Target::new(&url, "external", &std::fs::read_to_string(server.root("external")).unwrap()).unwrap();
    let mut flows = Vec::new();
    for _ in 0..WORKERS {
        flows.push(Flow::register(&target, Arc::clone(&dns)).await.unwrap());
    }
    let told = Arc::new(Mutex::new(Told::default()));
    let seed = number("ROLLCALL_KILL_SEED", u64::from(std::process::id()));
    let (mut dice, mut slowest) = (Dice(seed), Duration::ZERO);
    let kills = number("ROLLCALL_KILLS", 6);
    let nothing_told = || {
        let told = told.lock().unwrap();
        told.open.is_empty() && told.certificates.is_empty()
    };
    let mut round = 0;
    // On a slow machine it may take more of them, further apart, until anything was acknowledged that could be lost.
    while round < kills || (nothing_told() && round < kills + MORE_KILLS) {
        let mut workers = Vec::new();
        for (worker, mut flow) in flows.drain(..).enumerate() {
            let told = Arc::clone(&told);
            workers.push(tokio::spawn(async move {
                work(&mut flow, &told, worker, round).await;
                flow
            }));
        }
        // Not a wait for something: the moment of the kill is the experiment.
        let longest = 300_000 * (1 + round.saturating_sub(kills));
        tokio::time::sleep(Duration::from_micros(20_000 + dice.below(longest))).await;
        server.kill().unwrap();
        for worker in workers {
            flows.push(worker.await.unwrap());
        }
        let began = Instant::now();
        (server, _) = Server::start(program, &folder, &url).unwrap();
        slowest = slowest.max(began.elapsed());
        round += 1;
    }
    finish(&mut flows, &told).await;
    check_journal(&folder, &told.lock().unwrap());
    let certificates = told.lock().unwrap().certificates.len();
    eprintln!(
        "{round} kills (seed {seed}): {certificates} certificates handed out, none lost; slowest restart {} ms",
        slowest.as_millis()
    );
    assert!(certificates > 0, "no load reached the server");
}

/// After the last restart every order that was acknowledged is brought to its certificate, and every order that had
/// its certificate still has the same one.
async fn finish(flows: &mut [Flow], told: &Mutex<Told>) {
    for (worker, flow) in flows.iter_mut().enumerate() {
        flow.reconnect().await.unwrap();
        let mine = format!("-w{worker}.crash.test");
        let (open, had) = {
            let told = told.lock().unwrap();
            (told.open.clone(), told.certificates.clone())
        };
        for (url, (name, certificate)) in had.iter().filter(|(_, (name, _))| name.ends_with(&mine)) {
            let again = flow.finish(name, url).await.unwrap();
            assert_eq!(digest_of_leaf(&again.chain), *certificate, "{url} has another certificate now");
        }
        for (url, name) in open.into_iter().filter(|(_, name)| name.ends_with(&mine)) {
            let issued = flow.finish(&name, &url).await.unwrap();
            told.lock().unwrap().certificates.insert(url, (name, digest_of_leaf(&issued.chain)));
        }
    }
}
