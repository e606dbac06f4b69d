//! An issuer is replaced while clients never stop asking; the old one goes on signing its list; the root key may be somewhere else.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use certs::inspect::{CertificateReport, inspect_certificate};
use certs::pem::parse_certificates;
use http::StatusCode;
use rollcall_tests::device::Http;
use rollcall_tests::load::process::Server;
use serde_json::Value;

use crate::setting::{Place, Told, ca_server, program, refused, succeeded};

/// Where the root key and its passphrase are.
pub(crate) fn offline(place: &Place, authority: &str) -> (String, String) {
    let path = |name: &str| place.path("ca/offline").join(name).to_str().unwrap().to_owned();
    (path(&format!("{authority}.root.key.pem")), path("passphrase"))
}

pub(crate) fn rotate(place: &Place) -> Value {
    serde_json::from_str(&place.done(&["authority", "rotate", "external", "--json"])).unwrap()
}

pub(crate) fn leaf(chain: &str) -> CertificateReport {
    inspect_certificate(&parse_certificates(chain).unwrap()[0]).unwrap()
}

fn serial(chain: &str) -> String {
    let id = certs::ari::CertId::from_certificate(&parse_certificates(chain).unwrap()[0]).unwrap();
    id.serial().unwrap().to_string()
}

pub(crate) fn issuer(chain: &str) -> String {
    leaf(chain).authority_key_identifier.unwrap()
}

pub(crate) fn http(place: &Place) -> Http {
    let root = std::fs::read_to_string(place.server.root("external")).unwrap();
    let address = place.url.trim_start_matches("https://localhost:");
    Http::new("localhost", format!("127.0.0.1:{address}").parse().unwrap(), &root)
}

/// The list that a leaf names: number and serials, and its DER in a file.
async fn list_of(place: &Place, chain: &str, file: &Path) -> (String, Vec<String>) {
    use x509_parser::prelude::FromDer as _;
    let url = leaf(chain).crl_urls[0].clone();
    let reply = http(place).get(&url).await.expect(StatusCode::OK);
    std::fs::write(file, &reply.body).unwrap();
    let (_, list) = x509_parser::revocation_list::CertificateRevocationList::from_der(&reply.body).unwrap();
    let number = list.crl_number().unwrap().to_string();
    let serials = list.iter_revoked_certificates();
    let serial = |raw: &[u8]| certs::serial::Serial::from_der_content(raw).unwrap().to_string();
    (number, serials.map(|one| serial(one.raw_serial())).collect())
}

/// Every chain verifies against the root with openssl; those whose serial is in `revoked` only without the lists.
fn openssl(place: &Place, all: &[Told], lists: &[PathBuf], revoked: &[String]) {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "openssl is not here");
        eprintln!("skipped: openssl is not here");
        return;
    }
    let root = place.server.root("external");
    let mut flags = vec!["-crl_check".to_owned()];
    for list in lists {
        let pem = list.with_extension("pem");
        let der = std::fs::read(list).unwrap();
        std::fs::write(&pem, certs::pem::encode(certs::pem::Label::Crl, &der)).unwrap();
        flags.extend(["-CRLfile".to_owned(), pem.to_str().unwrap().to_owned()]);
    }
    for told in all {
        let (file, above) = (place.path("leaf.pem"), place.path("above.pem"));
        let chain = parse_certificates(&told.chain).unwrap();
        std::fs::write(&file, certs::pem::encode_chain(&chain[..1])).unwrap();
        std::fs::write(&above, certs::pem::encode_chain(&chain[1..])).unwrap();
        let verify = |flags: &[String]| {
            let mut command = Command::new("openssl");
            command.arg("verify").args(flags).arg("-CAfile").arg(&root).arg("-untrusted").arg(&above);
            let output = command.arg(&file).output().unwrap();
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let plain = verify(&[]);
        assert!(plain.0, "{}: {}", told.name, plain.1);
        let checked = verify(&flags);
        let is_revoked = revoked.contains(&serial(&told.chain));
        assert_eq!(checked.0, !is_revoked, "{}: {}", told.name, checked.1);
    }
}

