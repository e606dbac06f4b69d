//! A backup taken under load restores to a server that has everything acknowledged before it; a damaged one is refused with the place.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rollcall_tests::dice::{Dice, number};
use rollcall_tests::load::process::Server;
use serde_json::Value;

use crate::setting::{Place, ca_server, program, refused, succeeded};

const PASSPHRASE: &str = "correct horse battery staple\n";

fn passphrase(place: &Place) -> String {
    let path = place.path("backup.pass");
    std::fs::write(&path, PASSPHRASE).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Head and blocks of a backup: where each begins, and where the last one ends.
fn blocks(octets: &[u8]) -> Vec<usize> {
    let length = |at: usize| u32::from_be_bytes(octets[at..at + 4].try_into().unwrap()) as usize;
    let mut places = vec![0, 22 + length(18) + 4];
    while let Some(at) = places.last().copied().filter(|at| *at < octets.len()) {
        places.push(at + 14 + length(at + 2) + 4);
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_everything_that_was_acknowledged_before_it() {
    let place = Place::start().await;
    let pass = passphrase(&place);
    let load = place.load(6).await;
    load.tally.reach(60).await;
    let before = load.tally.so_far();
    let file = place.path("one.backup");
    let path = file.to_str().unwrap();
    let sealed = ["--with-keys", "--passphrase-file", &pass];
    let told = place.done(&[&["backup", path, "--json"][..], &sealed].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(told["certificates"].as_u64().unwrap() >= before.len() as u64, "{told}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let after = load.tally.so_far().len();
    let mut flows = load.stop().await;
    eprintln!("{} acknowledged before the backup, {after} when it was done; {told}", before.len());

    // The old server is gone for good; the new one stands in its place.
    let Place { mut server, url, dns, temporary } = place;
    server.kill().unwrap();
    drop(server);
    let root = temporary.path();
    std::fs::rename(root.join("ca"), root.join("lost")).unwrap();
    let folder = root.join("ca");
    let dir = folder.to_str().unwrap();
    let restored =
        succeeded(ca_server(&["restore", path, "--dir", dir, "--passphrase-file", &pass, "--json"]));
    let restored: Value = serde_json::from_str(&restored).unwrap();
    assert_eq!((&restored["certificates"], &restored["journal"]), (&told["certificates"], &told["journal"]));
    let again = ca_server(&["restore", path, "--dir", dir, "--passphrase-file", &pass]);
    assert!(refused(&again).contains("not empty"));
    let (server, _) = Server::start(program(), &folder, &url).unwrap();
    let place = Place { server, url, dns, temporary };
    for flow in &mut flows {
        flow.reconnect().await.unwrap();
    }
    for told in &before {
        let worker: usize = told.name.split("-w").nth(1).unwrap()[..1].parse().unwrap();
        let found = flows[worker].finish(&told.name, &told.order).await.unwrap();
        assert_eq!(found.chain, told.chain, "{}", told.name);
    }
    place.done(&["log", "verify", "--expect", told["journal"].as_str().unwrap()]);
    assert!(place.done(&["log", "show", "--act", "operation"]).contains("store restored from a backup"));
    flows[0].run("afterwards.ops.test").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_damaged_in_any_block_is_refused_with_the_place_and_leaves_nothing_behind() {
    let place = Place::start().await;
    let load = place.load(2).await;
    load.tally.reach(10).await;
    load.stop().await;
    let file = place.path("whole.backup");
    place.done(&["backup", file.to_str().unwrap()]);
    let octets = std::fs::read(&file).unwrap();
    let places = blocks(&octets);
    assert_eq!(*places.last().unwrap(), octets.len());
    let seed = number("ROLLCALL_DAMAGE_SEED", u64::from(std::process::id()));
    let mut dice = Dice(seed);
    for (block, pair) in places.windows(2).enumerate() {
        let at = pair[0] + usize::try_from(dice.below((pair[1] - pair[0]) as u64)).unwrap();
        let mut damaged = octets.clone();
        damaged[at] ^= 1 << dice.below(8);
        let said = restore(&place, &damaged, &format!("octet {at} of block {block}, seed {seed}"));
        let begins = format!("at octet {}", pair[0]);
        let named = if block == 0 { "head".to_owned() } else { format!("block {block}") };
        assert!(said.contains(&begins) && said.contains(&named), "octet {at}, seed {seed}: {said}");
        let said = restore(&place, &octets[..at], &format!("cut at {at}, seed {seed}"));
        assert!(said.contains("cut off") && said.contains(&begins), "cut at {at}, seed {seed}: {said}");
    }
    eprintln!("{} blocks, each damaged and cut off once; seed {seed}", places.len() - 1);
    let left: Vec<_> =
        std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 3, "the server, the backup and its damaged copy: {left:?}");
}

/// Restores these octets, which must be refused; what was said.
fn restore(place: &Place, octets: &[u8], what: &str) -> String {
    let (file, dir) = (place.path("damaged.backup"), place.path("restored"));
    std::fs::write(&file, octets).unwrap();
    let output = ca_server(&["restore", file.to_str().unwrap(), "--dir", dir.to_str().unwrap()]);
    let said = refused(&output);
    assert!(!dir.exists(), "{what}");
    assert!(said.contains("error: ") && said.contains("hint: "), "{what}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_make_no_sense_are_refused_although_every_checksum_holds() {
    use ca_server::backup::decode::{Decoder, Piece};
    use ca_server::backup::encode::Encoder;
    use ca_server::store::{Row, Table};
    let place = Place::start().await;
    let load = place.load(1).await;
    load.tally.reach(3).await;
    load.stop().await;
    let file = place.path("whole.backup");
    place.done(&["backup", file.to_str().unwrap(), "--without-files"]);
    let octets = std::fs::read(&file).unwrap();
    // The same backup with the rows of one table changed.
    let forged = |of: Table, change: &dyn Fn(&mut Vec<Row>)| {
        let (mut decoder, mut encoder, mut forged) = (Decoder::default(), None, Vec::new());
        decoder.push(&octets);
        while let Some(piece) = decoder.piece().unwrap() {
            match piece {
                Piece::Head(head) => {
                    let (begun, octets) = Encoder::begin(&head).unwrap();
                    encoder = Some(begun);
                    forged.extend(octets);
                }
                Piece::Rows(table, mut rows) => {
                    if table == of {
                        change(&mut rows);
                    }
                    forged.extend(encoder.as_mut().unwrap().rows(table, &rows).unwrap());
                }
                Piece::File(_) | Piece::End(_) => {}
            }
        }
        forged.extend(encoder.unwrap().end().unwrap().0);
        restore(&place, &forged, "a forged row")
    };
    let twice = forged(Table::Certificates, &|rows| rows.insert(0, rows[0].clone()));
    assert!(twice.contains("stands twice") && twice.contains("table Certificates"), "{twice}");
    let cut = forged(Table::Journal, &|rows| drop(rows.remove(1)));
    assert!(cut.contains("journal entry 2 expected entry 2 but found entry 3"), "{cut}");
    let changed = forged(Table::Journal, &|rows| {
        let last = rows[1].1.len() - 2;
        rows[1].1[last] ^= 1;
    });
    assert!(changed.contains("journal entry 2") && changed.contains("hash"), "{changed}");
    let broken = forged(Table::Certificates, &|rows| {
        let text = String::from_utf8(rows[0].1[8..].to_vec()).unwrap();
        let text = text.replacen("\"der\":\"MII", "\"der\":\"AAA", 1);
        rows[0].1.truncate(8);
        rows[0].1.extend(text.into_bytes());
    });
    assert!(broken.contains("does not parse"), "{broken}");
    let swapped = forged(Table::Certificates, &|rows| {
        let value = rows[1].1.clone();
        rows[0].1 = value;
    });
    assert!(swapped.contains("its key is another record's"), "{swapped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_sealed_and_nothing_is_ever_overwritten() {
    let place = Place::start().await;
    let pass = passphrase(&place);
    let file = place.path("sealed.backup");
    let path = file.to_str().unwrap();
    place.done(&["backup", path, "--with-keys", "--passphrase-file", &pass]);
    assert!(refused(&place.run(&["backup", path])).contains("exists already"));
    let octets = std::fs::read(&file).unwrap();
    let holds = |text: &[u8]| octets.windows(text.len()).any(|window| window == text);
    assert!(holds(b"BEGIN CERTIFICATE") && !holds(b"PRIVATE KEY"), "certificates are in it, keys are sealed");

    let dir = place.path("restored");
    let dir = dir.to_str().unwrap();
    let said = refused(&ca_server(&["restore", path, "--dir", dir]));
    assert!(said.contains("--passphrase-file") && !Path::new(dir).exists(), "{said}");
    let wrong = place.path("wrong.pass");
    std::fs::write(&wrong, "no\n").unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    let said =
        refused(&ca_server(&["restore", path, "--dir", dir, "--passphrase-file", wrong.to_str().unwrap()]));
    assert!(said.contains("passphrase does not open") && !Path::new(dir).exists(), "{said}");
    succeeded(ca_server(&["restore", path, "--dir", dir, "--passphrase-file", &pass]));
    let key = "authorities/external/intermediate.key.pem";
    let read = |folder: &Path| std::fs::read(folder.join(key)).unwrap();
    assert_eq!(read(Path::new(dir)), read(&place.path("ca")));
    let mode = std::fs::metadata(Path::new(dir).join(key)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Without the keys everything else is there, and `check` names what is missing.
    let bare = place.path("bare");
    succeeded(ca_server(&["restore", path, "--dir", bare.to_str().unwrap(), "--without-keys"]));
    let missing = place.run_for("bare", &["check"]);
    assert!(String::from_utf8_lossy(&missing.stdout).contains("authority.external.key"));
    // A folder gets a file of its own, and a server that does not run has nothing to say.
    let folder = place.path("backups");
    std::fs::create_dir(&folder).unwrap();
    place.done(&["backup", folder.to_str().unwrap()]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let stopped = place.run_for("bare", &["backup", place.path("none").to_str().unwrap()]);
    assert!(refused(&stopped).contains("no server answers") && !place.path("none").exists());
}
