//! Renewals killed with SIGKILL at random moments while a reader looks at `current` all the time: it never finds a missing, mixed or half-written pair.
//!
//! Three runs. *Renewals* are real: the program `acme-client renew --force` against the server program (`ROLLCALL_RENEWALS`, default 40); the
//! agent `acme-client run` with several identities whose moments have come (`ROLLCALL_AGENT_RENEWALS`, default 16), see [`agent`].
//! *Installations* go through the same code that writes the state directory, in a child process with an issuer of its own and real key pairs, but
//! without a server, so that many more kills fall into the writing itself (`ROLLCALL_INSTALLATIONS`, default 200).

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use acme_client::enroll::Leaf;
use acme_client::state::{IdentityDir, IdentityName, Issued, PendingOrder, StateDir};
use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::verdict::{State, verdict};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rollcall_tests::dice::{Dice, number};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::setting::Setting;

mod agent;

const NAME: &str = "room-1.corp.test";
const KEEP: u32 = 5;
/// With fewer, a run says little.
const FEWEST_KILLS: u64 = 5;
/// What a writer says before it begins.
const READY: &str = "writing";
/// In a writer's environment: the folder it writes to.
const FOLDER: &str = "ROLLCALL_TEST_FOLDER";

/// What the reader saw.
#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    generations: u64,
    /// It was so slow that what it had opened was pruned meanwhile.
    overtaken: u64,
}

/// Looks as a careful service does: `current` is opened once, then the files in that folder.
struct Reader {
    name: String,
    link: PathBuf,
    /// The root that every chain must lead to; without one the chain's own last certificate is taken.
    root: Option<String>,
}

impl Reader {
    fn watch(&self, stop: &AtomicBool) -> Seen {
        Self::watch_all(std::slice::from_ref(self), stop)
    }

    /// Looks at one after the other, again and again.
    fn watch_all(all: &[Self], stop: &AtomicBool) -> Seen {
        let (mut seen, mut last) = (Seen::default(), vec![0; all.len()]);
        while !stop.load(Ordering::Relaxed) {
            for (reader, last) in all.iter().zip(&mut last) {
                let Some(generation) = reader.look() else {
                    seen.overtaken += 1;
                    continue;
                };
                assert!(generation >= *last, "a reader saw generation {generation} after {last}");
                seen.looks += 1;
                seen.generations += u64::from(generation > *last);
                *last = generation;
            }
        }
        seen
    }

    /// One look: the generation, of which every file fits; `None` if it was pruned while we read.
    fn look(&self) -> Option<u64> {
        let opened = std::fs::File::open(&self.link).expect("`current` leads to a folder at every moment");
        let folder = format!("/proc/self/fd/{}", opened.as_raw_fd());
        let place = std::fs::read_link(&folder).unwrap();
        let read = |name: &str| std::fs::read_to_string(Path::new(&folder).join(name)).ok();
        let files = (read("key.pem"), read("cert.pem"), read("chain.pem"), read("fullchain.pem"));
        let (Some(key), Some(leaf), Some(chain), Some(fullchain)) = files else {
            self.was_pruned(&place);
            return None;
        };
        assert_eq!(fullchain, format!("{leaf}{chain}"), "the full chain is not leaf and chain");
        let now = OffsetDateTime::now_utc();
        Leaf::from_pem(&leaf)
            .unwrap()
            .check(&[acme_client::acme::Identifier::dns(&self.name)], &key, now)
            .expect("certificate and key belong together");
        let ders = certs::pem::parse_certificates(&fullchain).unwrap();
        let mut trust = TrustSets::new();
        match &self.root {
            Some(root) => trust.insert_pem("external".parse().unwrap(), root).unwrap(),
            None => trust.insert("external".parse().unwrap(), &ders[1..]).unwrap(),
        }
        let expected = Identifier::from_parts("dns", &self.name).unwrap();
        let judged = verdict(&ders, &trust, Some(&expected), &[], now);
        assert!(matches!(judged.state, State::VerifiedBy(_)), "{judged}");
        Some(generation_of(&place))
    }

    /// A file may be missing only because `KEEP` newer generations are there.
    fn was_pruned(&self, place: &Path) {
        let newest = generation_of(&std::fs::read_link(&self.link).unwrap());
        let ours = generation_of(place);
        assert!(
            newest >= ours + u64::from(KEEP),
            "files of generation {ours} are missing while {newest} is current"
        );
    }
}

fn generation_of(place: &Path) -> u64 {
    let name = place.file_name().unwrap().to_str().unwrap();
    // Linux says so of a folder that was removed after it was opened.
    name.trim_end_matches(" (deleted)").parse().unwrap()
}