/// One certificate of each issuer is revoked, and stands on that issuer's own list: their serials, and the files of the lists.
async fn one_of_each_revoked(
    place: &Place,
    by_issuer: &BTreeMap<String, Vec<&Told>>,
) -> (Vec<String>, Vec<PathBuf>) {
    let (mut revoked, mut lists) = (Vec::new(), Vec::new());
    for (id, told) in by_issuer {
        let chain = &told[0].chain;
        let serial = serial(chain);
        let said = place.run(&["certificates", "revoke", &serial, "--reason", "superseded"]);
        assert!(
            said.status.success() && !String::from_utf8_lossy(&said.stderr).contains("warning"),
            "{said:?}"
        );
        let file = place.path(&format!("{id}.crl"));
        let (_, serials) = list_of(place, chain, &file).await;
        assert_eq!(serials, std::slice::from_ref(&serial), "{id}");
        revoked.push(serial);
        lists.push(file);
    }
    (revoked, lists)
}

/// `authority list` knows all three, and the journal the last change.
fn assert_listed(place: &Place, [newest, middle]: [&str; 2]) {
    let listed: Value = serde_json::from_str(&place.done(&["authority", "list", "--json"])).unwrap();
    let external = listed.as_array().unwrap().iter().find(|one| one["name"] == "external").unwrap();
    let issuers = external["issuers"].as_array().unwrap();
    let states: Vec<_> =
        issuers.iter().map(|one| (one["state"].as_str().unwrap(), one["id"].as_str().unwrap())).collect();
    assert_eq!(states[0], ("present", newest));
    assert_eq!(states.len(), 3, "{listed}");
    assert!(issuers.iter().all(|one| one["last_certificate_ends"].is_string()), "{listed}");
    let names: Vec<_> = issuers.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names[0].ends_with("issuing 3"), "{names:?}");
    assert!(
        place
            .done(&["log", "show", "--act", "operation"])
            .contains(&format!("issuer {newest} replaces {middle}"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_is_replaced_under_load_and_nothing_fails() {
    let place = Place::start().await;
    let load = place.load(6).await;
    load.tally.reach(30).await;
    let first = rotate(&place);
    assert_eq!(first["running"], true);
    let before = load.tally.so_far().len();
    load.tally.reach(before + 30).await;
    let second = rotate(&place);
    let before = load.tally.so_far().len();
    load.tally.reach(before + 30).await;
    let tally = load.tally.clone();
    load.stop().await;

    let all = tally.so_far();
    let mut by_issuer: BTreeMap<String, Vec<&Told>> = BTreeMap::new();
    for told in &all {
        by_issuer.entry(issuer(&told.chain)).or_default().push(told);
        let chain = parse_certificates(&told.chain).unwrap();
        let above = inspect_certificate(&chain[1]).unwrap();
        assert_eq!(above.subject_key_identifier.unwrap(), issuer(&told.chain), "{}", told.name);
    }
    let (oldest, middle, newest) = (
        first["replaced"].as_str().unwrap(),
        second["replaced"].as_str().unwrap(),
        second["issuer_id"].as_str().unwrap(),
    );
    assert_eq!(by_issuer.keys().collect::<Vec<_>>().len(), 3);
    assert_eq!(first["issuer_id"], middle);
    for id in [oldest, middle, newest] {
        assert!(!by_issuer[id].is_empty(), "nothing was issued under {id}");
    }
    let (revoked, lists) = one_of_each_revoked(&place, &by_issuer).await;
    openssl(&place, &all, &lists, &revoked);
    eprintln!(
        "{} certificates: {} under the first issuer, {} under the second, {} under the third; none failed",
        all.len(),
        by_issuer[oldest].len(),
        by_issuer[middle].len(),
        by_issuer[newest].len()
    );
    assert_listed(&place, [newest, middle]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_issuer_signs_its_list_after_a_restart_and_numbers_go_on() {
    let mut place = Place::start().await;
    let load = place.load(1).await;
    load.tally.reach(2).await;
    let tally = load.tally.clone();
    load.stop().await;
    let old = tally.so_far()[0].chain.clone();
    let file = place.path("old.crl");
    let (number, serials) = list_of(&place, &old, &file).await;
    let number_of = |number: String| number.parse::<u64>().unwrap();
    assert!(serials.is_empty(), "{serials:?}");
    let first = number_of(number);
    rotate(&place);
    place.server.kill().unwrap();
    let folder = place.server.folder.clone();
    // As a rotation leaves it that was cut off after the certificate took its place.
    let key = folder.join("authorities/external/intermediate.key.pem");
    std::fs::rename(&key, key.with_file_name("intermediate.key.pem.next")).unwrap();
    let replaced = folder.join("authorities/external/replaced").join(format!("{}.key.pem", issuer(&old)));
    std::fs::copy(replaced, &key).unwrap();
    assert!(place.done(&["check"]).contains("nothing wrong"));
    (place.server, _) = Server::start(program(), &folder, &place.url).unwrap();
    place.done(&["certificates", "revoke", &serial(&old)]);
    let (number, serials) = list_of(&place, &old, &file).await;
    assert!(number_of(number) > first, "numbers go on");
    assert_eq!(serials, [serial(&old)]);
    let issuer_url = leaf(&old).ca_issuers_urls[0].clone();
    let above = http(&place).get(&issuer_url).await.expect(StatusCode::OK);
    assert_eq!(above.body, *parse_certificates(&old).unwrap()[1], "where the old leaf says its issuer is");
    let load = place.load(1).await;
    load.tally.reach(1).await;
    let tally = load.tally.clone();
    load.stop().await;
    assert_ne!(issuer(&tally.so_far()[0].chain), issuer(&old));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_for_the_same_key_stands_above_old_and_new_leaves() {
    let place = Place::start().await;
    let load = place.load(1).await;
    load.tally.reach(2).await;
    let before = load.tally.so_far();
    let said = place.done(&["authority", "rotate", "external", "--same-key", "--years", "12", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["issuer_id"], &said["running"]), (&said["replaced"], &true.into()));
    let now = load.tally.so_far().len();
    load.tally.reach(now + 2).await;
    let tally = load.tally.clone();
    load.stop().await;
    let after = tally.so_far().pop().unwrap();
    let chain = |told: &Told| parse_certificates(&told.chain).unwrap();
    assert_eq!(issuer(&after.chain), issuer(&before[0].chain));
    assert_ne!(chain(&after)[1], chain(&before[0])[1], "another certificate above");
    let crossed = |leaf: &Told, above: &Told| Told {
        chain: certs::pem::encode_chain(&[&chain(leaf)[0], &chain(above)[1]]),
        ..leaf.clone()
    };
    let all = [before[0].clone(), after.clone(), crossed(&before[0], &after), crossed(&after, &before[0])];
    let list = place.path("list.crl");
    list_of(&place, &after.chain, &list).await;
    openssl(&place, &all, &[list], &[]);
    let listed = place.done(&["authority", "list"]);
    assert!(!listed.contains("replaced"), "the key is still the present one: {listed}");
    // Replaced by another key afterwards, both certificates of the old one stay.
    assert_eq!(rotate(&place)["running"], true);
    assert!(place.done(&["check"]).contains("nothing wrong"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_key_on_another_machine_signs_a_request_and_the_certificate_is_checked_when_it_comes_back() {
    let place = Place::start().await;
    let medium = place.path("medium");
    std::fs::create_dir(&medium).unwrap();
    let path = |name: &str| medium.join(name).to_str().unwrap().to_owned();
    let (key, passphrase) = offline(&place, "external");
    let moved = place.run(&["authority", "export-root", "external", "--to", medium.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&moved.stderr).into_owned();
    succeeded(moved);
    assert!(said.contains("passphrase still lies in") && !Path::new(&key).exists(), "{said}");
    let absent = refused(&place.run(&["authority", "rotate", "external"]));
    assert!(absent.contains("authority ceremony external"), "{absent}");
    assert!(place.done(&["authority", "ceremony", "external"]).contains("--key-sha256"));
    let early = refused(&place.run(&["authority", "import", "external", &path("external.pem")]));
    assert!(early.contains("has asked for no certificate") && early.contains("authority request"), "{early}");

    let asked = place.done(&["authority", "request", "external", "--out", &path("csr.pem"), "--json"]);
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let digest = asked["key_sha256"].as_str().unwrap();
    let waiting = place.path("ca/authorities/external/intermediate.key.pem.requested");
    assert_eq!(std::fs::metadata(&waiting).unwrap().permissions().mode() & 0o777, 0o600);
    let sign = |more: &[&str], out: &str| {
        let (root, root_key, csr, out) =
            (path("external.pem"), path("external.root.key.pem"), path("csr.pem"), path(out));
        let mut arguments = vec!["authority", "sign", "--root-cert", &root, "--root-key", &root_key];
        arguments.extend(["--root-passphrase-file", &passphrase, "--csr", &csr, "--out", &out]);
        arguments.extend(more);
        ca_server(&arguments)
    };
    let other = refused(&sign(&["--key-sha256", &"0".repeat(64)], "no.pem"));
    assert!(other.contains("its key has the SHA-256") && !medium.join("no.pem").exists(), "{other}");
    succeeded(sign(&["--key-sha256", digest], "issuing.pem"));
    assert!(refused(&sign(&[], "issuing.pem")).contains("exists already"));

    // What is not the certificate that was asked for changes nothing.
    let before = std::fs::read(place.path("ca/authorities/external/intermediate.pem")).unwrap();
    let internal = place.path("ca/authorities/internal/intermediate.pem");
    let wrong = refused(&place.run(&["authority", "import", "external", internal.to_str().unwrap()]));
    assert!(wrong.contains("another key"), "{wrong}");
    let (root_key, _) = offline(&place, "internal");
    let root = place.path("ca/roots/internal.pem");
    let mut arguments =
        vec!["authority", "sign", "--root-cert", root.to_str().unwrap(), "--root-key", &root_key];
    let (csr, strange) = (path("csr.pem"), path("strange.pem"));
    arguments.extend(["--root-passphrase-file", &passphrase, "--csr", &csr, "--out", &strange]);
    succeeded(ca_server(&arguments));
    let wrong = refused(&place.run(&["authority", "import", "external", &strange]));
    assert!(wrong.contains("not signed by"), "{wrong}");
    assert_eq!(std::fs::read(place.path("ca/authorities/external/intermediate.pem")).unwrap(), before);

    let imported = place.done(&["authority", "import", "external", &path("issuing.pem"), "--json"]);
    let imported: Value = serde_json::from_str(&imported).unwrap();
    assert_eq!(imported["running"], true);
    assert!(!waiting.exists(), "the key has its place now");
    let load = place.load(1).await;
    load.tally.reach(1).await;
    let tally = load.tally.clone();
    load.stop().await;
    assert_eq!(issuer(&tally.so_far()[0].chain), imported["issuer_id"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runbook_for_a_stolen_issuing_key_leaves_nothing_of_the_old_issuer_valid() {
    let place = Place::start().await;
    let load = place.load(3).await;
    load.tally.reach(12).await;
    // The program under the name that the script calls it by.
    let bin = place.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program(), bin.join("ca-server")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runbooks/issuer-key-compromise.sh");
    let (key, passphrase) = offline(&place, "external");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let config = place.path("ca/ca.toml");
    let output = Command::new("sh")
        .arg(script)
        .args([config.to_str().unwrap(), "external", &key, &passphrase])
        .env("PATH", path)
        .env_remove("ROLLCALL_CONFIG")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let tally = load.tally.clone();
    load.stop().await;
    let all = tally.so_far();
    let old = issuer(&all[0].chain);
    assert!(said.contains(&format!("distrust {old}")), "{said}");
    let file = place.path("old.crl");
    let (_, listed) = list_of(&place, &all[0].chain, &file).await;
    let (under_old, under_new): (Vec<_>, Vec<_>) = all.iter().partition(|told| issuer(&told.chain) == old);
    for told in &under_old {
        assert!(listed.contains(&serial(&told.chain)), "{} is still valid", told.name);
    }
    for told in &under_new {
        assert!(!listed.contains(&serial(&told.chain)), "{} is not the old issuer's", told.name);
    }
    let old_pem = place.path("ca/authorities/external/replaced").join(format!("{old}.pem"));
    assert!(said.contains(old_pem.to_str().unwrap()) && old_pem.exists(), "{said}");
    // The server's own certificate is of the new issuer already, or nobody could verify its TLS by the lists.
    let own = std::fs::read_to_string(place.path("ca/tls/fullchain.pem")).unwrap();
    assert_ne!(issuer(&own), old);
    eprintln!(
        "{} certificates of the old issuer revoked, {} issued meanwhile under the new one",
        under_old.len(),
        under_new.len()
    );
}
