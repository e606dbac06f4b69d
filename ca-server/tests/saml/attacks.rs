//! Responses that must not be believed, each for its own reason.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::case::{Canaries, Case, read};

/// An address and a file of this machine that a response may name; whoever touches them is noticed.
struct Watch {
    listener: TcpListener,
    inotify: OwnedFd,
    folder: tempfile::TempDir,
}

impl Watch {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("canary"), "secret").unwrap();
        let inotify = inotify::init(CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&inotify, folder.path(), WatchFlags::ALL_EVENTS).unwrap();
        Self { listener, inotify, folder }
    }

    fn canaries(&self) -> Canaries {
        Canaries {
            url: format!("http://{}/canary", self.listener.local_addr().unwrap()),
            file: format!("file://{}/canary", self.folder.path().display()),
        }
    }

    fn connections(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }

    fn file_events(&self) -> usize {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut count = 0;
        while reader.next().is_ok() {
            count += 1;
        }
        count
    }
}

fn outcome(case: &Case, canaries: &Canaries) -> String {
    match case.verify(&case.form(canaries)) {
        Ok(person) => format!("believed, {}", person.email()),
        Err(refusal) => refusal.reason().to_owned(),
    }
}

#[test]
fn every_attack_is_refused_for_its_own_reason_and_touches_nothing() {
    let watch = Watch::start();
    let canaries = watch.canaries();
    let cases = read("attacks");
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(!case.reason.is_empty(), "{}: no reason", case.name);
        let found = outcome(case, &canaries);
        if found != case.reason {
            wrong.push(format!("{}: {found}, not {}", case.name, case.reason));
        }
        assert_eq!(watch.connections(), 0, "{}: a connection was made", case.name);
        assert_eq!(watch.file_events(), 0, "{}: a file was opened", case.name);
    }
    assert!(wrong.is_empty(), "{} of {} went otherwise:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_watch_notices_a_connection_and_an_opened_file() {
    let watch = Watch::start();
    let canaries = watch.canaries();
    let address = canaries.url.trim_start_matches("http://").trim_end_matches("/canary").to_owned();
    let _stream = std::net::TcpStream::connect(address).unwrap();
    std::fs::read(canaries.file.trim_start_matches("file://")).unwrap();
    assert_eq!(watch.connections(), 1);
    assert!(watch.file_events() > 0);
}

#[test]
fn names_of_cases_are_used_once() {
    let cases = [read("attacks"), read("accepted")].concat();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn every_reason_of_the_documentation_has_a_case_and_every_case_is_documented() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/saml.md")).unwrap();
    let (_, reasons) = text.split_once("\n## Reasons\n").unwrap();
    let documented: BTreeSet<_> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(reason, _)| reason.to_owned()))
        .collect();
    let tested: BTreeSet<_> = read("attacks").into_iter().map(|case| case.reason).collect();
    assert_eq!(
        documented.difference(&tested).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "documented, not tested"
    );
    assert_eq!(
        tested.difference(&documented).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "tested, not documented"
    );
}
