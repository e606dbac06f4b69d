//! What one person costs the server, from newOrder over the sign-in to the certificate: `cargo bench --package rollcall-tests --bench people`.
//!
//! The server is a process of its own; the demonstration identity provider, the browser and the client run here. People come one after
//! another, by SAML and by OpenID Connect in turn, so what is counted includes all that the server does beside, and each commit syncs by
//! itself; then in groups of sixteen at a time, as in the morning of an office, each group's share for one person. `ROLLCALL_BENCH_PEOPLE` changes their number.
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints its figures")]

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rollcall_tests::dice::number;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::identity_provider::{Client, IdentityProvider, ServiceProvider, User};
use rollcall_tests::load::person::Desk;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;

const PROTOCOLS: [&str; 2] = ["saml", "oidc"];

/// People before anything is counted: caches fill, the provider is asked for its documents.
const WARM_UP: u64 = 20;

/// Programs that enrol people at the same time.
const TOGETHER: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("ca");
    let dns = FakeDns::start().await;
    dns.add_zone("bench.test");
    let url = Server::init(program, &folder, "bench.test", dns.address())?;
    let provider = IdentityProvider::builder().start().await?;
    serve(&provider, &url, &folder)?;
    let (server, _) = Server::start(program, &folder, &url)?;
    let root = std::fs::read_to_string(server.root("external"))?;
    let target = Target::new(&url, "external", &root)?;
    let mut desk = Desk::register(&target, &root).await?;
    let people = number("ROLLCALL_BENCH_PEOPLE", 200);
    let mut spent = [Vec::new(), Vec::new()];
    for person in 0..WARM_UP + people {
        for (protocol, spent) in PROTOCOLS.iter().zip(&mut spent) {
            let user =
                User::new(&format!("p{person}@{protocol}.bench.test"), "Some Body").in_groups(&["staff"]);
            provider.add_user(user.clone());
            let (before, began) = (server.cpu_of_threads(), Instant::now());
            desk.enrol(&user).await?;
            if person >= WARM_UP {
                spent.push((server.cpu_of_threads().since(&before), began.elapsed()));
            }
        }
    }
    for (protocol, spent) in PROTOCOLS.iter().zip(spent) {
        let (cpu, wall): (Vec<_>, Vec<_>) = spent.into_iter().unzip();
        println!("{protocol}: {people} people, server CPU a person: {}", figures(cpu));
        println!("{protocol}: from newOrder to the certificate: {}", figures(wall));
    }
    for protocol in PROTOCOLS {
        let mut desks = Vec::new();
        for _ in 0..TOGETHER {
            desks.push(Desk::register(&target, &root).await?);
        }
        let (mut spent, began) = (Vec::new(), Instant::now());
        for group in 0..people.div_ceil(u64::try_from(TOGETHER)?) {
            let user = |at| known(&provider, &format!("t{group}-{at}"), protocol);
            let users: Vec<_> = (0..TOGETHER).map(user).collect();
            let before = server.cpu_of_threads();
            let enrolled = desks.iter_mut().zip(&users).map(|(desk, user)| desk.enrol(user));
            futures_util::future::try_join_all(enrolled).await?;
            spent.push(server.cpu_of_threads().since(&before) / u32::try_from(TOGETHER)?);
        }
        let rate = (spent.len() * TOGETHER) as f64 / began.elapsed().as_secs_f64();
        println!(
            "{protocol}: groups of {TOGETHER} at a time: {rate:.0} people/s, server CPU a person: {}",
            figures(spent)
        );
    }
    println!("resident {} MiB", server.resident() / (1 << 20));
    Ok(())
}

/// A person whom the provider knows.
fn known(provider: &IdentityProvider, login: &str, protocol: &str) -> User {
    let user = User::new(&format!("{login}@{protocol}.bench.test"), "Some Body").in_groups(&["staff"]);
    provider.add_user(user.clone());
    user
}

/// Makes the two sides known to each other, once for each protocol.
fn serve(provider: &IdentityProvider, url: &str, folder: &Path) -> std::io::Result<()> {
    provider.add_client(Client {
        id: "rollcall".to_owned(),
        secret: None,
        redirect_uri: format!("{url}/sso/oidc/oidc/callback"),
    });
    provider.add_service_provider(ServiceProvider {
        entity_id: format!("{url}/sso/saml/saml/metadata"),
        assertion_consumer: format!("{url}/sso/saml/saml/acs"),
    });
    std::fs::write(folder.join("idp.xml"), provider.saml_metadata())?;
    let head = |name| {
        format!(
            "\n[[identity_provider]]\nname = \"{name}\"\ndomains = [\"{name}.bench.test\"]\nsso_provider = \"{name}.bench.test\"\n"
        )
    };
    let sections = format!(
        "{}[identity_provider.saml]\nmetadata = \"idp.xml\"\n{}[identity_provider.oidc]\nissuer = \"{}\"\nclient_id = \"rollcall\"\n",
        head("saml"),
        head("oidc"),
        provider.issuer()
    );
    std::fs::File::options().append(true).open(folder.join("ca.toml"))?.write_all(sections.as_bytes())
}

/// Median, 95th percentile and maximum.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    format!("median {:.2} ms, p95 {:.2} ms, most {:.2} ms", at(50), at(95), at(100))
}
