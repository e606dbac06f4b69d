//! Certificates on an access token a second, durable, by both fronts: `cargo bench --package rollcall-tests --bench internal`.
//!
//! The server is a process of its own; sixteen people, each with a token, a key and a connection, ask again and again: first
//! `/internal/certificates`, then EST. `ROLLCALL_BENCH_SECONDS`, `ROLLCALL_BENCH_WORKERS` and `ROLLCALL_BENCH_ROUNDS` change the plan.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rollcall_tests::dice::number;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::internal::{AUDIENCE, ISSUER, TokenIssuer};
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use rollcall_tests::load::token::{Bearer, Front};
use rollcall_tests::load::{Plan, measure};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("ca");
    let dns = FakeDns::start().await;
    let url = Server::init(program, &folder, "bench.test", dns.address())?;
    let issuer = TokenIssuer::new("bench");
    configure(&folder, &issuer)?;
    let (server, _) = Server::start(program, &folder, &url)?;
    let made = Command::new(program)
        .args(["org", "create", "Bench", "--token-issuer", "bench", "--config"])
        .arg(folder.join("ca.toml"))
        .output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    let target = Target::new(&url, "external", &std::fs::read_to_string(server.root("external"))?)?;
    let plan = Plan {
        workers: usize::try_from(number("ROLLCALL_BENCH_WORKERS", 16))?,
        warm_up: Duration::from_secs(2),
        count: Duration::from_secs(number("ROLLCALL_BENCH_SECONDS", 10)),
        domain: "bench.test".to_owned(),
    };
    for front in [Front::Certificates, Front::Est] {
        for _ in 0..number("ROLLCALL_BENCH_ROUNDS", 3) {
            let mut people = Vec::new();
            for person in 0..plan.workers {
                people.push(Bearer::open(&target, front, &token(&issuer, person)?).await?);
            }
            println!("{front:?}: {}", measure(&plan, &server, people).await?);
        }
    }
    Ok(())
}

/// A token for one person, good for longer than the bench takes.
fn token(issuer: &TokenIssuer, person: usize) -> Result<String, Box<dyn std::error::Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": format!("person-{person}"), "iat": now, "nbf": now, "exp": now + 3600,
        "name": "Some Body",
    });
    Ok(issuer.token(&claims))
}

/// Makes the issuer known, and takes away the limit that a load is there to meet.
fn configure(folder: &Path, issuer: &TokenIssuer) -> std::io::Result<()> {
    std::fs::write(folder.join("bench-keys.json"), issuer.key_set().to_string())?;
    let file = folder.join("ca.toml");
    let text = std::fs::read_to_string(&file)?
        .replace("\n#certificates_per_hour = 60", "\ncertificates_per_hour = 0");
    let section = format!(
        "\n[[token_issuer]]\nname = \"bench\"\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\nkeys_file = \"bench-keys.json\"\n"
    );
    std::fs::write(file, text + &section)
}
