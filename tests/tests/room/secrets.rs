//! No secret is anywhere but in the files that hold it: a whole run, from drawing a client secret to renewed identities and a new secret, is listened to.
//!
//! What the programs say, the arguments and environment of every process that has to do with it, its temporary files and the state directory are searched
//! for each secret as text, in hexadecimal and in base64. The real clock is used: the programs have it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::desk::{Desk, Ended, WAYS, address, ended, identity, pin, program, walk};
use crate::setting::ADMIN;

/// What a secret may look like, and what it is.
struct Sought {
    what: String,
    spellings: Vec<Vec<u8>>,
}

impl Sought {
    fn new(what: &str, secret: &str) -> Self {
        let octets = URL_SAFE_NO_PAD.decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
        let mut spellings = BTreeSet::new();
        for octets in [octets.as_slice(), secret.as_bytes()] {
            let hexadecimal = data_encoding::HEXLOWER.encode(octets);
            let spaced = hexadecimal.as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>();
            spellings.insert(octets.to_vec());
            spellings.insert(hexadecimal.clone().into_bytes());
            spellings.insert(hexadecimal.to_ascii_uppercase().into_bytes());
            spellings.insert(spaced.join(" ").into_bytes());
            spellings.insert(STANDARD_NO_PAD.encode(octets).into_bytes());
            spellings.insert(URL_SAFE_NO_PAD.encode(octets).into_bytes());
        }
        Self { what: what.to_owned(), spellings: spellings.into_iter().collect() }
    }

    fn is_in(&self, heard: &[u8]) -> bool {
        self.spellings.iter().any(|spelling| heard.windows(spelling.len()).any(|window| window == spelling))
    }
}

/// Looks at the arguments and the environment of every process that works in a folder, until it is told to stop.
struct Watch {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Heard>,
}

#[derive(Default)]
struct Heard {
    octets: Vec<u8>,
    processes: BTreeSet<u32>,
}

impl Watch {
    fn start(folder: &Path) -> Self {
        let (stop, folder) = (Arc::new(AtomicBool::new(false)), folder.display().to_string());
        let told = Arc::clone(&stop);
        let looking = std::thread::spawn(move || {
            let mut heard = Heard::default();
            while !told.load(Ordering::Relaxed) {
                look(&folder, &mut heard);
            }
            heard
        });
        Self { stop, looking }
    }

    fn end(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        self.looking.join().unwrap()
    }
}

fn look(folder: &str, heard: &mut Heard) {
    let own = std::process::id();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if process == own || heard.processes.contains(&process) {
            continue;
        }
        // A process may be gone, or not yet be what it will be: it is looked at again until both are read.
        let (Ok(arguments), Ok(environment)) =
            (fs::read(entry.path().join("cmdline")), fs::read(entry.path().join("environ")))
        else {
            continue;
        };
        let ours = environment.windows(folder.len()).any(|window| window == folder.as_bytes());
        let is_program =
            arguments.split(|octet| *octet == 0).next().is_some_and(|name| name.ends_with(b"acme-client"));
        if ours && is_program {
            heard.octets.extend(arguments);
            heard.octets.extend(environment);
            heard.processes.insert(process);
        }
    }
}

/// A program as `RUST_LOG` of a curious administrator would have it, with temporary files of its own.
fn curious(desk: &Desk, line: &str, verbose: bool) -> Command {
    let mut command = program(desk.path(), &format!("{line}{}", if verbose { " -vvv" } else { "" }));
    let all = "trace,tungstenite::protocol=trace,tungstenite::protocol::frame=trace,tokio_tungstenite::compat=trace,russh::client=trace,russh::sshbuffer=trace";
    command.env("RUST_LOG", all).env("TMPDIR", desk.path().join("tmp"));
    command
}

async fn done(desk: &Desk, heard: &mut Vec<u8>, line: &str, verbose: bool) -> Ended {
    let ended = ended(curious(desk, line, verbose)).await;
    assert_eq!(ended.code, 0, "{line}: {}", ended.all);
    heard.extend(ended.all.bytes());
    ended
}

/// Files below a folder but for those that hold secrets by design.
fn files(folder: &Path) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".secret") || name.ends_with(".password") || name == "key.pem" || name == "both.pem"
    };
    walk(folder).into_iter().filter(|path| !holds(path)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_run_tells_no_secret_to_logs_arguments_environments_or_temporary_files() {
    for verbose in [false, true] {
        for way in WAYS {
            let desk = Desk::open().await;
            fs::create_dir(desk.path().join("tmp")).unwrap();
            let (first, next) = (identity(&desk.room.authority), identity(&desk.room.authority));
            desk.place(&first);
            let watch = Watch::start(desk.path());
            let mut heard = Vec::new();
            let emulator = &desk.room.emulator;
            let connection = format!(
                "--json --over {way} --host {} --pin {} --password-file admin.password",
                address(emulator, way),
                pin(emulator, way)
            );
            done(&desk, &mut heard, "secret generate --json --out mine.secret", verbose).await;
            done(&desk, &mut heard, &desk.push_line(way, "--set-secret"), verbose).await;
            desk.place(&next);
            done(&desk, &mut heard, &desk.push_line(way, ""), verbose).await;
            let change =
                format!("secret change {connection} --secret-file room.secret --new-secret-file mine.secret");
            done(&desk, &mut heard, &change, verbose).await;
            let seal =
                "jwe seal --json --action add --chain chain.pem --key key.pem --secret-file mine.secret";
            let sealed = done(&desk, &mut heard, seal, verbose).await;
            desk.write("add.jwe", sealed.said["blob"].as_str().unwrap());
            let open = "jwe open add.jwe --json --action add --secret-file mine.secret --out both.pem";
            done(&desk, &mut heard, open, verbose).await;
            let reset = format!("secret change {connection} --secret-file mine.secret --reset");
            done(&desk, &mut heard, &reset, verbose).await;
            let seen = watch.end();
            assert!(seen.processes.len() >= 5, "{way}: only {:?} were looked at", seen.processes);
            heard.extend(seen.octets);
            heard.extend(emulator.device().console().lines().join("\n").bytes());
            for file in files(desk.path()) {
                heard.extend(fs::read(file).unwrap());
            }
            let read = |name: &str| fs::read_to_string(desk.path().join(name)).unwrap().trim().to_owned();
            let mut all = vec![
                Sought::new("first secret", &read("room.secret")),
                Sought::new("second secret", &read("mine.secret")),
                Sought::new("password", ADMIN),
                Sought::new("sign-in", &STANDARD.encode(format!("admin:{ADMIN}"))),
            ];
            for key in [&first.key_pem, &next.key_pem] {
                // The middle of the key itself, past what all P-256 keys have in common.
                let octets =
                    STANDARD.decode(key.lines().filter(|line| !line.starts_with('-')).collect::<String>());
                let octets = octets.unwrap().get(40..64).unwrap().to_vec();
                all.push(Sought::new("key", &URL_SAFE_NO_PAD.encode(octets)));
                all.push(Sought::new("line of a key", key.lines().nth(1).unwrap()));
            }
            for sought in &all {
                assert!(!sought.is_in(&heard), "{way}, verbose {verbose}: the {} is told", sought.what);
            }
            assert!(Sought::new("", "acme").is_in(&heard), "nothing was heard at all");
        }
    }
}
