//! The agent `acme-client run`, killed while it renews several identities side by side.
//!
//! Besides the reader's rules: an order that was in flight at a kill is the one that the next run finishes, with the same key; and the
//! server has issued one certificate for each generation, no more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use acme_client::state::IdentityDir;
use rollcall_tests::dice::{Dice, number};

use super::{FEWEST_KILLS, Reader};
use crate::daemon::{Daemon, make_due};
use crate::setting::{Device, Setting};

const NAMES: [&str; 4] = ["room-1.corp.test", "room-2.corp.test", "room-3.corp.test", "room-4.corp.test"];

/// What is known of one identity between two runs.
struct Books {
    identity: IdentityDir,
    generation: u64,
    /// The key of the order that was in flight when the last run was killed.
    in_flight: Option<String>,
    resumed: u64,
}

impl Books {
    fn open(identity: IdentityDir) -> Self {
        let generation = identity.current_generation().unwrap().unwrap().number();
        Self { identity, generation, in_flight: None, resumed: 0 }
    }

    /// Looks at what a run has left behind; it could make one generation at most.
    fn audit(&mut self) {
        let current = self.identity.current().unwrap().unwrap();
        let made = current.generation.number() - self.generation;
        assert!(made <= 1, "{}: {made} certificates in one run", self.identity.name());
        if made == 1 {
            self.generation += 1;
            if let Some(key) = self.in_flight.take() {
                assert_eq!(key, *current.key, "an order was in flight, and another one was made");
                self.resumed += 1;
            }
        }
        let pending = self.identity.pending().unwrap().map(|(_, key)| key.to_string());
        // Installed, and killed before that was noted.
        let pending = pending.filter(|key| *key != *current.key);
        if let Some(key) = &self.in_flight {
            assert_eq!(Some(key), pending.as_ref(), "an order that was in flight is forgotten");
        }
        self.in_flight = pending;
    }

    /// As if its moment had come, unless a renewal is under way already.
    fn prepare(&self) {
        if self.in_flight.is_none() {
            make_due(&self.identity);
        }
    }
}

/// Runs the agent until each identity has been worked on, which says what a run usually takes.
fn run_to_the_end(device: &Device<'_>) {
    let mut daemon = Daemon::start(device, &[]);
    let mut left = NAMES.to_vec();
    while !left.is_empty() {
        let worked = daemon.wait_for("worked");
        let identity = worked["result"]["identity"].as_str().unwrap().to_owned();
        assert_eq!(worked["result"]["status"], "renewed", "{worked}");
        left.retain(|name| *name != identity);
    }
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0));
}

/// Readers of every identity's pair.
fn readers(setting: &Setting, books: &[Books]) -> Vec<Reader> {
    let reader = |one: &Books| Reader {
        name: one.identity.name().to_string(),
        link: one.identity.path().join("current"),
        root: Some(setting.root_pem()),
    };
    books.iter().map(reader).collect()
}

/// Runs the agent for so long, and kills it.
fn run_and_kill(device: &Device<'_>, after: std::time::Duration) {
    let mut command = device.command(&["run"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut agent = command.spawn().unwrap();
    // Not a wait for something: the moment of the kill is the experiment.
    std::thread::sleep(after);
    assert!(agent.try_wait().unwrap().is_none(), "the agent ended by itself");
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_never_leaves_a_mixed_pair_and_finishes_the_orders_that_were_in_flight() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    for name in NAMES {
        device.enroll(name, &["--keep", "5"]).with(0);
    }
    let mut books: Vec<Books> = NAMES.iter().map(|name| Books::open(device.identity(name))).collect();
    books.iter().for_each(Books::prepare);
    let begun = Instant::now();
    run_to_the_end(&device);
    let usual = u64::try_from(begun.elapsed().as_micros()).unwrap();
    books.iter_mut().for_each(Books::audit);
    let wanted = number("ROLLCALL_AGENT_RENEWALS", 16);
    let readers = readers(&setting, &books);
    let (stop, begun) = (AtomicBool::new(false), Instant::now());
    let (kills, seen) = std::thread::scope(|scope| {
        let watched = scope.spawn(|| Reader::watch_all(&readers, &stop));
        let mut dice = Dice(number("ROLLCALL_KILL_SEED", 7));
        let (mut kills, mut made) = (0, 0);
        let before: u64 = books.iter().map(|one| one.generation).sum();
        while made < wanted || kills < FEWEST_KILLS {
            books.iter().for_each(Books::prepare);
            run_and_kill(&device, std::time::Duration::from_micros(dice.below(usual * 3)));
            kills += 1;
            books.iter_mut().for_each(Books::audit);
            made = books.iter().map(|one| one.generation).sum::<u64>() - before;
        }
        stop.store(true, Ordering::Relaxed);
        (kills, watched.join().unwrap())
    });
    books.iter().for_each(Books::prepare);
    run_to_the_end(&device);
    books.iter_mut().for_each(Books::audit);
    setting.ask(&["log", "verify"]);
    for one in &books {
        let issued = setting.count_certificates(one.identity.name().as_str());
        assert_eq!(issued, one.generation, "{}: certificates that nobody has", one.identity.name());
        assert!(one.in_flight.is_none());
    }
    let resumed: u64 = books.iter().map(|one| one.resumed).sum();
    assert!(seen.looks > 0, "{seen:?}");
    eprintln!(
        "{wanted} renewals by the agent, {} identities side by side, in {:.0} s: {kills} agents killed, {resumed} orders that were in flight were finished \
         with their own key, none was ordered twice; the reader looked {} times, saw {} generations, was overtaken {} times",
        NAMES.len(),
        begun.elapsed().as_secs_f64(),
        seen.looks,
        seen.generations,
        seen.overtaken,
    );
}
