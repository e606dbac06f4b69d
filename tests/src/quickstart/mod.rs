//! The quickstart: an authority, a DNS server, an identity provider, a device and a person in one process, for somebody who wants to see the whole of
//! it at once.
//!
//! Everything is the real thing: the files of `init`, the server with TLS and its store on disk, the client's own library, signed DNS updates and a
//! sign-in over the network. Only the DNS server, the identity provider and the person's browser are a harness. Nothing leaves the loopback interface, and what it makes is for this demonstration only.

mod arguments;
mod authority;
mod compare;
mod device;
mod failure;
mod holder;
mod internal;
mod invitation;
mod names;
mod people;
mod person;
mod place;
mod proof;
mod tell;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

pub use arguments::Arguments;
pub use failure::Failure;

use authority::Authority;
use holder::Holder;
use internal::{Certified, Tokens};
use names::NameServer;
use people::People;
use person::Walker;
use place::Place;
use proof::{Judged, Proof, judge};
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
    people: Option<People>,
    tokens: Option<Tokens>,
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
    teller.title(
        "Rollcall quickstart: an authority, a DNS server, an identity provider, a device and a person in one process.",
    );
    teller.note(&format!("Everything is in {}{}", place.path().display(), place.fate()));
    set_up(arguments, teller, place, stage).await?;
    let (Some(names), Some(people), Some(tokens), Some(authority)) =
        (&stage.names, &stage.people, &stage.tokens, &stage.authority)
    else {
        return Err(Failure::Interrupted);
    };
    let (device, first_device, by_dns) = first_device(arguments, teller, place, names, authority).await?;
    let (person, first_person, by_sso) = first_person(teller, place, people, authority).await?;

    teller.step("Let the agent look whether it is time to renew the device (`acme-client renew`)");
    let due = device.not_due(teller).await?;
    teller.done(&format!("not yet: the server suggests {}", tell::moment(due)));

    teller.step("Let the agent look again on that day");
    let second = device.renew_at(due, teller).await?;
    teller.done(&format!("renewed: certificate {} with a new key", second.leaf.serial));
    let device = first_device.replaced_by(judge(authority, &device, &second)?)?;

    teller.step("Renew the person without another sign-in (`acme-client renew --force`)");
    let second = person.renew_now(teller).await?;
    teller.done(&format!(
        "renewed: certificate {}, the sign-in of a moment ago still serves",
        second.leaf.serial
    ));
    let person = first_person.replaced_by(judge(authority, &person, &second)?)?;

    teller.step("Look at all four");
    for (what, judged) in [
        ("device, first: ", &device.first),
        ("device, second:", &device.second),
        ("person, first: ", &person.first),
        ("person, second:", &person.second),
    ] {
        teller.note(&format!("{what} {}", judged.verdict));
    }
    let entries = authority.verify_journal().await?;
    teller.done(&format!("all hold, and the journal's {entries} entries form one chain"));

    let identities =
        both_flows(arguments, teller, place, (names, people, tokens, authority), (&by_dns, &by_sso)).await?;
    teller.proof(&Proof { directory: authority.directory.clone(), device, person, identities });
    if !arguments.once {
        teller.invitation(&invitation::text(authority, names, people, place, &arguments.domain)?);
    }
    Ok(())
}

/// The same people and devices at the internal authority, and all of them side by side.
async fn both_flows(
    arguments: &Arguments,
    teller: &Teller,
    place: &Place,
    (names, people, tokens, authority): (&NameServer, &People, &Tokens, &Authority),
    (by_dns, by_sso): (&Certified, &Certified),
) -> Result<Vec<compare::Row>, Failure> {
    teller.step("Make organisations, one of which holds the domain (`ca-server org`)");
    internal::organise(authority, names, &arguments.domain).await?;
    teller.done(&format!("{} was verified by its TXT record", arguments.domain));

    teller.step("Enrol on tokens at the internal authority (`acme-client enroll internal`)");
    let email = People::email(&people.bob)?.to_string();
    let internal = internal::enroll(teller, authority, tokens, &email, place).await?;
    teller.done("a person by an access token, two devices by activation codes, a guest by nothing");

    teller.step("Compare both flows, as a host of the organisation sees them (`acme-client verify`)");
    let rows = compare::compare(authority, &arguments.domain, by_dns, by_sso, &internal)?;
    for line in compare::table(&rows) {
        teller.note(&line);
    }
    teller.done("six identities");
    Ok(rows)
}

/// Starts everything that serves.
async fn set_up(
    arguments: &Arguments,
    teller: &Teller,
    place: &Place,
    stage: &mut Stage,
) -> Result<(), Failure> {
    teller.step(&format!("Start a DNS server for {}", arguments.domain));
    let names = stage.names.insert(NameServer::start(&arguments.domain, place).await?);
    teller.done(&format!("{} answers, and takes updates signed with {}", names.address(), names::KEY_NAME));

    teller.step(&format!("Start an identity provider for people of {}", arguments.domain));
    let people = stage.people.insert(People::start(&arguments.domain).await?);
    teller.done(&format!("OpenID Connect at {}", people.issuer()));

    teller.step("Make an authority (`ca-server init`) that relies on it");
    let tokens = stage.tokens.insert(Tokens::new(&arguments.domain, place)?);
    let made = authority::init(arguments, place, names.address(), people, tokens)?;
    for root in &made.roots {
        teller.note(&format!("root `{}`: SHA-256 {}", root.authority, root.sha256));
    }
    teller.done(&format!("keys, certificates, ca.toml and policy in {}", made.folder.display()));

    teller.step("Start the server (`ca-server serve`)");
    let authority = stage.authority.insert(Authority::start(&made).await?);
    people.serve(&authority.url);
    teller.done(&format!("ACME over TLS at {}", authority.directory));
    Ok(())
}

async fn first_device(
    arguments: &Arguments,
    teller: &Teller,
    place: &Place,
    names: &NameServer,
    authority: &Authority,
) -> Result<(Holder, Judged, Certified), Failure> {
    teller.step("Enrol a device (`acme-client enroll device`)");
    let device = device::device(&arguments.domain, authority, names, place)?;
    let began = Instant::now();
    let first = device.enroll(teller, None).await?;
    let certified = first.certified(began.elapsed());
    teller.done(&format!("certificate {} until {}", first.leaf.serial, tell::moment(first.leaf.not_after)));

    teller.step("Look at it as another participant would");
    let judged = judge(authority, &device, &first)?;
    teller.done(&judged.verdict.to_string());
    Ok((device, judged, certified))
}

async fn first_person(
    teller: &Teller,
    place: &Place,
    people: &People,
    authority: &Authority,
) -> Result<(Holder, Judged, Certified), Failure> {
    teller.step("Enrol a person, who signs in (`acme-client enroll user`)");
    teller.note("a browser of the tests walks through the pages in the person's place");
    let email = People::email(&people.bob)?;
    let person = person::person(&email, authority, place)?;
    let walker = Walker::new(&authority.root_pem, &people.bob);
    let began = Instant::now();
    let first = person.enroll(teller, Some(&walker)).await?;
    let certified = first.certified(began.elapsed());
    teller.note(&format!("the pages: {}", walker.pages().await?.join(" > ")));
    teller.done(&format!("certificate {} until {}", first.leaf.serial, tell::moment(first.leaf.not_after)));

    teller.step("Look at it as another participant would");
    let judged = judge(authority, &person, &first)?;
    teller.done(&judged.verdict.to_string());
    Ok((person, judged, certified))
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
