//! Measures the embedded store: `store_bench commits [tasks] [commits]`, `store_bench fill [certificates]`, `store_bench open`.
//!
//! The folder is `ROLLCALL_BENCH_FOLDER`, or `store-bench` in the temporary folder. `fill` goes on from what is there.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_server::ids::{AccountId, OrderId};
use ca_server::log::act::Act;
use ca_server::order::model::{Certificate, CertificateStatus};
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::tables::certificates::{self, CertificateFilter};
use ca_server::store::{Batch, Store, Table};
use certs::leaf::Proof;
use certs::serial::Serial;
use time::OffsetDateTime;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).and_then(|n| n.parse().ok()).unwrap_or(default);
    let folder = std::env::var_os("ROLLCALL_BENCH_FOLDER")
        .map_or_else(|| std::env::temp_dir().join("store-bench"), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match arguments.first().map(String::as_str) {
            Some("commits") => commits(&folder, number(1, 16), number(2, 1200)).await,
            Some("fill") => fill(&folder, number(1, 1_000_000)).await,
            Some("open") => reopen(&folder).await,
            Some(_) | None => Err("say commits, fill or open".into()),
        }
    })
}

fn say(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn open(folder: &Path) -> Outcome<Store> {
    let begun = Instant::now();
    let store = Store::new(Arc::new(Sled::open(&SledConfig::new(folder))?));
    say(&format!("open: {:.3} s, resident {} MiB", begun.elapsed().as_secs_f64(), resident_mib()));
    Ok(store)
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Two-row batches from many tasks at once, each waiting for its own.
async fn commits(folder: &Path, tasks: usize, each: usize) -> Outcome<()> {
    let store = open(folder)?;
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let store = store.clone();
        running.spawn(async move {
            let mut took = Vec::with_capacity(each);
            for _ in 0..each {
                let id = OrderId::fresh(OffsetDateTime::now_utc())?;
                let mut batch = Batch::new();
                batch.absent(Table::Orders, id.as_bytes().to_vec());
                batch.put(Table::Orders, id.as_bytes().to_vec(), vec![7; 400]);
                batch.put(Table::OrdersByAccount, id.as_bytes().to_vec(), Vec::new());
                let begun = Instant::now();
                store.commit(batch).await?;
                took.push(begun.elapsed());
            }
            Outcome::Ok(took)
        });
    }
    let mut took: Vec<Duration> = running.join_all().await.into_iter().collect::<Outcome<Vec<_>>>()?.concat();
    let whole = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    say(&format!(
        "{} commits from {tasks} tasks: {:.0}/s, median {:?}, p99 {:?}, resident {} MiB",
        took.len(),
        f64::from(u32::try_from(took.len())?) / whole,
        at(50),
        at(99),
        resident_mib()
    ));
    store.close().await;
    Ok(())
}

/// Certificate records with their index rows and journal entries, as issuance writes them.
async fn fill(folder: &Path, certificates: usize) -> Outcome<()> {
    let store = open(folder)?;
    let begun = Instant::now();
    let account = AccountId::fresh(OffsetDateTime::now_utc())?;
    let mut running = tokio::task::JoinSet::new();
    let tasks = 64;
    for task in 0..tasks {
        let store = store.clone();
        running.spawn(async move {
            for number in (task..certificates).step_by(tasks) {
                issue(&store, account, number).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    say(&format!(
        "{certificates} certificates: {:.0} s, resident {} MiB",
        begun.elapsed().as_secs_f64(),
        resident_mib()
    ));
    let closing = Instant::now();
    store.close().await;
    drop(store);
    say(&format!("close: {:.3} s", closing.elapsed().as_secs_f64()));
    Ok(())
}

async fn issue(store: &Store, account: AccountId, number: usize) -> Outcome<()> {
    let created = OffsetDateTime::from_unix_timestamp(1_700_000_000 + i64::try_from(number / 20)?)?;
    let intended = sample(account, number, created)?;
    let mut batch = Batch::new();
    certificates::insert(&mut batch, &intended)?;
    let act = Act::Intent {
        serial: intended.serial,
        authority: intended.authority.clone(),
        order: intended.order,
        account: intended.account,
        profile: intended.profile.clone(),
        identifiers: intended.identifiers.clone(),
        tbs_sha256: "ab".repeat(32),
        evidence: Vec::new(),
        holder: None,
        rules: vec!["own-domains".to_owned()],
    };
    store
        .commit({
            batch.record(created, act);
            batch
        })
        .await?;
    let seen = store.load::<Certificate>(&intended.serial).await?.ok_or("lost")?;
    let issued = Certificate { status: CertificateStatus::Issued, der: "Q".repeat(880), ..intended };
    let mut batch = Batch::new();
    certificates::replace(&mut batch, &seen, &issued)?;
    batch.record(created, Act::Issued { serial: issued.serial, certificate_sha256: "cd".repeat(32) });
    store.commit(batch).await?;
    Ok(())
}

fn sample(account: AccountId, number: usize, created: OffsetDateTime) -> Outcome<Certificate> {
    Ok(Certificate {
        serial: Serial::new(created, ca_server::ids::random_bytes()?),
        authority: "external".parse()?,
        issuer: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        order: Some(OrderId::fresh(OffsetDateTime::now_utc())?),
        account: Some(account),
        profile: "device".to_owned(),
        identifiers: vec![format!("dns:room-{number}.devices.example.com").parse()?],
        proofs: vec![Proof::Dns01],
        status: CertificateStatus::Intended,
        der: "Q".repeat(760),
        not_before: created,
        not_after: created + time::Duration::days(30),
        created,
        revoked: None,
        revocation_reason: None,
        replaces: None,
        evidence: Vec::new(),
        holder: None,
    })
}

/// Opens, reads here and there, and says what it took.
async fn reopen(folder: &Path) -> Outcome<()> {
    let store = open(folder)?;
    let begun = Instant::now();
    let page = store.certificates(&CertificateFilter::default(), None, 20).await?;
    say(&format!("newest {}: {:?}", page.items.len(), begun.elapsed()));
    let (begun, mut found) = (Instant::now(), 0);
    for number in (0..1_000_000).step_by(5003) {
        let identifier = Some(format!("dns:room-{number}.devices.example.com").parse()?);
        let filter = CertificateFilter { identifier, ..CertificateFilter::default() };
        found += store.certificates(&filter, None, 2).await?.items.len();
    }
    say(&format!("{found} of 200 names: {:?}, resident {} MiB", begun.elapsed(), resident_mib()));
    store.close().await;
    Ok(())
}
