//! Renewals killed with SIGKILL at random moments, watched by a reader: it never sees a mixed or missing pair.
//!
//! `ROLLCALL_RENEWALS` sets how many renewals are made (default 500); the nightly run makes 10,000.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::{
    env, fs, io,
    os::fd::AsRawFd,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use acme_client::state::{CurrentPair, IdentityDir, IdentityName, Issued, StateDir};
use zeroize::Zeroizing;

const FOLDER: &str = "ROLLCALL_TEST_FOLDER";
/// Every life of the writer ends within this.
const LONGEST_LIFE: u64 = 60_000;
const KEPT: u32 = 3;

fn identity(folder: &Path) -> IdentityDir {
    StateDir::at(folder).identity(&IdentityName::parse("room-1").unwrap())
}

/// A pair that shows whether its parts belong together.
fn pair(mark: u64) -> Issued {
    let block =
        |what: &str| format!("-----BEGIN CERTIFICATE-----\n{what} {mark}\n-----END CERTIFICATE-----\n");
    let filler = "x".repeat(2000);
    let chain = format!("{}{}", block("leaf"), block("issuer"));
    Issued::from_chain(&chain, Zeroizing::new(format!("key {mark}\n{filler}\n"))).unwrap()
}

fn mark(text: &str) -> u64 {
    let line =
        text.lines().find(|line| !line.starts_with('-')).unwrap_or_else(|| panic!("no mark in {text:?}"));
    line.rsplit_once(' ')
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or_else(|| panic!("no mark in {line:?}"))
}

fn whole(current: &CurrentPair) -> u64 {
    let key = mark(&current.key);
    assert!(current.key.ends_with("x\n"), "the key is cut off");
    assert_eq!(mark(&current.certificate), key, "certificate and key do not belong together");
    assert_eq!(mark(&current.chain), key, "chain and key do not belong together");
    key
}

/// The writer: renews until it is killed. Does nothing when run as an ordinary test.
#[test]
fn writer() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let state = StateDir::at(&folder);
    let (_lock, _) = state.lock().unwrap();
    let identity = identity(Path::new(&folder));
    loop {
        let next = identity.current_generation().unwrap().map_or(1, |current| current.number() + 1);
        identity.install(&pair(next), KEPT).unwrap();
    }
}

fn start_writer(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads as a careful service does: `current` is opened once, then the files are opened in that folder.
///
/// Between two renewals of a real device lie days. Here a reader that is not scheduled for a while can be overtaken by as many
/// renewals as generations are kept; only that excuses a missing file.
fn watch(folder: &Path, stop: &AtomicBool) -> (u64, u64) {
    let link = folder.join("identities/room-1/current");
    let generation = || mark(&format!("at {}", fs::read_link(&link).unwrap().file_name().unwrap().display()));
    let (mut reads, mut overtakings, mut last) = (0, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let before = generation();
        let (certificate, key) = match read_pair(&link) {
            Ok(pair) => pair,
            Err(error) => {
                let after = generation();
                let overtaken = after - before >= u64::from(KEPT);
                assert!(overtaken, "missing pair at {before}, now {after}, have {:?}: {error}", kept(folder));
                overtakings += 1;
                continue;
            }
        };
        assert_eq!(mark(&certificate), mark(&key), "a reader saw a mixed pair");
        assert!(mark(&key) >= last, "a reader saw time go backwards");
        last = mark(&key);
        reads += 1;
    }
    (reads, overtakings)
}

fn read_pair(link: &Path) -> io::Result<(String, String)> {
    let opened = fs::File::open(link)?;
    let resolved = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let read = |name: &str| fs::read_to_string(Path::new(&resolved).join(name));
    Ok((read("fullchain.pem")?, read("key.pem")?))
}

fn kept(folder: &Path) -> Vec<u64> {
    identity(folder).generations().unwrap().iter().map(|one| one.number()).collect()
}

#[test]
fn a_reader_never_sees_a_mixed_or_missing_pair_however_the_writer_is_killed() {
    let wanted: u64 = env::var("ROLLCALL_RENEWALS").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    identity.install(&pair(1), KEPT).unwrap();
    let stop = AtomicBool::new(false);
    let (mut kills, mut seed) = (0_u64, 0x9E37_79B9_7F4A_7C15_u64);
    let (reads, overtakings) = thread::scope(|scope| {
        let reader = scope.spawn(|| watch(folder.path(), &stop));
        let begun = Instant::now();
        while whole(&identity.current().unwrap().unwrap()) < wanted {
            assert!(begun.elapsed() < Duration::from_secs(1800), "too slow after {kills} kills");
            let mut writer = start_writer(folder.path());
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let life = Duration::from_micros(5_000 + (seed >> 33) % LONGEST_LIFE);
            let born = Instant::now();
            while born.elapsed() < life {
                thread::yield_now();
            }
            writer.kill().unwrap();
            writer.wait().unwrap();
            kills += 1;
            whole(&identity.current().unwrap().unwrap());
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    let (_lock, _) = StateDir::at(folder.path()).lock().unwrap();
    identity.install(&pair(wanted * 2), KEPT).unwrap();
    assert_eq!(kept(folder.path()).len(), usize::try_from(KEPT).unwrap(), "the next renewal tidies up");
    assert!(kills > 3 && reads > 100, "{kills} kills, {reads} reads");
    eprintln!("{wanted} renewals, {kills} kills, {reads} reads, {overtakings} times overtaken");
}
