//! OCSP answers a second over keep-alive plain HTTP, and what one costs the server: `cargo bench --package rollcall-tests --bench ocsp`.
//!
//! The server is a process of its own; the connections are here, each asking for one certificate after another by GET, as RFC 5019 wants it. First few
//! certificates, whose answers are kept; then more than are kept, so that most are signed. `ROLLCALL_BENCH_SECONDS`, `ROLLCALL_BENCH_WORKERS` and
//! `ROLLCALL_BENCH_ROUNDS` change the plan.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::issuer::Issuer;
use certs::serial::Serial;
use rollcall_tests::dice::number;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::{Server, own_cpu};
use rollcall_tests::revocation::fill;
use rollcall_tests::revocation::ocsp::{Hash, Response, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Certificates whose answers all fit into the memory for them.
const FEW: usize = 2_000;
/// Certificates in the store, half of them revoked: more than fit.
const ALL: u32 = 40_000;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("ca");
    let dns = FakeDns::start().await;
    let url = Server::init(program, &folder, "bench.test", dns.address())?;
    let address = fill::serve_relying_parties(&folder)?.replace("http://localhost", "127.0.0.1");
    let filled = fill::folder(&folder, ALL / 2, ALL / 2).await?;
    let (server, _) = Server::start(program, &folder, &url)?;
    let serials: Vec<Serial> = filled.good.iter().zip(&filled.bad).flat_map(|(a, b)| [*a, *b]).collect();
    let few = serials.get(..FEW).unwrap_or_default();
    for (what, serials) in [("kept answers", few), ("mostly signed anew", &serials)] {
        let requests: Arc<Vec<String>> =
            Arc::new(serials.iter().map(|serial| get(&filled.issuer, serial)).collect());
        run(&address, &requests, &filled.issuer, Duration::from_secs(2)).await?;
        for _ in 0..number("ROLLCALL_BENCH_ROUNDS", 3) {
            let seconds = Duration::from_secs(number("ROLLCALL_BENCH_SECONDS", 10));
            let (cpu, own) = (server.cpu(), own_cpu());
            let (mut times, took) = run(&address, &requests, &filled.issuer, seconds).await?;
            times.sort_unstable();
            let count = u32::try_from(times.len())?;
            let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
            println!(
                "{what}: {:.0} answers/s, server CPU {:.1} µs each, generator {:.1} µs, p50 {:.2} ms, p99 {:.2} ms, resident {} MiB",
                f64::from(count) / took.as_secs_f64(),
                ((server.cpu() - cpu) / count).as_secs_f64() * 1e6,
                ((own_cpu() - own) / count).as_secs_f64() * 1e6,
                at(50).as_secs_f64() * 1e3,
                at(99).as_secs_f64() * 1e3,
                server.resident() / (1 << 20),
            );
        }
    }
    Ok(())
}

fn get(issuer: &Issuer, serial: &Serial) -> String {
    let text = STANDARD.encode(request(issuer, &[serial.as_bytes()], Hash::Sha1, None));
    let text = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("GET /ocsp/external/{text} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Asks from all connections for a while; the time of each answer, and how long it all took.
async fn run(
    address: &str,
    requests: &Arc<Vec<String>>,
    issuer: &Issuer,
    seconds: Duration,
) -> Result<(Vec<Duration>, Duration), Fault> {
    let workers = usize::try_from(number("ROLLCALL_BENCH_WORKERS", 32))?;
    let began = Instant::now();
    let mut tasks = Vec::new();
    for worker in 0..workers {
        let (address, requests) = (address.to_owned(), requests.clone());
        tasks.push(tokio::spawn(async move {
            let mut connection = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            let (mut times, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
            let mut asked = requests.iter().cycle().skip(worker * requests.len() / workers);
            while let Some(request) = asked.next().filter(|_| began.elapsed() < seconds) {
                let sent = Instant::now();
                connection.write_all(request.as_bytes()).await?;
                read(&mut connection, &mut buffer).await?;
                times.push(sent.elapsed());
            }
            Ok::<_, Fault>(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let took = began.elapsed();
    // Of all that was counted, one is looked at whole.
    let mut connection = TcpStream::connect(address).await?;
    let mut buffer = vec![0; 16 * 1024];
    connection.write_all(requests.first().ok_or("no requests")?.as_bytes()).await?;
    let body = read(&mut connection, &mut buffer).await?;
    let _ = Response::read(buffer.get(body).ok_or("no body")?, issuer).signed();
    Ok((times, took))
}

/// Reads one answer, which must be 200; says where in the buffer its body is.
async fn read(connection: &mut TcpStream, buffer: &mut [u8]) -> Result<std::ops::Range<usize>, Fault> {
    let mut filled = 0;
    loop {
        let read = connection.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        if read == 0 {
            return Err("the connection ended".into());
        }
        filled += read;
        let seen = buffer.get(..filled).unwrap_or_default();
        let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(seen.get(..end).unwrap_or_default())?;
        if !head.starts_with("HTTP/1.1 200") {
            return Err(head.to_owned().into());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = end + 4..end + 4 + length.ok_or("no length")?.parse::<usize>()?;
        if filled >= body.end {
            return Ok(body);
        }
    }
}