/// Starts writers one after the other and kills each at a random moment of its life, until `enough` generations were made and enough kills
/// have hit, however fast the disk is; gives the kills, and the writers that came to their end before.
fn kill_and_kill_again(
    identity: &IdentityDir,
    enough: u64,
    longest_life: Duration,
    mut start: impl FnMut() -> Child,
) -> (u64, u64) {
    let mut dice = Dice(number("ROLLCALL_KILL_SEED", 7));
    let (mut kills, mut ended) = (0, 0);
    let limit = Duration::from_secs(3600 * 6);
    let begun = Instant::now();
    let made = || identity.generations().unwrap().last().map_or(0, |last| last.number());
    while made() < enough || kills < FEWEST_KILLS {
        assert!(begun.elapsed() < limit, "too slow: {kills} kills");
        let mut writer = start();
        let micros = u64::try_from(longest_life.as_micros()).unwrap();
        // Not a wait for something: the moment of the kill is the experiment.
        std::thread::sleep(Duration::from_micros(dice.below(micros)));
        if writer.try_wait().unwrap().is_some() {
            ended += 1;
            continue;
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        kills += 1;
    }
    (kills, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn real_renewals_that_are_killed_never_leave_a_missing_or_mixed_pair() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll(NAME, &["--keep", "5"]).with(0);
    let begun = Instant::now();
    device.run(&["renew", "--force"]).with(0);
    let usual = begun.elapsed();
    let identity = device.identity(NAME);
    let reader = Reader {
        name: NAME.to_owned(),
        link: identity.path().join("current"),
        root: Some(setting.root_pem()),
    };
    let wanted = number("ROLLCALL_RENEWALS", 40);
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let ((kills, ended), seen) = std::thread::scope(|scope| {
        let watched = scope.spawn(|| reader.watch(&stop));
        let result = kill_and_kill_again(&identity, wanted + 2, usual * 3, || {
            let mut command = device.command(&["renew", "--force"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        });
        stop.store(true, Ordering::Relaxed);
        (result, watched.join().unwrap())
    });
    // Whatever the last kill left behind, the next run tidies up and goes on; and the server kept count.
    device.run(&["renew", "--force"]).with(0);
    assert!(reader.look().is_some());
    assert!(seen.looks > 0, "{seen:?}");
    setting.ask(&["log", "verify"]);
    eprintln!(
        "{wanted} renewals over ACME in {:.0} s: {kills} runs killed, {ended} came to their end; the reader looked {} times, saw {} generations, \
         was overtaken {} times",
        begun.elapsed().as_secs_f64(),
        seen.looks,
        seen.generations,
        seen.overtaken
    );
}

/// The writer of the other run: installs new pairs until it is killed. Does nothing when run as an ordinary test.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let state = StateDir::at(&folder);
    let issuer = Issuer::new();
    let (_lock, _) = state.lock().unwrap();
    let identity = state.identity(&IdentityName::for_domain(NAME).unwrap());
    println!("\n{READY}");
    for serial in 0.. {
        install(&identity, &issuer, serial);
    }
}

struct Issuer(CertifiedIssuer<'static, KeyPair>);

impl Issuer {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }
}

/// The writes of one renewal, in their order: the order with its key, the new pair, the swap, the end of the order.
fn install(identity: &IdentityDir, issuer: &Issuer, serial: u64) {
    let key = KeyPair::generate().unwrap();
    let key_pem = Zeroizing::new(key.serialize_pem());
    let order = PendingOrder {
        order: format!("https://ca.test/order/{serial}").parse().unwrap(),
        directory: "https://ca.test/directory".parse().unwrap(),
        account: "https://ca.test/account/1".parse().unwrap(),
        names: vec![NAME.to_owned()],
        profile: None,
        csr: String::new(),
        created: OffsetDateTime::now_utc(),
    };
    identity.store_pending(&order, &key_pem).unwrap();
    let mut parameters = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    parameters.not_before = OffsetDateTime::now_utc() - time::Duration::HOUR;
    let leaf = parameters.signed_by(&key, &issuer.0).unwrap();
    let chain = format!("{}{}", leaf.pem(), issuer.0.pem());
    identity.install(&Issued::from_chain(&chain, key_pem).unwrap(), KEEP).unwrap();
}

#[test]
fn installations_that_are_killed_never_leave_a_missing_or_mixed_pair() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(folder.path());
    let identity = state.identity(&IdentityName::for_domain(NAME).unwrap());
    install(&identity, &Issuer::new(), 0);
    let reader = Reader { name: NAME.to_owned(), link: identity.path().join("current"), root: None };
    let wanted = number("ROLLCALL_INSTALLATIONS", 200);
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let ((kills, _), seen) = std::thread::scope(|scope| {
        let watched = scope.spawn(|| reader.watch(&stop));
        let result = kill_and_kill_again(&identity, wanted, Duration::from_millis(300), || {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "killed::writer", "--nocapture"])
                .env(FOLDER, folder.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // Its life is counted from here, so that the kill falls into the writing.
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == READY), "the writer ended before it wrote");
            child
        });
        stop.store(true, Ordering::Relaxed);
        (result, watched.join().unwrap())
    });
    let (_lock, _) = state.lock().unwrap();
    install(&identity, &Issuer::new(), 1);
    assert!(reader.look().is_some());
    assert_eq!(identity.generations().unwrap().len(), KEEP as usize, "the next renewal tidies up");
    assert!(seen.looks > 0, "{seen:?}");
    eprintln!(
        "{wanted} installations in {:.0} s: {kills} writers killed; the reader looked {} times, saw {} generations, was overtaken {} times",
        begun.elapsed().as_secs_f64(),
        seen.looks,
        seen.generations,
        seen.overtaken
    );
}
