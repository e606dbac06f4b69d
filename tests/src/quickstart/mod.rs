//! The quickstart: an authority, a DNS server and a device in one process, for somebody who wants to see the whole of it at once.
//!
//! Everything is the real thing: the files of `init`, the server with TLS and its store on disk, the client's own library, signed DNS updates over
//! the network. Only the DNS server is a harness. Nothing leaves the loopback interface, and what it makes is for this demonstration only.

mod arguments;
mod authority;
mod device;
mod failure;
mod invitation;
mod names;
mod place;
mod proof;
mod tell;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

pub use arguments::Arguments;
pub use failure::Failure;

use authority::Authority;
use device::Device;
use names::NameServer;
use place::Place;
use proof::Proof;
use tell::Teller;

/// Runs the program with the arguments and streams of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.verbose);
    let teller = Teller::new(arguments.json);
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::System)
        .and_then(|runtime| runtime.block_on(run(&arguments, &teller)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            teller.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Everything that has to be stopped in order at the end.
#[derive(Default)]
struct Stage {
    names: Option<NameServer>,
    authority: Option<Authority>,
}

async fn run(arguments: &Arguments, teller: &Teller) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let place = Place::open(arguments.dir.as_deref())?;
    let mut stage = Stage::default();
    let shown = tokio::select! {
        shown = show(arguments, teller, &place, &mut stage) => shown,
        () = signals.next() => Err(Failure::Interrupted),
    };
    let outcome = match shown {
        Ok(()) if !arguments.once => {
            signals.next().await;
            teller.note("stopping");
            Ok(())
        }
        shown => shown,
    };
    if let Some(authority) = stage.authority.take() {
        authority.stop().await;
    }
    drop(stage);
    place.close()?;
    outcome
}

/// The steps, one after the other; what runs on is left in `stage`.
async fn show(
    arguments: &Arguments,
    teller: &Teller,
    place: &Place,
    stage: &mut Stage,
) -> Result<(), Failure> {
    teller.title("Rollcall quickstart: an authority, a DNS server and a device in one process.");
    teller.note(&format!("Everything is in {}{}", place.path().display(), place.fate()));

    teller.step(&format!("Start a DNS server for {}", arguments.domain));
    let names = stage.names.insert(NameServer::start(&arguments.domain, place).await?);
    teller.done(&format!("{} answers, and takes updates signed with {}", names.address(), names::KEY_NAME));

    teller.step("Make an authority (`ca-server init`)");
    let made = authority::init(arguments, place, names.address())?;
    for root in &made.roots {
        teller.note(&format!("root `{}`: SHA-256 {}", root.authority, root.sha256));
    }
    teller.done(&format!("keys, certificates, ca.toml and policy in {}", made.folder.display()));

    teller.step("Start the server (`ca-server serve`)");
    let authority = stage.authority.insert(Authority::start(&made).await?);
    teller.done(&format!("ACME over TLS at {}", authority.directory));

    teller.step("Enrol a device (`acme-client enroll device`)");
    let device = Device::new(&arguments.domain, authority, names, place)?;
    let first = device.enroll(teller).await?;
    teller.done(&format!("certificate {} until {}", first.leaf.serial, tell::moment(first.leaf.not_after)));

    teller.step("Look at it as another participant would");
    let proof = Proof::begin(authority, &device.name, first)?;
    teller.done(&proof.first.verdict.to_string());

    teller.step("Let the agent look whether it is time to renew (`acme-client renew`)");
    let due = device.not_due(teller).await?;
    teller.done(&format!("not yet: the server suggests {}", tell::moment(due)));

    teller.step("Let the agent look again on that day");
    let second = device.renew_at(due, teller).await?;
    teller.done(&format!("renewed: certificate {} with a new key", second.leaf.serial));

    teller.step("Look at both");
    let proof = proof.complete(authority, &device.name, second)?;
    teller.note(&format!("first:  {}", proof.first.verdict));
    teller.note(&format!("second: {}", proof.second.verdict));
    let entries = authority.verify_journal().await?;
    teller.done(&format!("both hold, and the journal's {entries} entries form one chain"));

    teller.proof(&proof);
    if !arguments.once {
        teller.invitation(&invitation::text(authority, names, place, &arguments.domain)?);
    }
    Ok(())
}

/// The signals that end the program.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::System);
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    // A subscriber that is set already (a test's) stays.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
