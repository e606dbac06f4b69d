//! A hundred thousand revoked certificates: how long a list takes, how much memory, how soon a revocation is seen, and how long ten thousand take.
//! `cargo bench --package rollcall-tests --bench revocation`; `ROLLCALL_BENCH_REVOKED` and `ROLLCALL_BENCH_FLEET` change the numbers.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use certs::serial::Serial;
use rollcall_tests::dice::number;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::Server;
use rollcall_tests::revocation::fill::{self, Filled};
use rollcall_tests::revocation::ocsp::{Hash, Response, Status, request};

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("ca");
    let dns = FakeDns::start().await;
    let url = Server::init(program, &folder, "bench.test", dns.address())?;
    let published = fill::serve_relying_parties(&folder)?;
    let bad = u32::try_from(number("ROLLCALL_BENCH_REVOKED", 100_000))?;
    let fleet = u32::try_from(number("ROLLCALL_BENCH_FLEET", 10_000))?;
    let began = Instant::now();
    let filled = fill::folder(&folder, fleet, bad).await?;
    println!(
        "filled with {bad} revoked and {fleet} good certificates in {:.1} s",
        began.elapsed().as_secs_f64()
    );

    let (server, started) = Server::start(program, &folder, &url)?;
    println!("started, all lists signed, in {} ms; {}", started.as_millis(), resident(&server));
    println!("reading what is revoked and signing whole and shards: {} ms", signing(&folder)?.join(", "));
    let party = Party { client: reqwest::Client::builder().no_proxy().build()?, published, filled };
    let began = Instant::now();
    let list = party.list().await?;
    println!("the whole list has {} KiB, given out in {} ms", list.len() / 1024, began.elapsed().as_millis());

    let one = *party.filled.good.first().ok_or("no good certificate")?;
    let serial = one.to_string();
    let began = Instant::now();
    revoke(program, &folder, &[&serial, "--reason", "keyCompromise"])?;
    println!("one revoked by the operator in {} ms", began.elapsed().as_millis());
    party.until_seen(&one, "one", began).await?;
    println!("after it: {}", resident(&server));

    let began = Instant::now();
    let said = revoke(program, &folder, &["--profile", "device", "--reason", "superseded", "--yes"])?;
    println!("{} in {:.1} s", said.trim(), began.elapsed().as_secs_f64());
    let last = *party.filled.good.last().ok_or("no good certificate")?;
    party.until_seen(&last, "the last of many", Instant::now()).await?;
    println!("at the end: {}; signing took {} ms", resident(&server), signing(&folder)?.join(", "));
    Ok(())
}

fn resident(server: &Server) -> String {
    format!("resident {} MiB", server.resident() / (1 << 20))
}

fn revoke(program: &Path, folder: &Path, arguments: &[&str]) -> Result<String, Fault> {
    let output = Command::new(program)
        .args(["certificates", "revoke"])
        .args(arguments)
        .arg("--config")
        .arg(folder.join("ca.toml"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// How long each signing of the large issuer took, as the server's log says.
fn signing(folder: &Path) -> Result<Vec<String>, Fault> {
    let log = std::fs::read_to_string(folder.join("server.log"))?;
    let lines =
        log.lines().filter(|line| line.contains("revocation lists signed") && line.contains("external"));
    let took = |line: &str| {
        let (_, rest) = line.split_once("duration_ms=")?;
        rest.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned)
    };
    Ok(lines.filter_map(took).collect())
}

/// Somebody who checks certificates.
struct Party {
    client: reqwest::Client,
    published: String,
    filled: Filled,
}

impl Party {
    async fn list(&self) -> Result<Vec<u8>, Fault> {
        let url = format!("{}/crl/external.crl", self.published);
        Ok(self.client.get(url).send().await?.error_for_status()?.bytes().await?.to_vec())
    }

    /// Waits until OCSP and list show that it is revoked.
    async fn until_seen(&self, serial: &Serial, what: &str, began: Instant) -> Result<(), Fault> {
        let issuer = &self.filled.issuer;
        let asked = request(issuer, &[serial.as_bytes()], Hash::Sha1, None);
        loop {
            let url = format!("{}/ocsp/external", self.published);
            let answer = self.client.post(url).body(asked.clone()).send().await?.bytes().await?;
            if matches!(Response::read(&answer, issuer).signed().status(), Status::Revoked(_)) {
                break;
            }
        }
        println!("{what}: OCSP shows it after {} ms", began.elapsed().as_millis());
        loop {
            let list = self.list().await?;
            if list.windows(20).any(|window| window == serial.as_bytes()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("{what}: the list shows it after {} ms", began.elapsed().as_millis());
        Ok(())
    }
}
