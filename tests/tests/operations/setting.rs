//! A server with clients that never stop asking, and the commands that are run beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The domain of all names.
const DOMAIN: &str = "ops.test";

/// A certificate that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its order.
    pub(crate) order: String,
    /// Its name.
    pub(crate) name: String,
    /// Leaf and chain, PEM.
    pub(crate) chain: String,
}

/// What all clients were told so far.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Vec<Told>>>);

impl Tally {
    /// All of it.
    pub(crate) fn so_far(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until there are at least so many.
    pub(crate) async fn reach(&self, count: usize) {
        while self.0.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// A server and its folder.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) url: String,
    pub(crate) dns: Arc<FakeDns>,
    pub(crate) temporary: TempDir,
}

/// Clients at work.
pub(crate) struct Load {
    pub(crate) tally: Tally,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Flow>>,
}

impl Place {
    /// Makes and starts a server.
    pub(crate) async fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dns = Arc::new(FakeDns::start().await);
        dns.add_zone(DOMAIN);
        let folder = temporary.path().join("ca");
        let url = Server::init(program(), &folder, DOMAIN, dns.address()).unwrap();
        let (server, _) = Server::start(program(), &folder, &url).unwrap();
        Self { server, url, dns, temporary }
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// Where it is and whom it trusts.
    pub(crate) fn target(&self) -> Target {
        let root = std::fs::read_to_string(self.server.root("external")).unwrap();
        Target::new(&self.url, "external", &root).unwrap()
    }

    /// Clients that order one certificate after another.
    pub(crate) async fn load(&self, workers: usize) -> Load {
        let (tally, stop) = (Tally::default(), Arc::new(AtomicBool::new(false)));
        let target = self.target();
        let mut running = Vec::new();
        for worker in 0..workers {
            let mut flow = Flow::register(&target, Arc::clone(&self.dns)).await.unwrap();
            let (tally, stop) = (tally.clone(), Arc::clone(&stop));
            running.push(tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::SeqCst) {
                    let name = format!("n{number}-w{worker}.{DOMAIN}");
                    let issued = flow.run(&name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                    let told = Told { order: issued.order, name, chain: issued.chain };
                    tally.0.lock().unwrap().push(told);
                    number += 1;
                }
                flow
            }));
        }
        Load { tally, stop, workers: running }
    }

    /// Runs a command for this server's configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_for("ca", arguments)
    }

    /// Runs a command for the configuration of another folder.
    pub(crate) fn run_for(&self, folder: &str, arguments: &[&str]) -> Output {
        let config = self.path(folder).join("ca.toml");
        ca_server(&[arguments, &["--config", config.to_str().unwrap()]].concat())
    }

    /// The same; it must succeed. Its data.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        succeeded(self.run(arguments))
    }
}

impl Load {
    /// Lets what is at work finish; every flow must have succeeded.
    pub(crate) async fn stop(self) -> Vec<Flow> {
        self.stop.store(true, Ordering::SeqCst);
        let mut flows = Vec::new();
        for worker in self.workers {
            flows.push(worker.await.expect("no issuance fails"));
        }
        flows
    }
}

/// The program.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness-ca-server"))
}

/// Runs the program.
pub(crate) fn ca_server(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).env_remove("ROLLCALL_CONFIG").output().unwrap()
}

/// What a command that succeeded said.
pub(crate) fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that failed said.
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}
