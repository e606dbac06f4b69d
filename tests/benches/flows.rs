//! Whole flows a second, and what one costs the server: `cargo bench --package rollcall-tests --bench flows`.
//!
//! 16 workers, dns-01, TLS, every acknowledged write durable. `ROLLCALL_BENCH_SECONDS`, `ROLLCALL_BENCH_WORKERS` and `ROLLCALL_BENCH_ROUNDS` change
//! the plan. `ROLLCALL_BENCH_STORE` names a folder that the example `store_bench fill` of `ca-server` left: the run begins with a copy of it.
//! At the end the server is killed and started again.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rollcall_tests::dice::number;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use rollcall_tests::load::{self, Plan};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("ca");
    let dns = Arc::new(FakeDns::start().await);
    dns.add_zone("bench.test");
    // As in any real zone, "there is no CAA record" may be remembered for a while.
    dns.set_ttl(60);
    let url = Server::init(program, &folder, "bench.test", dns.address())?;
    if let Some(filled) = std::env::var_os("ROLLCALL_BENCH_STORE") {
        copy(Path::new(&filled), &folder.join("data"))?;
    }
    let (mut server, started) = Server::start(program, &folder, &url)?;
    println!("started in {} ms, resident {} MiB", started.as_millis(), server.resident() / (1 << 20));
    let root = std::fs::read_to_string(server.root("external"))?;
    let target = Target::new(&url, "external", &root)?;
    let plan = Plan {
        workers: usize::try_from(number("ROLLCALL_BENCH_WORKERS", 16))?,
        warm_up: Duration::from_secs(2),
        count: Duration::from_secs(number("ROLLCALL_BENCH_SECONDS", 10)),
        domain: "bench.test".to_owned(),
    };
    let mut rates = Vec::new();
    for _ in 0..number("ROLLCALL_BENCH_ROUNDS", 3) {
        let report = load::run(&plan, &target, &dns, &server).await?;
        println!("{report}");
        rates.push(report);
    }
    rates.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    if let Some(median) = rates.get(rates.len() / 2) {
        println!("median: {median}");
    }
    server.kill()?;
    let (server, started) = Server::start(program, &folder, &url)?;
    println!(
        "started after a kill in {} ms, resident {} MiB",
        started.as_millis(),
        server.resident() / (1 << 20)
    );
    Ok(())
}

/// Copies the files of a store; it has one folder, of large values.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            // Or the server would be charged for it when it starts.
            std::fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}
